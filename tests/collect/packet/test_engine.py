"""The helper's engine without a network: what it reports when there is no room, trouble, or too much."""

import asyncio
import struct

import pytest

from probe.collect.packet import protocol as say
from probe.collect.packet.helper import ear as module
from probe.collect.packet.helper.engine import Engine

BEGIN = say.Begin(
    interface="eth9",
    index=9,
    mac="02:00:5e:00:53:02",
    ipv4=("198.51.100.2/24",),
    ipv6=(),
    networks=("198.51.100.0/24",),
    targets=(),
)


class Socket:
    """A raw socket whose kernel has dropped these many frames, asked one time after the other."""

    def __init__(self, *drops: int) -> None:
        self.drops = list(drops)
        self.trouble: list[OSError | None] = []

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        assert (level, option, size) == (263, 6, 8)
        return struct.pack("II", 1000, self.drops.pop(0) if self.drops else 0)

    def send(self, frame: bytes) -> int:
        trouble = self.trouble.pop(0) if self.trouble else None
        if trouble is not None:
            raise trouble
        return len(frame)


class Outlet:
    """Takes reports while there is ``room``."""

    def __init__(self) -> None:
        self.room, self.reports = True, []

    def send(self, report: say.Report) -> bool:
        if self.room:
            self.reports.append(report)
        return self.room

    def of(self, kind: type) -> list:
        return [r for r in self.reports if isinstance(r, kind)]


@pytest.fixture
def at(monkeypatch):
    monkeypatch.setattr(module, "REPORT_EVERY_S", 0.01)
    outlet, sock = Outlet(), Socket(0, 5, 0, 2)
    return Engine(BEGIN, sock, sock, outlet.send), outlet, sock


async def reporting(engine: Engine, seconds: float = 0.15) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(engine.ear.report_traffic(), seconds)


async def test_frames_that_the_kernel_dropped_are_told_as_a_running_total(at) -> None:
    engine, outlet, _ = at
    await reporting(engine)
    assert [lost.frames for lost in outlet.of(say.TrafficLost)] == [5, 7]


async def test_a_report_without_room_is_counted_as_lost(at, frames) -> None:
    engine, outlet, sock = at
    sock.drops.clear()
    get = b"GET / HTTP/1.1\r\n\r\n"
    frame = frames.tcp(("198.51.100.11", 40000), ("203.0.113.7", 80), 1, 1, get, flags=0x11)
    engine.ear._flows.add(frame, len(frame), 1.0)
    outlet.room = False
    await reporting(engine, 0.05)
    outlet.room = True
    await reporting(engine, 0.05)
    assert outlet.of(say.FlowSeen) == []
    assert [lost.frames for lost in outlet.of(say.TrafficLost)] == [3], "a flow, and two counts"


def test_a_neighbour_that_was_seen_without_room_is_told_the_next_time(at, frames) -> None:
    engine, outlet, _ = at
    frame = frames.arp(2, "198.51.100.11", "198.51.100.2")
    outlet.room = False
    engine.ear.received(frame, 1.0)
    outlet.room = True
    engine.ear.received(frame, 2.0)
    engine.ear.received(frame, 3.0)
    assert [s.at for s in outlet.of(say.Sighting)] == [2.0]


def test_too_many_neighbours_are_told_once_to_a_person(at, frames, monkeypatch) -> None:
    engine, outlet, _ = at
    monkeypatch.setattr(module, "MAX_SEEN", 2)
    for last in range(10, 20):
        engine.ear.received(frames.arp(2, f"198.51.100.{last}", "198.51.100.2"), 1.0)
    assert len(outlet.of(say.Sighting)) == 2
    assert len(outlet.of(say.Said)) == 1


async def test_a_ping_beside_a_sweep_does_not_hide_its_trouble(at) -> None:
    engine, outlet, sock = at
    sock.trouble = [OSError(100, "Network is down")]
    sweep = say.ArpSweep(id=1, targets=("198.51.100.11",), rounds=1, gap_s=0.1, rate=100)
    ping = say.Ping(id=2, mac="", address="198.51.100.12", within_s=0.05, everybody=False)
    doing = asyncio.create_task(engine.obey(sweep))
    await asyncio.sleep(0.02)
    await engine.obey(ping)
    await doing
    [done] = outlet.of(say.Done)
    assert done.problem == "Network is down"
    sound = say.ArpSweep(id=3, targets=("198.51.100.13",), rounds=1, gap_s=0.1, rate=100)
    await engine.obey(sound)
    assert outlet.of(say.Done)[-1].problem == ""
