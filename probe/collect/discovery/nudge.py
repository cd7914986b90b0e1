"""Finding neighbours without raw sockets: send a datagram, then read the kernel's neighbour table.

The kernel asks by ARP or ND on our behalf. It asks three times in three seconds and tells nothing
about hosts it did not ask for, so this finds less than the packet helper does; what it finds is
marked ``cached``, because the table does not say how old an entry is.
"""

import contextlib
import ipaddress
import socket
from collections.abc import Iterable

from probe.collect.discovery.link import LinkSession

DISCARD = 9
"""RFC 863. The answer does not matter, only that the kernel has to resolve the address."""


async def nudge(link: LinkSession, addresses: Iterable[str]) -> int:
    """One empty datagram to each address in scope; returns how many went out."""
    sockets: dict[socket.AddressFamily, socket.socket] = {}
    sent = 0
    try:
        for address in addresses:
            if not link.guard.allows(address):
                continue
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            await link.pace()
            # No route, no buffer, an error from an earlier address: each only means "not this one".
            with contextlib.suppress(OSError):
                if family not in sockets:
                    sockets[family] = link.udp_socket(family)
                sockets[family].sendto(b"", _target(link, address))
                sent += 1
    finally:
        for sock in sockets.values():
            sock.close()
    return sent


def _target(link: LinkSession, address: str) -> tuple[str, int] | tuple[str, int, int, int]:
    if ":" not in address:
        return (address, DISCARD)
    local = ipaddress.ip_address(address).is_link_local
    return (address, DISCARD, 0, link.facts.index if local else 0)
