"""Findings and their proofs in the view: what was recorded, or what was tried."""

from collections.abc import Callable

from probe.model.evidence import Evidence, EvidenceRef, Proof
from probe.model.finding import Finding
from probe.report.excerpt import Mask, excerpt
from probe.report.viewmodel import FindingView, ProofView

MAX_PROOFS = 4
"""Proofs with an excerpt for each finding; further ones are named only."""


class EvidenceReader:
    """Reads evidence through the caller's function; remembers the labels, never the bytes."""

    def __init__(self, read: Callable[[str], tuple[Evidence, bytes] | None]) -> None:
        self._read = read
        self._labels: dict[str, Evidence | None] = {}

    def label(self, sha256: str) -> Evidence | None:
        """The label of the evidence, None when the store does not have it."""
        if sha256 not in self._labels:
            self.bytes_of(sha256)
        return self._labels[sha256]

    def bytes_of(self, sha256: str) -> tuple[Evidence, bytes] | None:
        found = self._read(sha256)
        self._labels[sha256] = found[0] if found else None
        return found


def finding_view(
    finding: Finding, reader: EvidenceReader, mask: Callable[[str], Mask]
) -> FindingView:
    """The finding with bounded excerpts of its proofs."""
    answer = finding.answer
    return FindingView(
        id=finding.id,
        check=finding.check,
        subject=answer.subject,
        outcome=answer.outcome.value,
        summary=answer.summary,
        owner=answer.owner.value if answer.owner else "",
        settle=answer.settle,
        policy=finding.policy,
        measured=answer.measured,
        proof=tuple(
            _proof(proof, reader, mask, read=place < MAX_PROOFS)
            for place, proof in enumerate(dict.fromkeys(answer.proof))
        ),
    )


def _proof(
    proof: Proof, reader: EvidenceReader, mask: Callable[[str], Mask], *, read: bool
) -> ProofView:
    if not isinstance(proof, EvidenceRef):
        within = f"{proof.deadline_s:g} s"
        times = f"once, {within}" if proof.times == 1 else f"{proof.times} times, {within} each"
        answered = "nothing answered" if proof.answered == 0 else f"{proof.answered} answered"
        text = f"{proof.tried}: tried {times}, {answered}"
        return ProofView(kind="coverage", text=text)
    found = reader.bytes_of(proof.sha256) if read else None
    caption = proof.caption or (found[0].caption if found else "")
    if found:
        lines = excerpt(found[0], found[1], proof, mask(proof.sha256))
    else:
        lines = ("(these bytes are not in the store)",) if read else ()
    return ProofView(kind="evidence", text=caption, sha256=proof.sha256, excerpt=lines)
