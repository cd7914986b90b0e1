"""The scope guard: decides, before any packet, whether an address may be spoken to."""

import ipaddress

from probe.collect.answers import OutOfScope
from probe.model.run import Scope

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class ScopeGuard:
    """Holds the operator's scope and the further addresses of devices inside it."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._networks = tuple(ipaddress.ip_network(n) for n in scope.networks)
        self._targets = frozenset(ipaddress.ip_address(t) for t in scope.targets)
        self._same_device: set[IPAddress] = set()

    def on_link(self, address: str) -> bool:
        """Whether the address belongs to the interface: one of its networks, or IPv6 link-local."""
        ip = ipaddress.ip_address(address)
        if ip.is_multicast or ip.is_unspecified:
            return False
        if ip.version == 6 and ip.is_link_local:
            return True
        return any(ip.version == net.version and ip in net for net in self._networks)

    def allows(self, address: str) -> bool:
        """Whether a packet may go to ``address``."""
        ip = ipaddress.ip_address(address)
        if self._targets:
            return ip in self._targets or ip in self._same_device
        return self.on_link(address)

    def check(self, address: str) -> None:
        """Raises OutOfScope unless ``allows(address)``."""
        if not self.allows(address):
            scope = ", ".join(self.scope.targets or (self.scope.interface, *self.scope.networks))
            raise OutOfScope(address, scope)

    def admit_same_device(self, known: tuple[str, ...], learned: str) -> bool:
        """Admit a further on-link address of a device that the operator named by another address.

        IPv6 parity of a target given by its IPv4 address cannot be tested otherwise. Says whether
        ``learned`` is in scope now.
        """
        if self.allows(learned):
            return True
        if any(self.allows(address) for address in known) and self.on_link(learned):
            self._same_device.add(ipaddress.ip_address(learned))
            return True
        return False
