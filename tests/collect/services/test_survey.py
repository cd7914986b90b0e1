"""The UDP survey on loopback: who answers, who refuses, who stays silent."""

import asyncio
import dataclasses
import socket
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from probe.collect.answers import NoAnswer, Why
from probe.collect.services.udp import survey as module
from probe.collect.services.udp.encrypted import announced_probe
from probe.collect.services.udp.survey import PROBES, survey
from probe.collect.tls.collector import speaks_dtls
from probe.model.observation import ANNOUNCED_PORT, OpenAccess, PortScan, Service, UdpSilence
from probe.model.ports import parse_ports

HERE = "127.0.0.1"
BY_NAME = {p.protocol: p for p in PROBES}


class Answering(asyncio.DatagramProtocol):
    def __init__(self, answer):
        self.answer = answer

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        for datagram in self.answer(data):
            self.transport.sendto(datagram, addr)


@pytest.fixture
async def device(monkeypatch):
    """``await device(ntp=answer)`` serves these, and leaves the other probes' ports closed."""
    monkeypatch.setattr(module, "FIRST_WITHIN_S", 0.15)
    monkeypatch.setattr(module, "AGAIN_WITHIN_S", 0.05)
    transports = []

    async def serve(*asked, **served):
        probes = []
        loop = asyncio.get_running_loop()
        for name in (*asked, *served):
            if name in served:
                transport, _ = await loop.create_datagram_endpoint(
                    lambda name=name: Answering(served[name]), local_addr=(HERE, 0)
                )
                transports.append(transport)
                port = transport.get_extra_info("sockname")[1]
            else:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
                    free.bind((HERE, 0))
                    port = free.getsockname()[1]
            probes.append(dataclasses.replace(BY_NAME[name], port=port))
        monkeypatch.setattr(module, "PROBES", tuple(probes))
        return {p.protocol: p.port for p in probes}

    yield serve
    for transport in transports:
        transport.close()


def ntp(data):
    return [b"\x24\x01" + b"\0" * 22 + data[40:48] + b"\0" * 16]


def cookie_request(data):
    """A HelloVerifyRequest of DTLS 1.0 to 1.2, with a cookie of one byte."""
    handshake = b"\3\0\0\4\0\0\0\0\0\0\0\4\xfe\xff\1\5"
    return [b"\x16\xfe\xff" + bytes(8) + len(handshake).to_bytes(2, "big") + handshake]


@pytest.mark.parametrize(
    ("answer", "said"), [(cookie_request, "coaps"), (lambda _: [b"hello"], "unknown")]
)
async def test_dtls_on_an_announced_port(bench, device, answer, said):
    port = (await device(coaps=answer))["coaps"]
    b = bench()
    await survey(b.session, HERE, (announced_probe("coaps", port),), ANNOUNCED_PORT)
    [service] = b.recorded.facts(Service)
    assert (service.port, service.protocol) == (port, said)
    [scan] = b.recorded.facts(PortScan)
    assert (scan.transport, scan.list_name, scan.open) == ("udp", "announced", (port,))
    assert speaks_dtls(service) == (said == "coaps")


async def test_an_announced_port_that_says_nothing(bench, device):
    port = (await device(coaps=lambda _: []))["coaps"]
    b = bench()
    await survey(b.session, HERE, (announced_probe("coaps", port),), ANNOUNCED_PORT)
    [silence] = b.recorded.facts(UdpSilence)
    assert (silence.port, silence.state) == (port, "silent")


async def test_open_closed_and_silent(bench, device):
    ports = await device("dns", "tftp", ntp=ntp, ike=lambda data: [])
    b = bench()
    await survey(b.session, HERE)
    [service] = b.recorded.facts(Service)
    assert (service.protocol, service.transport, service.port) == ("ntp", "udp", ports["ntp"])
    states = {s.protocol: s.state for s in b.recorded.facts(UdpSilence)}
    assert states == {"dns": "closed", "tftp": "closed", "ike": "silent"}
    [scan] = b.recorded.facts(PortScan)
    assert scan.transport == "udp"
    assert scan.open == (ports["ntp"],)
    assert parse_ports(scan.silent) == {ports["ike"]}
    assert all(o.proof for o in b.recorded.observations)


async def test_an_answer_in_another_protocol_is_an_unknown_service(bench, device):
    await device(snmp=lambda data: [b"\x1b[31mhello"])
    b = bench()
    await survey(b.session, HERE)
    [service] = b.recorded.facts(Service)
    assert service.protocol == "unknown"
    assert service.banner.isprintable()


async def test_tftp_answers_from_another_port(bench, device):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HERE, 0))

        class FromElsewhere(Answering):
            def datagram_received(self, data, addr):
                other.sendto(b"\0\5\0\1File not found\0", addr)

        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: FromElsewhere(None), local_addr=(HERE, 0)
        )
        port = transport.get_extra_info("sockname")[1]
        await device()
        module.PROBES = (dataclasses.replace(BY_NAME["tftp"], port=port),)
        b = bench()
        await survey(b.session, HERE)
        transport.close()
    [service] = b.recorded.facts(Service)
    assert (service.protocol, service.banner) == ("tftp", "File not found")


