"""Each typed UDP probe: the request is well formed, its answer is understood, nonsense is not."""

import struct

import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.services.udp import bacnet, encrypted, infrastructure, names, things
from probe.collect.services.udp.survey import PROBES
from probe.model.text import clean

NONCE = bytes(range(32))
BY_NAME = {p.protocol: p for p in PROBES}


def test_each_protocol_has_a_port_of_its_own():
    assert len(PROBES) >= 13
    assert len({p.port for p in PROBES}) == len(PROBES) == len(BY_NAME)


@pytest.mark.parametrize("probe", PROBES, ids=lambda p: p.protocol)
def test_requests_fit_one_packet(probe):
    # QUIC's first packet has to be this large (RFC 9000 section 14.1).
    assert 0 < len(probe.build(NONCE)) <= (1200 if probe.protocol == "quic" else 512)


@pytest.mark.parametrize("probe", PROBES, ids=lambda p: p.protocol)
@given(data=st.binary(max_size=600))
def test_no_answer_breaks_a_parser(probe, data):
    probe.parse(data, probe.build(NONCE))
    probe.follow(data, NONCE)


@pytest.mark.parametrize("probe", PROBES, ids=lambda p: p.protocol)
@given(data=st.binary(max_size=200), at=st.integers(0, 40))
def test_no_echo_with_noise_breaks_a_parser(probe, data, at):
    request = probe.build(NONCE)
    probe.parse(request[:at] + data, request)


@pytest.mark.parametrize("name", ["dns", "tftp", "ntp", "dhcp", "sip", "coap", "coaps", "snmp"])
def test_an_echoed_request_is_no_service(name):
    probe = BY_NAME[name]
    request = probe.build(NONCE)
    heard = probe.parse(request, request)
    assert heard is None or name in ("coaps", "snmp", "coap")


def dns_answer(request: bytes, rcode: str, *, recursion: bool) -> bytes:
    answer = dns.message.make_response(dns.message.from_wire(request))
    answer.set_rcode(dns.rcode.from_text(rcode))
    if recursion:
        answer.flags |= dns.flags.RA
    return answer.to_wire()


def test_dns_version_is_read():
    request = names.dns_version(NONCE)
    message = dns.message.make_response(dns.message.from_wire(request))
    text = dns.rrset.from_text("version.bind.", 0, "CH", "TXT", '"dnsmasq-2.90"')
    message.answer.append(text)
    heard = names.parse_dns(message.to_wire(), request)
    assert (heard.product, heard.version) == ("dnsmasq", "2.90")
    assert not heard.open_access
    assert not heard.refused


@pytest.mark.parametrize(
    ("rcode", "recursion", "given_away"),
    [
        ("NOERROR", True, True),
        ("SERVFAIL", True, True),
        ("REFUSED", True, False),
        ("REFUSED", False, False),
        ("NOERROR", False, False),
    ],
)
def test_dns_recursion(rcode, recursion, given_away):
    [request] = names.dns_recursion(b"", NONCE)
    question = dns.message.from_wire(request).question[0]
    assert question.name.to_text() == "."
    heard = names.parse_dns(dns_answer(request, rcode, recursion=recursion), request)
    assert bool(heard.open_access) is given_away
    assert heard.refused is not given_away


def test_mdns_lists_service_types():
    request = names.mdns_services(NONCE)
    question = dns.message.from_wire(request).question[0]
    assert question.name.to_text() == "_services._dns-sd._udp.local."
    message = dns.message.make_response(dns.message.from_wire(request))
    message.answer.append(
        dns.rrset.from_text(question.name.to_text(), 10, "IN", "PTR", "_hap._tcp.local.")
    )
    assert names.parse_mdns(message.to_wire(), request).banner == "_hap._tcp.local"


def test_netbios_names():
    request = names.netbios_status(NONCE)
    head = request[:2] + b"\x84\0\0\0\0\1\0\0\0\0" + b"\x20CK" + b"A" * 30 + b"\0\0\x21\0\1"
    entries = b"NAS            \0\x04\0" + b"HOME           \0\x84\0"
    answer = head + b"\0\0\0\0" + struct.pack("!H", 43) + b"\x02" + entries + b"\x02" * 6
    assert names.parse_netbios(answer, request).banner == "NAS HOME"


SSDP = (
    b"HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
    b"USN: uuid:1::igd\r\nLOCATION: http://198.51.100.3:5000/root.xml\r\n"
    b"SERVER: Linux/3.4 UPnP/1.0 miniupnpd/1.9\r\n\r\n"
)


def test_ssdp_answers_become_announcements():
    heard = names.parse_ssdp(SSDP, b"")
    [announced] = heard.announced
    assert announced.kind.endswith("InternetGatewayDevice:1")
    assert announced.port == 5000
    assert ("server", "Linux/3.4 UPnP/1.0 miniupnpd/1.9") in announced.attributes


