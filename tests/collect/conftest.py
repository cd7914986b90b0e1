"""A DeviceSession on loopback that records into lists; small servers of one coroutine; daemons."""

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
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


# --- genuine daemons ---

Start = Callable[..., None]


@pytest.fixture
def port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def daemons(tmp_path: Path) -> Iterator[Start]:
    """Starts daemons in the foreground and ends them, by their own process ids."""
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:3]:
        with contextlib.suppress(PermissionError):
            parent.chmod(parent.stat().st_mode | 0o055)
    running: list[subprocess.Popen[bytes]] = []

    def run(*command: str, port: int | None = None) -> None:
        log = (tmp_path / "log").open("ab")
        running.append(subprocess.Popen(command, stdout=log, stderr=log))
        for _ in range(100):
            if port is None:
                time.sleep(0.5)
                return
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        pytest.fail((tmp_path / "log").read_text()[-2000:])

    try:
        yield run
    finally:
        for process in running:
            process.terminate()
            process.wait(10)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a daemon that ends after the test."""
    with daemons(tmp_path) as run:
        yield run


def account(tmp_path: Path, password: str, changed: int = 19000) -> list[str]:
    """Words before a command that give it an account of its own, in its mount namespace only."""
    if os.geteuid() != 0 or not shutil.which("openssl"):
        pytest.skip("an account of its own for a daemon needs root and openssl")
    made = subprocess.run(
        ["openssl", "passwd", "-6", password], capture_output=True, text=True, check=True
    )
    for name, line in (
        # At home in "/": another run of pytest may close the folder above tmp_path to others.
        ("passwd", "admin:x:4242:4242::/:/bin/sh"),
        ("shadow", f"admin:{made.stdout.strip()}:{changed}:0:99999:7:::"),
    ):
        (tmp_path / name).write_text(Path("/etc", name).read_text() + line + "\n")
    mounts = " && ".join(f"mount --bind {tmp_path}/{n} /etc/{n}" for n in ("passwd", "shadow"))
    words = ["unshare", "-m", "sh", "-c", f'{mounts} && exec "$@"', "sh"]
    if subprocess.run([*words, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine allows no mount namespace")
    return words


@pytest.fixture
def with_account(tmp_path: Path) -> Callable[..., list[str]]:
    """``with_account(password)``: the words of ``account``."""
    return partial(account, tmp_path)
