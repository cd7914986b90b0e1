"""The scope guard: decides, before any packet, whether an address may be spoken to."""

import ipaddress

from probe.collect.answers import OutOfScope
from probe.model.scope import Scope

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class ScopeGuard:
    """Holds the operator's scope and the further addresses of devices inside it.

    What a neighbour says about addresses is a claim: an address that more than one MAC uses is
    ``disputed``, and nothing is sent to it unless the operator named that very address.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._networks = tuple(ipaddress.ip_network(n) for n in scope.networks)
        self._targets = frozenset(ipaddress.ip_address(t) for t in scope.targets)
        self._wan = {ipaddress.ip_address(w.address): w.interface for w in scope.wan}
        self._same_device: dict[IPAddress, frozenset[IPAddress]] = {}
        """``{further address: the named ones of the same device}``."""
        self._disputed: set[IPAddress] = set()

    def on_link(self, address: str) -> bool:
        """Whether the address belongs to the interface: one of its networks, or IPv6 link-local."""
        ip = ipaddress.ip_address(address)
        if ip.is_multicast or ip.is_unspecified:
            return False
        if isinstance(ip, ipaddress.IPv6Address) and (
            # The kernel sends what is addressed to ::ffff:192.0.2.1 to 192.0.2.1.
            ip.ipv4_mapped is not None or ip.scope_id not in (None, self.scope.interface)
        ):
            return False
        if ip.version == 6 and ip.is_link_local:
            return True
        return any(ip.version == net.version and ip in net for net in self._networks)

    def interface_for(self, address: str) -> str:
        """The interface that packets to ``address`` have to leave by."""
        return self._wan.get(ipaddress.ip_address(address), self.scope.interface)

    def allows(self, address: str) -> bool:
        """Whether a packet may go to ``address``."""
        ip = ipaddress.ip_address(address)
        if ip in self._targets or ip in self._wan:
            return True
        if ip in self._disputed:
            return False
        if self._targets:
            return bool(self._same_device.get(ip, frozenset()) - self._disputed)
        return self.on_link(address)

    def dispute(self, address: str, *, disputed: bool) -> None:
        """Say whether more than one MAC uses ``address``."""
        if disputed:
            self._disputed.add(ipaddress.ip_address(address))
        else:
            self._disputed.discard(ipaddress.ip_address(address))

    def check(self, address: str) -> None:
        """Raises OutOfScope unless ``allows(address)``."""
        if not self.allows(address):
            scope = ", ".join(self.scope.targets or (self.scope.interface, *self.scope.networks))
            raise OutOfScope(address, scope)

    def admit_same_device(self, known: tuple[str, ...], learned: str) -> bool:
        """Admit a further on-link address of a device that the operator named by another address.

        IPv6 parity of a target given by its IPv4 address cannot be tested otherwise. ``known`` holds
        at least one address that was named and that nobody else uses. The caller vouches that
        ``learned`` is the device's own. Says whether ``learned`` is in scope now.
        """
        if self.allows(learned):
            return True
        named = self._targets & {ipaddress.ip_address(address) for address in known}
        if named - self._disputed and self.on_link(learned):
            self._same_device[ipaddress.ip_address(learned)] = named
        return self.allows(learned)
