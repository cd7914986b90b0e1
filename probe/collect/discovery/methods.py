"""The ways of finding neighbours, with the packet helper and without it."""

import asyncio
import ipaddress
import secrets
import time
from typing import TYPE_CHECKING

from probe.collect.discovery.inventory import Record
from probe.collect.discovery.nudge import nudge
from probe.collect.packet.eui64 import eui64_address
from probe.collect.packet.protocol import MAX_RATE, MAX_TARGETS
from probe.model.finding import Owner

if TYPE_CHECKING:
    from probe.collect.discovery.discovery import Discovery
    from probe.collect.discovery.inventory import Entry
    from probe.collect.discovery.mdns import MdnsBrowser
    from probe.collect.discovery.ssdp import SsdpListener

ROUND_S = 0.5
MAX_ROUNDS = 8
BROWSE_S = 3.0
SEARCHES = 3


async def find_neighbours(discovery: "Discovery") -> None:
    """Ask the link for everybody, and again when the probe itself had no link meanwhile.

    What stayed silent then says nothing about the devices, so it is not counted as asked.
    """
    for _ in range(SEARCHES):
        began = time.monotonic()
        await _ask_everybody(discovery)
        if not discovery.link.disturbed(began):
            return
        discovery.reporter.forget("mld", "echo", "ns-eui64", "ra-dad")
        discovery.unasked.update(discovery.inventory.macs())
        await discovery.link.gate.passed()
    discovery.note(
        f"the probe's own link was down in each of {SEARCHES} searches for devices: some may not be "
        "found, and that a device has no IPv6 address is not known"
    )


async def _ask_everybody(discovery: "Discovery") -> None:
    """ARP, and IPv6 by every method that the plan allows; by the kernel's table without a helper."""
    raw = discovery.link.raw
    if raw is None:
        await _by_kernel(discovery)
        return
    targets = sweep_targets(discovery)
    sweep = asyncio.create_task(
        raw.arp_sweep(targets, rounds=rounds(discovery, len(targets)), gap_s=ROUND_S)
    )
    try:
        for target in discovery.link.guard.scope.targets:
            if ":" in target and discovery.is_neighbour(target):
                await raw.alive(None, str(ipaddress.ip_address(target)), 1.0)
        reporter = discovery.reporter
        done = await raw.ipv6_sweep(("mld", "echo"), wait_s=1.0)
        reporter.survey("mld", "echo", sent=done.sent if done else 0)
        await _solicit(discovery)
        await sweep
    finally:
        sweep.cancel()
    await _solicit(discovery)
    if discovery.link.raw is None:
        await _by_kernel(discovery)  # the helper died on the way
        return
    if discovery.plan.router_advertisement:
        await raw.advertise(f"fd{secrets.token_hex(1)}:{secrets.token_hex(2)}:5bd::/64")
        discovery.reporter.survey("ra-dad", sent=2)


def rounds(discovery: "Discovery", targets: int) -> int:
    """As many rounds as the plan's time allows, at least two: one may be lost."""
    lasts = max(ROUND_S, targets / MAX_RATE)
    return max(2, min(MAX_ROUNDS, int(discovery.plan.discovery_s / lasts)))


def sweep_targets(discovery: "Discovery") -> list[str]:
    """The IPv4 addresses to ask for: the named ones, else those of the scope's networks."""
    guard = discovery.link.guard
    if guard.scope.targets:
        return [t for t in guard.scope.targets if ":" not in t and discovery.is_neighbour(t)]
    found: list[str] = []
    for text in guard.scope.networks:
        network = ipaddress.ip_network(text)
        if network.version == 6:
            continue
        room = MAX_TARGETS - len(found)
        if network.num_addresses > room:
            discovery.note(
                f"{text} has {network.num_addresses} addresses; the first {room} are asked for by "
                "ARP, others are found only when they are heard. Name them as targets",
                Owner.OPERATOR,
            )
        found += [str(ip) for ip, _ in zip(network.hosts(), range(room), strict=False)]
    return [t for t in found if t not in discovery.link.facts.own]


async def _solicit(discovery: "Discovery") -> None:
    """Ask for the EUI-64 addresses of the MACs that were found since the last time."""
    raw = discovery.link.raw
    macs = sorted(discovery.unasked)
    if raw is None or not macs:
        return
    discovery.unasked.clear()
    done = await raw.ipv6_sweep(("ns",), macs=macs, prefixes=prefixes(discovery), wait_s=0.3)
    discovery.reporter.survey("ns-eui64", sent=done.sent if done else 0)


