"""The command sequence file behind an i.MX boot image: which keys it installs, and what it has verified with them.

Source: NXP's "HABv4 API Reference Manual", sections 4.3 (commands) and 6 (constants); the table of super root keys as
``srktool`` of NXP's code signing tool writes it. All numbers are big endian.
"""

import hashlib
from dataclasses import dataclass, field

from firmware_checks.keys import spki
from firmware_checks.reading import PublicKey
from firmware_checks.view import Malformed, View

CSF, CERTIFICATE, SIGNATURE = 0xD4, 0xD7, 0xD8
INSTALL, AUTHENTICATE = 0xBE, 0xCA
SRK_TABLE, X509, BLOB, CMS, AEAD = 0x03, 0x09, 0xBB, 0xC5, 0xA3
"""Protocols: how a key is installed, how data is authenticated."""
SHA256 = 0x17
ABSOLUTE, WITH_HASH = 0x01, 0x80
PUBLIC, ONLY_HASH = 0xE1, 0xEE
AUTHORITY = 0x80
"""Flag of a super root key that may sign others."""
RSA, ECDSA = 0x21, 0x27
CURVES = {0x4B: 32, 0x4D: 48, 0x4E: 66}
"""P-256, P-384 and P-521, and the bytes of their coordinates."""
MOST_COMMANDS = MOST_BLOCKS = 64
MOST_SIGNATURES = 8
"""NXP's tool makes two or three, each over many blocks; to read one may take milliseconds."""
MOST_KEYS = 8


@dataclass(frozen=True, slots=True)
class Install:
    """A key that is put into a slot, after it was verified with that of the slot ``source``."""

    flags: int
    protocol: int
    algorithm: int
    source: int
    target: int
    where: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Blocks that are verified, or decrypted, with the key of a slot; none of them: the command file itself."""

    key: int
    protocol: int
    where: int
    blocks: tuple[tuple[int, int], ...]
    """Offset from the image's header, which is negative in front of it, and size."""


@dataclass(frozen=True, slots=True)
class Script:
    """The file: its commands' bytes, and the commands that matter here."""

    at: int
    size: int
    commands: tuple[Install | Authenticate, ...]

    @property
    def encrypts(self) -> bool:
        return any(c.protocol in (BLOB, AEAD) for c in self.commands)


@dataclass(frozen=True, slots=True)
class Table:
    """The super root keys. ``keys`` has None for one of which only the hash is there, or that is none of ours."""

    keys: tuple[PublicKey | None, ...]
    authorities: tuple[int, ...]
    """Which of them may sign other keys."""
    fuses: str
    """The hash that the chip's fuses hold: of the hashes of all keys."""


@dataclass(slots=True)
class Used:
    """The bytes that the commands speak of: what stands in none of them belongs to nothing."""

    ranges: list[tuple[int, int]] = field(default_factory=list)

    def structure(self, view: View, at: int, tag: int) -> View:
        """The whole structure at ``at``, its header with it. Raises Malformed."""
        if at < 0 or view.u8(at) != tag:
            raise Malformed(f"no structure {tag:#04x} at {at}")
        size = view.u16(at + 1, ">")
        found = view.part(at, size)
        if size < 5:
            raise Malformed("a structure without content")
        self.ranges.append((at, at + size))
        return found


def script(view: View, at: int, own: int) -> Script:
    """The commands; ``own`` is the address of the image's header. Raises Malformed."""
    if view.u8(at) != CSF:
        raise Malformed("no command sequence file")
    size = view.u16(at + 1, ">")
    body = view.part(at, size)
    commands: list[Install | Authenticate] = []
    offset = 4
    while offset < size:
        tag, length, flags = body.unpack(">BHB", offset)
        if length < 4 or len(commands) >= MOST_COMMANDS:
            raise Malformed("a command that is none, or more than there can be")
        command = body.part(offset, length)
        if tag == INSTALL:
            commands.append(_install(command, flags, at, own))
        elif tag == AUTHENTICATE:
            if sum(isinstance(one, Authenticate) for one in commands) >= MOST_SIGNATURES:
                raise Malformed(f"more than {MOST_SIGNATURES} signatures")
            commands.append(_authenticate(command, flags, at, own))
        offset += length
    return Script(at, size, tuple(commands))


def _install(command: View, flags: int, at: int, own: int) -> Install:
    protocol, algorithm, source, target, where = command.unpack(">BBBBI", 4)
    where = where - own if flags & ABSOLUTE else at + where
    return Install(flags, protocol, algorithm, source, target, where, command.read(12))


def _authenticate(command: View, flags: int, at: int, own: int) -> Authenticate:
    key, protocol, _, _, where = command.unpack(">BBBBI", 4)
    where = where - own if flags & ABSOLUTE else at + where
    count, rest = divmod(len(command) - 12, 8)
    if rest or count > MOST_BLOCKS:
        raise Malformed("a list of blocks that is none")
    numbers = command.unpack(f">{2 * count}I", 12)
    blocks = tuple((start - own, size) for start, size in zip(*[iter(numbers)] * 2, strict=True))
    return Authenticate(key, protocol, where, blocks)


def table(view: View) -> Table:
    """The super root keys of a table. Raises Malformed."""
    found: list[PublicKey | None] = []
    authorities: list[int] = []
    digests, at = b"", 4
    while at < len(view):
        tag, size, algorithm = view.unpack(">BHB", at)
        if size < 4 or len(found) >= MOST_KEYS:
            raise Malformed("no table of keys")
        one = view.part(at, size)
        if tag == PUBLIC:
            if one.u8(7) & AUTHORITY:
                authorities.append(len(found))
            found.append(_key(one, algorithm))
            digests += hashlib.sha256(one.raw).digest()
        elif tag == ONLY_HASH and size == 36:
            found.append(None)
            digests += one.read(4)
        else:
            raise Malformed("no table of keys")
        at += size
    return Table(tuple(found), tuple(authorities), hashlib.sha256(digests).hexdigest())


def _key(view: View, algorithm: int) -> PublicKey | None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    try:
        if algorithm == RSA:
            size, size_e = view.unpack(">HH", 8)
            n, e = view.read(12, size), view.read(12 + size, size_e)
            numbers = rsa.RSAPublicNumbers(int.from_bytes(e), int.from_bytes(n))
            return PublicKey(name="", der=spki(numbers.public_key()))
        if algorithm == ECDSA:
            name, half = view.u8(8), CURVES.get(view.u8(8), 0)
            curves: dict[int, ec.EllipticCurve] = {
                0x4B: ec.SECP256R1(),
                0x4D: ec.SECP384R1(),
                0x4E: ec.SECP521R1(),
            }
            if half and len(view) == 12 + 2 * half:
                point = b"\x04" + view.read(12)
                key = ec.EllipticCurvePublicKey.from_encoded_point(curves[name], point)
                return PublicKey(name="", der=spki(key))
    except (ValueError, UnsupportedAlgorithm):
        pass
    return None
