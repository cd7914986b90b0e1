"""Turns what the inventory knows into devices and facts, each fact with its proof, nothing twice."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from probe.collect.discovery.iid import iid_class
from probe.collect.discovery.inventory import Entry, Inventory, Record
from probe.collect.discovery.link import LinkSession
from probe.model.device import Device
from probe.model.evidence import Coverage, EvidenceRef, Proof
from probe.model.ids import DeviceId
from probe.model.observation import AddressFormed, Announced, Fact, Ipv6Survey

if TYPE_CHECKING:
    from probe.collect.discovery.discovery import Keep, Observe

MAX_PROOFS = 8
"""Frames kept for one address."""
PASSIVE = "passive"


class Reporter:
    """Before ``settle`` only devices are reported; from then on their facts too."""

    def __init__(
        self,
        link: LinkSession,
        inventory: Inventory,
        on_device: Callable[[Device], None],
        observe: "Observe",
        keep: "Keep",
    ) -> None:
        self._link, self._inventory = link, inventory
        self._on_device, self._observe, self._keep = on_device, observe, keep
        self._reported: dict[DeviceId, Device] = {}
        self._said: set[tuple[DeviceId, Fact]] = set()
        self._waiting: dict[DeviceId, list[tuple[Announced, Record]]] = {}
        self._addressed: dict[DeviceId, set[str]] = {}
        self._tried: dict[str, int] = {}
        self._settled = False

    def survey(self, *methods: str, sent: int) -> None:
        """Note that methods of finding IPv6 addresses were used."""
        for method in methods:
            self._tried[method] = self._tried.get(method, 0) + sent

    def changed(self, entry: Entry) -> None:
        """Report the device when it is in scope and something about it is new."""
        device = self._view(entry)
        if device is None:
            return
        # One more method that saw it is no news by itself; it goes out with the next one, or last.
        before = self._reported.get(device.id)
        if before is None or _news(before) != _news(device):
            self._show(device)
        for said, record in self._waiting.pop(entry.id, []):
            self._say(entry, said, self._ref(record))
        if self._settled:
            new = set(device.addresses) - self._addressed.setdefault(device.id, set())
            for address in device.addresses:
                if address in new:
                    self._address(entry, device, address)

    def announced(self, entry: Entry, said: Announced, record: Record) -> None:
        """Record an announcement, as soon as the device itself is reported."""
        if entry.id in self._reported:
            self._say(entry, said, self._ref(record))
        else:
            self._waiting.setdefault(entry.id, []).append((said, record))

    def settle(self) -> None:
        """The active phase is over: every device gets its facts."""
        self._settled = True
        for entry in self._inventory:
            self.changed(entry)
            self.final(entry)

    def final(self, entry: Entry) -> None:
        """Addresses with all the methods that saw them by now, and the IPv6 survey."""
        device = self._view(entry)
        if device is None:
            return
        if self._reported.get(device.id) != device:
            self._show(device)
        for address in device.addresses:
            self._address(entry, device, address)
        for address, record in entry.formed.items():
            kind, reason = iid_class(address, entry.mac, entry.addresses, entry.methods)
            fact = AddressFormed(
                address=address,
                methods=("ra-dad",),
                iid_class=kind,
                reason=f"{reason}; formed on a prefix that the probe advertised for a minute",
            )
            self._say(entry, fact, self._ref(record))
        if entry.mac is not None:
            # The search is one of this link; it tells nothing about a target behind a router.
            self._say_survey(entry, device)

    # --- inside ------------------------------------------------------------------------------

    def _show(self, device: Device) -> None:
        self._reported[device.id] = device
        self._on_device(device)

    def _view(self, entry: Entry) -> Device | None:
        """The device with its addresses in scope, or None when it is not to be reported (yet)."""
        device = self._inventory.device(entry, settled=self._settled)
        guard = self._link.guard
        inside = tuple(a for a in device.addresses if guard.allows(a))
        if guard.scope.targets and not inside:
            return None
        if not device.addresses and not self._settled:
            return None  # only a MAC so far; the address mostly follows at once
        usable = tuple(a for a in device.addresses if self._link.admit(inside, a))
        return Device(
            id=device.id,
            mac=device.mac,
            addresses=usable,
            attributes=device.attributes,
            seen_by=device.seen_by,
        )

    def _address(self, entry: Entry, device: Device, address: str) -> None:
        known = entry.addresses.get(address)
        if known is None:
            return
        self._addressed.setdefault(device.id, set()).add(address)
        kind, reason = None, ""
        if ":" in address:
            kind, reason = iid_class(address, device.mac, device.addresses, entry.methods)
        fact = AddressFormed(
            address=address, methods=tuple(known.methods), iid_class=kind, reason=reason
        )
        self._say(entry, fact, *(self._ref(r) for r in [*known.methods.values()][:MAX_PROOFS]))

    def _say_survey(self, entry: Entry, device: Device) -> None:
        heard = self._link.client is not None and self._link.client.available
        methods = (*self._tried, *((PASSIVE,) if heard else ()))
        if not methods:
            return
        routers = self._link.client.routers if self._link.client is not None else []
        fact = Ipv6Survey(methods=methods, addresses=device.ipv6, router_present=bool(routers))
        tried = Coverage(
            tried="search for IPv6 addresses by " + ", ".join(methods),
            times=max(1, sum(self._tried.values())),
            deadline_s=1.0,
            answered=len(device.ipv6),
        )
        refs = [
            self._ref(record)
            for address in device.ipv6
            for record in [*entry.addresses[address].methods.values()][:1]
        ]
        self._say(entry, fact, tried, *refs[:MAX_PROOFS])

    def _say(self, entry: Entry, fact: Fact, *proof: Proof) -> None:
        if (entry.id, fact) not in self._said:
            self._said.add((entry.id, fact))
            self._observe(entry.id, fact, *proof)

    def _ref(self, record: Record) -> EvidenceRef:
        if record.ref is None:
            record.ref = self._keep(
                record.data, media_type=record.media_type, caption=record.caption
            )
            record.data = b""  # the store has it now
        return record.ref


def _news(device: Device) -> tuple[object, ...]:
    return device.mac, device.addresses, device.attributes
