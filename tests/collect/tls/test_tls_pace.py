"""When an inventory may be quick, and how long a device that dribbles is listened to."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from zoo.stack import OneAtATime, Stub, read_hello, server_hello
from zoo.stubs import Queue

from probe.collect.budget import Budget
from probe.collect.tls import exchange, interview
from probe.collect.tls.codec import ClientHello, ServerFlight, Version
from probe.collect.tls.collector import measure
from probe.collect.tls.exchange import Met, Reaction
from probe.collect.tls.interview import MOST_IN_WINDOW, Interview
from probe.model.evidence import EvidenceRef
from probe.model.plan import Gentleness, Plan, TlsDepth
from probe.model.tls import TlsService

PACE = 0.2
MANY = frozenset(
    {0xC02F, 0xC030, 0xC013, 0xC014, 0xC027, 0xC028, 0x002F, 0x0035, 0x003C, 0x009C, 0x009D, 0x003D}
)


def plan(at_once: int, depth: TlsDepth = TlsDepth.INVENTORY) -> Plan:
    gentle = Gentleness(connections_at_once=at_once, packets_per_s=5_000.0, burst=50)
    return Plan(
        name="t", summary="", catalogues=(), tcp_ports="quick", gentleness=gentle, tls=depth
    )


@pytest.fixture
def taken(bench: Any) -> Any:
    """``await taken(port, plan)``: what the collector's job recorded, with the plan's budget."""

    async def run(port: int, plan: Plan) -> TlsService:
        made = bench("127.0.0.1", plan=plan)
        made.session.budget = Budget(plan.gentleness)
        await measure(made.session, "127.0.0.1", port)
        service: TlsService = made.recorded.facts(TlsService)[0]
        return service

    return run


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prober and device alike, so that what is counted stays the same."""
    for name, value in list(vars(interview).items()):
        if name.endswith("_S") and isinstance(value, float):
            monkeypatch.setattr(interview, name, value * PACE)


def fullest(times: list[float], window: float) -> int:
    """The most connections that came within a window."""
    return max(sum(t <= u < t + window for u in times) for t in times)


def complete(service: TlsService) -> bool:
    (modern,) = [s for s in service.lists if (s.kind, s.version) == ("suites", "TLSv1.2")]
    return bool(modern.complete) and len(modern.accepted) == len(MANY)


# --- quick or not --------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [1, 2])
@pytest.mark.parametrize("handshake_s", [0.0, 0.15])
async def test_the_locking_device_is_not_hurried(
    at_once: int, handshake_s: float, serve: Any, taken: Any, hurry: None
) -> None:
    """It turns the second connection away, or, asked one at a time, is never asked for two."""
    device = OneAtATime(
        versions=(0x0301, 0x0303),
        suites=MANY,
        lockout=20,
        window_s=5.0 * PACE,
        handshake_s=handshake_s * PACE,
    )
    async with serve(device) as port:
        service = await taken(port, plan(at_once))
    assert device.shut_until == 0.0, "locked"
    assert fullest(device.knocks, device.window_s) <= 20
    assert complete(service)


