"""DTLS over UDP: devices that lose, delay, stay silent or lie, and genuine servers."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from test_tls_dtls_codec import MESSAGES, certificate, cookie_request, fragment, in_record

from probe.collect.tls import dtls, interview
from probe.collect.tls.codec import Version
from probe.collect.tls.codec.dtls import LABELS, records
from probe.collect.tls.collector import COLLECTOR
from probe.model.evidence import EvidenceRef
from probe.model.observation import Service
from probe.model.plan import Plan

YES, NO, UNKNOWN = "accepted", "refused", "no answer"
WIRE = {"DTLSv1.0": 0xFEFF, "DTLSv1.2": 0xFEFD}


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """All waiting twenty times shorter for stubs; the rules stay as they are."""
    if request.node.get_closest_marker("real"):
        return
    for module in (interview, dtls):
        for name, value in vars(module).items():
            if name.endswith("_S") and isinstance(value, float):
                monkeypatch.setattr(module, name, value / 20)


@dataclass
class Device(asyncio.DatagramProtocol):
    """A server of one suite; it keeps an association until it is ended by an alert."""

    versions: tuple[str, ...] = ("DTLSv1.2",)
    suite: int = 0xC02B
    cookie: bool = True
    refuse: Callable[[], list[bytes]] = lambda: [in_record(b"\2\x28", kind=21)]
    lost: float = 0.0
    """Share of datagrams that get lost, either way."""
    delay: float = 0.0
    fragment_bytes: int = 400
    forgetful: bool = False
    """Wants another cookie each time."""
    heard: list[bytes] = field(default_factory=list)
    open: set[Any] = field(default_factory=set)
    most_open: int = 0
    luck: random.Random = field(default_factory=lambda: random.Random(7))

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, peer: Any) -> None:
        if self.luck.random() < self.lost:
            return
        self.heard.append(data)
        record = next(iter(records(data)))
        if record.kind == 21:
            self.open.discard(peer)
            return
        for answer in self.answers(record.payload, peer):
            if self.luck.random() >= self.lost:
                loop = asyncio.get_running_loop()
                loop.call_later(self.delay, self.transport.sendto, answer, peer)

    def answers(self, message: bytes, peer: Any) -> list[bytes]:
        body = message[12:]
        at = 35 + body[34]
        cookie = body[at + 1 : at + 1 + body[at]]
        if self.cookie and (not cookie or self.forgetful):
            return [cookie_request(bytes([len(self.heard) if self.forgetful else 5]) * 16)]
        at += 1 + len(cookie)
        count = int.from_bytes(body[at : at + 2], "big")
        offered = {int.from_bytes(body[n : n + 2], "big") for n in range(at + 2, at + 2 + count, 2)}
        highest = int.from_bytes(body[:2], "big")
        only = b"\0\x2b\0\3\2\xfe\xfc" in body
        possible = [WIRE[v] for v in self.versions if WIRE[v] >= highest and not only]
        if not possible or self.suite not in offered:
            return self.refuse()
        self.open.add(peer)
        self.most_open = max(self.most_open, len(self.open))
        wire = min(possible).to_bytes(2, "big")
        found = wire + bytes(33) + self.suite.to_bytes(2, "big") + b"\0"
        flight = [(2, found), (11, certificate(900)), *MESSAGES[2:]]
        return [
            in_record(fragment(kind, number, body, at, self.fragment_bytes), version=min(possible))
            for number, (kind, body) in enumerate(flight, 1)
            for at in range(0, max(1, len(body)), self.fragment_bytes)
        ]


@asynccontextmanager
async def up(device: asyncio.DatagramProtocol) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: device, local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


async def test_a_device(measured: Any) -> None:
    device = Device()
    async with up(device) as port:
        result = await measured(port, transport="udp")
        await asyncio.sleep(0.01)
    assert result.versions == {"DTLSv1.0": NO, "DTLSv1.2": YES, "DTLSv1.3": NO}
    assert result.suites == {"weak": NO, "phase-out": NO}
    assert result.service.transport == "udp"
    assert result.service.hellos <= 13
    assert device.most_open == 1, "one association at a time"
    assert not device.open, "and none is left behind"
    assert not [d for d in result.service.versions if " TLSv" in f" {d.detail}"]


async def test_an_old_one_that_takes_the_lower_version(measured: Any) -> None:
    async with up(Device(versions=("DTLSv1.0",), suite=0xC009, cookie=False)) as port:
        result = await measured(port, transport="udp")
    assert result.versions == {"DTLSv1.0": YES, "DTLSv1.2": NO, "DTLSv1.3": NO}
    detail = next(v.detail for v in result.service.versions if v.name == "DTLSv1.2")
    assert detail == "DTLSv1.0 was chosen instead of DTLSv1.2"


async def test_preshared_keys_only_and_silence_to_the_rest(measured: Any) -> None:
    """As GnuTLS in libcoap does: no common suite is met with silence, PSK suites alone are answered."""
    async with up(Device(suite=0xC0A8, refuse=list)) as port:
        result = await measured(port, transport="udp")
    assert result.versions["DTLSv1.2"] == YES
    assert result.versions["DTLSv1.0"] in (UNKNOWN, NO)
    assert result.suites["phase-out"] == UNKNOWN


class GivesUp(Device):
    """Says nothing to a hello of which it wants no suite, and has forgotten about it the next moment."""

    given_up: int = 0

    def answers(self, message: bytes, peer: Any) -> list[bytes]:
        body = message[12:]
        at = 35 + body[34]
        if body[at] and body[at + 1] == 5 + self.given_up:
            message = message[:12] + body[: at + 1] + b"\5" * body[at] + body[at + 1 + body[at] :]
            if found := super().answers(message, peer):
                return found
            self.given_up += 1
            return []
        return [cookie_request(bytes([5 + self.given_up]) * 16)]


async def test_a_stack_that_gives_up_on_all_but_preshared_keys(measured: Any) -> None:
    """It is asked for these at once, and not waited for again and again."""
    device = GivesUp(suite=0xC0A8, refuse=list)
    async with up(device) as port:
        began = asyncio.get_running_loop().time()
        result = await measured(port, transport="udp")
        took = asyncio.get_running_loop().time() - began
    assert result.versions["DTLSv1.2"] == YES
    assert result.versions["DTLSv1.0"] in (UNKNOWN, NO)
    assert result.suites["phase-out"] == UNKNOWN
    assert result.service.hellos <= 20
    assert took < 16.0 / 20


async def test_one_that_gives_up_on_big_hellos_has_ordinary_suites_too(measured: Any) -> None:
    class Small(GivesUp):
        def answers(self, message: bytes, peer: Any) -> list[bytes]:
            self.suite = 0xC0A8 if len(message) > 350 else 0xC02B
            return super().answers(message, peer)

    async with up(Small(refuse=list)) as port:
        result = await measured(port, transport="udp")
    assert {t.name: t.reply for t in result.service.traits}["psk_only"] == NO


async def test_a_lossy_link(measured: Any) -> None:
    """Every seventh datagram is lost: then some answers may be missing, none may be false."""
    for seed in range(4):
        device = Device(versions=("DTLSv1.0", "DTLSv1.2"), suite=0xC009, lost=0.15)
        device.luck = random.Random(seed)
        async with up(device) as port:
            result = await measured(port, transport="udp")
        if result.service is not None:
            assert result.versions["DTLSv1.0"] in (YES, UNKNOWN)
            assert result.versions["DTLSv1.2"] in (YES, UNKNOWN)
            assert result.versions["DTLSv1.3"] in (NO, UNKNOWN)


async def test_a_slow_device_is_given_its_time(measured: Any) -> None:
    """Each datagram takes it seven seconds, twenty times shortened."""
    async with up(Device(delay=7.0 / 20)) as port:
        result = await measured(port, transport="udp")
    assert result.versions["DTLSv1.2"] == YES


async def test_a_quick_device_is_not_waited_for_long(measured: Any) -> None:
    device = Device(refuse=list)
    async with up(device) as port:
        began = asyncio.get_running_loop().time()
        result = await measured(port, transport="udp")
        took = asyncio.get_running_loop().time() - began
    assert result.versions["DTLSv1.2"] == YES
    assert set(result.versions.values()) == {YES, UNKNOWN}
    assert took < 20.0 / 20 * 2


async def test_a_closed_port_is_closed(measured: Any, free_port: int) -> None:
    result = await measured(free_port, transport="udp")
    assert result.service is None
    assert "refused" in result.missing.reason
    assert result.missing.owner == "device"


class Says(asyncio.DatagramProtocol):
    """Answers everything alike."""

    def __init__(self, *answers: bytes) -> None:
        self.answers, self.heard = itertools.cycle(answers) if answers else None, 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, peer: Any) -> None:
        self.heard += 1
        if self.answers:
            self.transport.sendto(next(self.answers), peer)


@pytest.mark.parametrize(
    "answers",
    [
        (),
        (b"what?",),
        (in_record(b"\2\x28", kind=21),),
        tuple(cookie_request(bytes([n]) * 8) for n in range(200)),
        (in_record(fragment(2, 0, bytes(60_000), 0, 300)),),
    ],
    ids=["silence", "garbage", "alerts", "cookies without end", "a message without end"],
)
async def test_nothing_to_measure_is_one_reason(measured: Any, answers: tuple[bytes, ...]) -> None:
    device = Says(*answers)
    async with up(device) as port:
        result = await measured(port, transport="udp")
    assert result.service is None
    assert result.missing.reason
    assert result.missing.settle
    assert device.heard <= 120
    assert all(isinstance(p, EvidenceRef) for p in result.proof)


def test_its_job_comes_from_what_was_found(bench: Any) -> None:
    made = bench("127.0.0.1")
    for n, (transport, protocol, tls) in enumerate(
        [
            ("udp", "coaps", False),
            ("udp", "dtls", False),
            ("udp", "quic", False),
            ("udp", "dns", False),
        ]
    ):
        fact = Service(
            transport=transport, address="127.0.0.1", port=5000 + n, protocol=protocol, tls=tls
        )
        made.session.observe(fact, EvidenceRef(sha256="0" * 64))
    plan: Plan = made.session.plan
    titles = [t.job.title for t in COLLECTOR.tasks(made.dut, plan)]
    assert titles == ["DTLS on udp 127.0.0.1:5000", "DTLS on udp 127.0.0.1:5001"]


def test_the_names_are_those_of_the_model() -> None:
    assert list(LABELS.values()) == ["DTLSv1.0", "DTLSv1.2", "DTLSv1.3"]
    assert LABELS[Version.TLS11] == "DTLSv1.0"
