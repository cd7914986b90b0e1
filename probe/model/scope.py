"""Where packets may go."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The only addresses that a packet may go to."""

    interface: str
    networks: tuple[str, ...]
    """CIDR text. Link-local IPv6 on the interface is always part of it."""
    targets: tuple[str, ...] = ()
    """When given, only these addresses and the other addresses of the same devices."""
