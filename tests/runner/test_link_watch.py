"""The probe's own link: while it is down nothing leaves, nobody is blamed, and the run says so."""

import asyncio
import time
from dataclasses import replace

import pytest

from probe.collect.gate import Gate
from probe.collect.packet.interface import InterfaceFacts
from probe.errors import ProbeError
from probe.model.finding import Owner
from probe.runner import link_watch
from probe.runner.link_watch import LinkWatch

UP = InterfaceFacts(name="eth9", index=9, mac="02:00:00:00:00:09")


class Bench:
    def __init__(self) -> None:
        self.facts, self.gate = UP, Gate()
        self.notes: list[tuple[str, Owner]] = []
        self.watch = LinkWatch("eth9", self.gate, self._note, self._ask)

    def _note(self, text: str, owner: Owner) -> None:
        self.notes.append((text, owner))

    def _ask(self, name: str) -> InterfaceFacts:
        if self.facts is None:
            raise ProbeError(f"there is no network interface '{name}'", "Plug it in.")
        return self.facts


def test_a_link_that_is_up_is_not_worth_a_word() -> None:
    at = Bench()
    assert at.watch.look()
    assert not at.watch.disturbed(time.monotonic())
    assert (at.gate.closed, at.notes) == (False, [])


@pytest.mark.parametrize("facts", [replace(UP, up=False), replace(UP, carrier=False), None])
def test_a_lost_link_closes_the_gate_until_it_is_back(facts) -> None:
    at, began = Bench(), time.monotonic()
    at.facts = facts
    assert not at.watch.look()
    assert not at.watch.look()
    assert at.gate.closed
    assert [owner for _, owner in at.notes] == [Owner.ENVIRONMENT]
    at.facts = UP
    assert at.watch.look()
    assert not at.gate.closed
    assert "again" in at.notes[1][0]
    assert at.watch.disturbed(began), "what was asked meanwhile was disturbed"
    assert not at.watch.disturbed(time.monotonic())


def test_the_time_without_a_link_is_counted() -> None:
    at = Bench()
    assert at.watch.away_s == 0.0
    for _ in range(2):
        at.facts = replace(UP, carrier=False)
        at.watch.look()
        time.sleep(0.03)
        assert at.watch.away_s >= 0.03
        at.facts = UP
        at.watch.look()
    away = at.watch.away_s
    time.sleep(0.03)
    assert 0.06 <= at.watch.away_s == away


async def test_a_link_that_stays_away_ends_the_run(monkeypatch) -> None:
    monkeypatch.setattr(link_watch, "EVERY_S", 0.01)
    monkeypatch.setattr(link_watch, "PATIENCE_S", 0.05)
    at = Bench()
    at.facts = replace(UP, carrier=False)
    with pytest.raises(ProbeError, match="no link") as raised:
        await asyncio.wait_for(at.watch.run(), 2)
    assert raised.value.owner is Owner.ENVIRONMENT
    assert "--resume" in raised.value.next_step
