"""Which layers of an image a device installs, and which of them the protection of another one covers.

What a signature that binds its payload covers is not asked again. A container that is not signed may
still carry signed images, each checked on its own: then it is their carrier, and that is said. Files
inside a file system are part of that system, not updates beside it, unless there is nothing else.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from probe.checks.firmware.images import Image, each_image, inside
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive
from probe.model.firmware import ImageLayer, ImageProtection, LayerKind, Signing

SIGNED = (Signing.VERIFIED, Signing.NOT_VERIFIED, Signing.TAMPERED)
"""There is a signature, whatever it is worth."""
NO_WORD = {
    Signing.ENCRYPTED: "is encrypted, so that its protection cannot be judged",
    Signing.UNREADABLE: "could not be read far enough to find a signature",
}
GIVE_PLAIN = "Examine the image before it is encrypted, and whole, or ask the manufacturer for the way it is signed."
GIVE_UPDATE = (
    "Examine the file that the device is given to install, as the update server hands it out."
)
Protected = Seen[ImageProtection]


@dataclass(frozen=True, slots=True)
class Installed:
    """A layer that is installed, and the unsigned containers around it, outermost first."""

    seen: Protected
    carriers: tuple[Protected, ...] = ()

    @property
    def fact(self) -> ImageProtection:
        return self.seen.fact


def protections(image: Image) -> list[Protected]:
    """Of every layer of a format that is installed, in the order of places; the latest word counts."""
    latest = {s.fact.place: s for s in image.all(ImageProtection)}
    return [latest[place] for place in sorted(latest, key=_numbers)]


def signed(image: Image) -> list[Protected]:
    """Those with a signature."""
    return [s for s in protections(image) if s.fact.signing in SIGNED]


def installed(image: Image) -> list[Installed]:
    """What a device installs, outermost first; empty when no update format was recognised."""
    every = protections(image)
    systems = [s.fact.place for s in image.all(ImageLayer) if s.fact.kind is LayerKind.FILE_SYSTEM]
    outside = [s for s in every if not _in_one(s.fact.place, systems)]
    wanted = outside or every
    return [one for top in _nearest(wanted, "") for one in _opened(top, wanted, ())]


def _opened(
    seen: Protected, every: list[Protected], carriers: tuple[Protected, ...]
) -> Iterator[Installed]:
    inner = _nearest(every, seen.fact.place)
    if not inner or (seen.fact.signing in SIGNED and seen.fact.binds_payload is not False):
        yield Installed(seen, carriers)
    elif seen.fact.signing is Signing.UNSIGNED:
        for one in inner:
            yield from _opened(one, every, (*carriers, seen))
    else:
        yield Installed(seen, carriers)
        for one in inner:
            yield from _opened(one, every, carriers)


def _nearest(every: list[Protected], place: str) -> list[Protected]:
    """Those below ``place`` with none between."""
    below = [s for s in every if not place or _in_one(s.fact.place, [place])]
    places = [s.fact.place for s in below]
    return [s for s in below if not _in_one(s.fact.place, places)]


def _in_one(place: str, places: list[str]) -> bool:
    return any(place.startswith(f"{p}/") for p in places)


def unprotected_parts(image: Image, carrier: ImageProtection) -> list[ImageLayer]:
    """Parts of a carrier that are started or mounted and have no protection of their own."""
    kinds = (LayerKind.BOOT, LayerKind.FILE_SYSTEM, LayerKind.FLASH)
    depth = carrier.place.count("/") + 1
    places = [s.fact.place for s in protections(image)]
    return [
        s.fact
        for s in image.all(ImageLayer)
        if s.fact.place.startswith(f"{carrier.place}/")
        and s.fact.place.count("/") == depth
        and s.fact.kind in kinds
        and not any(inside(p, [s.fact.place]) for p in places)
    ]


def each_protection(
    dut: Dut, judge: Callable[[Image], Iterable[Answer]], absent: str, *, only_signed: bool = True
) -> Iterator[Answer]:
    """The answers on each image. What is inside a layer whose protection was judged is no gap."""

    def judged(image: Image) -> list[str]:
        return [s.fact.place for s in protections(image)]

    def without(image: Image) -> str:
        if not only_signed:
            return ""
        return "" if signed(image) else "Nothing in the image is signed."

    yield from each_image(dut, judge, absent, judged=judged, no_object=without)


def no_format(image: Image) -> Answer:
    """Said where no format that is installed was recognised."""
    first = image.layer("0")
    what = (
        f"It is {first.format}" if first and first.format != "unknown" else "Its format is unknown"
    )
    summary = f"No update format was recognised. {what}: whether an update is signed shows on the file that is installed."
    return inconclusive(
        image.subject, summary, *image.proof, owner=Owner.OPERATOR, settle=GIVE_UPDATE
    )


def no_word(image: Image, seen: Protected) -> Answer:
    """Said of a layer whose protection cannot be judged."""
    fact = seen.fact
    summary = f"{called(fact)} {NO_WORD[fact.signing]}: {fact.detail}."
    return inconclusive(
        image.at(fact.place), summary, *seen.proof, owner=Owner.OPERATOR, settle=GIVE_PLAIN
    )


def called(fact: ImageProtection) -> str:
    """How a sentence names the layer."""
    return f"The {fact.format}" if fact.format[:1].isupper() else f"The layer ({fact.format})"


def _numbers(place: str) -> tuple[int, ...]:
    return tuple(int(n) for n in place.split("/") if n.isdecimal())
