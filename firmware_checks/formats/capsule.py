"""UEFI capsules of the Firmware Management Protocol, signed with PKCS #7.

Source: UEFI specification 2.10, sections 8.5.3 (capsule), 23.3 (FMP capsule) and 23.1.2 (authentication). The
signature is over payload and monotonic count. The lowest version that is accepted stands in the header that
edk2 puts before the payload (``MSS1``).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

from firmware_checks import cms
from firmware_checks.reading import Context, Format, Part, Protection, PublicKey, Reading, unread
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

FMP = UUID("6dcbd5ed-e82d-4c44-bda1-7194199ad92a")
PKCS7 = UUID("4aafd29d-68df-49ee-8aa9-347d375665a7")
REVISION, GUID_CERTIFICATE = 0x0200, 0x0EF1
ITEM_SIZES = {1: 32, 2: 40, 3: 48}
MOST_ITEMS = 32
EDK2 = b"MSS1"


@dataclass(frozen=True, slots=True)
class Item:
    """One payload: its type, the signature around it, and its bytes with their place."""

    kind: UUID
    index: int
    payload: View
    offset: int
    signature: bytes = b""
    count: bytes = b""
    vendor_code: int = 0
    """Bytes of code behind the payload that are handed to the driver with it, and that nobody signs."""

    @property
    def edk2(self) -> tuple[int, int] | None:
        """Version and lowest version accepted of edk2's payload header."""
        if not self.payload.starts_with(EDK2) or len(self.payload) < 16:
            return None
        version, lowest = self.payload.unpack("<II", 8)
        return version, lowest


class Capsule(Format):
    """The format."""

    name = "UEFI capsule"
    anchors = ((FMP.bytes_le, 0),)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        header, flags, size = view.unpack("<III", 16)
        if not 28 <= header <= 4096 or size <= header:
            said = f"lengths that no capsule has: {header} and {size} bytes"
            return unread(self.name, LayerKind.UPDATE, len(view), said)
        problem = f"cut short: {len(view)} of {size} bytes are there" if size > len(view) else ""
        body = view if problem else view.part(0, size)
        items: list[Item] = []
        drivers: list[Part] = []
        try:
            drivers = _items(body.part(header), header, items)
        except Malformed as error:
            problem = problem or f"damaged: {error}"
        context.budget.take(len(body))
        first = next((i.edk2 for i in items if i.edk2), None)
        details = [("flags", f"{flags:#x}")]
        details += [
            (f"payload {n + 1}", f"type {i.kind}, index {i.index}") for n, i in enumerate(items)
        ]
        protection, who = _protection(items, problem, context.keys.keys)
        if drivers and protection.binds_payload:
            # They run before the update, and the signatures of the payloads are not over them.
            said = (
                f"{protection.detail}; {len(drivers)} drivers before the payloads are not covered"
            )
            protection = replace(protection, detail=said, binds_payload=False)
        if (code := sum(i.vendor_code for i in items)) and protection.binds_payload:
            said = f"{protection.detail}; {code} bytes of vendor code are not covered"
            protection = replace(protection, detail=said, binds_payload=False)
        return Reading(
            format=self.name,
            kind=LayerKind.UPDATE,
            size=len(body),
            version=str(first[0]) if first else "",
            details=(*details, *who),
            problem=problem,
            protection=protection,
            parts=(*drivers, *_parts(items)),
        )


FORMAT = Capsule()


