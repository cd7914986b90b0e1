"""Who is asked for an outside at all, and when the silence of one is a filter."""

import sys
from pathlib import Path

import pytest

from probe.checks.outside import sealed
from probe.checks.support import measured
from probe.collect.access.credentials import login_services
from probe.model.device import Attribute, Device
from probe.model.dut import Dut
from probe.model.finding import Outcome
from probe.model.ids import CheckId, DeviceId

sys.path.insert(0, str(Path(__file__).parent))

from test_fixtures import HERE, answers, load

WAN_SIDE = CheckId("exposure/wan_side")
OUTER = "203.0.113.7"


def test_a_lamp_has_no_outside() -> None:
    lamp = Device(id=DeviceId("x"), addresses=("198.51.100.11",))
    [answer] = answers(WAN_SIDE, Dut(lamp, []))
    assert answer.outcome is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize("category", ["router", "gateway"])
def test_what_calls_itself_a_router_has_one(category: str) -> None:
    said = (Attribute(name="category", value=category, source="mdns"),)
    router = Device(id=DeviceId("x"), addresses=("198.51.100.1",), attributes=said)
    [answer] = answers(WAN_SIDE, Dut(router, []))
    assert answer.outcome is Outcome.INCONCLUSIVE
    assert "--wan" in answer.settle


@pytest.mark.parametrize(
    ("name", "filters"),
    [
        ("good_dropped", True),
        ("good_declared", True),
        ("bad_telnet", True),
        ("good_refused", False),
        ("inconclusive_no_sign", False),
        ("inconclusive_presence_not_asked", False),
        ("inconclusive_inside_silent", False),
        ("inconclusive_some_silent", False),
        ("inconclusive_cut_short", False),
    ],
)
def test_silence_is_a_filter(name: str, filters: bool) -> None:
    _, dut, _ = load(HERE / "exposure" / "wan_side" / f"{name}.json")
    assert sealed(dut, OUTER) is filters
    assert not sealed(dut, "198.51.100.1")


def test_a_filter_outside_leaves_no_gap_for_the_other_checks() -> None:
    _, dut, _ = load(HERE / "exposure" / "wan_side" / "good_dropped.json")
    assert measured(dut)["tcp_ports"] == 2000
    telnet = answers(CheckId("exposure/telnet"), dut)
    assert [a.subject for a in telnet] == ["tcp 198.51.100.1:23"]
    _, unseen, _ = load(HERE / "exposure" / "wan_side" / "inconclusive_no_sign.json")
    assert f"tcp {OUTER}" in {a.subject for a in answers(CheckId("exposure/telnet"), unseen)}


def test_no_password_goes_to_a_service_that_only_kept_silent_outside() -> None:
    _, dut, _ = load(HERE / "exposure" / "wan_side" / "good_dropped.json")
    assert {s.address for s in login_services(dut)} == {"198.51.100.1"}
    _, both, _ = load(HERE / "exposure" / "wan_side" / "bad_telnet.json")
    assert {s.address for s in login_services(both)} == {"198.51.100.1"}
