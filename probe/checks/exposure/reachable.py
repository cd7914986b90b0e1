"""Everything of the device that answered, and where a filter for IPv4 was not made for IPv6."""

from probe.model.dut import Dut


def reachable(dut: Dut) -> list[tuple[str, str, int]]:
    """Transport, address and port of everything that answered."""
    ports = {(s.fact.transport, s.fact.address, s.fact.port) for s in dut.services()}
    return sorted(ports | {(t, a, p) for t in ("tcp", "udp") for a, p in dut.open_ports(t)})


def ipv6_only(dut: Dut, transport: str, address: str, port: int) -> str:
    """A phrase when the port is open on this IPv6 address and known not to be on any IPv4 one."""
    ipv4 = [a for a in dut.device.lan if ":" not in a]
    if ":" not in address or address in dut.device.wan or not ipv4:
        return ""
    scans = [s.fact for s in dut.scans(transport) if s.fact.address in ipv4]
    heard = {(s.fact.transport, s.fact.address, s.fact.port) for s in dut.services()}
    opened = any(port in scan.open for scan in scans) or any(
        (transport, a, port) in heard for a in ipv4
    )
    return " over IPv6 and not over IPv4" if scans and not opened else ""
