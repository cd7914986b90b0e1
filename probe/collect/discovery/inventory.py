"""Sightings merged into devices: one MAC, one entry. No I/O."""

import ipaddress
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from probe.collect.discovery import oui
from probe.model.device import Attribute, Device, address_order, device_id
from probe.model.evidence import EvidenceRef
from probe.model.ids import DeviceId

MAX_DEVICES = 1024
MAX_ADDRESSES = {4: 4096, 6: 64}
"""Of one device, by IP version; more is forgery. One MAC may answer ARP for a whole network."""
PROXY_ABOVE = 8
"""A MAC that answers ARP for more IPv4 addresses than this speaks for others."""
FEW = 2
"""IPv4 addresses shown of a device while the sweep still goes on, for the same reason."""
MAX_ATTRIBUTES = 40
MAX_CLAIMANTS = 8
"""MACs noted for one address; that there are two is what matters."""


@dataclass(slots=True)
class Record:
    """What shows a sighting; it becomes evidence when the device is reported."""

    data: bytes
    media_type: str
    caption: str
    ref: EvidenceRef | None = None


@dataclass(slots=True)
class Known:
    """One address of one device."""

    methods: dict[str, Record] = field(default_factory=dict)


@dataclass(slots=True)
class Entry:
    """One device while it is being put together."""

    id: DeviceId
    mac: str | None
    addresses: dict[str, Known] = field(default_factory=dict)
    methods: dict[str, None] = field(default_factory=dict)
    attributes: dict[Attribute, None] = field(default_factory=dict)
    formed: dict[str, Record] = field(default_factory=dict)
    """Addresses formed on a prefix that the probe itself advertised: evidence, not to be tested."""

    @property
    def asked(self) -> list[str]:
        """IPv4 addresses known only because somebody answered ARP for them."""
        return [a for a, k in self.addresses.items() if ":" not in a and set(k.methods) <= {"arp"}]

    @property
    def is_proxy(self) -> bool:
        return len(self.asked) > PROXY_ABOVE

    def usable(self, *, settled: bool, without: Collection[str] = ()) -> list[str]:
        """The addresses that are the device's own, as far as is known now.

        ``without`` are those that are another's, or nobody knows whose.
        """
        found = sorted((a for a in self.addresses if a not in without), key=address_order)
        if self.is_proxy:
            asked = [a for a in self.asked if a not in without]
            own = [a for a in found if a not in asked]
            if any(":" not in a for a in own) or not asked:
                return own
            return [*own, min_ip(asked)]
        if not settled:
            four = [a for a in found if ":" not in a]
            return [*four[:FEW], *(a for a in found if ":" in a)]
        return found


