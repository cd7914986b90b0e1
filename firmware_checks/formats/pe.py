"""PE programs of UEFI (shim, GRUB, fwupd, kernels with an EFI stub) and their Authenticode signatures.

Sources: Microsoft's "PE Format", "Windows Authenticode Portable Executable Signature Format"; shim's SBAT.md.
The hash is over the file without its checksum, without the row that says where the signatures are, and without
the signatures.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import UUID

from firmware_checks import cms
from firmware_checks.formats import kernels
from firmware_checks.reading import Context, Format, Protection, PublicKey, Reading
from firmware_checks.signatures import weak_hash
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

RANK = 35
MACHINES = {
    0x14C: "x86",
    0x8664: "x86-64",
    0x1C0: "ARM",
    0x1C2: "ARM",
    0x1C4: "ARM",
    0xAA64: "ARM 64",
}
MACHINES |= {0x5032: "RISC-V 32", 0x5064: "RISC-V 64", 0xEBC: "EFI byte code"}
EFI = {10: "EFI application", 11: "EFI boot driver", 12: "EFI runtime driver", 13: "EFI ROM"}
PKCS_SIGNED, GUID_SIGNED = 0x0002, 0x0EF1
PKCS7 = UUID("4aafd29d-68df-49ee-8aa9-347d375665a7")
"""What UEFI takes beside Authenticode's own kind (specification 2.10, sections 32.2.4 and 32.5.3.3)."""
MOST_SECTIONS, MOST_SIGNATURES = 96, 8


@dataclass(frozen=True, slots=True)
class Program:
    """The parts of a PE file that the hash and the size depend on."""

    machine: int
    subsystem: int
    checksum_at: int
    row_at: int
    """Of the certificate table in the header, 0 without one."""
    table_at: int
    table_size: int
    headers: int
    end: int
    sections: tuple[tuple[str, int, int], ...]


class Pe(Format):
    """The format: EFI programs only, for others nobody installs on a device."""

    name = "EFI program"
    anchors = ((b"MZ", 0),)

    def read(self, view: View, context: Context) -> Reading | None:
        one = parsed(view)
        if one.subsystem not in EFI:
            return None
        kernel = _kernel(view, one, context)
        if kernel is not None and not one.table_size:
            # A kernel with an EFI stub is started by boot loaders that look at other signatures.
            return kernel
        problem = (
            f"cut short: {len(view)} of {one.end} bytes are there" if one.end > len(view) else ""
        )
        body = view if problem else view.part(0, one.end)
        context.budget.take(len(body))
        sbat = _sbat(body, one)
        protection, who = _protection(body, one, problem, sbat, context.keys.keys)
        rows = [
            ("machine", MACHINES.get(one.machine, f"{one.machine:#x}")),
            ("kind", EFI[one.subsystem]),
        ]
        rows += [("SBAT", line) for line in sbat[:8]]
        if kernel is not None:
            details = (*kernel.details, *rows, *who)
            return replace(kernel, size=len(body), details=details, protection=protection)
        return Reading(
            format=self.name,
            kind=LayerKind.BOOT,
            size=len(body),
            title=sbat[1].split(",")[0] if len(sbat) > 1 else "",
            version=_version(sbat),
            details=(*rows, *who),
            problem=problem,
            protection=protection,
        )


FORMAT = Pe()


def parsed(view: View) -> Program:
    """The headers. Raises Malformed."""
    at = view.u32(0x3C)
    if at > 0x10000 or view.read(at, 4) != b"PE\0\0":
        raise Malformed("no PE header")
    machine, number = view.unpack("<HH", at + 4)
    optional_size = view.u16(at + 20)
    optional = at + 24
    kind = view.u16(optional)
    if kind not in (0x10B, 0x20B) or number > MOST_SECTIONS:
        raise Malformed("no PE header of a known kind")
    directories = optional + (96 if kind == 0x10B else 112)
    count = view.u32(directories - 4)
    row = directories + 4 * 8
    has_row = count > 4 and row + 8 <= optional + optional_size
    table_at, table_size = view.unpack("<II", row) if has_row else (0, 0)
    sections = []
    for place in range(number):
        name, _, _, size, start = view.unpack("<8sIIII", optional + optional_size + 40 * place)
        sections.append((name.rstrip(b"\0").decode("utf-8", "replace"), start, size))
    end = max([view.u32(optional + 60), *(start + size for _, start, size in sections)])
    end = max(end, _symbols_end(view, at))
    if sum(size for _, _, size in sections) > end:
        raise Malformed("sections that overlap")
    if table_size:
        end = max(end, table_at + table_size)
    return Program(
        machine=machine,
        subsystem=view.u16(optional + 68),
        checksum_at=optional + 64,
        row_at=row if has_row else 0,
        table_at=table_at,
        table_size=table_size,
        headers=view.u32(optional + 60),
        end=end,
        sections=tuple(sections),
    )


def _symbols_end(view: View, at: int) -> int:
    """Where the symbols and their names end, which linkers of GNU put behind the sections; 0 without any."""
    start, number = view.unpack("<II", at + 12)
    names = start + 18 * number
    if not start or names + 4 > len(view):
        return 0
    end: int = names + view.u32(names)
    return end if end <= len(view) else 0


def digests(body: View, one: Program, name: str) -> list[bytes]:
    """The Authenticode hash as specified, by sections, and as some signers make it, from end to end.

    They differ for programs with gaps between their sections.
    """
    found = []
    for pieces in (list(_by_sections(body, one)), list(_end_to_end(body, one))):
        made = hashlib.new(name)
        for start, end in pieces:
            made.update(body.raw[start:end])
        found.append(made.digest())
    return found