@pytest.mark.parametrize(
    ("location", "port"),
    [("http://a:99999/", None), ("http://[::1", None), ("http://a/x", 80), ("", None), ("x", None)],
)
def test_ssdp_locations_may_be_nonsense(location, port):
    assert names.location_port(location) == port


def test_wsd_types_are_picked_as_text():
    answer = b"<e:E><d:ProbeMatches><d:Types>dn:NetworkVideoTransmitter</d:Types></d:ProbeMatches>"
    assert "NetworkVideoTransmitter" in names.parse_wsd(answer, b"").banner


def test_tftp():
    assert infrastructure.parse_tftp(b"\0\5\0\1File not found\0", b"").banner == "File not found"
    assert infrastructure.parse_tftp(b"\0\3\0\1data", b"").open_access
    assert infrastructure.parse_tftp(b"\0\1x\0octet\0", b"") is None


def test_ntp_must_echo_our_time():
    request = infrastructure.ntp_client(NONCE)
    answer = b"\x24\x02" + b"\0" * 22 + NONCE[:8] + b"\0" * 16
    assert infrastructure.parse_ntp(answer, request).banner == "stratum 2"
    assert infrastructure.parse_ntp(answer[:24] + b"\0" * 24, request) is None


def test_snmp_engine_id_names_the_maker():
    ber = infrastructure.ber
    engine = bytes.fromhex("80001f88803ce5ea4f80a8016b00000000")
    usm = ber(0x30, ber(4, engine), ber(2, b"\0"), ber(2, b"\0"), ber(4), ber(4), ber(4))
    head = ber(0x30, ber(2, b"\1"), ber(2, b"\0\xff\xe3"), ber(4, b"\0"), ber(2, b"\3"))
    answer = ber(0x30, ber(2, b"\3"), head, ber(4, usm), ber(0x30))
    heard = infrastructure.parse_snmp(answer, b"")
    assert "enterprise 8072" in heard.banner
    assert heard.version == "", "the version of a protocol is not that of a product"
    assert infrastructure.parse_snmp(ber(0x30, ber(2, b"\1"), ber(4, b"public")), b"") is None


def test_snmp_discovery_carries_no_credential():
    request = infrastructure.snmp_discovery(NONCE)
    assert request[:2] == bytes((0x30, len(request) - 2))
    assert b"public" not in request
    assert request[2:5] == b"\x02\x01\x03"


def test_ike():
    request = infrastructure.ike_init(NONCE)
    assert int.from_bytes(request[24:28], "big") == len(request)
    answer = request[:8] + b"\1" * 8 + b"\x29\x20\x22\x20" + b"\0" * 8
    assert infrastructure.parse_ike(answer, request)
    assert infrastructure.parse_ike(b"\2" * 28, request) is None


def test_sip():
    heard = infrastructure.parse_sip(b"SIP/2.0 200 OK\r\nServer: Phone/1.2\r\n\r\n", b"")
    assert (heard.product, heard.version) == ("Phone", "1.2")


def coap_answer(request: bytes, code: int, payload: bytes) -> bytes:
    return bytes((0x64, code)) + request[2:8] + b"\xc1\x28\xff" + payload


def test_coap_list_then_resources():
    request = things.coap_get("/.well-known/core", NONCE)
    assert things.coap_paths(request) == "/.well-known/core"
    links = b'</>;ct=0,</time>;if="clock",</.well-known/core>,</a/b>;obs'
    answer = coap_answer(request, 0x45, links)
    heard = things.parse_coap(answer, request)
    assert not heard.open_access, "the list of resources is public by design"
    followed = things.coap_resources(answer, NONCE)
    assert [things.coap_paths(r) for r in followed[1:]] == ["/", "/time", "/a/b"]
    assert things.coap_paths(followed[0]).startswith("/probe-")
    assert len({r[2:4] for r in (request, *followed)}) == 5
    got = things.parse_coap(coap_answer(followed[2], 0x45, b"12:00"), followed[2])
    assert got.open_access == ("resource /time",)
    refused = things.parse_coap(coap_answer(followed[2], 0x81, b""), followed[2])
    assert refused.refused
    assert not refused.open_access


def test_coap_needs_our_token():
    request = things.coap_get("/x", NONCE)
    answer = bytearray(coap_answer(request, 0x45, b"x"))
    answer[5] ^= 1
    assert things.parse_coap(bytes(answer), request) is None


def test_dtls_hello_and_its_answers():
    request = encrypted.dtls_hello(NONCE)
    assert int.from_bytes(request[11:13], "big") == len(request) - 13
    assert int.from_bytes(request[14:17], "big") == len(request) - 25
    head = b"\x16\xfe\xff" + b"\0" * 8 + b"\0\x10"
    assert "HelloVerifyRequest" in encrypted.parse_dtls(head + b"\3" + b"\0" * 15, b"").reason
    assert "alert" in encrypted.parse_dtls(b"\x15\xfe\xfd" + b"\0" * 12, b"").reason


