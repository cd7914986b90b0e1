"""What the checks of firmware images share: what was examined, what was not read, and how that is said.

The rule behind all of it: nothing is absent from what was not read. An image whose reader broke off, a
layer that is encrypted, cut short or of no known format, and facts that were recorded and are not at hand
are each a gap, and a gap is an ``inconclusive`` answer beside the others.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from probe.model.dut import Dut, Seen
from probe.model.evidence import Proof
from probe.model.finding import Answer, Outcome, Owner, inconclusive, not_applicable, satisfied
from probe.model.finding import violated as violation
from probe.model.firmware import FirmwareFact, ImageLayer, ImageSurvey, LayerKind
from probe.model.text import clean

F = TypeVar("F", bound=FirmwareFact)
MOST = 60
"""Answers of one check about one image; an image cannot make a report endless."""
EXAMINE = "Give a firmware image of the device: probe firmware IMAGE, or probe run --firmware."
READ_IT = (
    "Give the image in a form that can be read to its end (whole, not encrypted, unpacked), or see to the "
    "parts that were not read by hand and record a manual result."
)
AGAIN = "Examine the image again."


class InFile(Protocol):
    """A fact about one file of an image."""

    @property
    def image(self) -> str: ...
    @property
    def place(self) -> str: ...
    @property
    def path(self) -> str: ...


P = TypeVar("P", bound=FirmwareFact)


@dataclass(frozen=True, slots=True)
class Image:
    """One image of the device and what is known of it."""

    dut: Dut
    sha256: str
    alone: bool
    """The only image of the device, so that subjects need not name it."""

    def all(self, kind: type[F]) -> list[Seen[F]]:
        return [s for s in self.dut.all(kind) if s.fact.image == self.sha256]

    @property
    def survey(self) -> Seen[ImageSurvey] | None:
        return next(reversed(self.all(ImageSurvey)), None)

    @property
    def subject(self) -> str:
        return f"image {self.sha256[:12]}"

    @property
    def proof(self) -> tuple[Proof, ...]:
        return self.survey.proof if self.survey else ()

    def at(self, place: str, path: str = "") -> str:
        """The subject text of a layer, or of a file in it."""
        where = f"layer {place}" if self.alone else f"layer {place} of {self.subject}"
        return f"{path} in {where}" if path else where

    def layer(self, place: str) -> ImageLayer | None:
        return next((s.fact for s in self.all(ImageLayer) if s.fact.place == place), None)

    def has_files(self) -> bool:
        """Some layer of it is a file system or an archive."""
        kinds = (LayerKind.FILE_SYSTEM, LayerKind.ARCHIVE)
        return any(s.fact.kind in kinds for s in self.all(ImageLayer))

    def gaps(self, judged: Collection[str] = ()) -> Iterator[Answer]:
        """What is unknown of it; what lies inside the layers at the places ``judged`` does not count."""
        survey = self.survey
        if survey is None:
            reasons = [s.fact.reason for s in self.dut.missing("firmware")]
            why = reasons[-1] if reasons else "the image was not examined to its end"
            proof = tuple(p for s in self.dut.missing("firmware") for p in s.proof)
            summary = f"Nothing can be said of what is not there: {why}."
            yield inconclusive(
                self.subject,
                summary,
                *proof,
                owner=Owner.TOOL,
                settle=AGAIN if reasons else EXAMINE,
            )
            return
        unread = [u for u in survey.fact.unread if not inside(u.partition(" ")[0], judged)]
        if unread:
            more = f"; and {len(unread) - 2} more" if len(unread) > 2 else ""
            parts = "1 part" if len(unread) == 1 else f"{len(unread)} parts"
            said = "; ".join(clean(u, 120) for u in unread[:2])
            summary = f"{parts} of the image could not be read: {said}{more}."
            yield inconclusive(
                f"{self.subject}, unread",
                summary,
                *survey.proof,
                owner=Owner.OPERATOR,
                settle=READ_IT,
            )
        if lost := self._lost(survey.fact):
            summary = f"Recorded facts are not at hand: {lost}."
            yield inconclusive(
                f"{self.subject}, lost", summary, *survey.proof, owner=Owner.TOOL, settle=AGAIN
            )

    def _lost(self, survey: ImageSurvey) -> str:
        here = Counter(
            type(o.fact).__name__
            for o in self.dut.observations
            if getattr(o.fact, "image", None) == self.sha256
        )
        return ", ".join(f"{n - here[k]} {k}" for k, n in survey.recorded if here[k] < n)


def inside(place: str, places: Collection[str]) -> bool:
    """Whether the layer at ``place`` is one of those at ``places`` or inside one."""
    return any(place == p or place.startswith(f"{p}/") for p in places)


def images(dut: Dut) -> list[Image]:
    """The images that were given for the device, in the order in which they were."""
    known = dict.fromkeys((*dut.device.images, *(s.fact.image for s in dut.all(ImageSurvey))))
    return [Image(dut, sha256, len(known) == 1) for sha256 in known]


def each_image(
    dut: Dut,
    judge: Callable[[Image], Iterable[Answer]],
    absent: str | Callable[[Image], str],
    *,
    judged: Callable[[Image], Collection[str]] = lambda _: (),
    no_object: Callable[[Image], str] = lambda _: "",
) -> Iterator[Answer]:
    """The answers on each image and the gaps beside them; ``absent`` is said where there is neither.

    ``judged``: places whose inside does not count as a gap. ``no_object``: why the question has none.
    """
    every = images(dut)
    if not every:
        summary = "No firmware image of the device was examined."
        yield inconclusive("image", summary, owner=Owner.OPERATOR, settle=EXAMINE)
    for image in every:
        answers = bounded(image, judge(image))
        gaps = list(image.gaps(judged(image)))
        yield from (*answers, *gaps)
        if not answers and not gaps:
            if why := no_object(image):
                yield not_applicable(image.subject, why, *image.proof)
            else:
                said = absent if isinstance(absent, str) else absent(image)
                yield satisfied(image.subject, said, *image.proof, measured=measured(image))


def each_file_system(
    dut: Dut,
    judge: Callable[[Image], Iterable[Answer]],
    absent: str | Callable[[Image], str],
) -> Iterator[Answer]:
    """As ``each_image``, for questions whose object are the files of a system."""

    def without(image: Image) -> str:
        return "" if image.has_files() else "The image holds no file system."

    yield from each_image(dut, judge, absent, no_object=without)


def in_files(
    image: Image, found: Iterable[Seen[P]], say: Callable[[list[P]], str]
) -> Iterator[Answer]:
    """One violation for each file, in the order of places; ``say`` makes the sentence of its facts."""
    files: dict[tuple[str, str], list[Seen[P]]] = {}
    for seen in found:
        files.setdefault((seen.fact.place, getattr(seen.fact, "path", "")), []).append(seen)
    for (place, path), facts in sorted(files.items()):
        proof = dict.fromkeys(p for seen in facts for p in seen.proof)
        summary = say([seen.fact for seen in facts])
        yield violation(image.at(place, path), summary, *proof)


def bounded(image: Image, answers: Iterable[Answer]) -> list[Answer]:
    """At most ``MOST`` answers, the rest as a number."""
    every = list(answers)
    if len(every) <= MOST:
        return every
    rest = every[MOST:]
    bad = next((a for a in rest if a.outcome is Outcome.VIOLATED), None)
    summary = f"The same is to be said of {len(rest)} further places of the image."
    subject = f"{image.subject}, further places"
    if bad is not None:
        return [*every[:MOST], violation(subject, summary, *bad.proof)]
    settle = "See to them by hand; all of them are in the journal of the run."
    return [*every[:MOST], inconclusive(subject, summary, owner=Owner.TOOL, settle=settle)]


def measured(image: Image) -> dict[str, int]:
    """How far the examination reached; what a catalogue's ``requires`` is compared with."""
    survey = image.survey
    if survey is None:
        return {}
    fact = survey.fact
    return {"layers": fact.layers, "files": fact.files, "bytes_read": fact.bytes_read}


def listed(words: Iterable[str], most: int = 4) -> str:
    """``a, b, c and 3 more``, each once."""
    every = list(dict.fromkeys(clean(w, 100) for w in words))
    more = len(every) - most
    return ", ".join(every[:most]) + (f" and {more} more" if more > 0 else "")
