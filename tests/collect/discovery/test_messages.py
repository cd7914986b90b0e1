"""What devices send by themselves: SSDP, DHCP, mDNS records, UPnP descriptions. All of it hostile."""

import struct
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zeroconf.asyncio import AsyncServiceInfo

from probe.collect.discovery import dhcp, identify, mdns, pcap, ssdp, upnp
from probe.model.finding import Owner
from probe.model.observation import Announced

RESPONSE = (
    b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nUSN: uuid:1::upnp:rootdevice\r\n"
    b"Location: http://198.51.100.11:8200/d.xml\r\nSERVER: Linux UPnP/1.0 Cam/1.2\r\n\r\n"
)


def test_ssdp_response_and_notification():
    message = ssdp.parse(RESPONSE)
    said = message.announced()
    assert (said.via, said.name, said.kind, said.port) == (
        "ssdp",
        "uuid:1",
        "upnp:rootdevice",
        8200,
    )
    assert dict(said.attributes)["location"] == "http://198.51.100.11:8200/d.xml"
    notify = b"NOTIFY * HTTP/1.1\r\nNT: upnp:rootdevice\r\nNTS: ssdp:byebye\r\nUSN: uuid:1\r\n\r\n"
    assert ssdp.parse(notify).leaving


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"M-SEARCH * HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 404 No\r\nUSN: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
)
def test_ssdp_that_announces_nothing(data):
    assert ssdp.parse(data) is None


def test_ssdp_text_cannot_carry_escapes():
    message = ssdp.parse(RESPONSE.replace(b"Cam/1.2", b"\x1b[2J<b>" + b"A" * 5000))
    assert "\x1b" not in message.server
    assert len(message.server) <= 300


