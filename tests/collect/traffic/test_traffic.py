"""Captured conversations made into facts: cut off, hostile, and not called more than they are."""

import dataclasses
import struct
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.packet.protocol import FlowSeen, TrafficSeen
from probe.collect.traffic import http, update
from probe.collect.traffic.watch import MAX_TRANSFERS, TrafficWatch, is_cut, transfers
from probe.model.device import Device
from probe.model.observation import NotMeasured, PlainTransfer, TrafficView

MAC = "00:00:5e:00:53:0b"
DEVICE = Device(id="mac-00005e00530b", mac=MAC, addresses=("198.51.100.11",))
GET = b"GET /fw/cam-1.2.3.bin HTTP/1.1\r\nHost: up.example\r\nUser-Agent: Cam/1.2.2\r\n\r\n"
IMAGE = b"\x27\x05\x19\x56" + bytes(60)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 900000\r\n\r\n"


def flow(up=GET, down=OK + IMAGE, number=1, client_mac=MAC) -> FlowSeen:
    return FlowSeen(
        number=number,
        at=1.0,
        client_mac=client_mac,
        server_mac="00:00:5e:00:53:01",
        client="198.51.100.11",
        client_port=40000,
        server="203.0.113.7",
        server_port=80,
        up=up,
        down=down,
        up_total=len(up),
        down_total=len(down),
        ended=True,
    )


def watch(*flows, counts=None, available=True, dropped=None, lost=0) -> TrafficWatch:
    traffic = {MAC: counts} if counts else {}
    client = SimpleNamespace(
        available=available,
        flows={f.number: f for f in flows},
        traffic=traffic,
        flows_dropped=dropped or {},
        traffic_lost=lost,
    )
    return TrafficWatch(client)


def counted(out: int, into: int, unread: int = 0) -> TrafficSeen:
    return TrafficSeen(
        mac=MAC,
        frames_out=out,
        bytes_out=out * 99,
        frames_in=into,
        bytes_in=into,
        unread=unread,
    )


def test_firmware_download_is_recognised_with_its_bytes():
    ((fact, records),) = transfers(flow())
    assert isinstance(fact, PlainTransfer)
    assert fact.update_like
    assert (fact.host, fact.path, fact.status) == ("up.example", "/fw/cam-1.2.3.bin", 200)
    assert (fact.magic, fact.size, fact.version_text) == ("U-Boot uImage", 900_000, "1.2.3")
    assert [data for data, _, _ in records] == [GET, OK + IMAGE]


def test_several_requests_on_one_connection():
    up = b"GET /a HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyzGET /c HTTP/1.1\r\n\r\n"
    down = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 404 X\r\n\r\n"
    facts = [fact for fact, _ in transfers(flow(up, down))]
    assert [(f.path, f.status) for f in facts] == [("/a", 204), ("/b", 404), ("/c", None)]


def test_capture_that_is_cut_in_the_head_is_still_a_request():
    ((fact, records),) = transfers(flow(b"GET /status HTTP/1.1\r\nHost: exa", b""))
    assert (fact.path, fact.host, fact.status, fact.update_like) == ("/status", "", None, False)
    assert len(records) == 1


@pytest.mark.parametrize(
    ("path", "agent", "like"),
    [
        ("/x/device.BIN", "", True),
        ("/r/rootfs.tar.gz", "", True),
        ("/api/firmware/check", "", True),
        ("/ota/latest", "", True),
        ("/a", "ESP8266-http-Update", True),
        ("/index.html", "Cam/1.0", False),
        ("/quota/rotate", "", False),
        ("/robin?file=x.bin", "", False),
        ("http://h/x.img", "", True),
        ("//[/x", "", False),
    ],
)
def test_update_like_by_what_is_asked_for(path, agent, like):
    request = http.Request("GET", path, {"user-agent": agent})
    assert update.update_like(request, None) is like


@pytest.mark.parametrize(
    ("body", "headers", "like"),
    [
        (b"hsqs" + bytes(90), {}, True),
        (b"\x7fELF" + bytes(90), {}, True),
        (b"\x1f\x8b\x08" + bytes(90), {"content-length": "900"}, False),
        (b"\x1f\x8b\x08" + bytes(90), {"content-length": "900000"}, True),
        (b"<html>", {"content-type": "text/html", "content-length": "900000"}, False),
        (b"????", {"content-type": "application/octet-stream", "content-length": "20"}, False),
        (b"", {}, False),
    ],
)
def test_update_like_by_what_came(body, headers, like):
    answer = http.Answer(200, headers, body)
    assert update.update_like(http.Request("GET", "/data", {}), answer) is like


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (IMAGE, "U-Boot uImage"),
        (b"UBI#\x01", "UBI"),
        (bytes(257) + b"ustar\x0000", "tar"),
        (struct.pack("<BBBBI", 0xE9, 4, 2, 0x20, 0x40080000), "ESP image"),
        (b"\xe9\xff\xff\xff\xff\xff\xff\xff", ""),
        (b"\xe9", ""),
        (b"hello", ""),
        (b"", ""),
    ],
)
def test_magic(body, name):
    assert update.magic(body) == name


