"""Whether an account may write: a value is set to what it is already, with permission, and read back."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from probe.collect.access.protocols.snmp_agent import Agent
from probe.collect.access.protocols.snmp_codec import (
    AUTHORIZATION_ERROR,
    GET,
    NO_ACCESS,
    OCTETS,
    SET,
    SYS_CONTACT,
    SYS_LOCATION,
)
from probe.collect.answers import NoAnswer
from probe.collect.session import DeviceSession
from probe.model.access import SnmpWrite
from probe.model.device import endpoint
from probe.model.evidence import Coverage
from probe.model.finding import Owner
from probe.model.observation import Service
from probe.model.plan import Permission

OBJECTS = {"sysContact.0": SYS_CONTACT, "sysLocation.0": SYS_LOCATION}
"""Texts for people (RFC 3418 section 2), which no agent acts upon."""
MOST_BYTES = 255
"""The longest DisplayString."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A response: error-status, and the value with its tag."""

    error: int
    tag: int | None
    value: bytes


Ask = Callable[[int, bytes, bytes], Awaitable[Reply]]
"""Kind of PDU, object, value. Raises NoAnswer."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one object said."""

    may_write: bool | None
    unchanged: bool | None
    detail: str
    owner: Owner = Owner.DEVICE


class Writing:
    """Looks once at each account, and records one fact about it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._seen: set[tuple[str, str]] = set()

    async def look(
        self, session: DeviceSession, agent: Agent, ask: Ask, account: str, version: str
    ) -> None:
        """Raises nothing; what goes wrong is in the fact."""
        if (account, version) in self._seen:
            return
        self._seen.add((account, version))
        values = {name: await _read(ask, oid) for name, oid in OBJECTS.items()}
        readable = {name: value for name, value in values.items() if value is not None}
        found = await self._found(session, ask, readable)
        s = self.service
        nothing = Coverage(
            tried=f"write on {endpoint('udp', s.address, s.port)}", times=0, deadline_s=0
        )
        session.observe(
            SnmpWrite(
                address=s.address,
                port=s.port,
                account=account,
                version=version,
                objects=tuple(readable),
                may_write=found.may_write,
                unchanged=found.unchanged,
                detail=found.detail,
                owner=found.owner.value if found.may_write is None else "",
            ),
            *(agent.taken() or (nothing,)),
        )

    async def _found(self, session: DeviceSession, ask: Ask, readable: dict[str, bytes]) -> Found:
        if not readable:
            return Found(None, None, f"neither {' nor '.join(OBJECTS)} can be read by it")
        if Permission.SNMP_WRITE not in session.plan.permits:
            return Found(None, None, "nobody permitted to write", Owner.OPERATOR)
        found: list[Found] = []
        for name, value in readable.items():
            found.append(await _write(ask, name, value))
            if found[-1].may_write or found[-1].unchanged is False:
                return found[-1]
        unknown = [one for one in found if one.may_write is None]
        return unknown[0] if unknown else found[0]


async def _read(ask: Ask, oid: bytes) -> bytes | None:
    try:
        reply = await ask(GET, oid, b"")
    except NoAnswer:
        return None
    text = reply.error == 0 and reply.tag == OCTETS and len(reply.value) <= MOST_BYTES
    return reply.value if text else None


async def _write(ask: Ask, name: str, value: bytes) -> Found:
    """Set ``name`` to ``value``, which it has, and read it back."""
    problem, error = "", -1
    try:
        error = (await ask(SET, OBJECTS[name], value)).error
    except NoAnswer as trouble:
        problem = f"{name}: the write met {trouble}"
    after = await _read(ask, OBJECTS[name])
    unchanged = None if after is None else after == value
    if after is not None and not unchanged:
        # Somebody else wrote at that moment, or the agent is broken. Ours is the value from before.
        return Found(
            True if error == 0 else None, False, f"{name} is not what it was; see the evidence"
        )
    if error in (NO_ACCESS, AUTHORIZATION_ERROR):
        return Found(False, unchanged, f"{name}: error-status {error}, no access")
    if error == 0 and unchanged:
        return Found(True, True, f"{name} was set to its own value, and read back the same")
    if error == 0:
        return Found(None, None, f"{name} was set to its own value, and could not be read back")
    return Found(
        None,
        unchanged,
        problem or f"{name}: error-status {error}, which may be of the object alone",
    )
