"""``--wan``: the second interface of the probe, and the address of a gateway there."""

import ipaddress
from typing import TYPE_CHECKING

from probe.errors import ProbeError
from probe.model.scope import WanSide

if TYPE_CHECKING:
    from probe.collect.packet.interface import InterfaceFacts

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
MOST = 16


def wan_sides(
    wanted: tuple[str, ...], inside: "InterfaceFacts", targets: tuple[str, ...]
) -> tuple[WanSide, ...]:
    """The outsides of the options; raises ProbeError for one that cannot be.

    ``inside`` is the interface of the test network, ``targets`` the named devices.
    """
    found = tuple(wan_side(text, inside, targets) for text in wanted)
    if len({side.address for side in found}) < len(found) or len(found) > MOST:
        raise ProbeError(
            "--wan names an address twice, or too many of them",
            f"Name each outer address once, {MOST} at most.",
        )
    return found


def wan_side(text: str, inside: "InterfaceFacts", targets: tuple[str, ...]) -> WanSide:
    from probe.collect.packet.interface import interface_facts

    name, _, rest = text.partition("=")
    outer, _, inner = rest.partition("=")
    if not name or not outer:
        raise ProbeError(
            f"'{text}' is no INTERFACE=ADDRESS", "Write it like --wan eth2=203.0.113.7."
        )
    if name == inside.name:
        raise ProbeError(
            f"{name} is the interface of the test network already",
            "Name another interface with --wan, on the outside of the gateway.",
        )
    outside = interface_facts(name)
    address = _parsed(outer)
    _refuse(address, outside, inside)
    device = str(_parsed(inner)) if inner else _only(targets, text)
    here = [ipaddress.ip_network(net) for net in inside.networks]
    known = device in targets if targets else any(_parsed(device) in net for net in here)
    if not known:
        raise ProbeError(
            f"{device} of --wan {text} is no address of a tested device",
            "Name the gateway's address on the test network last, or as --target.",
        )
    return WanSide(interface=name, address=str(address), device=device)


def _refuse(address: IPAddress, outside: "InterfaceFacts", inside: "InterfaceFacts") -> None:
    """Raises ProbeError for what is no single host, or cannot be on that interface alone."""
    last = str(address) == "255.255.255.255"
    if address.is_multicast or address.is_unspecified or address.is_loopback or last:
        raise ProbeError(
            f"{address} is not the outer address of one gateway",
            "Name the address that the gateway has on its outside.",
        )
    if address.is_link_local:
        raise ProbeError(
            f"{address} is link-local and could be on either side",
            "Give both ends an address of a network of their own, and name that one.",
        )
    nets = [ipaddress.ip_network(net) for net in outside.networks]
    within = [net for net in nets if address in net]
    ends = [end for net in within if net.prefixlen < 31 for end in _ends(net)]
    if not within or address in ends:
        raise ProbeError(
            f"{address} is no address of a host on {outside.name} "
            f"({', '.join(outside.networks) or 'without a network'})",
            f"Give the probe an address there first: ip addr add ADDRESS/PREFIX dev {outside.name}.",
        )
    if str(address) in outside.own | inside.own:
        raise ProbeError(f"{address} is the probe's own", "Name the address of the gateway.")
    if any(address in ipaddress.ip_network(net) for net in inside.networks):
        raise ProbeError(
            f"{address} is in the network of {inside.name}, too: the sides cannot be told apart",
            "Use another network on the outside of the gateway.",
        )


def _ends(net: ipaddress.IPv4Network | ipaddress.IPv6Network) -> tuple[IPAddress, ...]:
    """The addresses of an IPv4 network that are no host's (RFC 919)."""
    return (net.network_address, net.broadcast_address) if net.version == 4 else ()


def _only(targets: tuple[str, ...], text: str) -> str:
    if len(targets) == 1:
        return targets[0]
    raise ProbeError(
        f"Whose outside '{text}' is does not show",
        f"Name the gateway's address on the test network, too: --wan {text}=ADDRESS.",
    )


def _parsed(text: str) -> IPAddress:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise ProbeError(
            f"'{text}' is not an IP address", "Write it like --wan eth2=203.0.113.7."
        ) from None
