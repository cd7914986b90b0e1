"""A DeviceSession on loopback that records into lists, and small servers made of one coroutine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from probe.collect.budget import Budget
from probe.collect.scope import ScopeGuard
from probe.collect.session import DeviceSession
from probe.model.device import Device, device_id
from probe.model.dut import Dut
from probe.model.evidence import Evidence
from probe.model.observation import Fact, Observation
from probe.model.plan import Gentleness, Plan
from probe.model.run import Scope

F = TypeVar("F", bound=Fact)
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Recorded:
    """Everything that a session recorded."""

    observations: list[Observation] = field(default_factory=list)
    evidence: dict[str, bytes] = field(default_factory=dict)
    labels: list[Evidence] = field(default_factory=list)

    def keep(self, evidence: Evidence, data: bytes) -> None:
        self.evidence[evidence.sha256] = data
        self.labels.append(evidence)

    def observe(self, observation: Observation) -> None:
        self.observations.append(observation)

    def facts(self, kind: type[F]) -> list[F]:
        return [o.fact for o in self.observations if isinstance(o.fact, kind)]


@dataclass
class Bench:
    """A session, what it recorded, and the device it is for."""

    session: DeviceSession
    recorded: Recorded
    device: Device

    @property
    def dut(self) -> Dut:
        return Dut(self.device, self.recorded.observations)


def make_bench(
    *addresses: str,
    plan: Plan | None = None,
    interface: str = "lo",
    packets_per_s: float = 2_000.0,
    networks: tuple[str, ...] = ("127.0.0.0/8", "::1/128"),
) -> Bench:
    """A bench for one device with these addresses; fast by default, because loopback is not fragile."""
    addresses = addresses or ("127.0.0.1",)
    device = Device(id=device_id(None, addresses[0]), addresses=addresses)
    gentle = Gentleness(packets_per_s=packets_per_s, burst=8)
    plan = plan or Plan(name="t", summary="", catalogues=(), tcp_ports="quick", gentleness=gentle)
    recorded = Recorded()
    session = DeviceSession(
        job="test/job",
        collector="test",
        plan=plan,
        guard=ScopeGuard(Scope(interface=interface, networks=networks)),
        budget=Budget(gentle),
        recorder=recorded,
        view=lambda: Dut(device, recorded.observations),
    )
    return Bench(session, recorded, device)


@pytest.fixture
def bench() -> Callable[..., Bench]:
    """``bench("127.0.0.1")`` gives a Bench."""
    return make_bench


@asynccontextmanager
async def serving(talk: Talk, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """A TCP server that speaks ``talk`` on a free port; yields the port."""
    running: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = asyncio.current_task()
        assert me is not None
        running.add(me)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            running.discard(me)

    server = await asyncio.start_server(one, host, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(running):
            task.cancel()


@pytest.fixture
def serve() -> Callable[..., object]:
    """``async with serve(talk) as port``."""
    return serving
