"""Discovery: an active phase of some seconds, then listening until the run ends."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from probe.collect.answers import NoAnswer
from probe.collect.discovery import dhcp, methods, pcap
from probe.collect.discovery.announcements import Announcements
from probe.collect.discovery.identify import attributes_of
from probe.collect.discovery.inventory import Entry, Inventory, Record
from probe.collect.discovery.link import LinkSession
from probe.collect.discovery.mdns import MdnsBrowser, Resolved
from probe.collect.discovery.report import Reporter
from probe.collect.discovery.ssdp import Message, SsdpListener
from probe.collect.packet.protocol import RouterSeen, Sighting
from probe.errors import ProbeError
from probe.model.device import Device
from probe.model.evidence import EvidenceRef, Proof
from probe.model.finding import Owner
from probe.model.ids import DeviceId
from probe.model.observation import Announced, Fact
from probe.model.plan import Plan

MAX_CLAIMS = 256
LISTEN_EVERY_S = 2.0
ASK_TIMES, AT_ONCE = 3, 16
"""How often, and for how many at once, the link is asked whose an address is."""


class Observe(Protocol):
    def __call__(self, device: DeviceId, fact: Fact, *proof: Proof) -> None: ...


class Keep(Protocol):
    def __call__(self, data: bytes, *, media_type: str, caption: str) -> EvidenceRef: ...


class Discovery:
    """Finds devices on one link and says what they tell about themselves.

    ``on_device`` gets a device whenever it appears or more is known; the entry replaces the earlier
    one of the same id. ``observe`` gets AddressFormed, Ipv6Survey and Announced facts with their proof,
    always after ``on_device`` for that device.
    """

    def __init__(
        self,
        link: LinkSession,
        plan: Plan,
        on_device: Callable[[Device], None],
        observe: Observe,
        keep: Keep,
    ) -> None:
        self.link, self.plan = link, plan
        self.active_done = asyncio.Event()
        own = () if link.facts.loopback else link.facts.own
        self.inventory = Inventory({link.facts.mac}, own, link.guard.scope.targets)
        self._fault: Exception | None = None
        """What a callback raised, such as a full disk: discovery ends with it, whatever was under way."""
        call_backs = (self._remembering(c) for c in (on_device, observe, keep))
        self.reporter = Reporter(link, self.inventory, *call_backs)
        self.announcements = Announcements(self.inventory, self.reporter, self.note)
        self.unasked: set[str] = set()
        """MACs that were not yet asked for their EUI-64 addresses."""
        self._claims: dict[str, bool] = {}
        self._asked: dict[tuple[DeviceId, str], int] = {}
        """How often the link was asked whose a further address of a named device is."""
        self._noted: set[str] = set()

    # --- running -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Active phase, then listening until cancelled. Raises what the callbacks raised."""
        mdns, ssdp = MdnsBrowser(self.link, self._resolved), SsdpListener(self.link, self._ssdp)
        stop_hearing = self.link.client.subscribe(self._sighted) if self.link.client else None
        try:
            self._name_distant_targets()
            if not self.link.facts.loopback:
                await asyncio.gather(
                    self._guarded("ARP and IPv6", methods.find_neighbours(self)),
                    self._guarded("mDNS", methods.browse(self, mdns)),
                    self._guarded("SSDP", methods.search(self, ssdp)),
                    self._guarded("names", self._settle_claims(until_s=5.0)),
                )
                await self._guarded("names", self._settle_further())
                await self._guarded("DHCP", methods.ask_for_dhcp(self))
            self._raise_fault()
            self._end_active_phase()
            self.active_done.set()
            while True:
                self._raise_fault()
                await asyncio.sleep(LISTEN_EVERY_S)
                if not self.link.facts.loopback:
                    await self._guarded("listening", methods.keep_up(self))
                    await self._guarded("names", self._settle_claims(until_s=0.0))
        finally:
            self.active_done.set()  # whoever waits for it must not wait for ever
            if stop_hearing is not None:
                stop_hearing()
            ssdp.close()
            await mdns.close()

    async def _guarded(self, what: str, work: Awaitable[object]) -> None:
        """One method's trouble is noted and never ends the others."""
        try:
            await work
        except Exception as error:  # noqa: BLE001
            ours = not isinstance(error, OSError | ProbeError | NoAnswer)
            text = f"discovery by {what} had trouble: {type(error).__name__}: {error}"
            self.note(text, Owner.TOOL if ours else Owner.ENVIRONMENT)

    def _remembering(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def remembering(*said: Any, **more: Any) -> Any:
            try:
                return call(*said, **more)
            except Exception as error:
                self._fault = self._fault or error
                raise

        return remembering

    def note(self, text: str, owner: Owner = Owner.ENVIRONMENT) -> None:
        """Tell a person, once for each text."""
        if text not in self._noted and len(self._noted) < 100:
            self._noted.add(text)
            self.link.note(text, owner)

    def _raise_fault(self) -> None:
        if self._fault is not None:
            raise self._fault

    def settled(self, device: DeviceId) -> None:
        """Record the last word on a device's addresses and on the search for IPv6 ones."""
        entry = self.inventory.get(device)
        if entry is not None:
            self.reporter.final(entry)

    def learned(self, device: DeviceId, said: Announced) -> None:
        """Add what a later announcement (a UPnP description) says about the device itself."""
        entry = self.inventory.get(device)
        if entry is not None and self.inventory.describe(entry, attributes_of(said)):
            self.reporter.changed(entry)

    def _end_active_phase(self) -> None:
        for target in self.link.guard.scope.targets:
            if self.inventory.at(target) is None:
                self._name(target)
        for address in self.inventory.conflicts:
            # Who answers for many is known by now, and does not dispute the address of another.
            self.link.guard.dispute(address, disputed=self.inventory.disputed(address))
        self.reporter.settle()

    # --- targets named by the operator -------------------------------------------------------

    def is_neighbour(self, address: str) -> bool:
        """Whether the address is on this link, as far as the interface's own networks tell."""
        if self.link.facts.loopback:
            return False
        ip = ipaddress.ip_address(address)
        if ip.version == 6 and ip.is_link_local:
            return True
        nets = [ipaddress.ip_network(n) for n in self.link.facts.networks]
        return any(ip.version == net.version and ip in net for net in nets)

    def _name_distant_targets(self) -> None:
        for target in self.link.guard.scope.targets:
            if not self.is_neighbour(target):
                self._name(target)

    def _name(self, target: str) -> None:
        text = f"{target} was named as a target by the operator"
        record = Record(text.encode(), "text/plain", text)
        entry = self.inventory.named(str(ipaddress.ip_address(target)), record)
        if entry is not None:
            self._changed(entry)

    # --- what is heard -----------------------------------------------------------------------

    def _sighted(self, heard: Sighting | RouterSeen) -> None:
        try:
            if isinstance(heard, RouterSeen):
                self._router(heard)
                return
            self.sighted(heard.method, heard.mac, heard.address, heard.frame, heard.at)
        except Exception as error:  # noqa: BLE001 - raised again by run(), not inside the client
            self._fault = self._fault or error

    def sighted(self, method: str, mac: str, address: str, frame: bytes, at: float) -> None:
        """Take in one frame that shows a neighbour."""
        if self.inventory.is_new(method, mac, address):
            caption = f"{method} from {mac}" + (f", {address}" if address else "")
            record = Record(pcap.one_frame(frame, at), pcap.MEDIA_TYPE, caption)
            self.found(method, mac, address, record)
        if method in ("dhcp", "dhcp-server"):
            said = dhcp.announced(frame) if method == "dhcp" else dhcp.server(frame)
            entry = self.inventory.by_mac(mac)
            if said is not None and entry is not None:
                record = Record(pcap.one_frame(frame, at), pcap.MEDIA_TYPE, f"DHCP from {mac}")
                self.announcements.announce(entry, said, record)

    def found(self, method: str, mac: str, address: str, record: Record) -> None:
        """A neighbour by whatever method."""
        entry = self.inventory.seen(method, mac, address, record)
        self._contested(address)
        if entry is None:
            return
        if entry.mac is not None and len(entry.methods) == 1:
            self.unasked.add(entry.mac)
        self._changed(entry)
        if address:
            self.announcements.match(address)

    def _contested(self, address: str) -> None:
        """Nothing more goes to an address once a second MAC uses it, whoever was first."""
        conflicts = self.inventory.conflicts
        for taken in {address, *self.link.facts.own} & conflicts.keys():
            macs = sorted(conflicts[taken])
            self.note(f"{taken} is used by more than one MAC: {', '.join(macs)}")
        if address not in conflicts:
            return
        self.link.guard.dispute(address, disputed=self.inventory.disputed(address))
        for mac in sorted(conflicts[address]):
            other = self.inventory.by_mac(mac)
            if other is not None:
                self.reporter.changed(other)

    def _changed(self, entry: Entry) -> None:
        self.reporter.changed(entry)

    def _router(self, heard: RouterSeen) -> None:
        for prefix in heard.prefixes:
            network = ipaddress.IPv6Network(prefix)
            # Hosts form addresses on /64 prefixes only (RFC 4862 section 5.5.3); others name no place.
            inside = self.link.guard.on_link(str(network.network_address))
            if not inside and network.prefixlen <= 64 and not network.is_link_local:
                self.note(
                    f"a router announces {prefix}, which is not in the scope; addresses with it are "
                    "not tested. Give the probe an address there, or name the network",
                    Owner.OPERATOR,
                )

    # --- announcements -----------------------------------------------------------------------

    def _resolved(self, service: Resolved) -> None:
        record = Record(service.record, "text/plain", f"mDNS {service.announced.kind}")
        self._hear(service.addresses, service.announced, record)

    def _ssdp(self, sender: str, message: Message, datagram: bytes) -> None:
        if not message.leaving:
            record = Record(datagram, "text/plain", f"SSDP from {sender}")
            self._hear((sender,), message.announced(), record)

    def _hear(self, addresses: tuple[str, ...], said: Announced, record: Record) -> None:
        try:
            for address in addresses:
                self._claim(address)
            self.announcements.hear(addresses, said, record)
        except Exception as error:  # noqa: BLE001 - raised again by run(), not inside zeroconf
            self._fault = self._fault or error

    # --- addresses that are only claimed -----------------------------------------------------

    def _claim(self, address: str) -> None:
        """An address in a record is what somebody says; it counts once it answers on the link."""
        known = self.inventory.at(address) is not None or address in self.link.facts.own
        if known or address in self._claims or not self.link.guard.on_link(address):
            return
        if len(self._claims) < MAX_CLAIMS:
            self._claims[address] = False
        else:
            self.note(
                f"announcements name more than {MAX_CLAIMS} addresses; whether further ones answer is "
                "not asked"
            )

    async def _settle_claims(self, until_s: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + until_s
        while True:
            due = [a for a, asked in self._claims.items() if not asked]
            for address in due:
                self._claims[address] = True
                if self.inventory.at(address) is None:
                    await methods.ask_for(self, address)
            await self._settle_further()
            if loop.time() >= end:
                return
            await asyncio.sleep(0.25)

    async def _settle_further(self) -> None:
        """Ask whose the further addresses of named devices are, before anything is sent to them."""
        due = [
            (entry, address)
            for entry in self.inventory
            for address in self.reporter.unsure(entry)
            if self._asked.get((entry.id, address), 0) < ASK_TIMES
        ]
        if self.link.raw is None:
            return
        for entry, address in due[:AT_ONCE]:
            self._asked[entry.id, address] = self._asked.get((entry.id, address), 0) + 1
        await asyncio.gather(*(methods.confirm(self, e, a) for e, a in due[:AT_ONCE]))
