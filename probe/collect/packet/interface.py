"""What is known of the network interface that the operator chose."""

import difflib
import ipaddress
from dataclasses import dataclass

from probe.collect.packet import netlink
from probe.errors import ProbeError
from probe.model.finding import Owner

IFF_UP, IFF_LOOPBACK, IFF_RUNNING = 0x1, 0x8, 0x40


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceFacts:
    """One interface at the time of asking."""

    name: str
    index: int
    mac: str
    """Lower case, colon separated; all zero on loopback."""
    ipv4: tuple[ipaddress.IPv4Interface, ...] = ()
    ipv6: tuple[ipaddress.IPv6Interface, ...] = ()
    gateways: tuple[str, ...] = ()
    """The routers that this machine itself uses over the interface."""
    up: bool = True
    carrier: bool = True
    loopback: bool = False

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks on this link as CIDR text, link-local IPv6 left out: the default scope."""
        found = [i.network for i in self.ipv4 if i.network.prefixlen < 32]
        more = [
            i.network for i in self.ipv6 if not i.ip.is_link_local and i.network.prefixlen < 128
        ]
        return tuple(dict.fromkeys(str(n) for n in (*found, *more)))

    @property
    def own(self) -> frozenset[str]:
        """The probe's own addresses, as text without prefix length or zone."""
        return frozenset([*(str(i.ip) for i in self.ipv4), *(str(i.ip) for i in self.ipv6)])


def interface_names() -> list[str]:
    """The names of this machine's interfaces, loopback last."""
    rows = netlink.links()
    return [r.name for r in sorted(rows, key=lambda r: (bool(r.flags & IFF_LOOPBACK), r.index))]


def interface_facts(name: str) -> InterfaceFacts:
    """The facts of one interface.

    Raises ProbeError (operator) when there is none of that name, naming the nearest existing ones.
    """
    try:
        rows = {row.name: row for row in netlink.links()}
        addresses = netlink.addresses()
        row = rows.get(name)
        gateways = tuple(netlink.gateways(row.index)) if row is not None else ()
    except OSError as error:
        raise ProbeError(
            f"the kernel does not tell the network interfaces: {error}",
            "Run 'probe doctor' on this machine.",
            owner=Owner.ENVIRONMENT,
        ) from None
    if row is None:
        near = difflib.get_close_matches(name, rows, n=3, cutoff=0.4)
        there = ", ".join(near or interface_names()[:8])
        raise ProbeError(
            f"there is no network interface '{name[:40]}'",
            f"Choose with -i one of: {there}." if there else "This machine has none.",
        )
    mine = [a.interface for a in addresses if a.index == row.index]
    return InterfaceFacts(
        name=row.name,
        index=row.index,
        mac=row.mac if len(row.mac) == 17 else "00:00:00:00:00:00",
        ipv4=tuple(i for i in mine if isinstance(i, ipaddress.IPv4Interface)),
        ipv6=tuple(i for i in mine if isinstance(i, ipaddress.IPv6Interface)),
        gateways=gateways,
        up=bool(row.flags & IFF_UP),
        carrier=bool(row.flags & IFF_RUNNING),
        loopback=bool(row.flags & IFF_LOOPBACK),
    )
