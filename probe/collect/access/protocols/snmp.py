"""SNMP v1 and v2c: read sysDescr with a community. Own BER (X.690 8.1), bytes in, values out.

A wrong community is met with silence (RFC 3584 section 5.2 leaves no other way), so an SNMPv3 discovery,
which needs no credential (RFC 3414 section 4), tells whether an agent is there at all.
"""

import time
from dataclasses import dataclass, replace

from probe.collect.access.attempt import Attempt, Credential, Method, caption, no_answer
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.model.evidence import Proof
from probe.model.observation import LoginResult, Service
from probe.model.text import clean

V1, V2C, V3 = 0, 1, 3
INTEGER, OCTETS, NULL, OID, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
GET, RESPONSE, REPORT = 0xA0, 0xA2, 0xA8
SYS_DESCR = bytes([0x2B, 6, 1, 2, 1, 1, 1, 0])
SYS_OBJECT_ID = bytes([0x2B, 6, 1, 2, 1, 1, 2, 0])
MAX_PARTS = 64
WITHIN = 1.0


class Malformed(ValueError):
    """The bytes are not the BER that was awaited."""


def tlv(tag: int, content: bytes) -> bytes:
    """One BER value with definite length."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def integer(value: int) -> bytes:
    """A non-negative INTEGER."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def split(data: bytes) -> list[tuple[int, bytes]]:
    """The values that ``data`` is made of, as ``(tag, content)``. Raises Malformed."""
    parts: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data):
        if len(data) - at < 2 or len(parts) >= MAX_PARTS:
            raise Malformed("cut off, or too many values")
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            if not 0 < count <= 4 or at + count > len(data):
                raise Malformed("a length that is not definite or too long")
            size = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + size > len(data):
            raise Malformed("a value longer than the datagram")
        parts.append((tag, data[at : at + size]))
        at += size
    return parts


def get_request(version: int, community: bytes, request_id: int, oid: bytes) -> bytes:
    """A GetRequest of one object (RFC 1157 section 4.1.2, RFC 3416 section 4.2.1)."""
    binding = tlv(SEQUENCE, tlv(SEQUENCE, tlv(OID, oid) + tlv(NULL, b"")))
    pdu = tlv(GET, integer(request_id) + integer(0) + integer(0) + binding)
    return tlv(SEQUENCE, integer(version) + tlv(OCTETS, community) + pdu)


def discovery(message_id: int) -> bytes:
    """An SNMPv3 message without user or engine, which every v3 agent answers with a Report."""
    header = integer(message_id) + integer(65_507) + tlv(OCTETS, b"\x04") + integer(3)
    empty = tlv(OCTETS, b"")
    usm = tlv(SEQUENCE, empty + integer(0) + integer(0) + empty * 3)
    pdu = tlv(GET, integer(message_id) + integer(0) + integer(0) + tlv(SEQUENCE, b""))
    scoped = tlv(SEQUENCE, empty + empty + pdu)
    return tlv(SEQUENCE, integer(V3) + tlv(SEQUENCE, header) + tlv(OCTETS, usm) + scoped)


@dataclass(frozen=True, slots=True)
class Answer:
    """A Response of an agent. ``error`` is the error-status; a value may be missing with one."""

    version: int
    community: bytes
    request_id: int
    error: int
    value_tag: int | None
    value: bytes


def parse_response(data: bytes) -> Answer:
    """The v1 or v2c Response in a datagram. Raises Malformed."""
    outer = split(data)
    if not outer or outer[0][0] != SEQUENCE:
        raise Malformed("no SNMP message")
    head = split(outer[0][1])
    if [tag for tag, _ in head[:3]] != [INTEGER, OCTETS, RESPONSE]:
        raise Malformed("no response of SNMP v1 or v2c")
    pdu = split(head[2][1])
    if [tag for tag, _ in pdu] != [INTEGER, INTEGER, INTEGER, SEQUENCE]:
        raise Malformed("no response PDU")
    bindings = split(pdu[3][1])
    pair = split(bindings[0][1]) if bindings else []
    tag, value = pair[1] if len(pair) == 2 else (None, b"")
    request_id, error = (int.from_bytes(content, "big", signed=True) for _, content in pdu[:2])
    version = int.from_bytes(head[0][1], "big", signed=True)
    return Answer(version, head[1][1], request_id, error, tag, value)


