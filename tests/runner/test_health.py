"""Who is gone, who is deaf, and what the probe's own link has to do with it."""

import pytest

from probe.collect.answers import NoAnswer, Why
from probe.collect.session import PortState
from probe.model.device import Device
from probe.model.event import DeviceSeen
from probe.model.evidence import Coverage
from probe.model.observation import Health, PortScan
from probe.runner import health
from probe.runner.health import HealthWatch

TRIED = Coverage(tried="asked", times=1, deadline_s=1.0)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch) -> None:
    monkeypatch.setattr(health, "PAUSES_S", (0.01, 0.02))
    monkeypatch.setattr(health, "AGAIN_S", 0.01)


@pytest.fixture
def at(device_task, scripted, monkeypatch):
    """A session on a device with a known port, and what its knocks hear: ``(session, knocks)``."""
    task, journal = device_task(scripted("none"))
    seen = journal.state.devices[task.device]
    named = Device(id=seen.id, mac="02:00:00:00:00:01", addresses=seen.addresses)
    journal.append(DeviceSeen(device=named))
    session = task._session("health/x/1", "health")
    scan = PortScan(transport="tcp", address="127.0.0.1", list_name="t", tested="80", open=(80,))
    task._session("scan/x/1", "scan").observe(scan, TRIED)
    heard: list[PortState] = []

    async def knock(address: str, port: int, **more: float) -> tuple[PortState, float]:
        return (heard.pop(0) if heard else PortState.SILENT), 0.1

    monkeypatch.setattr(session, "knock", knock)

    def states() -> list[str]:
        return [
            o.fact.state for o in journal.state.observations.values() if isinstance(o.fact, Health)
        ]

    return session, heard, states


def pinging(answer: bool | None, asked: list[str]):
    async def ping(mac: str, address: str) -> bool | None:
        asked.append(address)
        return answer

    return ping


async def test_silent_ports_on_a_device_that_answers_arp_are_not_a_device_that_is_gone(at) -> None:
    session, _, states = at
    asked: list[str] = []
    watch = HealthWatch(pinging(True, asked))
    await watch.check(session, after="the scan", at_once=True)
    assert not watch.gone
    assert states()[-1] == "answering again"
    # From then on the link is asked, and nobody waits for the ports each time.
    before = len(asked)
    await watch.check(session, after="the next job", at_once=True)
    assert len(asked) == before + 1
    assert not watch.gone


@pytest.mark.parametrize("answer", [False, None])
async def test_silence_on_every_layer_is_gone(at, answer: bool | None) -> None:
    session, _, states = at
    watch = HealthWatch(pinging(answer, []))
    await watch.check(session, after="the scan", at_once=True)
    assert watch.gone
    assert states() == ["stopped answering", "stopped answering"], (
        "at first, and after all patience"
    )


async def test_what_the_probe_could_not_ask_is_no_silence_of_the_device(at, monkeypatch) -> None:
    session, _, states = at

    async def no_link(address: str, port: int, **more: float) -> tuple[PortState, float]:
        raise NoAnswer(Why.LOCAL, "Network is down")

    monkeypatch.setattr(session, "knock", no_link)
    watch = HealthWatch(None)
    await watch.check(session, after="the scan", at_once=True)
    assert not watch.gone
    assert states() == []


async def test_a_device_that_can_no_longer_be_asked_is_not_called_gone(at, monkeypatch) -> None:
    session, _, states = at
    heard: list[PortState] = [PortState.SILENT, PortState.SILENT]

    async def knock(address: str, port: int, **more: float) -> tuple[PortState, float]:
        if not heard:
            raise NoAnswer(Why.LOCAL, "Network is down")
        return heard.pop(), 0.1

    monkeypatch.setattr(session, "knock", knock)
    watch = HealthWatch(None)
    await watch.check(session, after="the scan", at_once=True)
    assert not watch.gone
    assert states() == ["stopped answering"]


async def test_silence_while_our_own_link_was_down_is_asked_again(at) -> None:
    session, heard, states = at
    heard += [PortState.SILENT, PortState.FILTERED, PortState.OPEN]
    down = iter([True])
    watch = HealthWatch(None, lambda since: next(down, False))
    await watch.check(session, after="the scan", at_once=True)
    assert not watch.gone
    assert states() == []


async def test_a_port_of_an_address_outside_the_scope_is_no_sentinel(at) -> None:
    session, _, _ = at
    assert health.sentinel_port(session.dut, lambda address: True) == ("127.0.0.1", 80)
    assert health.sentinel_port(session.dut, lambda address: False) is None
