"""The reference devices' own parts, without a network."""

import socket
import struct

import pytest

from probe.demo.devices import snmp
from probe.demo.devices.fragile import MAX_PER_SECOND, PACKET_HOST, PACKET_OUTGOING, Fragile
from probe.demo.devices.silent import NeighbourResponder
from probe.demo.devices.telnet import ARITHMETIC, _calculate
from probe.demo.devices.twins import own_link_local

PROBE, SENSOR = socket.inet_aton("198.51.100.2"), socket.inet_aton("198.51.100.13")
SYN, ACK, FIN, RST = 2, 16, 1, 4


@pytest.fixture
def fragile(monkeypatch):
    made = Fragile("none", frozenset({80}), None)

    def dies(reason):
        made.died = reason

    monkeypatch.setattr(made, "die", dies)
    return made


def tcp(flags: int, source_port: int = 5000, *, outgoing: bool = False) -> bytes:
    ends = (SENSOR, PROBE) if outgoing else (PROBE, SENSOR)
    ports = (80, source_port) if outgoing else (source_port, 80)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + ends[0] + ends[1]
    return (
        b"\0" * 12
        + b"\x08\x00"
        + ip
        + struct.pack("!HHIIBB", *ports, 0, 0, 0x50, flags)
        + b"\0" * 6
    )


def test_forty_packets_in_a_second_are_borne_and_one_more_is_not(fragile):
    for n in range(MAX_PER_SECOND):
        fragile.frame(tcp(ACK), PACKET_HOST, 10 + n / 50)
    assert not fragile.died
    fragile.frame(tcp(ACK), PACKET_HOST, 10.99)
    assert "41 packets" in fragile.died


def test_packets_of_more_than_a_second_ago_no_longer_count(fragile):
    for n in range(200):
        fragile.frame(tcp(ACK), PACKET_HOST, n / 39)
    assert not fragile.died
    assert fragile.packets == 200


def test_second_connection_while_one_is_open_is_deadly(fragile):
    fragile.frame(tcp(SYN, 5000), PACKET_HOST, 1.0)
    fragile.frame(tcp(SYN, 5001), PACKET_HOST, 2.0)
    assert "second connection" in fragile.died


@pytest.mark.parametrize(
    "ending",
    [
        [(RST, False)],
        [(FIN | ACK, False), (FIN | ACK, True)],
        [(FIN | ACK, True), (FIN | ACK, False)],
    ],
)
def test_connection_after_the_end_of_the_first_is_no_second(fragile, ending):
    fragile.frame(tcp(SYN, 5000), PACKET_HOST, 1.0)
    for flags, outgoing in ending:
        kind = PACKET_OUTGOING if outgoing else PACKET_HOST
        fragile.frame(tcp(flags, 5000, outgoing=outgoing), kind, 1.1)
    fragile.frame(tcp(SYN, 5001), PACKET_HOST, 1.2)
    assert not fragile.died
    assert fragile.total_connections == 2


def test_half_closed_connection_still_counts(fragile):
    fragile.frame(tcp(SYN, 5000), PACKET_HOST, 1.0)
    fragile.frame(tcp(FIN | ACK, 5000), PACKET_HOST, 1.1)
    fragile.frame(tcp(SYN, 5001), PACKET_HOST, 1.2)
    assert fragile.died


def test_repeated_syn_and_frames_for_others_are_no_load(fragile):
    fragile.frame(tcp(SYN, 5000), PACKET_HOST, 1.0)
    fragile.frame(tcp(SYN, 5000), PACKET_HOST, 2.0)
    fragile.frame(tcp(SYN, 5001), 3, 2.1)  # PACKET_OTHERHOST
    assert not fragile.died
    assert fragile.packets == 2


ASKER = bytes.fromhex("02005e005302")


@pytest.fixture
def responder():
    made = NeighbourResponder(
        interface="none", ipv4="198.51.100.14", ipv6="fe80::200:5eff:fe00:530e"
    )
    made._mac = bytes.fromhex("00005e00530e")
    return made


