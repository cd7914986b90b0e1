"""Which jobs the services room names, and when."""

from probe.collect.services.collector import COLLECTOR, MAX_ADDRESSES, MAX_FURTHER
from probe.model.device import Device
from probe.model.dut import Dut
from probe.model.evidence import Coverage
from probe.model.observation import Announced, Observation, PortScan, Service
from probe.model.plan import Plan

V4, V6 = "198.51.100.11", "2001:db8::11"
PROOF = (Coverage(tried="t", times=1, deadline_s=1.0),)


def plan(tcp_ports="standard"):
    return Plan(name="t", summary="", catalogues=(), tcp_ports=tcp_ports)


def dut(*facts, addresses=(V4, V6)):
    device = Device(id="mac-021234569a0b", addresses=addresses)
    seen = [
        Observation(id=f"t#{n}", device=device.id, collector="t", at=0.0, fact=f, proof=PROOF)
        for n, f in enumerate(facts)
    ]
    return Dut(device, seen)


def scan(*ports, address=V4):
    return PortScan(
        transport="tcp", address=address, list_name="quick 1/1", tested="1-1000", open=ports
    )


def titles(tasks, priority):
    return [t.job.title for t in tasks if t.priority == priority]


def test_every_address_gets_the_quick_list_udp_and_the_rest():
    tasks = list(COLLECTOR.tasks(dut(), plan()))
    assert len({t.job.id for t in tasks}) == len(tasks) == 2 * (5 + 1)
    assert len(titles(tasks, 10)) == 2
    assert len(titles(tasks, 15)) == 2
    assert len(titles(tasks, 70)) == len(titles(tasks, 71)) == 4
    assert {t.lane for t in tasks if t.priority != 15} == {"scan"}
    assert {t.lane for t in tasks if t.priority == 15} == {"udp"}


def test_job_ids_do_not_change():
    first, again = ([t.job.id for t in COLLECTOR.tasks(dut(scan(80)), plan())] for _ in range(2))
    assert first == again


def test_an_open_port_is_identified_where_it_is_open():
    tasks = list(COLLECTOR.tasks(dut(scan(8080, 80), scan(80, address=V6)), plan()))
    identify = [t for t in tasks if t.priority == 20]
    assert [t.job.title for t in identify] == [
        f"what listens on tcp {V4}:80",
        f"what listens on tcp {V4}:8080",
        f"what listens on tcp [{V6}]:80",
    ]
    assert {t.lane for t in identify} == {"ask"}


def test_unknown_ports_are_asked_further_up_to_a_limit():
    ports = tuple(range(1, 40))
    unknown = [
        Service(transport="tcp", address=V4, port=p, protocol="unknown", tls=p == 1) for p in ports
    ]
    tasks = list(COLLECTOR.tasks(dut(scan(*ports), *unknown), plan()))
    further = titles(tasks, 45)
    assert len(further) == MAX_FURTHER
    assert f"rarer protocols on tcp {V4}:1" not in further


def test_announced_ports_outside_the_list_are_knocked_at():
    facts = [
        Announced(via="mdns", name="a", kind="_hap._tcp", port=51234),
        Announced(via="mdns", name="b", kind="_http._tcp", port=80),
        Announced(via="mdns", name="c", kind="_matterc._udp", port=51235),
        Announced(via="ssdp", name="d", kind="upnp:rootdevice", port=None),
    ]
    tasks = list(COLLECTOR.tasks(dut(*facts), plan()))
    assert titles(tasks, 12) == [f"announced TCP port 51234 of {a}" for a in (V4, V6)]
    assert titles(tasks, 16) == []


def test_announced_dtls_is_asked_on_whatever_port():
    facts = [
        Announced(via="mdns", name="a", kind="_coaps._udp", port=49152),
        Announced(via="mdns", name="b", kind="_sips._udp", port=6061),
        Announced(via="mdns", name="c", kind="_coaps._udp", port=5684),
        Announced(via="mdns", name="d", kind="_coap._udp", port=49153),
        Announced(via="mdns", name="e", kind="_coaps._udp", port=None),
    ]
    tasks = list(COLLECTOR.tasks(dut(*facts), plan()))
    wanted = {f"announced UDP port 49152 of {a}, COAPS" for a in (V4, V6)}
    assert set(titles(tasks, 16)) == wanted | {
        f"announced UDP port 6061 of {a}, SIPS" for a in (V4, V6)
    }
    assert {t.lane for t in tasks if t.priority == 16} == {"udp"}


def test_a_device_of_a_thousand_addresses_is_bounded():
    many = tuple(f"2001:db8::{n:x}" for n in range(1, 1000))
    tasks = list(COLLECTOR.tasks(dut(addresses=many), plan("quick")))
    assert len(tasks) == 2 * MAX_ADDRESSES


def test_a_tarpit_is_bounded():
    tasks = list(COLLECTOR.tasks(dut(scan(*range(1, 5000))), plan("quick")))
    assert len(tasks) < 100
