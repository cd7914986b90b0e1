"""The outside of a gateway: an address of it that no discovery finds, for the operator named it."""

from collections.abc import Iterable
from dataclasses import replace

from probe.model.device import Attribute, Device
from probe.model.scope import WanSide


def with_wan(device: Device, sides: Iterable[WanSide]) -> Device:
    """The device with the outer addresses that were named for one of its inner ones, these last."""
    mine = [w for w in sides if w.device in device.lan]
    addresses = dict.fromkeys(w.address for w in mine)
    more = tuple(
        Attribute(name="wan-address", value=w.address, source=f"operator, on {w.interface}")
        for w in mine
    )
    return replace(
        device,
        addresses=(*(a for a in device.addresses if a not in addresses), *addresses),
        attributes=tuple(dict.fromkeys((*device.attributes, *more))),
    )


def ownerless(sides: Iterable[WanSide], devices: Iterable[Device]) -> list[WanSide]:
    """The named outsides whose device was not seen: nothing was asked there."""
    known = {address for device in devices for address in device.addresses}
    return [w for w in sides if w.device not in known]
