"""The device under test (DUT): one entry, all its addresses, each attribute with its source."""

import ipaddress
from dataclasses import dataclass, replace

from probe.model.ids import DeviceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """Something said about the device, and by whom. Device-supplied text is hostile data."""

    name: str
    """``vendor``, ``model``, ``firmware``, ``category``, ``name``, ``serial``, ``mac-note``, or ``image``:
    the SHA-256 of a firmware image of it that was given, ``same-content``: the name of another file that is
    the same image, or ``wan-address``."""
    value: str
    source: str
    """``mdns TXT md``, ``oui 2026-05-01``, ``ssdp modelName``, ``operator`` …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One physical device on the test network."""

    id: DeviceId
    mac: str | None = None
    """Lower case, colon separated; None when only an address is known (another subnet)."""
    addresses: tuple[str, ...] = ()
    """IPv4 and IPv6 text forms, link-local ones without zone. Sorted by ``address_order``."""
    attributes: tuple[Attribute, ...] = ()
    seen_by: tuple[str, ...] = ()
    """The discovery methods that saw it: ``arp``, ``ns-eui64``, ``mdns``, ``operator`` …"""
    unproven: tuple[str, ...] = ()
    """Addresses that it was seen with and that may be another's: nothing is sent to them, so what is
    there is unknown."""

    @property
    def ipv4(self) -> tuple[str, ...]:
        return tuple(a for a in self.addresses if ":" not in a)

    @property
    def ipv6(self) -> tuple[str, ...]:
        return tuple(a for a in self.addresses if ":" in a)

    @property
    def label(self) -> str:
        """A short name for people: announced name or model, else the first address."""
        for wanted in ("name", "model"):
            for attribute in self.attributes:
                if attribute.name == wanted:
                    return attribute.value
        return self.addresses[0] if self.addresses else (self.mac or str(self.id))

    def get(self, name: str) -> Attribute | None:
        """The first attribute of that name, or None."""
        return next((a for a in self.attributes if a.name == name), None)

    @property
    def images(self) -> tuple[str, ...]:
        """SHA-256 of the firmware images that were given for it."""
        return tuple(a.value for a in self.attributes if a.name == "image")

    @property
    def wan(self) -> tuple[str, ...]:
        """Those of its addresses that the operator named as its outside (WAN)."""
        return tuple(a.value for a in self.attributes if a.name == "wan-address")

    @property
    def lan(self) -> tuple[str, ...]:
        """Its addresses on the test network."""
        return tuple(a for a in self.addresses if a not in self.wan)

    def rank(self, address: str) -> tuple[bool, int, int, int]:
        """Sort key of its addresses: ``address_order``, those of its outside last."""
        return (address in self.wan, *address_order(address))

    @property
    def is_image_only(self) -> bool:
        """There is nothing but firmware images: no device that could be asked anything."""
        return bool(self.images) and not (self.addresses or self.unproven or self.mac)

    def merged(self, other: "Device") -> "Device":
        """This device with everything that ``other`` adds; the id of this one is kept."""
        addresses = sorted({*self.addresses, *other.addresses}, key=address_order)
        return replace(
            self,
            mac=self.mac or other.mac,
            addresses=tuple(addresses),
            attributes=tuple(dict.fromkeys((*self.attributes, *other.attributes))),
            seen_by=tuple(dict.fromkeys((*self.seen_by, *other.seen_by))),
            unproven=tuple(sorted({*self.unproven, *other.unproven} - {*addresses})),
        )


def address_order(address: str) -> tuple[int, int, int]:
    """Sort key: IPv4 first, then global IPv6, then link-local."""
    ip = ipaddress.ip_address(address)
    return (ip.version, int(ip.is_link_local and ip.version == 6), int(ip))


def device_id(mac: str | None, address: str | None = None) -> DeviceId:
    """The id for a device known by MAC address, or else by one address."""
    if mac:
        return DeviceId("mac-" + mac.replace(":", ""))
    if address is None:
        raise ValueError("a device needs a MAC address or an address")
    return DeviceId(f"ip-{address}")


def image_device(sha256: str, name: str) -> Device:
    """The entry for a firmware image that was given without a device."""
    return Device(
        id=DeviceId(f"image-{sha256[:16]}"),
        attributes=(
            Attribute(name="name", value=name, source="operator"),
            Attribute(name="image", value=sha256, source="operator"),
        ),
        seen_by=("operator",),
    )


def endpoint(transport: str, address: str, port: int) -> str:
    """The subject text of a service: ``tcp 198.51.100.11:80`` or ``udp [2001:db8::1]:53``."""
    host = f"[{address}]" if ":" in address else address
    return f"{transport} {host}:{port}"
