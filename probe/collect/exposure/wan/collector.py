"""Whether the outer address of a gateway is there at all: only then its silence says something.

Asked once the ports of the plan were all asked. A TCP connect makes the kernel look for the neighbour
by ARP or ND (RFC 826, RFC 4861 section 7.3); its table then tells whether that answered. Nothing else
than such a connect is sent, and the packet helper has no part in it.
"""

import asyncio
import json
import socket
import time
from collections.abc import Iterable
from functools import partial

from probe.collect.answers import NoAnswer, Why
from probe.collect.collector import Task, task
from probe.collect.packet import netlink
from probe.collect.services.port_lists import parts
from probe.collect.session import DeviceSession, PortState
from probe.model.dut import Dut
from probe.model.evidence import Coverage
from probe.model.exposure import OutsideSeen
from probe.model.plan import Plan

NUD_REACHABLE = 0x02
"""Answered lately. A stale entry says what was, a permanent one what somebody wrote."""
PATIENCE_S = 16.0
"""The kernel trusts an old entry for 5 s and then asks three times, a second each (linux/neighbour.h)."""
AGAIN_S = 3.0
EVERY_S = 0.25
WITHIN_S = 0.9
PORT = 80


class Outside:
    """One job for each outer address, after everything of the plan was asked there."""

    name = "outside"

    def tasks(self, dut: Dut, plan: Plan) -> Iterable[Task]:
        """Jobs for the outer addresses of a gateway only."""
        wanted = {part.list_name for part in parts(plan.tcp_ports)}
        for address in dut.device.wan:
            scanned = {s.fact.list_name for s in dut.scans() if s.fact.address == address}
            asked = any(s.fact.address == address for s in dut.scans("udp"))
            if wanted <= scanned and asked:
                yield task(
                    self.name,
                    dut.device,
                    f"there {address}",
                    f"whether {address} is there",
                    partial(look, address=address),
                    priority=75,
                    lane="scan",
                )


async def look(session: DeviceSession, *, address: str) -> None:
    """Record an OutsideSeen. Raises NoAnswer(LOCAL) when the probe itself cannot look."""
    interface = session.guard.interface_for(address)
    began = time.monotonic()
    by, mac, tries = "", "", 0
    states: dict[str, None] = {}
    while not by and time.monotonic() - began < PATIENCE_S:
        # Asked again: an entry that ends its time just after a packet waits for the next one.
        state, _ = await session.knock(address, PORT, patience=WITHIN_S, within=WITHIN_S)
        tries += 1
        if state in (PortState.OPEN, PortState.CLOSED):
            by = "tcp"
        until = time.monotonic() + AGAIN_S
        while not by and time.monotonic() < until:
            known = _known(interface, address)
            if known is not None:
                states[f"{known.mac} state {known.state:#04x}"] = None
                if known.state & NUD_REACHABLE:
                    by, mac = "neighbour", known.mac
                    break
            await asyncio.sleep(EVERY_S)
    waited = round(time.monotonic() - began, 1)
    said = {
        "address": address,
        "interface": interface,
        "seen by": by,
        f"asked on tcp {PORT}": tries,
        "neighbour table": list(states),
        "waited_s": waited,
    }
    proof = session.keep(
        json.dumps(said, indent=1).encode(),
        media_type="application/json",
        caption=f"whether {address} is there, on {interface}",
    )
    tried = f"TCP connect to {address} port {PORT}, then the kernel's neighbour table"
    session.observe(
        OutsideSeen(address=address, interface=interface, by=by, mac=mac, waited_s=waited),
        Coverage(tried=tried, times=tries, deadline_s=PATIENCE_S, answered=int(bool(by))),
        proof,
    )


def _known(interface: str, address: str) -> netlink.NeighbourRow | None:
    try:
        rows = netlink.neighbours(socket.if_nametoindex(interface))
    except OSError as error:
        raise NoAnswer(Why.LOCAL, f"{interface}: {error.strerror}") from None
    return next((row for row in rows if row.address == address), None)


COLLECTOR = Outside()
