"""What is recorded of one image: its layers, what protects them, what was found, and what was not read."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from firmware_checks.budget import Budget
from firmware_checks.content.files import NOT_READ
from firmware_checks.reading import Facts, Quote, Reading
from firmware_checks.view import View
from probe.collect.recording import Recording
from probe.model.evidence import Proof
from probe.model.firmware import (
    FirmwareFact,
    ImageLayer,
    ImageProtection,
    ImageSurvey,
    ImageWeakness,
)
from probe.model.text import clean

SHOWN = 256
"""First bytes of a layer that are kept as its evidence."""
MOST_UNREAD = 200
MOST_WORDS = 500
"""Characters of one text of a protection."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a layer stands: ``0/2``, its name in the layer above, and its offset there."""

    path: str
    name: str
    offset: int | None = 0
    in_tree: bool = False
    """It is a compressed file of a file system: what is in it is a file too when it is no layer."""

    @property
    def depth(self) -> int:
        return self.path.count("/")


class Record:
    """Facts of one image, written down as they are found; ``survey`` says at the end what was not read."""

    def __init__(self, image: str, name: str, size: int, recording: Recording) -> None:
        self.image, self.name, self.size = image, name, size
        self._recording = recording
        self._unread: list[str] = []
        self._recorded: Counter[str] = Counter()
        self._children: dict[str, int] = {}
        self._beginnings: dict[str, tuple[bytes, Proof]] = {}
        """Of each layer what is shown of it."""

    def next(self, path: str) -> str:
        number = self._children.get(path, 0)
        self._children[path] = number + 1
        return f"{path}/{number}"

    def layer(self, reading: Reading, view: View, place: Place) -> tuple[Proof, ...]:
        caption = f"first bytes of layer {place.path}, {reading.format}"
        shown = view.read(0, min(SHOWN, len(view)))
        ref = self._recording.keep(shown, media_type="application/octet-stream", caption=caption)
        self._beginnings[place.path] = (shown, ref)
        layer = ImageLayer(
            image=self.image,
            place=place.path,
            format=reading.format,
            kind=reading.kind,
            name=place.name,
            offset=place.offset,
            size=len(view),
            sha256=self.image if len(view) == self.size and place.path == "0" else view.sha256(),
            title=clean(reading.title, 200),
            version=clean(reading.version, 100),
            built=clean(reading.built, 60),
            details=tuple((clean(k, 60), clean(v, 200)) for k, v in reading.details[:60]),
            problem=clean(reading.problem, 300),
        )
        self._observe(layer, ref)
        return (ref,)

    def protection(self, reading: Reading, place: Place, *proof: Proof) -> None:
        """What protects the layer, when it is of a format that is installed."""
        if reading.protection is None:
            return
        said = {k: _shown(v) for k, v in asdict(reading.protection).items()}
        fact = ImageProtection(image=self.image, place=place.path, format=reading.format, **said)
        self._observe(fact, *proof)

    def note(self, who: str, facts: Facts) -> None:
        for fact, shown in facts:
            if isinstance(fact, ImageWeakness) and fact.kind == NOT_READ:
                self.not_read(Place(fact.place, fact.path), fact.what)
                continue
            if isinstance(shown, bytes):
                at = getattr(fact, "path", "")
                shown = (Quote(at, getattr(fact, "line", 0), shown),)
            proof = [self._keep(who, quote) for quote in shown]
            if secret := getattr(fact, "secret", ""):
                proof += self._beginnings_with(secret, fact.place)
            self._observe(fact, *proof)

    def _beginnings_with(self, secret: str, place: str) -> Iterator[Proof]:
        """The first bytes of layers in which a secret stands, whole or cut off: there, too, it has to be masked."""
        while place:
            shown, ref = self._beginnings.get(place, (b"", None))
            if ref is not None and _holds(shown, secret):
                yield ref
            place = place.rpartition("/")[0]

    def _keep(self, who: str, quote: Quote) -> Proof:
        """Bytes of the image as evidence, with the file and line where they stand."""
        data = quote.data[:4096]
        line = f"line {quote.line}" if quote.line else ""
        at = ", ".join(t for t in (clean(quote.path, 200), line, clean(quote.where, 200)) if t)
        binary = b"\0" in data or bool(quote.where and not data.isascii())
        kind = "application/octet-stream" if binary else "text/plain"
        return self._recording.keep(
            data, media_type=kind, caption=f"{who}: {at}" if at else f"{who} in the image"
        )

    def not_read(self, place: Place, why: str) -> None:
        if len(self._unread) < MOST_UNREAD:
            self._unread.append(clean(f"{place.path} {place.name}: {why}", 300))
        elif len(self._unread) == MOST_UNREAD:
            # They may be anywhere: said of the whole image, so that no layer's judgement covers them.
            self._unread.append(clean(f"0 {self.name}: and more parts, which are not listed", 300))

    def survey(self, budget: Budget, keys: int) -> None:
        survey = ImageSurvey(
            image=self.image,
            name=clean(self.name, 200),
            size=self.size,
            layers=budget.layers,
            files=budget.files,
            bytes_read=budget.bytes,
            unread=tuple(self._unread),
            keys_given=keys,
            recorded=tuple(sorted(self._recorded.items())),
        )
        text = "\n".join(self._unread) or "everything was read"
        ref = self._recording.keep(
            text.encode(), media_type="text/plain", caption=f"what was not read of {survey.name}"
        )
        self._recording.observe(survey, ref)

    def _observe(self, fact: FirmwareFact, *proof: Proof) -> None:
        self._recorded[type(fact).__name__] += 1
        self._recording.observe(fact, *proof)


def _holds(data: bytes, secret: str) -> bool:
    """Whether a secret, in which the character U+FFFD stands for any byte, stands in ``data`` or begins at its end."""
    if all(part.encode() in data for part in secret.split("\ufffd")):
        return True
    begun = secret.partition("\ufffd")[0].encode()
    return any(data.endswith(begun[:n]) for n in range(2, len(begun) + 1))


def _shown(value: object) -> Any:
    """Text of a protection, which may quote names from the image, made harmless; all else as it is."""
    return clean(value, MOST_WORDS) if type(value) is str else value
