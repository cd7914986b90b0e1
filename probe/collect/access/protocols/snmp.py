"""SNMP v1 and v2c by community, version 3 by user: read sysDescr; write it only with permission.

A wrong community is met with silence (RFC 3584 section 5.2 leaves no other way), so an SNMPv3 discovery,
which needs no credential (RFC 3414 section 4), tells whether an agent is there at all.
"""

import time
from dataclasses import replace

from probe.collect.access.attempt import Attempt, Credential, Method, no_answer
from probe.collect.access.protocols.snmp_agent import Agent
from probe.collect.access.protocols.snmp_codec import (
    OCTETS,
    SYS_DESCR,
    SYS_OBJECT_ID,
    V1,
    V2C,
    Answer,
)
from probe.collect.access.protocols.snmp_user import User
from probe.collect.access.protocols.snmp_write import Reply, Writing
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.model.observation import LoginResult, Service
from probe.model.text import clean

VERSIONS = {V1: "v1", V2C: "v2c"}


class Community:
    """Each community is an account of its own."""

    name = "community"
    silence_refuses = True
    asks_for_user = True
    doubt = ""

    def __init__(self, service: Service, agent: Agent | None = None) -> None:
        self.service = service
        self.agent = agent or Agent(service)
        self._agent_is_there: bool | None = None
        self._writing = Writing(service)

    async def attempt(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """No credential is the empty community."""
        if self._agent_is_there is None:
            if self.agent.engine is None:
                await self.agent.discover(session)
            self._agent_is_there = self.agent.engine is not None
        community = credential.password.encode() if credential else b""
        began = time.monotonic()
        try:
            answer, version = await self._first(session, community)
        except NoAnswer as error:
            silent = error.why is Why.SILENT and self._agent_is_there
            attempt = replace(no_answer(error), seconds=0.0)
            if silent:
                detail = "silence, while the agent answered something else"
                attempt = replace(attempt, result=LoginResult.REFUSED, detail=detail)
            closed = error.why is Why.CLOSED
            return replace(attempt, refused_connection=closed, proof=self.agent.taken())
        seconds = time.monotonic() - began
        proved = await self._second(session, community, version)
        proved = proved and answer.error == 0 and answer.value_tag is not None
        if proved:
            self._agent_is_there = True
        text = clean(answer.value) if answer.value_tag == OCTETS else ""
        attempt = Attempt(
            result=LoginResult.ACCEPTED,
            detail=f"SNMP {VERSIONS[version]} answered"
            + (f": {text}" if text else f" with error-status {answer.error}"),
            proved=proved,
            seen="system description",
            seconds=seconds,
            alone=True,
            proof=self.agent.taken(),
        )
        if proved:
            await self._write(session, community, version)
        return attempt

    async def _first(self, session: DeviceSession, community: bytes) -> tuple[Answer, int]:
        for version, tries in ((V2C, 2), (V1, 1)):
            try:
                answer = await self.agent.by_community(
                    session, version, community, SYS_DESCR, tries=tries
                )
            except NoAnswer as error:
                if error.why is not Why.SILENT or version == V1:
                    raise
            else:
                return answer, version
        raise AssertionError("unreachable")

    async def _second(self, session: DeviceSession, community: bytes, version: int) -> bool:
        try:
            answer = await self.agent.by_community(session, version, community, SYS_OBJECT_ID)
        except NoAnswer:
            return False
        return answer.error == 0

    async def _write(self, session: DeviceSession, community: bytes, version: int) -> None:
        async def ask(kind: int, oid: bytes, value: bytes) -> Reply:
            answer = await self.agent.by_community(
                session, version, community, oid, kind=kind, value=value, tries=1 + (not value)
            )
            return Reply(answer.error, answer.value_tag, answer.value)

        name = community.decode("utf-8", "replace")
        await self._writing.look(session, self.agent, ask, name, VERSIONS[version])


async def methods(session: DeviceSession, service: Service) -> list[Method]:
    """Communities; and users, where the agent answers a discovery of version 3."""
    agent = Agent(service)
    await agent.discover(session)
    found: list[Method] = [Community(service, agent)]
    if agent.engine is not None:
        found.append(User(service, agent))
    return found
