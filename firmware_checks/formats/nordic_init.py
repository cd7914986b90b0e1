"""Init packets of Nordic's boot loaders: what is installed, its hash, and who signed that.

Source: nRF5 SDK, "Device Firmware Update", ``dfu-cc.proto`` (protocol buffers) for the present form; nRF51 SDK,
"Init packet" for the legacy one. Hashes and signatures stand little endian in the present form.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks.signatures import blank
from firmware_checks.view import Malformed, View

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MOST_FIELDS = 200
KINDS = {
    0: "application",
    1: "SoftDevice",
    2: "boot loader",
    3: "SoftDevice and boot loader",
    4: "application of another chip",
}
HASHES = {1: "crc32", 2: "sha1", 3: "sha256", 4: "sha512"}
SIGNATURES = {0: "ECDSA P-256 SHA-256", 1: "Ed25519"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Init:
    """One init packet. ``digest`` is in the usual order; ``signature`` as r and s, big endian."""

    legacy: bool
    kind: str = ""
    version: int | None = None
    hardware: int | None = None
    hash_name: str = ""
    digest: bytes = b""
    debug: bool = False
    covered: bytes = b""
    signature: bytes = b""
    scheme: str = ""


def present(view: View) -> Init:
    """``Packet`` of ``dfu-cc.proto``. Raises Malformed."""
    packet = _message(view.read())
    signature, scheme = b"", ""
    command = _bytes(packet, 1)
    if (signed := _bytes(packet, 2)) is not None:
        fields = _message(signed)
        command = _bytes(fields, 1)
        scheme = SIGNATURES.get(_number(fields, 2) or 0, "of an unknown kind")
        raw = _bytes(fields, 3) or b""
        raw = b"" if blank(raw) else raw
        half = len(raw) // 2
        signature = raw if scheme == "Ed25519" else raw[:half][::-1] + raw[half:][::-1]
    if command is None or (init := _bytes(_message(command), 2)) is None:
        raise Malformed("there is no init command")
    fields = _message(init)
    hashed = _message(_bytes(fields, 8) or b"")
    return Init(
        legacy=False,
        kind=KINDS.get(_number(fields, 4) or 0, "of an unknown kind"),
        version=_number(fields, 1),
        hardware=_number(fields, 2),
        hash_name=HASHES.get(_number(hashed, 1) or 0, ""),
        digest=(_bytes(hashed, 2) or b"")[::-1],
        debug=bool(_number(fields, 9)),
        # Signed is the init command alone, without what is around it.
        covered=init if signature else b"",
        signature=signature,
        scheme=scheme,
    )


def legacy(view: View) -> Init:
    """The packet of fixed fields: CRC-16, or SHA-256, or SHA-256 and a signature. Raises Malformed."""
    _, revision, version, devices = view.unpack("<HHIH")
    at = 10 + 2 * devices
    rest = len(view) - at
    known = None if version == 0xFFFFFFFF else version
    hardware = None if revision == 0xFFFF else revision
    if rest in (2, 4):
        crc = view.read(len(view) - 2, 2)[::-1]
        return Init(legacy=True, version=known, hardware=hardware, hash_name="crc16", digest=crc)
    kind, _ = view.unpack("<HI", at)
    digest = view.read(at + 6, 32)
    if kind == 1 and rest == 38:
        return Init(
            legacy=True, version=known, hardware=hardware, hash_name="sha256", digest=digest
        )
    if kind != 2 or rest != 102:
        raise Malformed("an init packet of no known form")
    return Init(
        legacy=True,
        version=known,
        hardware=hardware,
        hash_name="sha256",
        digest=digest,
        covered=view.read(0, len(view) - 64),
        signature=view.read(len(view) - 64, 64),
        scheme=SIGNATURES[0],
    )


def crc16(data: memoryview) -> int:
    """CRC-16/CCITT with the register full of ones, as the legacy boot loader has it."""
    import binascii

    return binascii.crc_hqx(data, 0xFFFF)


# --- protocol buffers ------------------------------------------------------------------------------

Fields = list[tuple[int, int | bytes]]


def _message(data: bytes) -> Fields:
    return list(_fields(View(data)))


def _fields(view: View) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    for _ in range(MOST_FIELDS):
        if at >= len(view):
            return
        key, at = _varint(view, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = _varint(view, at)
            yield number, value
        elif wire == BYTES:
            size, at = _varint(view, at)
            yield number, view.read(at, size)
            at += size
        elif wire in (FIXED64, FIXED32):
            size = 8 if wire == FIXED64 else 4
            yield number, int.from_bytes(view.read(at, size), "little")
            at += size
        else:
            raise Malformed("a field of no known kind")
    raise Malformed("more fields than an init packet has")


def _varint(view: View, at: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        byte = view.u8(at + place)
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise Malformed("a number that does not end")


def _number(fields: Fields, wanted: int) -> int | None:
    return next((v for v in _once(fields, wanted) if isinstance(v, int)), None)


def _bytes(fields: Fields, wanted: int) -> bytes | None:
    return next((v for v in _once(fields, wanted) if isinstance(v, bytes)), None)


def _once(fields: Fields, wanted: int) -> list[int | bytes]:
    """The values of a field that may be there once. Raises Malformed when it is there more often.

    The device's decoder merges messages of one field, so what an unsigned one says first stays where the signed
    one behind it says nothing (``is_debug``, which switches the comparison of versions off).
    """
    found = [value for number, value in fields if number == wanted]
    if len(found) > 1:
        raise Malformed(
            f"its field {wanted} is there {len(found)} times, and nobody knows which counts"
        )
    return found