def coap_answer(request, code, payload):
    return bytes((0x64, code)) + request[2:8] + b"\xff" + payload


@pytest.mark.parametrize(
    ("made_up", "other", "open_"),
    [
        ((0x84, b"Not Found"), (0x45, b"21.5"), True),
        ((0x45, b"21.5"), (0x45, b"21.5"), False),
        ((0x45, b"{}"), (0x45, b"21.5"), False),
        ((0x84, b""), (0x45, b"Error: login required"), False),
        ((0x84, b""), (0x45, b"unauthorized"), False),
        ((0x84, b""), (0x45, b"error_count=0"), True),
    ],
    ids=["true", "everything", "something", "error text", "refusal", "data"],
)
async def test_coap_content_counts_only_by_contrast(bench, device, made_up, other, open_):
    def coap(request):
        if b"core" in request:
            return [coap_answer(request, 0x45, b"</temp>")]
        return [coap_answer(request, *(made_up if b"probe-" in request else other))]

    await device(coap=coap)
    b = bench()
    await survey(b.session, HERE)
    assert [a.what for a in b.recorded.facts(OpenAccess)] == ["resource /temp"] * open_
    assert [s.protocol for s in b.recorded.facts(Service)] == ["coap"]


async def test_coap_response_apart_from_its_acknowledgement(bench, device):
    """RFC 7252 section 5.2.2: an empty acknowledgement, then a message of its own."""

    def coap(request):
        late = b"\x44\x45\x99\x99" + request[4:8] + b"\xff"
        said = b"</temp>" if b"core" in request else b"21.5"
        if b"probe-" in request:
            return [coap_answer(request, 0x84, b"")]
        return [b"\x60\x00" + request[2:4], late + said]

    await device(coap=coap)
    b = bench()
    await survey(b.session, HERE)
    assert [a.what for a in b.recorded.facts(OpenAccess)] == ["resource /temp"]


@pytest.mark.skipif(not find_spec("bacpypes3"), reason="bacpypes3 is missing")
async def test_bacpypes_tells_its_texts(bench, monkeypatch, port, start):
    start(sys.executable, str(Path(__file__).with_name("bacnet_device.py")), str(port))
    probe = dataclasses.replace(BY_NAME["bacnet"], port=port)
    monkeypatch.setattr(module, "PROBES", (probe,))
    for _ in range(20):
        b = bench()
        await survey(b.session, HERE)
        if b.recorded.facts(Service):
            break
        await asyncio.sleep(0.25)
    [service] = b.recorded.facts(Service)
    assert "device 1234, vendor number 999" in service.banner
    assert "object name AHU-1" in service.banner
    what = [a.what for a in b.recorded.facts(OpenAccess)]
    assert "object name of the BACnet device object" in what
    assert not any(a.write_possible for a in b.recorded.facts(OpenAccess))


async def test_coap_resources_are_followed(bench, device):
    def coap(request):
        links = b"</temp>,</secret>"
        if b"core" in request:
            return [coap_answer(request, 0x45, links)]
        if b"temp" in request:
            return [coap_answer(request, 0x45, b"21.5")]
        return [coap_answer(request, 0x81, b"")]

    await device(coap=coap)
    b = bench()
    await survey(b.session, HERE)
    [access] = b.recorded.facts(OpenAccess)
    assert access.what == "resource /temp"
    [service] = b.recorded.facts(Service)
    assert not service.refuses_strangers
    assert "</temp>" in service.banner


async def test_thousands_of_answers_are_bounded(bench, device):
    line = b"HTTP/1.1 200 OK\r\nST: urn:x:%d\r\nUSN: uuid:%d\r\n\r\n"
    await device(ssdp=lambda data: [line % (n, n) for n in range(500)])
    b = bench()
    await asyncio.wait_for(survey(b.session, HERE), 10)
    assert len(b.recorded.observations) <= 40


async def test_what_the_probe_could_not_send_says_nothing_of_any_port(bench, device, monkeypatch):
    await device("dns", "tftp", "ntp")
    b = bench()
    ask, asked = b.session.ask, []

    async def without_link(address, port, payload, **more):
        asked.append(port)
        if len(asked) == 2:
            raise NoAnswer(Why.LOCAL, "Network is down")
        return await ask(address, port, payload, **more)

    monkeypatch.setattr(b.session, "ask", without_link)
    with pytest.raises(NoAnswer) as failed:
        await survey(b.session, HERE)
    assert failed.value.why is Why.LOCAL
    assert b.recorded.facts(PortScan) == []
    assert b.recorded.facts(UdpSilence) == []
