"""Who is there: what an earlier sitting of the run knew of the devices, joined with what is seen now."""

from collections.abc import Mapping
from dataclasses import replace

from probe.model.device import Device
from probe.model.ids import DeviceId


class Roster:
    """Within one sitting discovery's newest word on a device replaces the one before.

    What an earlier sitting knew is kept beside it: an address that was not seen again is still an
    address that has to be answered for, unless another device uses it now.
    """

    def __init__(self, earlier: Mapping[DeviceId, Device]) -> None:
        self._earlier = dict(earlier)
        self._seen: dict[DeviceId, Device] = {}

    def take_in(self, seen: Device) -> list[Device]:
        """The entries that are new by this: first the device itself, then who lost an address to it."""
        self._seen[seen.id] = seen
        robbed = [
            old
            for old in self._earlier.values()
            if old.id != seen.id and set(old.addresses) & set(seen.addresses)
        ]
        for old in robbed:
            left = tuple(a for a in old.addresses if a not in seen.addresses)
            self._earlier[old.id] = replace(old, addresses=left)
        return [self._entry(device) for device in (seen.id, *(old.id for old in robbed))]

    def _entry(self, device: DeviceId) -> Device:
        seen, earlier = self._seen.get(device), self._earlier.get(device)
        if seen is None or earlier is None:
            known = seen or earlier
            assert known is not None
            return known
        others = {a for d in self._seen.values() if d.id != device for a in d.addresses}
        mine = tuple(a for a in earlier.addresses if a not in {*others, *seen.unproven})
        return seen.merged(replace(earlier, addresses=mine))