class Inventory:
    """Every device seen. ``own_macs`` and ``own_addresses`` are the probe's and never a device.

    ``targets`` are the addresses that the operator named: they stay with the first who uses them.
    """

    def __init__(
        self, own_macs: Iterable[str], own_addresses: Iterable[str], targets: Iterable[str] = ()
    ) -> None:
        self._own_macs, self._own = frozenset(own_macs), frozenset(own_addresses)
        self._targets = frozenset(str(ipaddress.ip_address(t)) for t in targets)
        self._entries: dict[DeviceId, Entry] = {}
        self._by_mac: dict[str, Entry] = {}
        self._by_address: dict[str, Entry] = {}
        self.conflicts: dict[str, set[str]] = {}
        """``{address: MACs}`` where more than one MAC uses an address."""
        self.confirmed: dict[str, str] = {}
        """``{address: MAC}`` where the link was asked and that MAC alone answered."""

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def get(self, device: DeviceId) -> Entry | None:
        return self._entries.get(device)

    def at(self, address: str) -> Entry | None:
        """The entry that uses ``address``; the first one when there are several."""
        return self._by_address.get(address)

    def by_mac(self, mac: str) -> Entry | None:
        return self._by_mac.get(mac)

    def macs(self) -> list[str]:
        return sorted(self._by_mac)

    def named(self, address: str, record: Record) -> Entry | None:
        """A target named by the operator, known by its address alone so far."""
        return self._add("operator", None, address, record)

    def seen(self, method: str, mac: str | None, address: str, record: Record) -> Entry | None:
        """Take in a sighting; the entry when it said something new, else None.

        ``address`` is empty for a frame that shows only a MAC.
        """
        if mac in self._own_macs or (address in self._own and mac is None):
            return None
        if address in self._own:
            # Somebody else uses the probe's own address: worth a note, not a device's address.
            self._contest(address, mac)
            address = ""
        return self._add(method, mac, address, record)

    def is_new(self, method: str, mac: str | None, address: str) -> bool:
        """Whether ``seen`` with these would say something new. Cheap: frames repeat for ever."""
        entry = self._by_mac.get(mac) if mac else self._by_address.get(address)
        if entry is None or method not in entry.methods:
            return True
        if method == "ra-dad":
            return address not in entry.formed
        return bool(address) and method not in entry.addresses.get(address, Known()).methods

    def describe(self, entry: Entry, attributes: Iterable[Attribute]) -> bool:
        """Add what was learned about the device; says whether it was new."""
        before = len(entry.attributes)
        for attribute in attributes:
            if len(entry.attributes) < MAX_ATTRIBUTES:
                entry.attributes.setdefault(attribute)
        return len(entry.attributes) > before

    def disputed(self, address: str) -> bool:
        """Whether several MACs use the address, so that nobody can say whose it is."""
        contested = address in self.conflicts and address not in self._own
        return contested and self._owner_of(address) is None

    def not_of(self, entry: Entry) -> frozenset[str]:
        """Those of the entry's addresses that are not to be taken for its own: others use them."""
        found = entry.addresses.keys() & self.conflicts.keys()
        named = {a for a in found & self._targets if self.at(a) is entry}
        return frozenset(a for a in found - named if self._owner_of(a) != entry.mac)

    def device(self, entry: Entry, *, settled: bool) -> Device:
        """The entry as others see it."""
        return Device(
            id=entry.id,
            mac=entry.mac,
            addresses=tuple(entry.usable(settled=settled, without=self.not_of(entry))),
            # What the device says of itself comes before the maker of its network interface.
            attributes=(*entry.attributes, *self._by_mac_alone(entry)),
            seen_by=tuple(entry.methods),
        )

    # --- inside ------------------------------------------------------------------------------

    def _add(self, method: str, mac: str | None, address: str, record: Record) -> Entry | None:
        if not self.is_new(method, mac, address):
            return None
        entry = self._entry(mac, address)
        if entry is None:
            self._contest(
                address, mac
            )  # no room for one more device; that it is another one counts
            return None
        entry.methods.setdefault(method)
        if method == "ra-dad":
            entry.formed.setdefault(address, record)
        elif address:
            version = 6 if ":" in address else 4
            same = sum((":" in a) == (":" in address) for a in entry.addresses)
            if address not in entry.addresses and same >= MAX_ADDRESSES[version]:
                self._contest(address, mac)
                return None
            known = entry.addresses.setdefault(address, Known())
            known.methods.setdefault(method, record)
            self._claim(address, entry)
        return entry

    def _entry(self, mac: str | None, address: str) -> Entry | None:
        known = self._by_mac.get(mac) if mac else None
        if known is None:
            at = self._by_address.get(address) if address else None
            # A target known by address only, whose MAC shows now, keeps its entry.
            if at is not None and (mac is None or at.mac is None):
                known = at
        if known is None:
            if len(self._entries) >= MAX_DEVICES:
                return None
            known = Entry(device_id(mac, address or None), mac)
            self._entries[known.id] = known
        if mac and known.mac is None:
            known.mac = mac
        if known.mac:
            self._by_mac[known.mac] = known
        return known

    def _claim(self, address: str, entry: Entry) -> None:
        holder = self._by_address.setdefault(address, entry)
        if holder is entry:
            return
        if holder.mac is None and entry.mac is not None:
            self._join(holder, entry)
            return
        self._contest(address, entry.mac)
        # Who answers for many does not own the address that another one uses by itself.
        if holder.is_proxy and not entry.is_proxy:
            self._by_address[address] = entry

    def _contest(self, address: str, mac: str | None) -> None:
        """Note that ``mac`` uses an address that is somebody else's."""
        holder = self._by_address.get(address)
        if mac is None or (holder is None and address not in self._own):
            return
        if holder is not None and holder.mac in (None, mac):
            return
        known = self.conflicts.setdefault(address, {str(holder.mac)} if holder else set())
        if len(known) < MAX_CLAIMANTS:
            known.add(mac)

    def _owner_of(self, address: str) -> str | None:
        """The MAC that a contested address belongs to; None when that cannot be told.

        Who answers for many does not own the address that one other uses by itself.
        """
        alone = []
        for mac in self.conflicts[address]:
            entry = self._by_mac.get(mac)
            if entry is None or not entry.is_proxy or address not in entry.asked:
                alone.append(mac)
        return alone[0] if len(alone) == 1 else None

    def _join(self, nameless: Entry, entry: Entry) -> None:
        """A target's entry turns out to be a device that was met by its MAC before."""
        for address, known in nameless.addresses.items():
            mine = entry.addresses.setdefault(address, Known())
            for method, record in known.methods.items():
                mine.methods.setdefault(method, record)
            self._by_address[address] = entry
        entry.methods |= nameless.methods
        entry.attributes |= nameless.attributes
        self._entries.pop(nameless.id, None)

    def _by_mac_alone(self, entry: Entry) -> list[Attribute]:
        found = []
        if entry.mac is not None:
            vendor = oui.vendor(entry.mac)
            if oui.locally_administered(entry.mac):
                text = "locally administered, vendor unknown"
                found.append(Attribute(name="mac-note", value=text, source="MAC address"))
            elif vendor:
                source = f"oui {oui.table().date}"
                found.append(Attribute(name="vendor", value=vendor, source=source))
        if entry.is_proxy:
            text = f"answers ARP for {len(entry.asked)} addresses: proxy ARP or a repeater"
            found.append(Attribute(name="mac-note", value=text, source="arp"))
        for address in sorted(set(entry.addresses) & set(self.conflicts), key=address_order):
            others = sorted(self.conflicts[address] - {str(entry.mac)})
            text = f"{address} is also used by {', '.join(others[:3])}"
            found.append(Attribute(name="mac-note", value=text, source="arp or nd"))
        return found


def min_ip(addresses: Iterable[str]) -> str:
    """The lowest address by value."""
    return min(addresses, key=address_order)
