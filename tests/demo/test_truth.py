"""Comparing a run with what is known: nothing false may slip through."""

import pytest

from probe.demo import truth
from probe.model.device import Device, device_id
from probe.model.event import DeviceSeen, Entry, Found
from probe.model.evidence import Coverage
from probe.model.finding import Answer, Finding, Outcome, Owner, inconclusive, satisfied, violated
from probe.model.state import RunState

TRIED = Coverage(tried="x", times=1, deadline_s=1.0)
MAC = "00:00:5e:00:53:0b"
FILE = """
[camera]
address = "198.51.100.11"
violated = ["access/default_telnet tcp *:23", "ipv6/eui64 *"]
inconclusive = ["update/version_in_clear *"]
permitted = ["satisfied exposure/t* device"]
"""


@pytest.fixture
def known(tmp_path):
    file = tmp_path / "truth.toml"
    file.write_text(FILE)
    return truth.load(file)


def state(*found: tuple[str, Answer]) -> RunState:
    made = RunState()
    ident = device_id(MAC)
    device = Device(id=ident, mac=MAC, addresses=("198.51.100.11",))
    events = [DeviceSeen(device=device)]
    events += [Found(finding=Finding(check=c, device=ident, answer=a)) for c, a in found]
    for seq, event in enumerate(events, start=1):
        made.apply(Entry(seq=seq, at=0.0, event=event))
    return made


TRUE = (
    ("access/default_telnet", violated("tcp 198.51.100.11:23", "x", TRIED)),
    ("ipv6/eui64", violated("fe80::1", "x", TRIED)),
    ("update/version_in_clear", inconclusive("device", "x", owner=Owner.DEVICE, settle="y")),
)


def test_all_found_and_nothing_false(known):
    result = truth.compare(state(*TRUE), known)
    assert result.holds
    assert result.sentence == "3 of 3 declared facts found, 0 false"


def test_missing_fact_is_missed(known):
    result = truth.compare(state(*TRUE[1:]), known)
    missed = "camera: violated: access/default_telnet tcp *:23"
    assert result.missed == [f"{missed} (no answer of that check)"]
    assert not result.false


def test_what_was_answered_instead_is_told(known):
    silent = inconclusive("device", "Port 23 was silent.", owner=Owner.NETWORK, settle="y")
    result = truth.compare(state(("access/default_telnet", silent), *TRUE[1:]), known)
    [missed] = result.missed
    assert missed.endswith("(instead inconclusive: device: Port 23 was silent.)")


def test_permitted_claim_is_neither_needed_nor_false(known):
    assert truth.compare(
        state(*TRUE, ("exposure/tftp", satisfied("device", "x", TRIED))), known
    ).holds


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        ("access/default_telnet", satisfied("device", "x", TRIED)),
        ("access/default_telnet", violated("tcp 198.51.100.11:2323", "x", TRIED)),
        ("update/version_in_clear", satisfied("device", "x", TRIED)),
        ("exposure/ftp", violated("tcp 198.51.100.11:21", "x", TRIED)),
        (
            "tls/x",
            Answer(outcome=Outcome.ERROR, subject="device", summary="x", owner=Owner.TOOL),
        ),
    ],
)
def test_undeclared_claim_is_false(known, check, answer):
    result = truth.compare(state(*TRUE, (check, answer)), known)
    assert len(result.false) == 1
    assert not result.holds


def test_device_that_is_not_there_is_false_and_one_not_found_is_missed(known):
    empty = RunState()
    ghost = Device(id=device_id(None, "198.51.100.99"), addresses=("198.51.100.99",))
    empty.apply(Entry(seq=1, at=0.0, event=DeviceSeen(device=ghost)))
    result = truth.compare(empty, known)
    assert "198.51.100.99" in result.false[0]
    assert result.missed == ["camera: the device itself (198.51.100.11)"]


def test_brackets_of_an_ipv6_endpoint_are_no_pattern(known):
    row = truth.Row(outcome=Outcome.VIOLATED, check="a/b", subject="tcp [fe80::*]:9000")
    finding = Finding(
        check="a/b", device=device_id(MAC), answer=violated("tcp [fe80::1]:9000", "x", TRIED)
    )
    assert row.says(finding)


@pytest.mark.parametrize(
    "bad", ['[a]\naddress="x"\nviolated=["nosubject"]', '[a]\naddress="x"\nviolated=3', "[a]\n"]
)
def test_unusable_file_is_refused(tmp_path, bad):
    (tmp_path / "t.toml").write_text(bad)
    with pytest.raises((ValueError, KeyError)):
        truth.load(tmp_path / "t.toml")
