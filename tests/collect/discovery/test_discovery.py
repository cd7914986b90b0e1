"""What discovery reports, when, with which proof; without a network."""

import asyncio
import dataclasses
import hashlib
import ipaddress

import pytest

from probe.collect.discovery import methods
from probe.collect.discovery.discovery import Discovery
from probe.collect.discovery.link import LinkSession
from probe.collect.packet.interface import InterfaceFacts
from probe.collect.packet.protocol import RouterSeen, Sighting
from probe.collect.scope import ScopeGuard
from probe.errors import ProbeError
from probe.model.evidence import EvidenceRef
from probe.model.finding import Owner
from probe.model.observation import AddressFormed, Announced, Ipv6Survey, NotMeasured
from probe.model.plan import Plan
from probe.model.run import Scope

PLAN = Plan(name="t", summary="", catalogues=(), tcp_ports="quick")
FACTS = InterfaceFacts(
    name="eth9",
    index=9,
    mac="02:00:5e:00:53:02",
    ipv4=(ipaddress.IPv4Interface("198.51.100.2/24"),),
    ipv6=(ipaddress.IPv6Interface("fe80::2/64"),),
)
MAC, OTHER = "00:00:5e:00:53:0b", "00:00:5e:00:53:0c"
IP, LL, OTHER_IP = "198.51.100.11", "fe80::200:5eff:fe00:530b", "198.51.100.12"
SAID = Announced(via="ssdp", name="u", kind="upnp:rootdevice", port=80)


class FakeClient:
    """The packet client as far as discovery listens to it."""

    available = True

    def __init__(self):
        self.routers = []
        self.listener = None
        self.admitted = []
        self.answers = {}
        """Who answers for an address when the whole link is asked."""

    def subscribe(self, listener):
        self.listener = listener
        return lambda: None

    def admit(self, known, learned):
        self.admitted.append(learned)

    async def holders(self, address, within):
        return self.answers.get(address)


class Told:
    """Records the callbacks, in order."""

    def __init__(self, *targets, facts=FACTS):
        self.events, self.kept, self.notes = [], {}, []
        scope = Scope(interface="eth9", networks=("198.51.100.0/24",), targets=targets)
        self.client = FakeClient()
        note = lambda text, _: self.notes.append(text)  # noqa: E731
        link = LinkSession(facts, ScopeGuard(scope), self.client, note)
        self.discovery = Discovery(link, PLAN, self.device, self.observe, self.keep)
        self.link = link

    def device(self, device):
        self.events.append(device)

    def observe(self, device, fact, *proof):
        assert proof
        assert all(not isinstance(p, EvidenceRef) or p.sha256 in self.kept for p in proof)
        assert any(getattr(e, "id", None) == device for e in self.events), "fact before device"
        self.events.append((device, fact))

    def keep(self, data, *, media_type, caption):
        digest = hashlib.sha256(data).hexdigest()
        self.kept[digest] = data
        return EvidenceRef(sha256=digest, caption=caption)

    def see(self, method, mac, address):
        self.discovery.sighted(method, mac, address, b"frame" + method.encode(), 1.0)

    @property
    def devices(self):
        found = {e.id: e for e in self.events if not isinstance(e, tuple)}
        return list(found.values())

    def facts(self, kind):
        return [e[1] for e in self.events if isinstance(e, tuple) and isinstance(e[1], kind)]


async def test_facts_come_after_the_active_phase_and_final_words_when_asked():
    told = Told()
    told.discovery.reporter.survey("mld", "ns-eui64", sent=5)
    told.see("arp", MAC, IP)
    told.see("na", MAC, LL)
    assert told.devices[0].addresses == (IP, LL)
    assert not told.facts(AddressFormed)
    told.discovery._end_active_phase()
    assert {f.address for f in told.facts(AddressFormed)} == {IP, LL}
    (survey,) = told.facts(Ipv6Survey)
    assert survey.methods == ("mld", "ns-eui64", "passive")
    told.see("mld", MAC, LL)
    told.discovery.settled(told.devices[0].id)
    assert told.facts(AddressFormed)[-1].methods == ("na", "mld")
    before = len(told.events)
    told.discovery.settled(told.devices[0].id)
    assert len(told.events) == before


