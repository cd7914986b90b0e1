"""What may be said of the outer address of a gateway, where silence can be the good answer."""

from probe.model.dut import Dut
from probe.model.exposure import OutsideSeen
from probe.model.ports import parse_ports
from probe.model.service import PortScan


def presence(dut: Dut, address: str) -> OutsideSeen | None:
    """The latest word on whether the outer address was there; None when that was not asked."""
    words = [s.fact for s in dut.all(OutsideSeen) if s.fact.address == address]
    return words[-1] if words else None


def sealed(dut: Dut, address: str) -> bool:
    """Whether silence on this outer address is known to be the gateway's own filter.

    It was there when all had been asked, it answered inside, and it refused no TCP port outside: it drops
    what it does not want. Where it refuses ports, another one's silence may as well be a service's or a
    lost packet.
    """
    there = presence(dut, address)
    if address not in dut.device.wan or there is None or not there.by:
        return False
    inside = any(dut.tested_ports(a) for a in dut.device.lan)
    scans = [s.fact for s in dut.scans() if s.fact.address == address]
    if not inside or cut_short(scans):
        return False
    mine = [scan for scan in scans if scan.of_plan]
    opened = {port for scan in mine for port in scan.open}
    dropped = {p for s in mine for p in parse_ports(s.silent) | parse_ports(s.filtered)}
    return bool(dropped) and not {p for s in mine for p in parse_ports(s.tested)} - opened - dropped


def known_ports(dut: Dut, address: str) -> frozenset[int]:
    """The TCP ports whose state on ``address`` is known, dropped by the gateway itself among them."""
    known = dut.tested_ports(address)
    if sealed(dut, address):
        scans = (s.fact for s in dut.scans() if s.fact.address == address)
        known = known.union(*(parse_ports(scan.tested) for scan in scans))
    return known


def cut_short(scans: list[PortScan]) -> bool:
    """Whether something of the plan's list (parts such as ``standard 2/5``) was not done or is lost."""
    plans = [scan for scan in scans if scan.of_plan]
    if not plans or not all(scan.complete for scan in scans):
        return True
    names = {scan.list_name for scan in plans if "/" in scan.list_name}
    return any(
        f"{name.rpartition(' ')[0]} {n}/{of}" not in names
        for name in names
        for of in [name.rpartition("/")[2]]
        for n in range(1, int(of) + 1 if of.isdecimal() else 1)
    )