def _headers(one: Program, end: int) -> Iterator[tuple[int, int]]:
    yield 0, one.checksum_at
    yield one.checksum_at + 4, one.row_at
    yield one.row_at + 8, end


def _by_sections(body: View, one: Program) -> Iterator[tuple[int, int]]:
    yield from _headers(one, one.headers)
    done = one.headers
    for _, start, size in sorted(one.sections, key=lambda section: section[1]):
        yield start, start + size
        done += size
    # What is behind the sections begins, by the specification, after as many bytes as were hashed.
    yield done, one.table_at
    yield one.table_at + one.table_size, len(body)


def _end_to_end(body: View, one: Program) -> Iterator[tuple[int, int]]:
    yield from _headers(one, one.table_at)
    yield one.table_at + one.table_size, len(body)


def _kernel(view: View, one: Program, context: Context) -> Reading | None:
    for magic, offset in kernels.FORMAT.anchors:
        if view.starts_with(magic, offset):
            try:
                return kernels.FORMAT.read(view, context)
            except Malformed:
                return None
    return None


def _sbat(body: View, one: Program) -> list[str]:
    """Lines of the section that revokes by generation: component, generation, vendor, name, version, URL."""
    for name, start, size in one.sections:
        if name == ".sbat" and start + size <= len(body):
            return [line for line in body.text(start, min(size, 4096)).splitlines() if "," in line]
    return []


def _version(sbat: list[str]) -> str:
    """What the last line of the program's own component says: a distribution's, with its revision, before the
    maker's, who does not always count (shim's own line has version 1 in every release)."""
    rows = [line.split(",") for line in sbat[1:]]
    own = rows[0][0] if rows else ""
    said = [row[4] for row in rows if row[0].partition(".")[0] == own and len(row) > 4]
    return said[-1] if said else ""


def _signatures(body: View, one: Program) -> Iterator[bytes]:
    table = body.part(one.table_at, one.table_size)
    at = number = 0
    while at + 8 < len(table) and number < MOST_SIGNATURES:
        size, _, kind = table.unpack("<IHH", at)
        if size < 8:
            return
        if kind == PKCS_SIGNED:
            yield table.read(at + 8, size - 8)
        elif kind == GUID_SIGNED and size > 24 and table.starts_with(PKCS7.bytes_le, at + 8):
            yield table.read(at + 24, size - 24)
        else:
            yield b""
        at, number = at + (size + 7) // 8 * 8, number + 1


def _image_digest(content: bytes) -> tuple[str, bytes]:
    """Hash name and digest of SpcIndirectDataContent, whose outer tag is off already. Raises Malformed."""
    from asn1crypto import algos, parser  # type: ignore[import-untyped]

    try:
        # Two elements: what kind of file it is, then the DigestInfo.
        first = parser.parse(content)
        rest = content[len(first[3]) + len(first[4]) + len(first[5]) :]
        info = algos.DigestInfo.load(rest)
        return str(info["digest_algorithm"]["algorithm"].native), bytes(info["digest"].native)
    except cms.FAULTS as error:
        raise Malformed(f"no Authenticode content: {error}") from None


def _judge(body: View, one: Program, der: bytes, keys: tuple[PublicKey, ...]) -> cms.Judgement:
    if not der:
        text = "there is a signature of a kind that is not read here"
        return cms.Judgement(signing=Signing.NOT_VERIFIED, detail=text)
    message = cms.read(der)
    content = message.content or b""
    judgement = cms.judge(message, cms.of_bytes(memoryview(content)), keys)
    name, said = _image_digest(content)
    if name not in ("sha1", "sha256", "sha384", "sha512"):
        return replace(
            judgement, signing=Signing.NOT_VERIFIED, detail=f"the hash {name} is not known here"
        )
    if said not in digests(body, one, name):
        text = "the hash that was signed is not that of the program"
        return replace(judgement, signing=Signing.TAMPERED, detail=text)
    return replace(judgement, weak=judgement.weak or weak_hash(name))


def _protection(
    body: View, one: Program, problem: str, sbat: list[str], keys: tuple[PublicKey, ...]
) -> tuple[Protection, tuple[tuple[str, str], ...]]:
    if problem:
        return Protection(signing=Signing.UNREADABLE, detail=problem), ()
    found = []
    try:
        ders = list(_signatures(body, one)) if one.table_size else []
        found = [_judge(body, one, der, keys) for der in ders]
    except Malformed as error:
        text = f"the signature cannot be read: {error}"
        return Protection(signing=Signing.UNREADABLE, detail=text), ()
    if not found:
        rollback = Rollback.UNSIGNED_COUNTER if sbat else Rollback.NONE
        text = "there is no Authenticode signature"
        return Protection(signing=Signing.UNSIGNED, detail=text, rollback=rollback), ()
    order = (
        Signing.VERIFIED,
        Signing.TAMPERED,
        Signing.NOT_VERIFIED,
        Signing.UNSIGNED,
        Signing.ENCRYPTED,
    )
    best = min(found, key=lambda judgement: order.index(judgement.signing))
    protection = Protection(
        signing=best.signing,
        detail=best.detail,
        covers="the whole program",
        binds_payload=True,
        scheme=best.scheme.replace("CMS", "Authenticode"),
        key_bits=best.key_bits,
        key_id=best.key_id,
        weak=best.weak,
        public_key=best.public_key,
        rollback=Rollback.COUNTER if sbat else Rollback.NONE,
        integrity="Authenticode hash "
        + ("does not hold" if best.signing is Signing.TAMPERED else "holds")
        if best.scheme
        else "",
    )
    return protection, best.details
