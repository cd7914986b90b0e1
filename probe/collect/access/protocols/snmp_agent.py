"""One SNMP agent: questions by community or by user, each with its datagrams on record."""

from dataclasses import dataclass, field

from probe.collect.access.protocols import usm
from probe.collect.access.protocols.snmp_codec import (
    GET,
    Answer,
    Malformed,
    message,
    parse_response,
    pdu,
)
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import Datagram, DeviceSession
from probe.model.evidence import Proof
from probe.model.observation import Service

WITHIN = 1.0


@dataclass
class Agent:
    """What is known of it, and the way to it."""

    service: Service
    engine: usm.Engine | None = None
    """Told by a discovery, which needs no credential (RFC 3414 section 4)."""
    proof: list[Proof] = field(default_factory=list)
    """Transcripts that no attempt has taken yet."""
    _number: int = 0x5EC0

    def number(self) -> int:
        """The next request-id or message id."""
        self._number += 1
        return self._number

    async def discover(self, session: DeviceSession) -> None:
        """Look whether an agent of version 3 is there, and its clock. Raises nothing."""
        try:
            datagrams = await self._ask(session, usm.discovery(self.number()), 2)
        except NoAnswer:
            return
        found = [engine for d in datagrams if (engine := usm.engine_in(d.data))]
        self.engine = found[0] if found else None

    async def by_community(
        self,
        session: DeviceSession,
        version: int,
        community: bytes,
        oid: bytes,
        *,
        kind: int = GET,
        value: bytes = b"",
        tries: int = 2,
    ) -> Answer:
        """The response to one question. Raises NoAnswer, SILENT for a wrong community."""
        number = self.number()
        request = message(version, community, pdu(kind, number, oid, value))
        for datagram in await self._ask(session, request, tries):
            try:
                answer = parse_response(datagram.data)
            except Malformed:
                continue
            if answer.request_id == number and answer.community == community:
                return answer
        raise NoAnswer(Why.GARBAGE, "no SNMP response to this question")

    async def by_user(
        self,
        session: DeviceSession,
        user: bytes,
        content: bytes,
        *,
        key: bytes = b"",
        digest: str = "",
    ) -> tuple[usm.Message, bool]:
        """The answer, and whether it was signed with the key. Raises NoAnswer."""
        number = self.number()
        engine = self.engine or usm.Engine()
        request = usm.request(number, engine, user, content, key=key, digest=digest)
        for datagram in await self._ask(session, request, 2):
            try:
                got = usm.parse(datagram.data)
            except Malformed:
                continue
            if got.message_id == number:
                signed = bool(key) and usm.is_signed(datagram.data, got, key, digest)
                return got, signed
        raise NoAnswer(Why.GARBAGE, "no SNMP version 3 answer to this question")

    async def _ask(self, session: DeviceSession, request: bytes, tries: int) -> list[Datagram]:
        s = self.service
        try:
            datagrams, ref = await session.ask(
                s.address, s.port, request, within=WITHIN, tries=tries
            )
        except NoAnswer as error:
            if error.proof:
                self.proof.append(error.proof)
            raise
        self.proof.append(ref)
        return datagrams

    def taken(self) -> tuple[Proof, ...]:
        """The transcripts since the last call."""
        proof, self.proof = tuple(self.proof), []
        return proof