async def test_address_found_later_gets_its_fact_at_once():
    told = Told()
    told.see("arp", MAC, IP)
    told.discovery._end_active_phase()
    told.see("dad", MAC, LL)
    assert told.devices[0].addresses == (IP, LL)
    assert [f.address for f in told.facts(AddressFormed)] == [IP, LL]


async def test_device_that_shows_only_a_mac_is_listed_in_the_end():
    told = Told()
    told.see("arp-probe", MAC, "")
    assert told.devices == []
    told.discovery._end_active_phase()
    assert [(d.mac, d.addresses) for d in told.devices] == [(MAC, ())]


async def test_with_targets_only_they_are_reported_and_nothing_is_kept_of_others():
    told = Told(IP)
    told.see("mld", OTHER, "fe80::1")
    told.see("arp-request", OTHER, OTHER_IP)
    told.see("na", MAC, LL)
    assert told.devices == []
    told.see("arp", MAC, IP)
    told.discovery._end_active_phase()
    assert [d.addresses for d in told.devices] == [(IP, LL)]
    assert told.client.admitted == [LL]
    assert told.link.guard.allows(LL)
    assert not told.link.guard.allows(OTHER_IP)
    assert not any(b"arp-request" in data for data in told.kept.values())


GATEWAY, GATEWAY_MAC = "198.51.100.1", "00:00:5e:00:53:01"


async def test_address_of_another_that_a_target_claims_is_never_in_scope():
    told = Told(IP)
    told.see("arp", MAC, IP)
    told.see("arp-request", GATEWAY_MAC, GATEWAY)
    told.see("arp-announcement", MAC, GATEWAY)
    told.discovery._end_active_phase()
    assert told.devices[0].addresses == (IP,)
    assert not told.link.guard.allows(GATEWAY)
    assert told.client.admitted == []
    assert told.devices[0].unproven == (GATEWAY,)
    (left,) = told.facts(NotMeasured)
    assert (left.subject, left.owner) == (GATEWAY, "network")
    assert GATEWAY_MAC in left.reason


async def test_claimed_address_is_admitted_once_the_whole_link_was_asked():
    told = Told(IP)
    told.see("arp", MAC, IP)
    told.see("arp-announcement", MAC, OTHER_IP)
    assert told.devices[0].addresses == (IP,)  # a claim only
    assert not told.link.guard.allows(OTHER_IP)
    told.client.answers[OTHER_IP] = frozenset({MAC})
    await told.discovery._settle_further()
    assert told.devices[0].addresses == (IP, OTHER_IP)
    assert told.link.guard.allows(OTHER_IP)
    told.discovery._end_active_phase()
    assert told.devices[0].unproven == ()
    assert not told.facts(NotMeasured)


@pytest.mark.parametrize("macs", [{OTHER}, {MAC, OTHER}, set(), None])
async def test_claimed_address_for_which_another_answers_or_nobody_is_left_out(macs):
    told = Told(IP)
    told.see("arp", MAC, IP)
    told.see("arp-announcement", MAC, OTHER_IP)
    told.client.answers[OTHER_IP] = macs
    for _ in range(5):
        await told.discovery._settle_further()
    told.discovery._end_active_phase()
    assert told.devices[0].addresses == (IP,)
    assert not told.link.guard.allows(OTHER_IP)
    assert [f.subject for f in told.facts(NotMeasured)] == [OTHER_IP]


