"""Update files of Silicon Labs' Gecko boot loader (GBL), version 3: a row of tags, little endian.

Source: Silicon Labs UG266, "Gecko Bootloader File Format", and the boot loader's ``btl_gbl_format.h``. The signature
is over all that stands before its tag, encrypted or not; it must be the last tag but one. A certificate, where there is
one, holds the key of the signature and is signed by the key in the device.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from firmware_checks.budget import Budget
from firmware_checks.compression import unlz4, unlzma
from firmware_checks.keys import fingerprint, spki
from firmware_checks.reading import Context, Format, Part, Protection, PublicKey, Reading, unread
from firmware_checks.signatures import Outcome, blank, check, judged
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

MAGIC = b"\xeb\x17\xa6\x03\x08\0\0\0"
HEADER = 0x03A617EB
BOOTLOADER, APPLICATION, METADATA, SECURE_ELEMENT = 0xF50909F5, 0xF40A0AF4, 0xF60808F6, 0x5EA617EB
PROGRAMS = (0xFE0101FE, 0xFD0303FD)
PACKED = {0xFD0505FD: "LZ4", 0xFD0707FD: "LZMA"}
DEPENDENCY, SIGNATURE, CERTIFICATE = 0x76A617EB, 0xF70A0AF7, 0xF30B0BF3
ENCRYPTION, ENCRYPTED, END = 0xFA0606FA, 0xF90707F9, 0xFC0404FC
ENCRYPTED_TYPE, SIGNED_TYPE = 0x1, 0x100
MOST_TAGS = 4096
LARGEST_PROGRAM = 16 << 20
"""More than any chip of the family has."""
CERTIFICATE_SIZE, CERTIFIED = 136, 72
KINDS = {1: "application", 2: "boot loader", 3: "secure element"}


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag; ``at`` is where its head stands."""

    kind: int
    at: int
    value: View


class Gbl(Format):
    """The format."""

    name = "Gecko boot loader file"
    anchors = ((MAGIC, 0),)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        version, flags = view.unpack("<II", 8)
        if version >> 24 != 3:
            said = f"version {version >> 24} of the format is not read"
            return unread(self.name, LayerKind.UPDATE, len(view), said)
        tags: list[Tag] = []
        problem, size = "", len(view)
        try:
            size = _tags(view, tags)
        except Malformed as error:
            problem = f"the file is cut short or damaged: {error}"
        context.budget.take(size)
        application = next((t.value for t in tags if t.kind == APPLICATION), None)
        about = application if application is not None and len(application) >= 12 else None
        parts = tuple(_parts(tags))
        return Reading(
            format=self.name,
            kind=LayerKind.UPDATE,
            size=size,
            version=f"{about.u32(4):#010x}" if about else "",
            details=tuple(_details(tags, flags)),
            problem=problem,
            protection=_protection(view, tags, flags, problem, context.keys.keys),
            parts=parts,
        )


FORMAT = Gbl()


def _tags(view: View, found: list[Tag]) -> int:
    """All tags to the end tag, and where that one ends. Raises Malformed; what came before is in ``found``."""
    at = 0
    while len(found) < MOST_TAGS:
        kind, size = view.unpack("<II", at)
        found.append(Tag(kind, at, view.part(at + 8, size)))
        at += 8 + size
        if kind == END:
            return int(at)
    raise Malformed("more tags than a file has")


def _parts(tags: list[Tag]) -> Iterator[Part]:
    for tag in tags:
        start = tag.at + 8
        if tag.kind in PROGRAMS and len(tag.value) > 4:
            name = f"program for {tag.value.u32(0):#010x}"
            yield Part(name=name, view=tag.value.part(4), offset=start + 4)
        elif tag.kind in (BOOTLOADER, SECURE_ELEMENT) and len(tag.value) > 8:
            name = "boot loader" if tag.kind == BOOTLOADER else "secure element"
            yield Part(name=name, view=tag.value.part(8), offset=start + 8)
        elif tag.kind in PACKED:
            name = f"program for {tag.value.u32(0):#010x}" if len(tag.value) > 4 else "program"
            yield Part(name=name, make=partial(_unpacked, tag))
        elif tag.kind == ENCRYPTED:
            yield Part(name="program", view=tag.value, offset=start, hidden="encrypted")
        elif tag.kind == METADATA:
            yield Part(name="metadata", view=tag.value, offset=start)


def _unpacked(tag: Tag, budget: Budget) -> View:
    """A program behind its address: one LZ4 block without frame, or an LZMA file. Raises Malformed, OutOfBudget."""
    data = tag.value.part(min(4, len(tag.value))).raw
    most = min(LARGEST_PROGRAM, budget.room(len(data)))
    out = unlz4(data, most) if PACKED[tag.kind] == "LZ4" else unlzma(data, most)
    budget.take(len(out))
    return View(out)


