"""MQTT 3.1.1: CONNECT, then SUBSCRIBE and PINGREQ as read-only proof. Own packets, no retained data kept.

Section numbers are of the OASIS standard of 29 October 2014.
"""

import secrets
import time
from dataclasses import dataclass

from probe.collect.access.attempt import Attempt, Credential, Method, caption, over_tcp
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.wire import Wire
from probe.model.observation import LoginResult, Service

CONNACK, SUBACK, PINGRESP = 2, 9, 13
DISCONNECT = bytes([0xE0, 0])
PINGREQ = bytes([0xC0, 0])
REASONS = {
    1: "this protocol version is not served",
    2: "the client identifier is refused",
    3: "the broker is unavailable",
    4: "bad user name or password",
    5: "not authorized",
}
REFUSALS = frozenset({4, 5})
MAX_READ = 65_536


def _text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return len(data).to_bytes(2, "big") + data


def packet(first_byte: int, body: bytes) -> bytes:
    """Fixed header with the remaining length (section 2.2.3) and the body."""
    length, rest = bytearray(), len(body)
    while True:
        rest, digit = divmod(rest, 128)[0], rest % 128
        length.append(digit | (0x80 if rest else 0))
        if not rest:
            return bytes([first_byte, *length]) + body


def connect(client_id: str, credential: Credential | None) -> bytes:
    """CONNECT with a clean session (section 3.1)."""
    flags = 0x02 | (0 if credential is None else 0xC0)
    payload = _text(client_id)
    if credential is not None:
        payload += _text(credential.username) + _text(credential.password)
    return packet(0x10, _text("MQTT") + bytes([4, flags]) + (30).to_bytes(2, "big") + payload)


def subscribe(packet_id: int, *filters: str) -> bytes:
    """SUBSCRIBE at QoS 0 (section 3.8)."""
    body = packet_id.to_bytes(2, "big") + b"".join(_text(f) + b"\0" for f in filters)
    return packet(0x82, body)


@dataclass(frozen=True, slots=True)
class Packet:
    """One control packet: its type (section 2.2.1) and everything after the fixed header."""

    kind: int
    body: bytes


def parse(data: bytes) -> tuple[Packet | None, bytes]:
    """The first whole packet and what follows it; None when more bytes are needed.

    Raises NoAnswer(GARBAGE) for a length that no MQTT packet can have.
    """
    size = shift = 0
    for at, byte in enumerate(data[1:5], start=1):
        size |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            end = at + 1 + size
            if len(data) < end:
                return None, data
            return Packet(data[0] >> 4, data[at + 1 : end]), data[end:]
    if len(data) >= 5:
        raise NoAnswer(Why.GARBAGE, "not an MQTT packet length")
    return None, data


class Reader:
    """Packets from a connection, bounded in bytes and time."""

    def __init__(self, wire: Wire) -> None:
        self._wire, self._rest, self._read = wire, b"", 0

    async def until(self, kind: int, within: float) -> Packet:
        """The next packet of that kind; retained messages in between are skipped unread."""
        deadline = time.monotonic() + within
        while True:
            got, self._rest = parse(self._rest)
            if got and got.kind == kind:
                return got
            if got:
                if kind == CONNACK:
                    raise NoAnswer(Why.GARBAGE, "something else than CONNACK came first")
                continue
            if self._read > MAX_READ:
                raise NoAnswer(Why.GARBAGE, f"no answer within {MAX_READ} bytes")
            data = await self._wire.recv(4096, max(0.0, deadline - time.monotonic()))
            if not data:
                raise NoAnswer(Why.ENDED, "the broker closed the connection")
            self._read += len(data)
            self._rest += data


class Password:
    """User name and password in CONNECT."""

    name = "password"
    silence_refuses = False
    asks_for_user = True
    doubt = ""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def attempt(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """No credential is a CONNECT without user name and password flags."""

        async def talk(wire: Wire) -> Attempt:
            reader = Reader(wire)
            began = time.monotonic()
            await wire.send(connect(f"probe-{secrets.token_hex(4)}", credential))
            body = (await reader.until(CONNACK, 6.0)).body
            seconds = time.monotonic() - began
            if len(body) != 2:
                raise NoAnswer(Why.GARBAGE, "a CONNACK of the wrong length")
            code = body[1]
            if code in REFUSALS:
                detail = f"CONNACK {code}: {REASONS[code]}"
                return Attempt(result=LoginResult.REFUSED, detail=detail, seconds=seconds)
            if code:
                reason = REASONS.get(code, "an unknown code")
                raise NoAnswer(Why.GARBAGE, f"CONNACK {code}: {reason}")
            proved, seen = await _proof(wire, reader)
            return Attempt(
                result=LoginResult.ACCEPTED,
                detail="CONNACK 0" + (f", then {seen}" if proved else ", then nothing more"),
                seconds=seconds,
                proved=proved,
                seen=seen,
            )

        return await over_tcp(session, self.service, caption(credential, self.service), talk)


async def _proof(wire: Wire, reader: Reader) -> tuple[bool, str]:
    """Subscribe once, ping twice: a broker answers these only within an accepted session."""
    try:
        await wire.send(subscribe(1, "$SYS/broker/version"))
        codes = (await reader.until(SUBACK, 5.0)).body[2:]
        for _ in range(2):
            await wire.send(PINGREQ)
            await reader.until(PINGRESP, 5.0)
        await wire.send(DISCONNECT)
    except NoAnswer:
        return False, ""
    granted = bool(codes) and codes[0] != 0x80
    return True, "a subscription" if granted else "a session without subscriptions"


async def methods(session: DeviceSession, service: Service) -> list[Method]:
    """The one way."""
    del session
    return [Password(service)]