def prefixes(discovery: "Discovery") -> list[str]:
    """The 64-bit prefixes on this link that are in scope, own ones and those of routers."""
    link = discovery.link
    found = [str(i.network) for i in link.facts.ipv6 if not i.ip.is_link_local]
    if link.client is not None:
        found += [p for router in link.client.routers for p in router.prefixes]
    nets = [ipaddress.IPv6Network(p) for p in dict.fromkeys(found)]
    usable = [n for n in nets if n.prefixlen == 64 and not n.is_link_local]
    return [str(n) for n in usable if link.guard.on_link(str(n.network_address))][:16]


async def _by_kernel(discovery: "Discovery") -> None:
    link = discovery.link
    targets = sweep_targets(discovery)
    targets += [t for t in link.guard.scope.targets if ":" in t and discovery.is_neighbour(t)]
    for _ in range(2):
        await nudge(link, [t for t in targets if discovery.inventory.at(t) is None])
        await asyncio.sleep(1.0)
        read_table(discovery)
    guesses = [
        (entry, eui64_address(prefix, entry.mac))
        for entry in discovery.inventory
        for prefix in ("fe80::/64", *prefixes(discovery))
        if entry.mac is not None
    ]
    # A guess from the MAC of a device in scope is an address of that device or of nobody.
    sent = await nudge(link, [a for entry, a in guesses if link.admit((*entry.addresses,), a)])
    await asyncio.sleep(1.2)
    read_table(discovery)
    discovery.reporter.survey("ns-eui64", sent=sent)


def read_table(discovery: "Discovery") -> None:
    """Take in the kernel's neighbour table; marked ``cached``, its entries have no age."""
    for address, mac in discovery.link.neighbours().items():
        if discovery.link.guard.on_link(address) and discovery.inventory.is_new(
            "cached", mac, address
        ):
            text = f"kernel neighbour table: {address} is at {mac}"
            discovery.found("cached", mac, address, Record(text.encode(), "text/plain", text))


async def keep_up(discovery: "Discovery") -> None:
    """What is done again and again while listening."""
    if discovery.link.raw is None:
        read_table(discovery)
    else:
        await _solicit(discovery)


async def ask_for(discovery: "Discovery", address: str) -> None:
    """Ask the link who has ``address``; the answer comes as a sighting."""
    raw = discovery.link.raw
    if raw is not None:
        await raw.alive(None, address, 0.6)
        return
    await nudge(discovery.link, [address])
    await asyncio.sleep(0.5)
    read_table(discovery)


async def confirm(discovery: "Discovery", entry: "Entry", address: str) -> None:
    """Ask the whole link who has ``address``: it is the device's own when only that one answers.

    Anybody may claim an address in a frame; its real owner answers too, and then there is a conflict.
    """
    raw = discovery.link.raw
    macs = await raw.holders(address, 1.2) if raw is not None else None
    for mac in sorted(macs or ()):
        if mac != entry.mac:
            text = f"{mac} answered for {address}"
            discovery.found("answer", mac, address, Record(text.encode(), "text/plain", text))
    if entry.mac is not None and macs == frozenset({entry.mac}):
        discovery.inventory.confirmed[address] = entry.mac
        discovery.reporter.changed(entry)


async def ask_for_dhcp(discovery: "Discovery") -> None:
    """Ask for DHCP servers: the whole link, or each named target alone.

    The answer goes to port 68, which only the helper can hear.
    """
    raw = discovery.link.raw
    if raw is None:
        return
    if not discovery.link.guard.scope.targets:
        await raw.dhcp_inform()
        return
    for target in discovery.link.guard.scope.targets:
        entry = discovery.inventory.at(target)
        if ":" not in target and entry is not None and entry.mac is not None:
            await raw.dhcp_inform(target, entry.mac, wait_s=0.3)


async def browse(discovery: "Discovery", mdns: "MdnsBrowser") -> None:
    """Start mDNS browsing, which goes on in the background, and give it its first seconds."""
    if await mdns.start():
        discovery.reporter.survey("mdns", sent=0)
        await asyncio.sleep(min(BROWSE_S, discovery.plan.discovery_s))


async def search(discovery: "Discovery", ssdp: "SsdpListener") -> None:
    """Start listening for SSDP and search."""
    if ssdp.start():
        sent = await ssdp.search()
        discovery.reporter.survey("ssdp", sent=sent)
