"""What a server says before any login: its identification, and the algorithms that it offers.

Source: RFC 4253 sections 4.2 (identification), 6 (binary packet) and 7.1 (key exchange initialisation).
"""

from dataclasses import dataclass

KEXINIT = 20
MAX_BEFORE = 64
"""Lines that may stand before the identification."""
MAX_PACKET = 35_000
"""What every implementation has to take (RFC 4253 section 6.1)."""
MAX_NAMES = 200


class SshFormatError(ValueError):
    """The bytes are no SSH."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The beginning of a server's side of the conversation."""

    identification: bytes
    host_keys: tuple[str, ...]
    """Algorithms, in the order of the server's preference."""


def read_hello(data: bytes) -> Hello | None:
    """The server's first bytes; None while more is needed. Raises SshFormatError."""
    start = data if data.startswith(b"SSH-") else b""
    if not start:
        place = data.find(b"\nSSH-")
        if data.count(b"\n", 0, place if place >= 0 else None) > MAX_BEFORE:
            raise SshFormatError("no identification came among many lines")
        if place < 0:
            return None
        start = data[place + 1 :]
    identification, newline, rest = start.partition(b"\n")
    if len(identification) > 255:
        raise SshFormatError("the identification is too long")
    if not newline or len(rest) < 6:
        return None
    length, padding = int.from_bytes(rest[:4]), rest[4]
    if rest[5] != KEXINIT or not 12 + padding <= length <= MAX_PACKET:
        raise SshFormatError("no list of algorithms follows the identification")
    if len(rest) < 4 + length:
        return None
    payload = rest[5 : 4 + length - padding]
    # The type, then sixteen bytes of chance, then the name-lists: key exchange first, host keys second.
    _, after = _names(payload, 17)
    host_keys, _ = _names(payload, after)
    return Hello(identification.rstrip(b"\r"), host_keys)


def _names(payload: bytes, at: int) -> tuple[tuple[str, ...], int]:
    """A name-list and where it ends (RFC 4251 section 5)."""
    begin = at + 4
    end = begin + int.from_bytes(payload[at:begin])
    if begin > len(payload) or end > len(payload):
        raise SshFormatError("the list of algorithms is cut short")
    names = payload[begin:end].split(b",")
    if len(names) > MAX_NAMES or not payload[begin:end].isascii():
        raise SshFormatError("the list of algorithms makes no sense")
    return tuple(name.decode("ascii") for name in names if name), end