def _items(view: View, base: int, items: list[Item]) -> list[Part]:
    """Every payload, into ``items``, and the drivers before them. Raises Malformed."""
    version, drivers, number = view.unpack("<IHH", 0)
    if version != 1 or drivers + number > MOST_ITEMS:
        raise Malformed("no FMP capsule of version 1")
    for place in range(drivers, drivers + number):
        at = view.u64(8 + 8 * place)
        kind_of_item = view.u32(at)
        if kind_of_item not in ITEM_SIZES:
            raise Malformed(f"a payload header of version {kind_of_item}")
        kind = UUID(bytes_le=view.read(at + 4, 16))
        index = view.u8(at + 20)
        size, code = view.unpack("<II", at + 24)
        start = at + ITEM_SIZES[kind_of_item]
        item = _item(view.part(start, size), kind, index, base + start)
        items.append(replace(item, vendor_code=len(view.part(start + size, code))))
    if sum(len(i.payload) for i in items) > len(view):
        raise Malformed("payloads that overlap")
    starts = sorted({view.u64(8 + 8 * n) for n in range(drivers + number)} | {len(view)})
    firsts = sorted(view.u64(8 + 8 * n) for n in range(drivers))
    return [
        Part(name=f"driver {n + 1}", view=view.part(at, _next(starts, at) - at), offset=base + at)
        for n, at in enumerate(firsts)
    ]


def _next(starts: list[int], at: int) -> int:
    return next((start for start in starts if start > at), at)


def _item(image: View, kind: UUID, index: int, offset: int) -> Item:
    if len(image) >= 32:
        length, revision, type_ = image.unpack("<IHH", 8)
        guid = UUID(bytes_le=image.read(16, 16))
        if revision == REVISION and type_ == GUID_CERTIFICATE and guid == PKCS7 and length >= 24:
            der = image.read(32, length - 24)
            return Item(
                kind, index, image.part(8 + length), offset + 8 + length, der, image.read(0, 8)
            )
    return Item(kind, index, image, offset)


def _parts(items: list[Item]) -> list[Part]:
    parts = []
    for number, item in enumerate(items):
        header = item.payload.u32(4) if item.edk2 else 0
        skip = header if 16 <= header < len(item.payload) else 0
        parts.append(
            Part(
                name=f"payload {number + 1}",
                view=item.payload.part(skip),
                offset=item.offset + skip,
            )
        )
    return parts


def _digest(item: Item) -> Callable[[str], bytes]:
    def digest(name: str) -> bytes:
        found = hashlib.new(name, item.payload.raw)
        found.update(item.count)
        return found.digest()

    return digest


def _protection(
    items: list[Item], problem: str, keys: tuple[PublicKey, ...]
) -> tuple[Protection, tuple[tuple[str, str], ...]]:
    found = []
    for item in items:
        if not item.signature:
            said = "a payload has no signature"
            found.append(cms.Judgement(signing=Signing.UNSIGNED, detail=said))
            continue
        try:
            found.append(cms.judge(cms.read(item.signature), _digest(item), keys))
        except Malformed as error:
            found.append(cms.Judgement(signing=Signing.UNREADABLE, detail=str(error)))
    # A capsule is as good as its worst payload.
    order = (
        Signing.TAMPERED,
        Signing.UNSIGNED,
        Signing.UNREADABLE,
        Signing.NOT_VERIFIED,
        Signing.VERIFIED,
        Signing.ENCRYPTED,
    )
    worst = min(found, key=lambda one: order.index(one.signing), default=None)
    if problem or worst is None:
        said = problem or "it holds no payload"
        return Protection(signing=Signing.UNREADABLE, detail=said), ()
    lowest = next((i.edk2[1] for i in items if i.edk2), None)
    signed = worst.signing is not Signing.UNSIGNED
    rollback = Rollback.UNKNOWN
    if lowest is not None:
        rollback = Rollback.COUNTER if signed else Rollback.UNSIGNED_COUNTER
    protection = Protection(
        signing=worst.signing,
        detail=worst.detail,
        covers="payload and monotonic count" if signed else "",
        binds_payload=True if signed else None,
        scheme=worst.scheme,
        key_bits=worst.key_bits,
        key_id=worst.key_id,
        weak=worst.weak,
        public_key=worst.public_key,
        rollback=rollback,
        rollback_value=lowest,
    )
    return protection, worst.details
