"""Is every service that is reachable over IPv6 also reachable over IPv4, so that no filter was forgotten?"""

from collections.abc import Iterator

from probe.checks.ipv6.identifiers import without_addresses
from probe.checks.support import (
    DEVICE,
    FILTER_SETTLE,
    addresses,
    conclude,
    scan_gaps,
    scan_proof,
    udp_scan_gaps,
)
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, not_applicable, violated
from probe.model.ports import HIGHEST_PORT


def check(dut: Dut) -> Iterator[Answer]:
    # The outside of a gateway is another side, not another version of IP.
    every = [a for a in addresses(dut) if a not in dut.device.wan]
    ipv4, ipv6 = [a for a in every if ":" not in a], [a for a in every if ":" in a]
    if not ipv6:
        yield from without_addresses(dut)
        return
    if not ipv4:
        proof = scan_proof(dut)
        summary = "The device has no known IPv4 address to compare with."
        if proof:
            yield not_applicable(DEVICE, summary, *proof)
        else:
            yield inconclusive(
                DEVICE, summary, owner=Owner.OPERATOR, settle="Scan the device over IPv4 as well."
            )
        return
    found = [a for t in ("tcp", "udp") for a in compared(dut, t, ipv4)]
    yield from conclude(
        dut,
        found,
        # A typed UDP probe without an answer found no service; one that was not sent found nothing out.
        [*scan_gaps(dut), *udp_scan_gaps(dut, excused=range(1, HIGHEST_PORT + 1))],
        f"Nothing is reachable on {len(ipv6)} IPv6 addresses only.",
        proof=scan_proof(dut),
    )


def compared(dut: Dut, transport: str, ipv4: list[str]) -> Iterator[Answer]:
    """One answer for each port that is open over IPv6 and not over IPv4."""
    opened = dut.open_ports(transport)
    on_ipv4 = {port for address, port in opened if address in ipv4}
    closed = frozenset.intersection(*(dut.tested_ports(a, transport) for a in ipv4)) - on_ipv4
    proof = scan_proof(dut, transport)
    for address, port in sorted(opened):
        if ":" not in address or address in dut.device.wan or port in on_ipv4:
            continue
        subject = endpoint(transport, address, port)
        if port in closed:
            summary = f"Port {port} is open over IPv6 and closed over IPv4."
            yield violated(subject, summary, *proof)
        else:
            summary = f"Port {port} is open over IPv6; over IPv4 its state is not known."
            yield inconclusive(subject, summary, *proof, owner=Owner.NETWORK, settle=FILTER_SETTLE)