@pytest.mark.parametrize(
    ("target", "headers", "version"),
    [
        ("/fw?ver=2.10.1", {}, "2.10.1"),
        ("/x", {"x-firmware-version": "v3.4"}, "v3.4"),
        ("/x", {"user-agent": "IPC-100/1.2.3"}, "1.2.3"),
        ("/x", {"user-agent": "Mozilla/5.0"}, ""),
        ("/x", {"user-agent": "curl/7.88.1"}, ""),
        ("/x?ip=198.51.100.11", {}, ""),
        ("/2026/10", {}, ""),
    ],
)
def test_version_in_the_clear(target, headers, version):
    assert update.version_text(http.Request("GET", target, headers), None) == version


def test_mirror_needs_frames_in_both_directions():
    for counts, position in (
        (counted(50, 50), "mirror"),
        (counted(50, 0), "endpoint"),
        (counted(2, 2), "endpoint"),
        (None, "endpoint"),
    ):
        ((view, records),) = watch(counts=counts).facts(DEVICE, 30.0)
        assert isinstance(view, TrafficView)
        assert (view.position, view.seconds) == (position, 30.0)
        assert b"frames" in records[0][0]


def test_only_the_devices_own_requests_count_and_each_once():
    same, other = flow(number=2), flow(number=3, client_mac="00:00:5e:00:53:99")
    facts = [f for f, _ in watch(flow(), same, other, counts=counted(9, 9)).facts(DEVICE, 1.0)]
    assert [type(f) for f in facts] == [TrafficView, PlainTransfer]


@pytest.mark.parametrize(
    ("made", "device"),
    [
        (TrafficWatch(None), DEVICE),
        (watch(available=False), DEVICE),
        (watch(), Device(id="ip-203.0.113.9", addresses=("203.0.113.9",))),
    ],
)
def test_what_cannot_be_seen_is_not_measured(made, device):
    ((fact, _),) = made.facts(device, 30.0)
    assert isinstance(fact, NotMeasured)
    assert fact.owner
    assert fact.settle


def longer(made: FlowSeen, up: int = 0, down: int = 0) -> FlowSeen:
    """The same conversation with bytes that were not kept."""
    return dataclasses.replace(made, up_total=made.up_total + up, down_total=made.down_total + down)


POST = b"POST /log HTTP/1.1\r\nContent-Length: 9000\r\n\r\n"
CHUNKED = b"POST /log HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello"


@pytest.mark.parametrize(
    ("made", "cut"),
    [
        (flow(), False),
        (longer(flow(), down=900_000), False),  # the body of the image
        (longer(flow(up=POST), up=9000), False),
        (longer(flow(up=POST), up=9001), True),
        (longer(flow(up=CHUNKED), up=9000), False),
        (longer(flow(), up=1), True),
        (flow(up=GET * 9), True),
        (flow(up=b"GET /x HTTP/2\r\n"), True),
        (flow(down=b""), False),
        (longer(flow(down=b""), down=50), True),  # the answer's first bytes are missing
        (flow(up=GET * 2), True),
        (flow(up=GET[:40], down=b""), False),
    ],
)
def test_conversations_that_were_not_looked_at_to_their_end_are_told(made, cut):
    assert is_cut(made) is cut
    ((view, _), *_) = watch(made, counts=counted(9, 9)).facts(DEVICE, 1.0)
    assert view.unread == int(cut)


def test_everything_that_there_was_no_room_for_is_told():
    many = [flow(up=GET.replace(b"/fw", b"/%d" % n), number=n) for n in range(MAX_TRANSFERS + 5)]
    made = watch(*many, counts=counted(9, 9, unread=2), dropped={MAC: {900, 901, 902}, "x": {1}})
    (view, *found) = [f for f, _ in made.facts(DEVICE, 1.0)]
    assert len(found) == MAX_TRANSFERS
    assert view.unread == 5 + 2 + 3


def test_what_a_helper_saw_before_it_ended_still_counts():
    facts = [f for f, _ in watch(flow(), counts=counted(9, 9), available=False).facts(DEVICE, 9.0)]
    assert [type(f) for f in facts] == [NotMeasured, PlainTransfer]


@given(st.binary(max_size=400), st.binary(max_size=400))
def test_no_capture_raises(up, down):
    for head_up, head_down in ((b"", b""), (b"GET /x HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n")):
        for fact, _ in transfers(flow(head_up + up, head_down + down)):
            assert "\x1b" not in repr(fact)


@given(st.integers(0, 10**20))
def test_lengths_are_only_lengths(length):
    answer = http.Answer(200, {"content-length": str(length)}, b"")
    assert answer.length is None or answer.length == length


def test_frames_that_came_too_fast_are_told():
    ((view, records),) = watch(counts=counted(9, 9), lost=7).facts(DEVICE, 60.0)
    assert isinstance(view, TrafficView)
    assert view.lost_frames == 7
    assert b"too fast" in records[0][0]