def bacnet_answer(apdu: bytes, head: bytes = b"\x01\x00") -> bytes:
    return b"\x81\x0a" + struct.pack("!H", 4 + len(head + apdu)) + head + apdu


@pytest.mark.parametrize("text", ["", "Heat <b>", "x" * 300])
@pytest.mark.parametrize(
    "head", [b"\x01\x00", b"\x01\x08\x00\x05\x01\x07", b"\x01\x20\0\x05\0\xff"]
)
def test_bacnet_character_strings(text, head):
    raw = b"\0" + text.encode()
    size = (
        bytes((0x70 | len(raw),))
        if len(raw) < 5
        else b"\x75"
        + (bytes((len(raw),)) if len(raw) < 254 else b"\xfe" + struct.pack("!H", len(raw)))
    )
    value = b"\x30\1\x0c\x0c\2\0\0\1\x19\x4d\x3e" + size + raw + b"\x3f"
    heard = bacnet.parse(bacnet_answer(value, head), bacnet.name(NONCE))
    assert heard.banner == f"object name {clean(text, 80)}"


def test_bacnet_asks_further():
    name = bacnet.name(NONCE)
    error = bacnet_answer(b"\x50\1\x0c\x91\1\x91\x1f")
    assert not bacnet.parse(error, name).open_access
    assert bacnet.further(error, NONCE) == (bacnet.WHO_IS,)
    i_am = bacnet_answer(bytes.fromhex("1000c4020004d222040091002203e7"))
    assert bacnet.parse(i_am, bacnet.WHO_IS).banner == "device 1234, vendor number 999"
    reads = bacnet.further(i_am, NONCE)
    assert all(bytes.fromhex("020004d2") in r for r in reads)
    assert len({*reads, name}) == len(bacnet.PROPERTIES) + 1
    other = bacnet_answer(b"\x50\7\x0c\x91\1\x91\x1f")
    assert bacnet.parse(other, name) is None, "the answer to another question"
    assert bacnet.parse(name, name) is None, "an echo"


@given(st.binary(max_size=80))
def test_bacnet_is_read_or_refused(data):
    for raw in (
        data,
        bacnet_answer(data),
        bacnet_answer(b"\x30\1\x0c" + data),
        bacnet_answer(b"\x10\0\xc4" + data),
    ):
        bacnet.parse(raw, bacnet.name(NONCE))
        bacnet.further(raw, NONCE)


def test_bacnet_reads_the_name():
    request = bacnet.name(NONCE)
    assert struct.unpack("!H", request[2:4])[0] == len(request)
    value = b"\x75\x05\x00AHU1"
    answer = bacnet_answer(b"\x30\1\x0c\x0c\2\0\0\1\x19\x4d\x3e" + value + b"\x3f")
    heard = bacnet.parse(answer, request)
    assert heard.open_access == ("object name of the BACnet device object",)
    assert "AHU1" in heard.banner


def test_knx_mqttsn_miio_ipmi():
    assert (
        things.parse_knx(
            b"\x06\x10\x02\x04\0\x44" + b"\0" * 24 + b"Gate\0" + b"\0" * 25, b""
        ).banner
        == "Gate"
    )
    assert things.parse_mqttsn(b"\x03\x02\x07", b"").banner == "gateway 7"
    hello = b"\x21\x31\0\x20" + b"\0" * 4 + b"\1\2\3\4" + b"\0" * 4
    assert things.parse_miio(hello + b"\xab" * 16, b"").open_access
    assert not things.parse_miio(hello + b"\xff" * 16, b"").open_access
    assert infrastructure.parse_asf(b"\6\0\xff\6\0\0\x11\xbe\x40\0\0\x10" + b"\0" * 16, b"")


def test_quic_is_asked_for_its_versions():
    request = encrypted.quic_initial(NONCE)
    assert len(request) == 1200  # a smaller first packet is dropped (RFC 9000 section 14.1)
    head = b"\xc0" + bytes(4) + request[14:23] + request[5:14]
    heard = encrypted.parse_quic(head + bytes.fromhex("00000001 6b3343cf 2a4a6a8a"), request)
    assert heard.banner == "versions 0x00000001 0x6b3343cf"
    other = b"\xc0" + bytes(4) + request[5:14] + request[14:23] + bytes(4)
    assert encrypted.parse_quic(other, request) is None, "not the answer to what was asked"
    assert encrypted.parse_quic(request, request) is None, "an echo"


def test_an_echo_of_the_dtls_hello_is_no_server():
    request = encrypted.dtls_hello(NONCE)
    assert encrypted.parse_dtls(request, request) is None
