"""How the interface identifier of an IPv6 address was formed, as far as that can be seen.

Two opaque identifiers look alike whether they are stable (RFC 7217) or temporary (RFC 8981): only
watching them change tells. Where the evidence does not decide, the class is UNKNOWN with the reason.
"""

import ipaddress
from collections.abc import Iterable

from probe.collect.packet.eui64 import mac_of
from probe.model.observation import IidClass

ISATAP = {b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe"}
SETTLE = "watch the address for more than a day, over a restart and on another prefix"


def iid_class(
    address: str, mac: str | None, addresses: Iterable[str] = (), methods: Iterable[str] = ()
) -> tuple[IidClass, str]:
    """The class and why.

    ``mac`` and ``addresses`` are those of the same device, ``methods`` how the device was seen.
    Raises ValueError for what is no IPv6 address.
    """
    ip = ipaddress.IPv6Address(address)
    raw = ip.packed[8:]
    others = [ipaddress.ip_address(a) for a in addresses if a != address]
    inside = mac_of(address)
    if inside is not None and inside == mac:
        return IidClass.EUI64, "the identifier is the device's MAC address with ff:fe in the middle"
    if inside is not None:
        return IidClass.EUI64, f"the identifier has the form of EUI-64, of the MAC address {inside}"
    embedded = _embedded_ipv4(raw, others)
    if embedded:
        return IidClass.EMBEDDED_IPV4, f"the identifier holds the IPv4 address {embedded}"
    if raw[:4] == b"\0\0\0\0":
        return _small(raw, set(methods))
    return _opaque(ip, raw, mac, others)


def _small(raw: bytes, methods: set[str]) -> tuple[IidClass, str]:
    if "dhcpv6" in methods:
        return (
            IidClass.DHCPV6,
            "the device speaks DHCPv6 and the identifier is from a small range, as servers give out",
        )
    if raw[:6] == bytes(6):
        return IidClass.LOW_BYTE, "all but the lowest 16 bits are zero: set by hand or by DHCPv6"
    return (
        IidClass.UNKNOWN,
        "the upper half of the identifier is zero: set by hand or by DHCPv6, which was not seen",
    )


def _opaque(
    ip: ipaddress.IPv6Address,
    raw: bytes,
    mac: str | None,
    others: list[ipaddress.IPv4Address | ipaddress.IPv6Address],
) -> tuple[IidClass, str]:
    if ip.is_link_local:
        # RFC 8981 section 3.3 forms temporary addresses for announced prefixes only.
        return IidClass.STABLE_OPAQUE, "not derived from the MAC, and link-local is never temporary"
    peers = [o for o in others if isinstance(o, ipaddress.IPv6Address)]
    if any(p.packed[8:] == raw for p in peers):
        return (
            IidClass.STABLE_OPAQUE,
            "not derived from the MAC, and the same identifier is used with another prefix",
        )
    beside = [p for p in peers if p.packed[:8] == ip.packed[:8]]
    if mac is not None and any(mac_of(str(p)) == mac for p in beside):
        # A host forms its stable identifier by one rule, so the second one is the temporary one.
        return IidClass.TEMPORARY, "opaque, beside an EUI-64 address with the same prefix"
    how_many = "one of several opaque identifiers" if beside else "an opaque identifier"
    return (
        IidClass.UNKNOWN,
        f"{how_many} with this prefix; stable or temporary does not show at one look: {SETTLE}",
    )


def _embedded_ipv4(raw: bytes, others: list[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> str:
    own = {str(o): o.packed for o in others if o.version == 4}
    if raw[:4] in ISATAP:  # RFC 5214 section 6.1
        return str(ipaddress.IPv4Address(raw[4:]))
    groups = [raw[n : n + 2].hex().lstrip("0") or "0" for n in range(0, 8, 2)]
    spelled = ".".join(groups)
    for text, packed in own.items():
        # 2001:db8::c633:640b and 2001:db8::198:51:100:11 are both in use (RFC 7707 section 4.1.3).
        if raw == bytes(4) + packed or spelled == text:
            return text
    return ""
