"""How the passwords that were found or tried are hidden, in texts and in recorded bytes."""

from collections.abc import Callable, Iterable

from probe.model.access import LoginTest
from probe.model.declaration import Declaration
from probe.model.dut import Seen
from probe.model.evidence import EvidenceRef
from probe.report import secrets as hide


class Masks:
    """Made of login tests and declarations; ``shown`` hides nothing."""

    def __init__(
        self,
        logins: Iterable[Seen[LoginTest]] = (),
        declarations: Iterable[Declaration] = (),
        *,
        shown: bool = False,
    ) -> None:
        logins = [] if shown else list(logins)
        tests = [s.fact for s in logins]
        good = {pair for d in (None, *declarations) for pair in hide.accepted(tests, d)}
        self.known = [] if shown else sorted(good, key=lambda pair: (-len(pair[1]), pair))
        """User names and passwords that open, or that the manufacturer says do."""
        self._shown = shown
        self._sentences = hide.text_mask(self.known)
        self._anywhere = hide.bytes_mask(self.known)
        self._logins = hide.bytes_mask([*self.known, *hide.tried(tests)])
        self._login_evidence = {
            proof.sha256 for s in logins for proof in s.proof if isinstance(proof, EvidenceRef)
        }

    def text(self, text: str) -> str:
        """A sentence as it may be shown."""
        return self._sentences(text)

    def bytes_of(self, sha256: str) -> Callable[[bytes], bytes]:
        """What hides secrets in this piece of evidence."""
        if self._shown:
            return bytes
        return self._logins if sha256 in self._login_evidence else self._anywhere
