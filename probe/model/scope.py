"""Where packets may go."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WanSide:
    """The outside of one gateway, where the probe stands with a second interface."""

    interface: str
    address: str
    """Of the gateway, on that interface."""
    device: str
    """Its address on the side of the test network, which tells whose outside it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The only addresses that a packet may go to."""

    interface: str
    networks: tuple[str, ...]
    """CIDR text. Link-local IPv6 on the interface is always part of it."""
    targets: tuple[str, ...] = ()
    """When given, only these addresses and the other addresses of the same devices."""
    wan: tuple[WanSide, ...] = ()
    """Addresses on other interfaces, each of them by itself: nothing else is spoken to over there."""