def is_report(data: bytes) -> bool:
    """Whether the datagram is an SNMPv3 message, which is all that discovery asks for."""
    try:
        outer = split(data)
        head = split(outer[0][1]) if outer else []
    except Malformed:
        return False
    return bool(head) and head[0] == (INTEGER, bytes([V3]))


class Community:
    """Each community is an account of its own. Only reads; a write community is not told apart."""

    name = "community"
    silence_refuses = True
    asks_for_user = True
    doubt = ""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._agent_is_there: bool | None = None
        self._request_id = 0x5EC0

    async def attempt(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """No credential is the empty community."""
        proof: list[Proof] = []
        if self._agent_is_there is None:
            self._agent_is_there = await self._discover(session, proof)
        community = credential.password.encode() if credential else b""
        began = time.monotonic()
        try:
            answer, version = await self._first(session, community, proof)
        except NoAnswer as error:
            silent = error.why is Why.SILENT and self._agent_is_there
            attempt = replace(no_answer(error), seconds=0.0)
            if silent:
                detail = "silence, while the agent answered a discovery without credential"
                attempt = replace(attempt, result=LoginResult.REFUSED, detail=detail)
            closed = error.why is Why.CLOSED
            return replace(attempt, refused_connection=closed, proof=tuple(proof))
        seconds = time.monotonic() - began
        second = await self._second(session, community, version, proof)
        text = clean(answer.value) if answer.value_tag == OCTETS else ""
        return Attempt(
            result=LoginResult.ACCEPTED,
            detail=f"SNMP {'v1' if version == V1 else 'v2c'} answered"
            + (f": {text}" if text else f" with error-status {answer.error}"),
            proved=second and answer.error == 0 and answer.value_tag is not None,
            seen="system description",
            seconds=seconds,
            proof=tuple(proof),
        )

    async def _discover(self, session: DeviceSession, proof: list[Proof]) -> bool:
        try:
            answers, ref = await session.ask(
                self.service.address, self.service.port, discovery(0x5EC1), within=WITHIN, tries=2
            )
        except NoAnswer as error:
            if error.proof:
                proof.append(error.proof)
            return False
        proof.append(ref)
        return any(is_report(a.data) for a in answers)

    async def _first(
        self, session: DeviceSession, community: bytes, proof: list[Proof]
    ) -> tuple[Answer, int]:
        for version, tries in ((V2C, 2), (V1, 1)):
            try:
                return await self._get(
                    session, version, community, SYS_DESCR, proof, tries
                ), version
            except NoAnswer as error:
                if error.why is not Why.SILENT or version == V1:
                    raise
        raise AssertionError("unreachable")

    async def _second(
        self, session: DeviceSession, community: bytes, version: int, proof: list[Proof]
    ) -> bool:
        try:
            answer = await self._get(session, version, community, SYS_OBJECT_ID, proof, 2)
        except NoAnswer:
            return False
        return answer.error == 0

    async def _get(
        self,
        session: DeviceSession,
        version: int,
        community: bytes,
        oid: bytes,
        proof: list[Proof],
        tries: int,
    ) -> Answer:
        self._request_id += 1
        request = get_request(version, community, self._request_id, oid)
        try:
            datagrams, ref = await session.ask(
                self.service.address, self.service.port, request, within=WITHIN, tries=tries
            )
        except NoAnswer as error:
            if error.proof:
                proof.append(error.proof)
            raise
        proof.append(ref)
        for datagram in datagrams:
            try:
                answer = parse_response(datagram.data)
            except Malformed:
                continue
            if answer.request_id == self._request_id and answer.community == community:
                return answer
        what = caption(Credential("", community.decode("utf-8", "replace")), self.service)
        raise NoAnswer(Why.GARBAGE, f"no SNMP response to this question ({what})")


async def methods(session: DeviceSession, service: Service) -> list[Method]:
    """The one way."""
    del session
    return [Community(service)]