async def test_own_router_is_nobodys_further_address_even_when_it_is_silent():
    told = Told(IP, facts=dataclasses.replace(FACTS, gateways=(GATEWAY,)))
    told.client.answers[GATEWAY] = frozenset({MAC})
    told.see("arp", MAC, IP)
    told.see("arp-announcement", MAC, GATEWAY)
    await told.discovery._settle_further()
    assert not told.link.guard.allows(GATEWAY)


async def test_admitted_address_that_another_uses_later_is_spoken_to_no_more():
    told = Told(IP)
    told.see("arp", MAC, IP)
    told.see("na", MAC, LL)
    assert told.link.guard.allows(LL)
    told.see("na", OTHER, LL)
    assert not told.link.guard.allows(LL)
    assert told.devices[0].addresses == (IP,)


async def test_who_takes_a_targets_address_brings_nothing_of_its_own_into_scope():
    told = Told(IP)
    told.see("arp", MAC, IP)
    told.see("arp", OTHER, OTHER_IP)
    told.see("arp-announcement", OTHER, IP)
    told.client.answers[OTHER_IP] = frozenset({OTHER})
    await told.discovery._settle_further()
    told.discovery._end_active_phase()
    assert not told.link.guard.allows(OTHER_IP)
    assert told.link.guard.allows(IP)  # named by the operator, whoever answers there
    assert [(d.mac, d.addresses) for d in told.devices] == [(MAC, (IP,))]
    assert [f.subject for f in told.facts(NotMeasured)] == [IP]


async def test_without_targets_an_address_of_two_is_no_ones_and_a_gap_of_both():
    told = Told()
    told.see("arp", MAC, IP)
    told.see("arp", OTHER, OTHER_IP)
    told.see("arp-announcement", OTHER, IP)
    told.discovery._end_active_phase()
    assert {d.mac: d.addresses for d in told.devices} == {MAC: (), OTHER: (OTHER_IP,)}
    assert not told.link.guard.allows(IP)
    assert [f.subject for f in told.facts(NotMeasured)] == [IP, IP]


@pytest.mark.parametrize("prefix", [f"{'ffff:' * 7}ffff/128", "ff02::/64", "::/0"])
async def test_hostile_router_advertisement_ends_nothing(prefix):
    told = Told()
    router = RouterSeen(mac=MAC, address=LL, prefixes=(prefix,), at=1.0, frame=b"")
    told.discovery._sighted(router)
    told.client.routers.append(router)
    assert methods.prefixes(told.discovery) == []
    told.discovery._raise_fault()


async def test_trouble_in_the_active_phase_does_not_leave_anybody_waiting():
    told = Told("203.0.113.9")

    def full_disk(device):
        raise OSError("disk full")

    told.discovery.reporter._on_device = full_disk
    with pytest.raises(OSError, match="disk full"):
        await asyncio.wait_for(told.discovery.run(), 5)
    assert told.discovery.active_done.is_set()


async def test_silent_and_distant_targets_are_listed_all_the_same():
    told = Told(IP, "203.0.113.9")
    told.discovery._name_distant_targets()
    assert [d.id for d in told.devices] == ["ip-203.0.113.9"]
    told.discovery._end_active_phase()
    assert [d.id for d in told.devices] == ["ip-203.0.113.9", f"ip-{IP}"]
    assert not told.facts(Ipv6Survey)  # the link was searched, not theirs
    told.see("arp", MAC, IP)
    assert {d.id: d.mac for d in told.devices}[f"ip-{IP}"] == MAC


async def test_announcement_waits_for_the_device_and_never_makes_one():
    told = Told()
    told.discovery._hear((IP,), SAID, record := _record())
    assert told.events == []
    assert record.ref is None
    told.see("arp", MAC, IP)
    assert told.facts(Announced) == [SAID]
    told.discovery._hear((IP,), SAID, _record())
    assert len(told.facts(Announced)) == 1


