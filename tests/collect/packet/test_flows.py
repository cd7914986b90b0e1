"""Heads of plain HTTP conversations between others: in order, out of order, cut, and bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.packet.helper import flows
from probe.collect.packet.protocol import MAX_HEAD

CLIENT, SERVER = ("198.51.100.11", 40000), ("203.0.113.7", 80)
GET = b"GET /fw.bin HTTP/1.1\r\nHost: u\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100


def feed(table, *frames_, at=1.0):
    for frame in frames_:
        table.add(frame, len(frame), at)


def only(table):
    (flow,) = table.flows(now=100.0)
    return flow


def test_request_and_answer(frames):
    table = flows.FlowTable()
    back = {"macs": ("00:00:5e:00:53:01", frames.DEVICE)}
    feed(
        table,
        frames.tcp(CLIENT, SERVER, 100, 500, GET),
        frames.tcp(SERVER, CLIENT, 500, 100 + len(GET), OK, **back),
    )
    flow = only(table)
    assert (flow.up, flow.down, flow.client_mac) == (GET, OK, frames.DEVICE)
    assert (flow.client, flow.server, flow.server_port) == ("198.51.100.11", "203.0.113.7", 80)
    assert not flow.ended
    assert list(table.flows(now=200.0)) == []  # told once


def test_segments_out_of_order_repeated_and_missing(frames):
    table = flows.FlowTable()
    whole = GET + b"abcdefghij"
    n = len(GET)
    feed(
        table,
        frames.tcp(CLIENT, SERVER, 0xFFFFFFFA, 1, GET),  # the sequence number wraps
        frames.tcp(CLIENT, SERVER, (0xFFFFFFFA + n + 5) % 2**32, 1, b"fghij"),
        frames.tcp(CLIENT, SERVER, (0xFFFFFFFA + n + 20) % 2**32, 1, b"later"),
        frames.tcp(CLIENT, SERVER, (0xFFFFFFFA + n) % 2**32, 1, b"abcde"),
        frames.tcp(CLIENT, SERVER, 0xFFFFFFFA, 1, GET),
    )
    flow = only(table)
    assert flow.up == whole
    assert flow.up_total == n + 25


@pytest.mark.parametrize("first", [b"\x16\x03\x01", b"SSH-2.0-x\r\n", b"", b"get / http/1.1"])
def test_what_is_not_plain_http_is_counted_but_not_followed(frames, first):
    table = flows.FlowTable()
    feed(table, frames.tcp(CLIENT, SERVER, 1, 1, first))
    assert list(table.flows(100.0)) == []
    counts = {c.mac: c for c in table.counts()}
    assert counts[frames.DEVICE].frames_out == 1
    assert counts["00:00:5e:00:53:01"].frames_in == 1
    assert list(table.counts()) == []


def test_head_is_bounded_and_true_size_kept(frames):
    table = flows.FlowTable()
    feed(table, frames.tcp(CLIENT, SERVER, 0, 0, GET))
    at = len(GET)
    for _ in range(40):
        feed(table, frames.tcp(CLIENT, SERVER, at, 0, b"y" * 1000))
        at += 1000
    flow = only(table)
    assert len(flow.up) == MAX_HEAD
    assert flow.up_total == at


def test_flows_are_bounded_and_end(frames):
    table = flows.FlowTable()
    every = 3 * flows.MAX_OF_ONE
    for port in range(1000, 1000 + every):
        feed(table, frames.tcp(("198.51.100.11", port), SERVER, 0, 0, GET))
    assert len(table._flows) == flows.MAX_OF_ONE
    assert len(list(table.flows(2.0))) == every  # what was seen of each is told
    counts = {c.mac: c.unread for c in table.counts()}
    assert counts[frames.DEVICE] == every - flows.MAX_OF_ONE  # and how many were cut short
    feed(table, frames.tcp(("198.51.100.11", port), SERVER, len(GET), 0, b"", 0x11), at=2.0)
    (last,) = table.flows(2.1)
    assert last.ended
    feed(table, frames.tcp(("198.51.100.11", port), SERVER, len(GET), 0, b"", 0x11), at=2.2)
    assert list(table.flows(3.0)) == []
    assert list(table.flows(100.0)) == []
    assert not table._flows  # the quiet ones are forgotten, and nothing of them is lost
    assert not table._of


def test_a_busy_neighbour_does_not_push_out_the_others(frames, monkeypatch):
    monkeypatch.setattr(flows, "MAX_FLOWS", 20)
    table = flows.FlowTable()
    quiet = {"macs": ("00:00:5e:00:53:77", "00:00:5e:00:53:01")}
    feed(table, frames.tcp(("198.51.100.77", 40000), SERVER, 0, 0, GET, **quiet), at=0.5)
    for port in range(1000, 1100):
        feed(table, frames.tcp(("198.51.100.11", port), SERVER, 0, 0, GET))
    assert len(table._flows) == 20
    assert any(f.client_mac == "00:00:5e:00:53:77" for f in table._flows.values())
    counts = {c.mac: c.unread for c in table.counts()}
    assert counts["00:00:5e:00:53:77"] == 0
    assert counts[frames.DEVICE] > 0


def test_each_request_on_a_kept_connection_has_its_own_head(frames):
    table = flows.FlowTable()
    back = {"macs": ("00:00:5e:00:53:01", frames.DEVICE)}
    at, reply = 100, 500
    for _ in range(3):
        feed(table, frames.tcp(CLIENT, SERVER, at, reply, GET))
        at += len(GET)
        for part in (OK, b"z" * 1400, b"z" * 1400):
            feed(table, frames.tcp(SERVER, CLIENT, reply, at, part, **back))
            reply += len(part)
    found = list(table.flows(now=100.0))
    assert sorted(f.number for f in found) == [1, 2, 3]
    assert all(f.up == GET and f.down.startswith(OK) for f in found)


def test_pipelined_requests_stay_in_one_record(frames):
    table = flows.FlowTable()
    feed(
        table,
        frames.tcp(CLIENT, SERVER, 100, 500, GET),
        frames.tcp(CLIENT, SERVER, 100 + len(GET), 500, GET),
    )
    assert only(table).up == GET * 2


@given(st.lists(st.binary(max_size=120), max_size=20))
def test_no_bytes_raise(data):
    table = flows.FlowTable()
    for frame in data:
        for head in (
            b"",
            bytes(12) + b"\x08\x00",
            bytes(12) + b"\x86\xdd",
            bytes(12) + b"\x81\x00",
        ):
            table.add(head + frame, len(head + frame), 1.0)
    list(table.flows(100.0))
    list(table.counts())


@given(st.permutations(range(6)), st.integers(0, 2**32 - 1))
def test_any_order_gives_the_same_head(order, start):
    parts = [bytes([65 + n]) * (n + 1) for n in range(6)]
    offsets = [sum(map(len, parts[:n])) for n in range(6)]
    half = flows.Half(start)
    for n in order:
        half.add((start + offsets[n]) % 2**32, parts[n], len(parts[n]))
    assert half.head() == b"".join(parts)