def arp_request(target: str) -> bytes:
    return (
        b"\xff" * 6 + ASKER + bytes.fromhex("0806000108000604") + b"\x00\x01" + ASKER
        + PROBE + bytes(6) + socket.inet_aton(target)
    )  # fmt: skip


def test_silent_device_answers_arp_for_its_own_address_only(responder):
    answer = responder.answer(arp_request("198.51.100.14"))
    assert answer[:6] == ASKER
    assert answer[20:22] == b"\x00\x02"
    assert answer[28:32] == socket.inet_aton("198.51.100.14")
    assert responder.answer(arp_request("198.51.100.15")) is None


def test_silent_device_advertises_itself_with_a_right_checksum(responder):
    target = socket.inet_pton(socket.AF_INET6, responder.ipv6)
    asker = socket.inet_pton(socket.AF_INET6, "fe80::2")
    head = struct.pack("!IHBB", 6 << 28, 24, 58, 255) + asker + target
    frame = b"\x33\x33\xff\x00\x53\x0e" + ASKER + b"\x86\xdd" + head
    answer = responder.answer(frame + struct.pack("!BBHI", 135, 0, 0, 0) + target)
    body = answer[54:]
    assert body[0] == 136
    pseudo = answer[22:54] + struct.pack("!II", len(body), 58)
    total = sum(struct.unpack(f"!{(len(pseudo) + len(body)) // 2}H", pseudo + body))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF


@pytest.mark.parametrize("cut", [b"", b"\xff" * 20, arp_request("198.51.100.14")[:30]])
def test_silent_device_survives_short_frames(responder, cut):
    assert responder.answer(cut) is None


def test_link_local_address_of_a_mac():
    assert own_link_local("00:00:5e:00:53:0e") == "fe80::200:5eff:fe00:530e"


def message(community: bytes, wanted: snmp.Oid, kind: int = snmp.GET, version: int = 1) -> bytes:
    binding = snmp.tlv(0x30, snmp.oid(wanted) + b"\x05\x00")
    zero = snmp.tlv(2, b"\0")
    pdu = snmp.tlv(kind, snmp.tlv(2, b"\x07") + zero + zero + snmp.tlv(0x30, binding))
    return snmp.tlv(0x30, snmp.tlv(2, bytes((version,))) + snmp.octets(community) + pdu)


@pytest.fixture
def agent():
    return snmp.SnmpAgent("public", "Gateway GW-5", "gateway")


def test_agent_tells_its_description_to_the_right_community_only(agent):
    assert b"Gateway GW-5" in agent.answer(message(b"public", (*snmp.SYSTEM, 1, 0)))
    assert agent.answer(message(b"secret", (*snmp.SYSTEM, 1, 0))) is None


def test_agent_walks_on_and_refuses_to_be_set(agent):
    assert b"Gateway GW-5" in agent.answer(message(b"public", snmp.SYSTEM, snmp.GET_NEXT))
    refused = agent.answer(message(b"public", (*snmp.SYSTEM, 1, 0), snmp.SET))
    assert b"\x02\x01\x06\x02\x01\x01" in refused  # noAccess at the first binding


@pytest.mark.parametrize("wanted", [(1, 3, 6, 1, 4, 1, 99999, 1), (2, 40)])
def test_agent_has_no_such_object(agent, wanted):
    assert snmp.NO_SUCH_OBJECT in agent.answer(message(b"public", wanted))


def test_oid_survives_its_encoding():
    numbers = (1, 3, 6, 1, 4, 1, 8072, 3, 2, 10)
    assert snmp.parse_oid(snmp.oid(numbers)[2:]) == numbers


def test_telnet_shell_calculates():
    assert ARITHMETIC.sub(_calculate, "x$((7*6))y $(( 9 - 4 ))") == "x42y 5"
