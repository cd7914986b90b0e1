"""The UPnP description is fetched from the device that announced it, and from nowhere else."""

import pytest

from probe.collect.discovery.collector import COLLECTOR, location_of
from probe.model.device import Device
from probe.model.evidence import Coverage
from probe.model.observation import Announced, NotMeasured
from probe.model.plan import Plan

PLAN = Plan(name="t", summary="", catalogues=(), tcp_ports="quick")
DEVICE = Device(id="ip-127.0.0.1", addresses=("127.0.0.1", "fe80::1"))
XML = b"<root><device><friendlyName>Den</friendlyName><modelName>R2</modelName></device></root>"


@pytest.mark.parametrize(
    "text",
    [
        "http://203.0.113.5/d.xml",
        "http://127.0.0.2/d.xml",
        "https://127.0.0.1/d.xml",
        "file:///etc/passwd",
        "http://localhost/d.xml",
        "http://127.0.0.1@203.0.113.5/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/" + "a" * 600,
        "http://[::1",
        "",
    ],
)
def test_location_elsewhere_or_odd_is_not_followed(text):
    assert location_of(text, DEVICE) is None


def test_location_of_the_device_itself():
    place = location_of("http://127.0.0.1:49152/d.xml?x=1", DEVICE)
    assert (place.address, place.port, place.path) == ("127.0.0.1", 49152, "/d.xml?x=1")
    assert location_of("http://[fe80::1%25eth0]/d", DEVICE).address == "fe80::1"


def announce(bench, location: str) -> None:
    said = Announced(via="ssdp", name="u", kind="k", port=1, attributes=(("location", location),))
    bench.session.observe(said, Coverage(tried="ssdp", times=1, deadline_s=1))


async def run(bench, serve, body: bytes, status: bytes = b"200 OK"):
    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 " + status + b"\r\nContent-Length: " + str(len(body)).encode()
        writer.write(head + b"\r\nLocation: http://203.0.113.5/\r\n\r\n" + body)
        await writer.drain()

    made = bench("127.0.0.1")
    async with serve(talk) as port:
        announce(made, f"http://127.0.0.1:{port}/d.xml")
        announce(made, "http://203.0.113.5/d.xml")
        (task,) = COLLECTOR.tasks(made.dut, PLAN)
        await task.work(made.session)
    return made


async def test_description_becomes_an_announcement(bench, serve):
    made = await run(bench, serve, XML)
    said = made.recorded.facts(Announced)[-1]
    assert said.via == "upnp"
    assert dict(said.attributes) == {"friendlyName": "Den", "modelName": "R2"}


@pytest.mark.parametrize(
    ("body", "status"), [(b"<!DOCTYPE x>", b"200 OK"), (XML, b"404 No"), (XML, b"302 Found")]
)
async def test_anything_else_is_not_measured_with_the_device_as_owner(bench, serve, body, status):
    made = await run(bench, serve, body, status)
    (missing,) = made.recorded.facts(NotMeasured)
    assert missing.owner == "device"
    assert missing.settle


async def test_closed_port_is_not_measured(bench):
    made = bench("127.0.0.1")
    announce(made, "http://127.0.0.1:1/d.xml")
    (task,) = COLLECTOR.tasks(made.dut, PLAN)
    await task.work(made.session)
    assert len(made.recorded.facts(NotMeasured)) == 1


def test_jobs_are_few_and_the_same_each_time(bench):
    made = bench("127.0.0.1")
    for n in range(20):
        announce(made, f"http://127.0.0.1:{1000 + n}/")
    first = [t.job.id for t in COLLECTOR.tasks(made.dut, PLAN)]
    assert len(first) == 4
    assert first == [t.job.id for t in COLLECTOR.tasks(made.dut, PLAN)]