@pytest.mark.parametrize(("kind", "server"), [(2, True), (5, True), (1, False)])
async def test_who_answers_as_a_dhcp_server_says_so(kind, server):
    told = Told()
    reply = bytes([2, 1, 6, 0]) + bytes(232) + b"\x63\x82\x53\x63" + bytes([53, 1, kind, 255])
    head = bytes(12) + b"\x08\x00\x45" + bytes(19) + bytes(8)
    told.discovery.sighted("dhcp-server", MAC, IP, head + reply, 1.0)
    told.discovery.sighted("dhcp-server", MAC, IP, head + reply[:100], 1.0)
    told.discovery._end_active_phase()
    said = [(a.via, a.kind, a.port) for a in told.facts(Announced)]
    assert said == ([("dhcp", "server", 67)] if server else [])


async def test_announcements_of_one_device_are_bounded():
    told = Told()
    told.see("arp", MAC, IP)
    for n in range(500):
        told.discovery._hear((IP,), dataclasses.replace(SAID, name=str(n)), _record())
        told.discovery._hear((f"198.51.100.{n % 200 + 20}",), SAID, _record())
    assert len(told.facts(Announced)) == 64
    assert len(told.discovery.announcements.pending) <= 512
    assert len(told.discovery._claims) <= 256


async def test_what_is_not_kept_of_announcements_is_told():
    told, late = Told(), "198.51.100.250"
    told.see("arp", MAC, IP)
    for n in range(65):
        told.discovery._hear((IP,), dataclasses.replace(SAID, name=str(n)), _record())
    for n in range(513):
        one = dataclasses.replace(SAID, name=str(n))
        told.discovery._hear((late if n == 512 else f"203.0.113.{n % 200}",), one, _record())
        told.discovery._hear((late if n == 512 else f"203.0.113.{n % 200}",), one, _record())
    assert len([n for n in told.notes if "more than 512 announcements" in n]) == 1
    told.see("arp", "02:00:5e:00:00:77", late)
    told.discovery._end_active_phase()
    gaps = [e for e in told.events if isinstance(e, tuple) and isinstance(e[1], NotMeasured)]
    said = {device: fact.reason for device, fact in gaps}
    assert len(gaps) == len(said) == 2
    first, second = (said[d.id] for d in told.devices)
    assert "ssdp beyond 64" in first
    assert "before it was found" in second
    told.discovery.settled(told.devices[0].id)
    assert len(told.facts(NotMeasured)) == 2, "once"


async def test_at_the_bounds_nothing_is_told_as_passed_over():
    told = Told()
    told.see("arp", MAC, IP)
    for n in range(64):
        for _ in range(2):
            told.discovery._hear((IP,), dataclasses.replace(SAID, name=str(n)), _record())
    for n in range(512):
        told.discovery._hear((f"203.0.113.{n % 200}",), SAID, _record())
    told.discovery._end_active_phase()
    assert told.facts(NotMeasured) == []
    assert told.notes == []


async def test_claimed_addresses_are_not_believed_before_they_answer():
    told = Told()
    told.see("arp", MAC, IP)
    told.discovery._hear((IP, OTHER_IP, "203.0.113.5", "198.51.100.2"), SAID, _record())
    assert told.devices[0].addresses == (IP,)
    assert list(told.discovery._claims) == [OTHER_IP]  # not the foreign one, not the probe's own


async def test_later_description_enriches_the_device():
    told = Told()
    told.see("arp", MAC, IP)
    said = Announced(via="upnp", name="", kind="", port=80, attributes=(("modelName", "R2"),))
    told.discovery.learned(told.devices[0].id, said)
    assert told.devices[0].get("model").value == "R2"


async def test_conflict_and_foreign_router_are_noted_once():
    told = Told()
    told.see("arp", MAC, IP)
    told.see("arp", OTHER, IP)
    told.see("mdns", OTHER, IP)
    router = RouterSeen(mac=MAC, address=LL, prefixes=("2001:db8:7::/64",), at=1.0, frame=b"")
    told.discovery._sighted(router)
    told.discovery._sighted(router)
    assert len(told.notes) == 2
    assert "more than one MAC" in told.notes[0]
    assert "2001:db8:7::/64" in told.notes[1]