def _details(tags: list[Tag], flags: int) -> Iterator[tuple[str, str]]:
    words = [
        w for bit, w in ((ENCRYPTED_TYPE, "encrypted"), (SIGNED_TYPE, "signed")) if flags & bit
    ]
    yield "type", ", ".join(words) or "plain"
    for tag in tags:
        if tag.kind == BOOTLOADER and len(tag.value) >= 4:
            yield "boot loader version", f"{tag.value.u32(0):#010x}"
        elif tag.kind == SECURE_ELEMENT and len(tag.value) >= 8:
            yield "secure element version", f"{tag.value.u32(4):#010x}"
        elif tag.kind == APPLICATION and len(tag.value) >= 28:
            yield "product", tag.value.read(12, 16).hex()
    for tag in tags:
        if tag.kind in PACKED:
            yield "packed with", PACKED[tag.kind]
    for kind, number in _dependencies(tags):
        yield f"needs {KINDS.get(kind, 'image')}", f"compared with version {number:#010x}"


def _dependencies(tags: list[Tag]) -> Iterator[tuple[int, int]]:
    for tag in tags:
        if tag.kind == DEPENDENCY:
            for at in range(0, len(tag.value) // 8 * 8, 8):
                yield tag.value.u8(at), tag.value.u32(at + 4)


def _protection(
    view: View, tags: list[Tag], flags: int, problem: str, keys: tuple[PublicKey, ...]
) -> Protection:
    encrypted = bool(flags & ENCRYPTED_TYPE) or any(t.kind == ENCRYPTED for t in tags)
    if problem:
        return Protection(signing=Signing.UNREADABLE, detail=problem, encrypted=encrypted)
    end = tags[-1]
    holds = len(end.value) == 4 and zlib.crc32(view.raw[: end.at + 8]) == end.value.u32(0)
    integrity = f"CRC-32 {'holds' if holds else 'does not hold'}"
    signed = [t for t in tags if t.kind == SIGNATURE]
    value = next((number for kind, number in _dependencies(tags) if kind == 1), None)
    if not signed:
        signing, detail = Signing.UNSIGNED, "there is no signature, only a checksum"
        if flags & SIGNED_TYPE:
            signing, detail = (
                Signing.STRIPPED,
                "it says that it is signed, and no signature is there",
            )
        return Protection(
            signing=signing,
            detail=detail,
            rollback=Rollback.UNSIGNED_COUNTER if value is not None else Rollback.UNKNOWN,
            rollback_value=value,
            encrypted=encrypted,
            integrity=integrity,
        )
    signing, detail, name = _signing(view, tags, signed[0], keys)
    behind = [t for t in tags if t.at > signed[0].at and t.kind != END]
    if behind:
        detail += f"; {len(behind)} tags stand behind the signature"
        signing = Signing.NOT_VERIFIED if signing is Signing.VERIFIED else signing
    return Protection(
        signing=signing,
        detail=detail,
        covers="everything before the signature",
        binds_payload=not behind,
        scheme="ECDSA P-256 SHA-256",
        key_bits=256,
        key_id=name,
        rollback=Rollback.COUNTER if value is not None and not behind else Rollback.UNKNOWN,
        rollback_value=value,
        encrypted=encrypted,
        integrity=integrity,
    )


def _signing(
    view: View, tags: list[Tag], tag: Tag, keys: tuple[PublicKey, ...]
) -> tuple[Signing, str, str]:
    if len(tag.value) != 64 or blank(tag.value.read()):
        return Signing.UNREADABLE, "what stands in the signature's tag is none of P-256", ""
    signature, covered = tag.value.read(), view.part(0, tag.at).raw
    chain = [t.value for t in tags if t.kind == CERTIFICATE and t.at < tag.at]
    if not chain:
        verdict = judged(keys, lambda key: check(key, signature, covered, "sha256"))
        return verdict.signing, verdict.detail, fingerprint(verdict.key.der) if verdict.key else ""
    certificate = chain[0]
    holder = _point(certificate.read(4, 64)) if len(certificate) == CERTIFICATE_SIZE else None
    if holder is None or len(chain) > 1:
        return Signing.NOT_VERIFIED, "its certificate cannot be read", ""
    name = fingerprint(holder.der)
    if check(holder, signature, covered, "sha256") is not Outcome.FITS:
        return Signing.TAMPERED, "the key of its certificate did not make this signature", name
    above, below = certificate.read(CERTIFIED, 64), certificate.read(0, CERTIFIED)

    def ask(key: PublicKey) -> Outcome:
        return Outcome.FITS if key.der == holder.der else check(key, above, below, "sha256")

    verdict = judged(keys, ask, f"the key {name[:16]} of its certificate")
    return verdict.signing, verdict.detail, name


def _point(raw: bytes) -> PublicKey | None:
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + raw)
    except ValueError:
        return None
    return PublicKey(name="", der=spki(key))
