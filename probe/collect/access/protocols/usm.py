"""SNMP version 3 with the User-based Security Model (RFC 3412, RFC 3414, RFC 7860), without privacy.

To read with a documented user it is enough to authenticate; what may only be read in privacy is refused by
the agent with a signed answer, which shows as well that the password was right.
"""

import hashlib
import hmac
from dataclasses import dataclass

from probe.collect.access.protocols.snmp_codec import (
    GET,
    INTEGER,
    OCTETS,
    REPORT,
    SEQUENCE,
    V3,
    Malformed,
    integer,
    parse_pdu,
    split,
    tlv,
)

MOST_BYTES = 65_507
USM = 3
AUTH, REPORTABLE = 0x01, 0x04
ENGINE_BYTES = range(5, 33)
"""RFC 3411 section 5, SnmpEngineID."""
DIGESTS = {"SHA-1": ("sha1", 12), "MD5": ("md5", 12), "SHA-256": ("sha256", 24)}
"""Hash and bytes of the digest: RFC 3414 sections 6 and 7, RFC 7860 section 4."""
STATS = bytes([0x2B, 6, 1, 6, 3, 15, 1, 1])
COUNTERS = {
    1: "unsupported security level",
    2: "not in time window",
    3: "unknown user",
    4: "unknown engine",
    5: "wrong digest",
    6: "decryption error",
}
"""What a Report counts (RFC 3414 section 5, usmStats)."""
KEY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Whom a message is for, and the agent's clock (RFC 3414 section 2.2)."""

    id: bytes = b""
    boots: int = 0
    time: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of version 3, as far as it can be read without privacy."""

    message_id: int
    signed: bool
    engine: Engine
    user: bytes
    digest: bytes
    kind: int
    """Tag of the PDU."""
    request_id: int
    error: int
    oid: bytes
    value_tag: int | None
    value: bytes

    @property
    def report(self) -> str:
        """What a Report says, one of ``COUNTERS``; empty for another PDU or another counter."""
        if self.kind != REPORT or not self.oid.startswith(STATS) or len(self.oid) != 10:
            return ""
        return COUNTERS.get(self.oid[8], "")


def localised(password: bytes, engine_id: bytes, digest: str) -> bytes:
    """The key of a password for one agent (RFC 3414 appendix A.2)."""
    name, _ = DIGESTS[digest]
    times = KEY_BYTES // len(password) + 1
    first = hashlib.new(name, (password * times)[:KEY_BYTES], usedforsecurity=False).digest()
    return hashlib.new(name, first + engine_id + first, usedforsecurity=False).digest()


def _sign(data: bytes, key: bytes, digest: str) -> bytes:
    name, size = DIGESTS[digest]
    return hmac.digest(key, data, name)[:size]


def request(
    message_id: int,
    engine: Engine,
    user: bytes,
    content: bytes,
    *,
    key: bytes = b"",
    digest: str = "",
) -> bytes:
    """A request of ``user``, signed where a key is given (RFC 3412 section 6, RFC 3414 section 6.3.1)."""
    flags = REPORTABLE | (AUTH if key else 0)
    blank = bytes(DIGESTS[digest][1]) if key else b""

    def whole(parameter: bytes) -> bytes:
        head = integer(message_id) + integer(MOST_BYTES) + tlv(OCTETS, bytes([flags]))
        usm = tlv(OCTETS, engine.id) + integer(engine.boots) + integer(engine.time)
        usm += tlv(OCTETS, user) + tlv(OCTETS, parameter) + tlv(OCTETS, b"")
        scoped = tlv(SEQUENCE, tlv(OCTETS, engine.id) + tlv(OCTETS, b"") + content)
        security = tlv(SEQUENCE, head + integer(USM)) + tlv(OCTETS, tlv(SEQUENCE, usm))
        return tlv(SEQUENCE, integer(V3) + security + scoped)

    return whole(_sign(whole(blank), key, digest) if key else b"")


def discovery(message_id: int) -> bytes:
    """Asks for the agent's engine, which every agent tells (RFC 3414 section 4)."""
    empty = tlv(GET, integer(message_id) + integer(0) + integer(0) + tlv(SEQUENCE, b""))
    return request(message_id, Engine(), b"", empty)


def parse(data: bytes) -> Message:
    """The message in a datagram. Raises Malformed, also for an encrypted one."""
    parts = _content(data, SEQUENCE, [INTEGER, SEQUENCE, OCTETS, SEQUENCE])
    head = split(parts[1])
    usm = _content(parts[2], SEQUENCE, [OCTETS, INTEGER, INTEGER, OCTETS, OCTETS, OCTETS])
    scoped = split(parts[3])
    if _number(parts[0]) != V3 or [tag for tag, _ in head] != [INTEGER, INTEGER, OCTETS, INTEGER]:
        raise Malformed("no message of version 3")
    if [tag for tag, _ in scoped[:2]] != [OCTETS, OCTETS] or len(scoped) != 3 or not head[2][1]:
        raise Malformed("no scoped PDU")
    request_id, error, oid, tag, value = parse_pdu(scoped[2][1])
    return Message(
        message_id=_number(head[0][1]),
        signed=bool(head[2][1][0] & AUTH),
        engine=Engine(id=usm[0], boots=_number(usm[1]), time=_number(usm[2])),
        user=usm[3],
        digest=usm[4],
        kind=scoped[2][0],
        request_id=request_id,
        error=error,
        oid=oid,
        value_tag=tag,
        value=value,
    )


def _content(data: bytes, tag: int, tags: list[int]) -> list[bytes]:
    outer = split(data)
    inner = split(outer[0][1]) if outer and outer[0][0] == tag else []
    if [kind for kind, _ in inner] != tags:
        raise Malformed("not the parts of a message of version 3")
    return [content for _, content in inner]


def _number(content: bytes) -> int:
    return int.from_bytes(content, "big", signed=True)


def engine_in(data: bytes) -> Engine | None:
    """The engine that a Report names; None for anything else."""
    try:
        got = parse(data)
    except Malformed:
        return None
    named = got.kind == REPORT and len(got.engine.id) in ENGINE_BYTES
    clock = 0 <= got.engine.boots < 1 << 31 and 0 <= got.engine.time < 1 << 31
    return got.engine if named and clock else None


def is_signed(data: bytes, got: Message, key: bytes, digest: str) -> bool:
    """Whether the agent knows the key: its own digest over the message is right (section 6.3.2)."""
    size = DIGESTS[digest][1]
    if not got.signed or len(got.digest) != size or data.count(got.digest) != 1:
        return False
    blank = data.replace(got.digest, bytes(size))
    return hmac.compare_digest(_sign(blank, key, digest), got.digest)