async def test_fault_of_a_callback_ends_discovery_and_not_the_client():
    loopback = dataclasses.replace(FACTS, loopback=True)
    told = Told(facts=loopback)

    def full_disk(device):
        raise OSError("disk full")

    told.discovery.reporter._on_device = full_disk
    task = asyncio.create_task(told.discovery.run())
    await told.discovery.active_done.wait()
    seen = Sighting(method="arp", mac=MAC, address=IP, at=1.0, frame=b"")
    told.client.listener(seen)
    with pytest.raises(OSError, match="disk full"):
        await asyncio.wait_for(task, 5)


async def test_a_method_that_cannot_record_ends_discovery():
    told = Told(facts=dataclasses.replace(FACTS, loopback=True))

    def full_disk(device, fact, *proof):
        raise ProbeError("The disk is full", "Free some space.", owner=Owner.ENVIRONMENT)

    told.observe = full_disk
    discovery = Discovery(told.link, PLAN, told.device, told.observe, told.keep)

    async def finds() -> None:
        discovery.sighted("arp", MAC, IP, b"frame", 1.0)
        discovery._end_active_phase()

    await discovery._guarded("ARP", finds())
    with pytest.raises(ProbeError, match="disk is full"):
        await asyncio.wait_for(discovery.run(), 5)


@pytest.mark.parametrize(
    ("error", "owner"), [(KeyError("x"), Owner.TOOL), (OSError("down"), Owner.ENVIRONMENT)]
)
async def test_trouble_of_a_method_is_told_with_its_owner(error, owner):
    told = Told()
    said: list[tuple[str, Owner]] = []
    told.link.note = lambda text, owner: said.append((text, owner))

    async def breaks() -> None:
        raise error

    await told.discovery._guarded("ARP", breaks())
    assert [o for _, o in said] == [owner]
    told.discovery._raise_fault()  # no callback was at fault


async def test_loopback_lists_the_named_targets_only():
    loopback = dataclasses.replace(FACTS, loopback=True)
    told = Told("127.0.0.11", "127.0.0.12", facts=loopback)
    task = asyncio.create_task(told.discovery.run())
    await asyncio.wait_for(told.discovery.active_done.wait(), 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [d.id for d in told.devices] == ["ip-127.0.0.11", "ip-127.0.0.12"]


def _record():
    from probe.collect.discovery.inventory import Record

    return Record(b"datagram", "text/plain", "SSDP")


async def test_a_method_that_sent_nothing_is_no_part_of_the_survey():
    told = Told()
    told.discovery.reporter.survey("mdns", "ns-eui64", sent=0)
    told.discovery.reporter.survey("mld", sent=2)
    told.see("arp", MAC, IP)
    told.discovery._end_active_phase()
    (survey,) = told.facts(Ipv6Survey)
    assert survey.methods == ("mld", "passive")


@pytest.mark.parametrize(("down", "searched"), [(0, True), (1, True), (99, False)])
async def test_what_was_asked_while_our_own_link_was_down_was_not_asked(
    monkeypatch, down, searched
):
    told, asked = Told(), []
    told.link.disturbed = lambda since: len(asked) <= down

    async def everybody(discovery):
        asked.append(1)
        discovery.reporter.survey("mld", "echo", sent=3)

    monkeypatch.setattr(methods, "_ask_everybody", everybody)
    told.see("arp", MAC, IP)
    await methods.find_neighbours(told.discovery)
    told.discovery._end_active_phase()
    (survey,) = told.facts(Ipv6Survey)
    assert ("mld" in survey.methods) is searched
    assert len(asked) == min(down + 1, methods.SEARCHES)
    assert any("not known" in note for note in told.notes) is not searched
