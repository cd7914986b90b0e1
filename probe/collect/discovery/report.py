"""Turns what the inventory knows into devices and facts, each fact with its proof, nothing twice."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from probe.collect.discovery.iid import iid_class
from probe.collect.discovery.inventory import Entry, Inventory, Record
from probe.collect.discovery.link import LinkSession
from probe.collect.packet.eui64 import mac_of
from probe.model.device import Device
from probe.model.evidence import Coverage, EvidenceRef, Proof
from probe.model.finding import Owner
from probe.model.ids import DeviceId
from probe.model.observation import AddressFormed, Announced, Fact, Ipv6Survey, NotMeasured

if TYPE_CHECKING:
    from probe.collect.discovery.discovery import Keep, Observe

MAX_PROOFS = 8
"""Frames kept for one address."""
PASSIVE = "passive"
WHOSE = "Take the other device off the network, or give each an address of its own, and run again."

ALONE = "Test the device alone on a network with the probe, or browse what it announces by hand."


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
        self._passed_over: dict[DeviceId, set[str]] = {}
        self._settled = False

    def passed_over(self, entry: Entry, what: str) -> None:
        """Something that the device said was not kept; told with the last word on it."""
        self._passed_over.setdefault(entry.id, set()).add(what)

    def survey(self, *methods: str, sent: int) -> None:
        """Note that methods of finding IPv6 addresses were used."""
        for method in methods:
            self._tried[method] = self._tried.get(method, 0) + sent

    def forget(self, *methods: str) -> None:
        """Take back that methods were used: nothing could be heard meanwhile."""
        for method in methods:
            self._tried.pop(method, None)

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
        for address, why in self._left_out(entry).items():
            missing = NotMeasured(
                collector="discovery",
                subject=address,
                reason=why,
                owner=Owner.NETWORK,
                settle=f"{WHOSE} Or name {address} as a target to have it tested as it is.",
            )
            records = [*entry.addresses[address].methods.values()][:MAX_PROOFS]
            self._say(entry, missing, *(self._ref(r) for r in records))
        for what in sorted(self._passed_over.get(entry.id, ())):
            missing = NotMeasured(
                collector="discovery",
                subject="announcements",
                reason=f"not all that the device announces was kept: {what} were passed over",
                owner=Owner.NETWORK,
                settle=ALONE,
            )
            tried = Coverage(tried="listening to announcements", times=1, deadline_s=0.0)
            self._say(entry, missing, tried)
        if entry.mac is not None:
            # The search is one of this link; it tells nothing about a target behind a router.
            self._say_survey(entry, device)

    def unsure(self, entry: Entry) -> list[str]:
        """Further addresses of a named device that nobody was asked about so far."""
        targets = self._link.guard.scope.targets
        if not targets or not any(self._link.guard.allows(a) for a in entry.addresses):
            return []
        device = self._inventory.device(entry, settled=self._settled)
        return [
            a
            for a in device.addresses
            if not self._link.guard.allows(a) and not self._is_own(entry, a)
        ]

    # --- inside ------------------------------------------------------------------------------

    def _is_own(self, entry: Entry, address: str) -> bool:
        """Whether an address that the operator did not name is surely this device's.

        The identifier made of its own MAC is; any other counts once the link was asked for it. The
        address of this machine's router is the router's, whatever others say.
        """
        gateways = self._link.facts.gateways
        if address in gateways and not any(
            a in gateways and a in self._link.guard.scope.targets for a in entry.addresses
        ):
            return False
        if ":" in address and entry.mac is not None and mac_of(address) == entry.mac:
            return True
        return entry.mac is not None and self._inventory.confirmed.get(address) == entry.mac

    def _left_out(self, entry: Entry) -> dict[str, str]:
        """Addresses that the device was seen with and that are not tested as its own, and why."""
        found = {
            address: f"{address} is also used by {', '.join(others[:3])}: whose it is cannot be told"
            for address in sorted(entry.addresses.keys() & self._inventory.conflicts.keys())
            if self._inventory.disputed(address)
            and (others := sorted(self._inventory.conflicts[address] - {str(entry.mac)}))
        }
        for address in self.unsure(entry):
            why = "that it is the device's own could not be made sure on the link"
            found.setdefault(address, f"{address} was seen with this device, but {why}")
        return found

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
        usable = tuple(
            a
            for a in device.addresses
            if a in inside or (self._is_own(entry, a) and self._link.admit(inside, a))
        )
        return Device(
            id=device.id,
            mac=device.mac,
            addresses=usable,
            attributes=device.attributes,
            seen_by=device.seen_by,
            # What is still being asked for is no news; what was asked for in vain is.
            unproven=tuple(sorted(self._left_out(entry).keys() - {*usable}))
            if self._settled
            else (),
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
        # What was named and not sent (no helper, no IPv6 on this host) was not tried.
        sent = {method: times for method, times in self._tried.items() if times > 0}
        methods = (*sent, *((PASSIVE,) if heard else ()))
        if not methods:
            return
        routers = self._link.client.routers if self._link.client is not None else []
        fact = Ipv6Survey(methods=methods, addresses=device.ipv6, router_present=bool(routers))
        tried = Coverage(
            tried="search for IPv6 addresses by " + ", ".join(methods),
            times=max(1, sum(sent.values())),
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
    return device.mac, device.addresses, device.attributes, device.unproven
