"""ClientHello: what the prober says. Never a server name that is an address (RFC 6066 section 3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from probe.collect.tls.codec.numbers import (
    GROUPS,
    GROUPS_TLS13,
    SECP256R1,
    SIGNATURES,
    X25519,
    Content,
    Extension,
    Version,
)
from probe.collect.tls.codec.reading import vector
from probe.collect.tls.codec.sslv2 import client_hello as sslv2_hello

SMALL_SUITES, SMALL_BYTES = 30, 256
"""Some stacks drop a hello with more suites (32), or more bytes, without a word."""

# Public keys whose private keys everybody knows: the base points (RFC 7748, SEC 2). A key share must be
# valid for the answer to come, but nothing is ever derived from it.
_X25519_BASE = bytes([9]) + bytes(31)
_P256_BASE = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a hello offers beside version and suites; None stands for everything that is known."""

    groups: tuple[int, ...] | None = None
    signatures: tuple[int, ...] | None = None
    compressions: bytes = b"\0"
    extras: tuple[tuple[int, bytes], ...] = ()
    """Further extensions, number and content. Only below TLS 1.3, and never in SSL 3.0."""
    session_id: bytes = b""
    ticket: bytes = b""
    """Of an earlier session that is to go on (RFC 5077 section 3.4). Only below TLS 1.3."""

    bare: bool = False
    """Without the extensions that came after TLS 1.2 (RFC 5246): some stacks reset what they do not know."""

    @property
    def curious(self) -> bool:
        """With more than a plain hello has: an old stack may choke on it."""
        return bool(self.extras) or self.compressions != b"\0"

    @property
    def plain(self) -> "Terms":
        return Terms(groups=self.groups, signatures=self.signatures, bare=self.bare)


PLAIN = Terms()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientHello:
    """One hello that offers one version and the suites given.

    Below TLS 1.3 the version is the highest that the server may choose. For TLS 1.3 it is the only one,
    and the empty key share asks for a HelloRetryRequest: it names suite and group, and costs the device
    no signature (RFC 8446 section 4.2.8). ``with_key_share`` is for servers that cannot do that.
    """

    version: Version
    suites: tuple[int, ...]
    random: bytes
    server_name: str | None = None
    with_key_share: bool = False
    terms: Terms = PLAIN

    @property
    def groups(self) -> tuple[int, ...]:
        """The groups that are offered, where the version has such an extension."""
        if self.terms.groups is not None:
            return self.terms.groups
        return GROUPS_TLS13 if self.version is Version.TLS13 else GROUPS

    @property
    def signatures(self) -> tuple[int, ...]:
        return SIGNATURES if self.terms.signatures is None else self.terms.signatures

    @property
    def offered(self) -> frozenset[int]:
        """Numbers of the extensions in it."""
        if self.version <= Version.SSL3:
            return frozenset()
        return frozenset(kind for kind, _ in self._extensions())

    @property
    def is_small(self) -> bool:
        """Short enough for every stack known."""
        return len(self.suites) <= SMALL_SUITES and self.size < SMALL_BYTES

    @property
    def size(self) -> int:
        """Length of the record in bytes."""
        return len(self.to_bytes())

    def to_bytes(self) -> bytes:
        """The whole record. A ``random`` that is not 32 bytes is cut or filled with zeros."""
        if self.version is Version.SSL2:
            return sslv2_hello(self.suites, self.random)
        body = min(self.version, Version.TLS12).to_bytes(2, "big")
        body += self.random[:32].ljust(32, b"\0")
        body += vector(self.terms.session_id, 1)
        body += vector(b"".join(s.to_bytes(2, "big") for s in self.suites), 2)
        body += vector(self.terms.compressions, 1)
        if self.version > Version.SSL3:
            body += vector(b"".join(_extension(k, v) for k, v in self._extensions()), 2)
        message = b"\x01" + vector(body, 3)
        # RFC 8446 section 5.1: TLS 1.0 in the record, for old servers that look there first.
        record_version = min(self.version, Version.TLS10)
        return bytes([Content.HANDSHAKE]) + record_version.to_bytes(2, "big") + vector(message, 2)

    def _extensions(self) -> list[tuple[int, bytes]]:
        tls13 = self.version is Version.TLS13
        found: list[tuple[int, bytes]] = [
            (Extension.SUPPORTED_GROUPS, vector(_numbers(self.groups), 2))
        ]
        if self.server_name:
            name = b"\0" + vector(self.server_name.encode("ascii"), 2)
            found.append((Extension.SERVER_NAME, vector(name, 2)))
        if self.version >= Version.TLS12:
            found.append((Extension.SIGNATURE_ALGORITHMS, vector(_numbers(self.signatures), 2)))
        if tls13:
            shares = b""
            if self.with_key_share:
                for group, key in ((X25519, _X25519_BASE), (SECP256R1, _P256_BASE)):
                    if group in self.groups:  # RFC 8446 section 4.2.8: no share beyond the list
                        shares += group.to_bytes(2, "big") + vector(key, 2)
            found += [
                (Extension.SUPPORTED_VERSIONS, vector(_numbers((Version.TLS13,)), 1)),
                (Extension.PSK_KEY_EXCHANGE_MODES, vector(b"\1", 1)),
                (Extension.KEY_SHARE, vector(shares, 2)),
            ]
        elif self.terms.bare:
            found.append((Extension.EC_POINT_FORMATS, vector(b"\0", 1)))
        else:
            found += [
                (Extension.EC_POINT_FORMATS, vector(b"\0", 1)),
                (Extension.RENEGOTIATION_INFO, vector(b"", 1)),
                (Extension.EXTENDED_MASTER_SECRET, b""),
                (Extension.ENCRYPT_THEN_MAC, b""),
                (Extension.SESSION_TICKET, self.terms.ticket),
                *self.terms.extras,
            ]
        return found


def _extension(kind: int, data: bytes) -> bytes:
    return kind.to_bytes(2, "big") + vector(data, 2)


def _numbers(values: Sequence[int]) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)
