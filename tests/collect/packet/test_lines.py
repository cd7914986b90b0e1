"""The pipe between main process and helper: exact both ways, and nothing else passes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.packet import lines, protocol

MACS = st.from_regex(r"\A[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z")
V4 = st.ip_addresses(v=4).map(str)
V6 = st.ip_addresses(v=6).map(str)
SECONDS = st.floats(min_value=0.1, max_value=4.0)

COMMANDS = st.one_of(
    st.builds(
        protocol.ArpSweep,
        id=st.integers(),
        targets=st.lists(V4, max_size=20).map(tuple),
        rounds=st.integers(1, 10),
        gap_s=SECONDS,
        rate=st.integers(1, 500),
    ),
    st.builds(protocol.Ping, id=st.integers(), mac=MACS, address=V4 | V6, within_s=SECONDS),
    st.builds(protocol.Admit, known=st.lists(V4).map(tuple), learned=V6),
)
REPORTS = st.one_of(
    st.builds(
        protocol.Sighting,
        method=st.text(max_size=20),
        mac=MACS,
        address=V4 | V6,
        at=st.floats(0, 2e9),
        frame=st.binary(max_size=300),
    ),
    st.builds(protocol.Answered, id=st.integers(), alive=st.none() | st.booleans()),
    st.builds(protocol.Said, level=st.text(), text=st.text()),
)


@given(COMMANDS)
def test_commands_come_out_as_they_went_in(command):
    line = lines.encode(command)
    assert line.count(b"\n") == 1
    assert lines.decode_command(line) == command


@given(REPORTS)
def test_reports_come_out_as_they_went_in(report):
    assert lines.decode_report(lines.encode(report)) == report


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_anything_else_is_a_fault_and_no_other_exception(line):
    with pytest.raises(lines.ProtocolFault):
        lines.decode_report(line)


PING = {"is": "Ping", "id": 1, "mac": "", "address": "198.51.100.1", "within_s": 1.0}


def with_(**changes):
    return json.dumps({**PING, **changes}).encode()


@pytest.mark.parametrize(
    "line",
    [
        with_(extra=1),
        with_(id="1"),
        with_(id=True),
        with_(id=1.5),
        with_(within_s=0),
        with_(within_s=1e9),
        with_(within_s="1"),
        with_(address="not an address"),
        with_(mac="00:00:5E:00:53:01"),
        with_(mac="x"),
        with_(**{"is": "Sighting"}),
        with_(**{"is": None}),
        json.dumps({k: v for k, v in PING.items() if k != "id"}).encode(),
        b'{"is":"Ping","id":1,"id":2,"mac":"","address":"198.51.100.1","within_s":1.0}',
        b'{"is":"Ping","id":1,"mac":"","address":"198.51.100.1","within_s":NaN}',
        b"[" * 100_000,
        b"1",
        b'"' + b"a" * lines.MAX_LINE + b'"',
    ],
)
def test_near_misses_are_refused(line):
    with pytest.raises(lines.ProtocolFault):
        lines.decode_command(line)


def test_commands_cannot_ask_for_a_flood():
    sweep = {"id": 1, "targets": ["198.51.100.1"], "rounds": 5, "gap_s": 0.5, "rate": 500}
    assert lines.decode_command(json.dumps({"is": "ArpSweep", **sweep}).encode())
    for key, value in {"rate": 501, "rounds": 11, "gap_s": 0.0, "targets": ["a"] * 3}.items():
        line = json.dumps({"is": "ArpSweep", **sweep, key: value}).encode()
        with pytest.raises(lines.ProtocolFault):
            lines.decode_command(line)


def test_only_a_unique_local_prefix_can_be_advertised():
    for prefix in ("2001:db8::/64", "fe80::/64", "fd12::/48"):
        with pytest.raises(ValueError):
            protocol.Advertise(id=1, prefix=prefix, wait_s=1)
    assert protocol.Advertise(id=1, prefix="fd12:3456:789a:1::/64", wait_s=1)
