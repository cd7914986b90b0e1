"""What is recorded: evidence as bytes, facts with their proof. All collectors record this way."""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from probe.model.dut import Dut
from probe.model.evidence import Evidence, EvidenceRef, Proof
from probe.model.fact import Fact, NotMeasured, Observation
from probe.model.finding import Owner

if TYPE_CHECKING:
    # Images are examined without a network, and without its imports.
    from probe.collect.wire import Transcript


class Recorder(Protocol):
    """Where observations and evidence go; the runner's journal writer, or a list in tests."""

    def keep(self, evidence: Evidence, data: bytes) -> None: ...
    def observe(self, observation: Observation) -> None: ...


class Recording:
    """What one job knows and records of one device; ``job`` names the work that observations belong to."""

    def __init__(
        self,
        *,
        job: str,
        collector: str,
        recorder: Recorder,
        view: Callable[[], Dut],
        clock: Callable[[], float],
    ) -> None:
        self.job, self.collector, self.clock = job, collector, clock
        self._recorder, self._view = recorder, view
        self._count = 0

    @property
    def dut(self) -> Dut:
        """Everything known about the device at this moment."""
        return self._view()

    def keep(self, data: bytes, *, media_type: str, caption: str) -> EvidenceRef:
        """Record bytes as evidence."""
        digest = hashlib.sha256(data).hexdigest()
        evidence = Evidence(
            sha256=digest,
            size=len(data),
            media_type=media_type,
            caption=caption,
            collector=self.collector,
            captured_at=self.clock(),
        )
        self._recorder.keep(evidence, data)
        return EvidenceRef(sha256=digest, caption=caption)

    def keep_transcript(self, transcript: "Transcript", caption: str) -> EvidenceRef:
        return self.keep(transcript.to_bytes(), media_type=transcript.media_type, caption=caption)

    def observe(self, fact: Fact, *proof: Proof) -> Observation:
        """Record a fact with what proves it. Raises ValueError without proof."""
        if not proof:
            raise ValueError(f"an observation needs proof: {fact}")
        self._count += 1
        observation = Observation(
            id=f"{self.job}#{self._count}",
            device=self.dut.device.id,
            collector=self.collector,
            at=self.clock(),
            fact=fact,
            proof=proof,
        )
        self._recorder.observe(observation)
        return observation

    def not_measured(
        self, subject: str, reason: str, *proof: Proof, owner: Owner, settle: str
    ) -> Observation:
        """Record that something could not be measured; checks turn it into an inconclusive finding."""
        return self.observe(
            NotMeasured(
                collector=self.collector, subject=subject, reason=reason, owner=owner, settle=settle
            ),
            *proof,
        )
