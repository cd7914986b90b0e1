"""Containers of the Advanced High Assurance Boot of NXP (i.MX 8, 8X, 8ULP, 9): they are named, and their digests compared.

Sources: NXP's "i.MX 8 Boot container" in the reference manuals, U-Boot's ``include/imx8image.h`` and ``tools/imx8image.c``.
Signatures of containers are not verified here: the word of a signed one is "not verified". All numbers are little
endian.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks.reading import Context, Format, Part, Protection, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

TAG, SIGNATURE_BLOCK = 0x87, 0x90
SIGNATURE, TABLE, BLOB = 0xD8, 0xD7, 0x81
"""Tags of what the signature block leads to; makers' headers differ in which offset leads to which."""
VERSIONS = (0, 2)
HEADER, ROW, BLOCK = 16, 128, 16
STEP, MOST_CONTAINERS, MOST_IMAGES, LARGEST_HEADER = 0x400, 4, 32, 0x4000
NOBODY, NXP, OWNER = 0, 1, 2
"""Whose super root keys have to have signed it."""
SIGNERS = {NOBODY: "nobody", NXP: "NXP", OWNER: "the maker of the device"}
HASHES = {0: "sha256", 1: "sha384", 2: "sha512"}
ENCRYPTED = 0xC00
"""Two generations of chips have the bit in two places."""


@dataclass(frozen=True, slots=True)
class Image:
    """One program; ``at`` from the beginning of the file."""

    at: int
    size: int
    load: int
    digest: bytes
    hash_name: str
    """Empty for one that is not known."""
    encrypted: bool


@dataclass(frozen=True, slots=True)
class Container:
    """One header, with what it says of its signature."""

    at: int
    owner: int
    version: int
    images: tuple[Image, ...]
    tags: frozenset[int]


class Ahab(Format):
    """The format."""

    name = "i.MX container image"
    anchors = ((bytes([TAG]), 3),)

    def read(self, view: View, context: Context) -> Reading | None:
        containers = list(_containers(view))
        images = [image for one in containers for image in one.images]
        if not images:
            return None
        size = max(image.at + image.size for image in images)
        problem = f"cut short: {len(view)} of {size} bytes are there" if size > len(view) else ""
        total = sum(min(image.size, len(view)) for image in images)
        if total > 2 * len(view):
            problem = problem or "its images are the same bytes over and over"
        context.budget.take(0 if problem else total)
        details = [
            (
                f"container {number}",
                f"to be signed by {SIGNERS[one.owner]}, {len(one.images)} images",
            )
            for number, one in enumerate(containers)
        ]
        return Reading(
            format=self.name,
            kind=LayerKind.BOOT,
            size=min(size, len(view)),
            details=tuple(details),
            problem=problem,
            protection=judged(view, containers, problem),
            parts=tuple(_parts(view, images)),
        )


FORMAT = Ahab()
RANK = 46


def _containers(view: View) -> Iterator[Container]:
    """The first, and those that follow it at their places. Raises Malformed when the first is none."""
    for number in range(MOST_CONTAINERS):
        try:
            yield _container(view, number * STEP)
        except Malformed:
            if not number:
                raise
            return


def _container(view: View, at: int) -> Container:
    version, size, tag, flags, _, fuses, number, block, blank = view.unpack("<BHBIHBBHH", at)
    fits = tag == TAG and version in VERSIONS and not blank and flags & 3 in SIGNERS
    if not fits or not 0 < number <= MOST_IMAGES or size > LARGEST_HEADER:
        raise Malformed("no container")
    whole = view.part(at, size)
    kind, length, block_tag = whole.unpack("<BHB", block)
    rows_fit = HEADER + ROW * number <= block and block + max(length, BLOCK) <= size
    if block_tag != SIGNATURE_BLOCK or kind > 1 or not rows_fit:
        raise Malformed("no container: there is no signature block")
    images = tuple(_image(whole, at, HEADER + ROW * n) for n in range(number))
    offsets = whole.unpack("<4H", block + 4)
    signatures = whole.part(block, max(length, BLOCK))
    tags = {signatures.u8(o + 3) for o in offsets if o and o + 4 <= len(signatures)}
    return Container(at, flags & 3, fuses, images, frozenset(tags))


def _image(view: View, base: int, row: int) -> Image:
    offset, size, load, _, flags, _ = view.unpack("<IIQQII", row)
    name = HASHES.get(flags >> 8 & 3, "")
    width = hashlib.new(name).digest_size if name else 0
    digest = view.read(row + 32, width)
    return Image(base + offset, size, load, digest, name, bool(flags & ENCRYPTED))


def _parts(view: View, images: list[Image]) -> Iterator[Part]:
    for number, one in enumerate(images):
        if one.size and one.at < len(view):
            inside = view.part(one.at, min(one.size, len(view) - one.at))
            hidden = "encrypted" if one.encrypted else ""
            yield Part(name=f"image {number} for {one.load:#x}", view=inside, offset=one.at, hidden=hidden)  # fmt: skip


def _differs(view: View, image: Image) -> bool:
    """Whether its digest is another one; what is encrypted or has none that is known is not asked."""
    if not image.size or not image.hash_name or image.encrypted:
        return False
    made = hashlib.new(image.hash_name)
    for window in view.part(image.at, image.size).windows(1 << 20):
        made.update(window)
    return made.digest() != image.digest


def judged(view: View, containers: list[Container], problem: str) -> Protection:
    """The worst that is to be said of a container; those that NXP signs speak for themselves alone."""
    encrypted = any(image.encrypted for one in containers for image in one.images)
    if problem:
        return Protection(signing=Signing.UNREADABLE, detail=problem, encrypted=encrypted)
    changed = [
        f"{n}" for n, one in enumerate(containers) if any(_differs(view, i) for i in one.images)
    ]
    own = [one for one in containers if one.owner != NXP] or containers
    claims = [one for one in own if one.owner != NOBODY]
    holds = f"the digests of the images {'do not hold' if changed else 'hold'}"
    if len(claims) < len(own):
        signing, detail = Signing.UNSIGNED, "a container says that nobody signed it"
    elif any(SIGNATURE not in one.tags for one in claims):
        signing = Signing.STRIPPED
        detail = "a container says that it is signed, and there is no signature"
    elif changed:
        signing = Signing.TAMPERED
        detail = f"the digest of an image is not that of its container {', '.join(changed)}"
    else:
        signing, detail = Signing.NOT_VERIFIED, "signatures of AHAB are not verified here"
    signed = signing in (Signing.NOT_VERIFIED, Signing.TAMPERED)
    return Protection(
        signing=signing,
        detail=detail,
        covers="header and digests of each container" if signed else "",
        binds_payload=True if signed else None,
        scheme="AHAB" if signed else "",
        rollback=Rollback.COUNTER if signed else Rollback.UNSIGNED_COUNTER,
        rollback_value=min(one.version for one in own),
        encrypted=encrypted,
        integrity=holds,
    )
