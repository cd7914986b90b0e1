"""How a device is spoken to: never too often in a short time, never under a name that is none."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from zoo.stack import OneAtATime, Stub, alert, parse_hello

from probe.collect.tls import interview
from probe.collect.tls.codec import ClientHello, ServerFlight, Version
from probe.collect.tls.collector import measure
from probe.collect.tls.exchange import Met, Reaction
from probe.collect.tls.interview import MOST_IN_WINDOW, WINDOW_S, Interview
from probe.collect.tls.names import server_names
from probe.model.evidence import Coverage, EvidenceRef
from probe.model.observation import Announced
from probe.model.plan import Gentleness, Plan, TlsDepth
from probe.model.tls import Certificate, TlsService

PACE = 0.2
MANY = frozenset({0xC02F, 0xC030, 0xC013, 0xC014, 0xC027, 0xC028, 0x002F, 0x0035, 0x003C, 0x009C})
YES, NO = "accepted", "refused"


def plan(depth: TlsDepth) -> Plan:
    gentle = Gentleness(packets_per_s=2_000.0, burst=8)
    return Plan(
        name="t", summary="", catalogues=(), tcp_ports="quick", gentleness=gentle, tls=depth
    )


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prober and device alike, so that what is counted stays the same."""
    for name, value in list(vars(interview).items()):
        if name.endswith("_S") and isinstance(value, float):
            monkeypatch.setattr(interview, name, value * PACE)


@pytest.mark.parametrize("depth", list(TlsDepth))
@pytest.mark.parametrize("handshake_s", [0.0, 0.15])
async def test_the_locking_device_never_locks(
    depth: TlsDepth, handshake_s: float, serve: Any, measured: Any, hurry: None
) -> None:
    """It shuts its port after more than 20 connections in 5 s, and resets who comes while it is busy."""
    device = OneAtATime(
        versions=(0x0301, 0x0303),
        suites=MANY,
        lockout=20,
        window_s=5.0 * PACE,
        handshake_s=handshake_s * PACE,
    )
    async with serve(device) as port:
        result = await measured(port, plan=plan(depth))
    assert device.shut_until == 0.0, "locked"
    assert result.versions["TLSv1.0"] == YES
    assert result.versions["TLSv1.2"] == YES
    assert result.versions["TLSv1.1"] == NO
    assert result.versions["SSLv3"] == NO
    if depth is TlsDepth.INVENTORY:
        (modern,) = [
            s for s in result.service.lists if (s.kind, s.version) == ("suites", "TLSv1.2")
        ]
        assert len(modern.accepted) == len(MANY)
        assert modern.complete


class Clock:
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def meets(clock: Clock, met: Callable[[int], Met]) -> tuple[Any, list[float]]:
    times: list[float] = []

    async def say(hello: ClientHello, *, patience: float, to_the_end: bool) -> Reaction:
        times.append(clock.now)
        return Reaction(
            hello=hello,
            met=met(len(times)),
            flight=ServerFlight(),
            detail="",
            seconds=0.001,
            proof=EvidenceRef(sha256="0" * 64),
        )

    return say, times


async def test_no_window_of_time_holds_more_than_a_device_bears() -> None:
    clock = Clock()
    say, times = meets(clock, lambda _: Met.ALERT)
    asked = Interview(say, bytes, clock.sleep, most_hellos=200, clock=clock)
    for _ in range(100):
        await asked.ask(Version.TLS13, ((0x1301,),))
    assert len(times) >= 100
    for begin in times:
        assert sum(begin <= t < begin + WINDOW_S for t in times) <= MOST_IN_WINDOW


async def test_after_a_reset_three_a_second_and_longer_and_longer_pauses() -> None:
    clock = Clock()
    say, times = meets(clock, lambda n: Met.RESET if n <= 3 else Met.ALERT)
    asked = Interview(say, bytes, clock.sleep, clock=clock)
    for _ in range(8):
        await asked.ask(Version.TLS12, ((0xC02F,),))
    gaps = [b - a for a, b in pairwise(times)]
    assert gaps[0] < gaps[1] < gaps[2]
    assert min(gaps) > 1 / 3


# --- names ---------------------------------------------------------------------------------------


class Named(Stub):
    """Keeps the server names that it is asked for, and may insist on one."""

    wanted: str | None = None
    refuses_names = False

    def decide(self, hello: Any) -> Any:
        name = hello.extensions.get(0, b"\0\0\0\0\0")[5:].decode()
        self.names = [*getattr(self, "names", []), name]
        if (self.wanted is not None and name != self.wanted) or (self.refuses_names and name):
            return alert(112)
        return super().decide(hello)


def announce(made: Any, name: str) -> None:
    made.session.observe(
        Announced(via="mdns", name=name, kind="host", port=None),
        Coverage(tried="mdns", times=1, deadline_s=1.0),
    )


def certified(made: Any, *names: str) -> None:
    """Another service of the device has a certificate for these names."""
    leaf = Certificate(
        subject="CN=x",
        issuer="CN=x",
        serial="1",
        not_before=None,
        not_after=None,
        key_type="EC",
        key_bits=256,
        signature_hash="sha256",
        self_signed=True,
        is_ca=False,
        names=names,
        sha256="0" * 64,
    )
    made.session.observe(
        TlsService(address="127.0.0.1", port=1, versions=(), suites=(), chain=(leaf,)),
        Coverage(tried="tls", times=1, deadline_s=1.0),
    )


async def run(made: Any, device: Stub, serve: Any) -> TlsService:
    async with serve(device) as port:
        await measure(made.session, "127.0.0.1", port)
    service: TlsService = made.recorded.facts(TlsService)[-1]
    return service


async def test_the_announced_name_comes_first(serve: Any, bench: Any) -> None:
    made, device = bench("127.0.0.1"), Named()
    announce(made, "cam-1.local")
    certified(made, "cam.example")
    service = await run(made, device, serve)
    assert service.server_name == "cam-1.local"
    assert set(device.names) <= {"cam-1.local", ""}  # SSLv3 and SSLv2 have no extensions


async def test_then_the_certificates_name(serve: Any, bench: Any, hurry: None) -> None:
    made, device = bench("127.0.0.1"), Named()
    device.wanted = "cam.example"
    announce(made, "cam-1.local")
    certified(made, "192.0.2.1", "*.example", "cam.example")
    assert server_names(made.dut) == ("cam-1.local", "cam.example")
    service = await run(made, device, serve)
    assert service.server_name == "cam.example"


async def test_then_none(serve: Any, bench: Any, hurry: None) -> None:
    made, device = bench("127.0.0.1"), Named()
    device.refuses_names = True
    announce(made, "cam-1.local")
    service = await run(made, device, serve)
    assert service.server_name == ""
    assert {v.name: v.reply.value for v in service.versions}["TLSv1.2"] == YES


@pytest.mark.parametrize(
    "name", ["192.0.2.1", "fe80::1", "10.0.0.5", "1.2.3.4.", "*.local", "a b.c"]
)
def test_no_address_is_ever_a_server_name(name: str, bench: Any) -> None:
    made = bench("127.0.0.1")
    announce(made, name)
    certified(made, name)
    assert server_names(made.dut) == ()


def test_the_stub_reads_names() -> None:
    hello = ClientHello(
        version=Version.TLS12, suites=(0xC02F,), random=bytes(32), server_name="cam.example"
    )
    assert parse_hello(hello.to_bytes()[5:]).extensions[0].endswith(b"cam.example")