@pytest.mark.parametrize(
    ("location", "port"),
    [
        ("http://198.51.100.11/", 80),
        ("http://[fe80::1]:49152/x", 49152),
        ("https://198.51.100.11/", None),
        ("http://a:99999/", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_location_port(location, port):
    assert ssdp.location_port(location) == port


@given(
    st.binary(max_size=600) | st.binary(max_size=300).map(lambda b: b"HTTP/1.1 200 OK\r\nUSN:" + b)
)
def test_no_datagram_raises(data):
    message = ssdp.parse(data)
    if message is not None:
        message.announced()


def dhcp_frame(options: bytes) -> bytes:
    message = b"\x01\x01\x06\0" + bytes(232) + dhcp.COOKIE + options
    ip = struct.pack("!BBHHHBBHII", 0x45, 0, 28 + len(message), 1, 0, 64, 17, 0, 0, 0xFFFFFFFF)
    return bytes(12) + b"\x08\x00" + ip + bytes(8) + message


def test_dhcp_request_says_name_and_stack():
    frame = dhcp_frame(b"\x35\x01\x03\x0c\x03cam\x3c\x06udhcp1\x37\x03\x01\x03\x06\xff\x0c\x01x")
    said = dhcp.announced(frame)
    assert (said.name, said.kind) == ("cam", "request")
    assert dict(said.attributes) == {
        "hostname": "cam",
        "vendor-class": "udhcp1",
        "parameters": "1,3,6",
    }
    (attribute,) = identify.attributes_of(said)
    assert (attribute.name, attribute.value, attribute.source) == ("name", "cam", "dhcp option 12")


@given(st.binary(max_size=300))
def test_no_dhcp_options_raise(options):
    dhcp.announced(dhcp_frame(options))
    dhcp.announced(options)


def service(text: bytes = b"\x08model=X1\x05fw=12", name: str = "Cam") -> AsyncServiceInfo:
    kind = "_http._tcp.local."
    return AsyncServiceInfo(
        kind,
        f"{name}.{kind}",
        port=80,
        server="cam.local.",
        properties=text,
        addresses=[b"\xc6\x33\x64\x0b"],
    )


def test_mdns_service_becomes_an_announcement_with_sources():
    found = mdns.resolved(service())
    said = found.announced
    assert (said.name, said.kind, said.port) == ("Cam", "_http._tcp", 80)
    assert found.addresses == ("198.51.100.11",)
    assert ("host", "cam.local") in said.attributes
    by_name = {a.name: (a.value, a.source) for a in identify.attributes_of(said)}
    assert by_name["model"] == ("X1", "mdns TXT model")
    assert by_name["firmware"] == ("12", "mdns TXT fw")
    assert by_name["name"] == ("Cam", "mdns _http._tcp")


# No backslash of the device's own: below, one in the repr stands for a character that got through.
txts = st.binary(max_size=300).map(lambda data: data.replace(b"\\", b"/"))


@given(txts, st.text("abc\u202e\u0085<>", min_size=1, max_size=20))
def test_hostile_txt_is_only_text(text, name):
    found = mdns.resolved(service(text, name))
    flat = repr(found.announced)
    assert not any(sign in flat for sign in ("\\x", "\\u202e", "\\n"))
    assert len(found.announced.attributes) <= mdns.MAX_KEYS + 1


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("_http._tcp.local.", True),
        ("_x-y._udp.local.", True),
        ("_http._tcp.example.", False),
        ("a._http._tcp.local.", False),
        ("_" + "a" * 30 + "._tcp.local.", False),
        ("_a\x1b._tcp.local.", False),
    ],
)
def test_only_real_types_are_browsed(name, fits):
    assert (mdns.TYPE.fullmatch(name) is not None) is fits


DESCRIPTION = b"""<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device>
<deviceType>urn:schemas-upnp-org:device:MediaRenderer:1</deviceType>
<friendlyName> Den &amp; Hall </friendlyName><manufacturer>Example</manufacturer>
<modelName>R2</modelName><serialNumber>77</serialNumber>
<deviceList><device><modelName>inner</modelName></device></deviceList></device></root>"""


def test_upnp_description_of_the_root_device():
    found = upnp.parse_description(DESCRIPTION)
    assert found["friendlyName"] == "Den & Hall"
    assert found["modelName"] == "R2"
    said = Announced(
        via="upnp", name="", kind=found["deviceType"], port=80, attributes=tuple(found.items())
    )
    by_name = {a.name: (a.value, a.source) for a in identify.attributes_of(said)}
    assert by_name["model"] == ("R2", "ssdp modelName")
    assert by_name["category"] == ("media player", "ssdp deviceType")


@pytest.mark.parametrize(
    "xml",
    [
        b'<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>',
        b'<!DOCTYPE r SYSTEM "http://203.0.113.1/x"><r/>',
        b'<!DOCTYPE l [<!ENTITY a "lol"><!ENTITY b "&a;&a;">]><l>&b;</l>',
        b"<root>" * 100,
        b"<root><device/></root>",
        b"<html>no</html>",
        b"",
        b'<?xml version="1.0" encoding="nonsense"?><r/>',
        b"<r>" + b"x" * upnp.MAX_XML + b"</r>",
    ],
)
def test_upnp_description_refused(xml):
    with pytest.raises(upnp.DescriptionFault):
        upnp.parse_description(xml)


@given(st.binary(max_size=300) | st.text("<>/&;!ab\"'= ", max_size=200).map(str.encode))
def test_no_xml_raises_anything_else(xml):
    try:
        upnp.parse_description(xml)
    except upnp.DescriptionFault:
        pass


def test_pcap_is_one_the_tools_read():
    data = pcap.one_frame(b"frame", 12.5)
    assert data[:4] == b"\xd4\xc3\xb2\xa1"
    assert struct.unpack_from("<IIII", data, 24) == (12, 500_000, 5, 5)
    assert data.endswith(b"frame")


async def test_a_record_that_cannot_be_read_is_told_and_not_swallowed(monkeypatch):
    notes, found = [], []
    link = SimpleNamespace(note=lambda text, owner: notes.append((text, owner)))
    browser = mdns.MdnsBrowser(link, found.append)
    browser._zeroconf = SimpleNamespace(zeroconf=None)

    async def answered(self, zeroconf, timeout):
        return True

    def broken(info):
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    monkeypatch.setattr(mdns.AsyncServiceInfo, "async_request", answered)
    monkeypatch.setattr(mdns, "resolved", broken)
    # One that zeroconf reads and we cannot, one that it refuses itself.
    for name in ("lamp._http._tcp.local.", "la\x1bmp._http._tcp.local."):
        browser._told = False
        await browser._resolve("_http._tcp.local.", name)
    await browser._resolve("_http._tcp.local.", "lamp._http._tcp.local.")
    assert found == []
    assert len(notes) == 2, "told once; the second one is of a browser that had told nothing yet"
    assert "UnicodeDecodeError" in notes[0][0]
    assert all("\x1b" not in text and owner is Owner.DEVICE for text, owner in notes)
