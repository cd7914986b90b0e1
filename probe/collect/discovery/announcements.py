"""What devices announce of themselves: kept until its device is found, bounded, and told when cut."""

from collections.abc import Callable

from probe.collect.discovery.identify import attributes_of
from probe.collect.discovery.inventory import Entry, Inventory, Record
from probe.collect.discovery.report import Reporter
from probe.model.ids import DeviceId
from probe.model.observation import Announced

MAX_PENDING = 512
"""Announcements of addresses that no device was found at yet."""
MAX_LOST = 4_096
MAX_ANNOUNCED = 64
"""Announcements kept of one device and one protocol."""


class Announcements:
    """Brings each announcement to the device that has one of its addresses."""

    def __init__(
        self, inventory: Inventory, reporter: Reporter, note: Callable[[str], None]
    ) -> None:
        self._inventory, self._reporter, self._note = inventory, reporter, note
        self.pending: list[tuple[tuple[str, ...], Announced, Record]] = []
        self._lost: set[str] = set()
        """Addresses of which an announcement came that could not be kept."""
        self._announced: dict[tuple[DeviceId, str], set[Announced]] = {}

    def hear(self, addresses: tuple[str, ...], said: Announced, record: Record) -> None:
        """An announcement that names these addresses."""
        found = ((a, e) for a in addresses if (e := self._inventory.at(a)) is not None)
        at, entry = next(found, ("", None))
        if entry is not None:
            self._matched(entry, at, said, record)
        elif len(self.pending) < MAX_PENDING:
            self.pending.append((addresses, said, record))
        else:
            self._lost.update(addresses[: MAX_LOST - len(self._lost)])
            self._note(
                f"more than {MAX_PENDING} announcements (mDNS, SSDP) came from addresses that no device "
                "was found at; further ones are passed over"
            )

    def match(self, address: str) -> None:
        """A device may have been found at the address: what was announced of it is its own."""
        entry = self._inventory.at(address)
        if entry is None:
            return
        if address in self._lost:
            self._reporter.passed_over(entry, "announcements that came before it was found")
        due = [p for p in self.pending if address in p[0]]
        if due:
            self.pending = [p for p in self.pending if address not in p[0]]
        for _, said, record in due:
            self._matched(entry, address, said, record)

    def _matched(self, entry: Entry, address: str, said: Announced, record: Record) -> None:
        if self._inventory.is_new(said.via, entry.mac, address):
            self._inventory.seen(said.via, entry.mac, address, record)
        self.announce(entry, said, record)

    def announce(self, entry: Entry, said: Announced, record: Record) -> None:
        """Of a known device."""
        earlier = self._announced.setdefault((entry.id, said.via), set())
        if said in earlier:
            return
        if len(earlier) >= MAX_ANNOUNCED:
            what = f"announcements by {said.via} beyond {MAX_ANNOUNCED} different ones"
            self._reporter.passed_over(entry, what)
            return
        earlier.add(said)
        self._inventory.describe(entry, attributes_of(said))
        self._reporter.changed(entry)
        self._reporter.announced(entry, said, record)
