"""How the passwords that were found or tried are hidden, in texts and in recorded bytes."""

import re
from collections.abc import Callable, Iterable

from probe.model.access import LoginTest
from probe.model.declaration import Declaration
from probe.model.dut import Seen
from probe.model.evidence import EvidenceRef
from probe.model.firmware import ImageAccount, ImageSecret
from probe.report import secrets as hide

InImage = Seen[ImageAccount] | Seen[ImageSecret] | Seen[ImageAccount | ImageSecret]
"""What of an image has a secret in its evidence."""
SPREAD = 8
"""From this length on a secret of an image is no ordinary word, and is hidden in all evidence."""
_LONG = re.compile(rb"[A-Za-z0-9+/=_.-]{16,}")


class Masks:
    """Made of login tests, declarations and the secrets of images; ``shown`` hides nothing."""

    def __init__(
        self,
        logins: Iterable[Seen[LoginTest]] = (),
        declarations: Iterable[Declaration] = (),
        images: Iterable[InImage] = (),
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
        self._images = [] if shown else [s for s in images if s.fact.secret]
        self._own: dict[str, set[str]] = {}
        for seen in self._images:
            for proof in seen.proof:
                if isinstance(proof, EvidenceRef):
                    self._own.setdefault(proof.sha256, set()).add(seen.fact.secret)
        every = {seen.fact.secret for seen in self._images}
        self._spread = sorted(s for s in every if len(s) >= SPREAD and not s.isalpha())

    @property
    def hides(self) -> bool:
        """Whether there is anything to hide."""
        return bool(self.known or self._images)

    def text(self, text: str) -> str:
        """A sentence as it may be shown."""
        return self._sentences(text)

    def bytes_of(self, sha256: str) -> Callable[[bytes], bytes]:
        """What hides secrets in this piece of evidence."""
        if self._shown:
            return bytes
        rest = self._logins if sha256 in self._login_evidence else self._anywhere
        own = sorted(self._own.get(sha256, ()), key=len, reverse=True)
        return lambda data: rest(_in_image(data, own, self._spread))


def _in_image(data: bytes, own: list[str], spread: list[str]) -> bytes:
    """Without the secrets that these bytes are the evidence of, nor those that are no ordinary words."""
    for secret in own:
        hidden = _cut_off(_replaced(data, secret), secret)
        # A part of a long one: no run of bytes that may belong to it is shown.
        data = _LONG.sub(hide.MASK.encode(), data) if hidden == data else hidden
    for secret in spread:
        data = _replaced(data, secret)
    return data


def _cut_off(data: bytes, secret: str) -> bytes:
    """Without the beginning of a secret at the end of bytes that were not kept to its end."""
    begun = secret.partition("\ufffd")[0].encode()
    for size in range(len(begun), 1, -1):
        if data.endswith(begun[:size]):
            return data[:-size] + hide.masked(secret).encode()
    return data


def _replaced(data: bytes, secret: str) -> bytes:
    mark = hide.masked(secret).encode()
    if "\ufffd" not in secret:
        return data.replace(secret.encode(), mark)
    # What is no UTF-8 was read as this character: any byte of that kind stands for it.
    parts = [re.escape(part.encode()) for part in secret.split("\ufffd")]
    return re.sub(rb"[\x80-\xff]{1,4}?".join(parts), lambda _: mark, data)