@pytest.mark.parametrize("device", [Stub, Queue])
async def test_a_server_with_room_or_a_queue_is_asked_quickly(
    device: Callable[..., Stub], serve: Any, taken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = device(versions=(0x0301, 0x0303), suites=MANY)
    if isinstance(made, Queue):
        made.handshake_s = 0.005
    async with serve(made) as port:
        service = await taken(port, plan(2))
    assert fullest(made.times, interview.WINDOW_S) > 20
    assert complete(service)


async def test_a_slow_server_is_not_hurried(serve: Any, taken: Any, hurry: None) -> None:
    device = Queue(versions=(0x0303,), suites=MANY, handshake_s=0.15)
    async with serve(device) as port:
        service = await taken(port, plan(2))
    assert fullest(device.times, interview.WINDOW_S) <= MOST_IN_WINDOW + 1
    assert complete(service)


async def test_one_connection_at_once_means_one(serve: Any, taken: Any, hurry: None) -> None:
    """And where something else keeps the second place, nothing was seen of the device's."""
    device = OneAtATime(versions=(0x0303,), suites=MANY, handshake_s=0.0)
    async with serve(device) as port:
        service = await taken(port, plan(1))
    assert device.at_once == 0
    assert fullest(device.times, interview.WINDOW_S) <= MOST_IN_WINDOW + 1  # a timer is not exact
    assert complete(service)


@pytest.mark.parametrize(
    ("met", "seconds", "quick"),
    [
        (Met.ALERT, 0.01, True),
        (Met.RESET, 0.01, False),
        (Met.SILENT, 0.3, False),
        (Met.UNREACHABLE, 0.1, False),
        (Met.ALERT, 2.0, False),
    ],
)
async def test_the_first_strain_ends_the_hurry(met: Met, seconds: float, quick: bool) -> None:
    async def say(hello: ClientHello, *, patience: float, to_the_end: bool) -> Reaction:
        return Reaction(
            hello=hello,
            met=met,
            flight=ServerFlight(),
            detail="",
            seconds=seconds,
            proof=EvidenceRef(sha256="0" * 64),
        )

    async def no_pause(_: float) -> None: ...

    asked = Interview(say, bytes, no_pause)
    asked.quick = True
    await asked.ask(Version.TLS13, ((0x1301,),))
    assert asked.quick is quick


async def test_a_place_that_is_kept_shows_nothing(serve: Any, bench: Any, hurry: None) -> None:
    """The second connection had to wait for the probe itself, so the device is asked slowly."""
    device = OneAtATime(versions=(0x0303,), suites=MANY, lockout=20, window_s=5.0 * PACE)
    device.handshake_s = 0.0
    made = bench("127.0.0.1", plan=plan(2))
    made.session.budget = Budget(plan(2).gentleness)
    async with serve(device) as port, made.session.budget.connection():
        await measure(made.session, "127.0.0.1", port)
    assert device.shut_until == 0.0, "locked"
    assert complete(made.recorded.facts(TlsService)[0])


# --- several lists at once -----------------------------------------------------------------------

ORDER = {
    "ECDHE-RSA-AES128-SHA": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "AES256-SHA": "TLS_RSA_WITH_AES_256_CBC_SHA",
    "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "DHE-RSA-AES128-GCM-SHA256": "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "AES128-SHA": "TLS_RSA_WITH_AES_128_CBC_SHA",
    "ECDHE-RSA-AES256-SHA": "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
}


@pytest.mark.parametrize("prefers", ["server", "client"])
async def test_lists_that_are_taken_together_are_exact(
    prefers: str, s_server: Any, measured: Any
) -> None:
    """What is named goes to the end of the other lists; nothing is lost, and no order changes."""
    options = ["-tls1_2", "-cipher", ":".join(ORDER), "-groups", "P-521:X25519:P-256:P-384"]
    signed = ["-sigalgs", "RSA+SHA384:RSA-PSS+SHA256:RSA+SHA256:RSA-PSS+SHA512"]
    preference = ["-serverpref"] if prefers == "server" else []
    async with s_server(*options, *signed, *preference) as port:
        service = (await measured(port, plan=plan(2))).service
    lists = {(s.kind, s.version): s for s in service.lists}
    found = lists["suites", "TLSv1.2"]
    assert found.order == prefers
    assert set(found.accepted) == set(ORDER.values())
    if prefers == "server":
        assert list(found.accepted) == list(ORDER.values())
    assert set(lists["groups", "TLSv1.2"].accepted) == {
        "x25519",
        "secp256r1",
        "secp384r1",
        "secp521r1",
    }
    assert set(lists["signatures", "TLSv1.2"].accepted) == {
        "rsa_pkcs1_sha384",
        "rsa_pkcs1_sha256",
        "rsa_pss_rsae_sha256",
        "rsa_pss_rsae_sha512",
    }
    assert all(one.complete for one in service.lists)


# --- dribbling -----------------------------------------------------------------------------------


@pytest.mark.parametrize("gap_s", [0.02, 0.3])
async def test_a_device_that_dribbles_has_its_time_and_no_more(
    gap_s: float, serve: Any, measured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "MOST_DRIBBLE_S", 1.0)
    monkeypatch.setattr(exchange, "LEAST_DRIBBLE_S", 0.05)

    async def dribble(reader: Any, writer: Any) -> None:
        await read_hello(reader)
        for byte in server_hello(0x0303, 0xC02F, certificate=bytes(1000)):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(gap_s)

    began = time.monotonic()
    async with serve(dribble) as port:
        result = await measured(port, plan=plan(1, TlsDepth.VERDICT))
    # The time of all answers, then the least for each, and what closing takes.
    assert time.monotonic() - began < 1.0 + 13 * (0.05 + 0.35)
    assert result.service is None
    assert "came in pieces" in result.missing.reason or "nothing within" in result.missing.reason


async def test_a_hello_is_read_before_its_record_is_whole(serve: Any, measured: Any) -> None:
    """A stack that puts all its messages into one record, and sends it byte by byte, is understood."""
    flight = ServerFlight()
    whole = server_hello(0x0303, 0xC02F, certificate=bytes(1000))
    bytewise = iter(whole)
    while flight.hello is None:
        flight.feed(bytes([next(bytewise)]))
    assert flight.size < 60
    assert flight.pending
    flight.feed(bytes(bytewise))
    assert flight.done
    assert not flight.pending
    assert flight.certificates == (bytes(1000),)


async def test_a_chain_that_breaks_off_is_not_called_absent(
    serve: Any, measured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "MOST_DRIBBLE_S", 0.4)
    monkeypatch.setattr(exchange, "LEAST_DRIBBLE_S", 0.4)
    device = Stub(suites=MANY, certificate=bytes(2_000), dribble=True)
    async with serve(device) as port:
        result = await measured(port, plan=plan(1, TlsDepth.VERDICT))
    assert result.versions["TLSv1.2"] == "accepted"
    assert not result.service.chain
    assert "broke off" in result.service.chain_problem
