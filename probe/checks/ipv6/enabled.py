"""Does the device speak IPv6?"""

from collections.abc import Iterator

from probe.checks.support import DEVICE, searches
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, satisfied, violated
from probe.model.observation import AddressFormed, Ipv6Survey

SEARCH = "Run on the link of the device, on a host with IPv6 and with the packet helper."
ROUTER = "Put a router that advertises a prefix on the test network, and run again."


def check(dut: Dut) -> Iterator[Answer]:
    formed = [s for s in dut.all(AddressFormed) if ":" in s.fact.address]
    surveys = list(dut.all(Ipv6Survey))
    proof = [*(p for s in formed for p in s.proof), *(p for s in surveys for p in s.proof)]
    if formed or any(s.fact.addresses for s in surveys):
        count = len({*(s.fact.address for s in formed), *dut.device.ipv6})
        summary = f"It speaks IPv6, with {max(count, 1)} known addresses."
        yield satisfied(DEVICE, summary, *proof, measured={"addresses": count})
    elif any(s.fact.router_present for s in searches(dut)):
        methods = ", ".join(dict.fromkeys(m for s in searches(dut) for m in s.fact.methods))
        summary = (
            f"A router advertised IPv6, and no IPv6 address of the device was found ({methods})."
        )
        yield violated(DEVICE, summary, *proof)
    elif any(s.fact.router_present for s in surveys):
        summary = "No IPv6 address of the device was heard; it was not asked for any."
        yield inconclusive(DEVICE, summary, *proof, owner=Owner.ENVIRONMENT, settle=SEARCH)
    else:
        summary = "No IPv6 address of the device was found, and no router advertised IPv6."
        yield inconclusive(DEVICE, summary, *proof, owner=Owner.ENVIRONMENT, settle=ROUTER)
