"""Does every service that gives data or functions ask for a credential first?"""

from collections.abc import Iterator

from probe.checks.exposure.guards import GUARDED, let_in, unknown_guards
from probe.checks.support import (
    conclude,
    named,
    scan_proof,
    tcp_gaps,
    udp_scan_gaps,
    unrecognised_udp,
    where,
)
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.evidence import Proof
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.observation import OpenAccess

PUBLIC = {"dns", "mdns", "ssdp", "wsd", "ntp", "dhcp", "ike", "netbios", "sip"}
"""Made to answer anybody; what else they do is asked elsewhere."""
LOGINLESS = {"MODBUS": "Modbus", "BACNET": "BACnet", "KNX": "KNXnet/IP"}
"""Protocols whose usual form has no login at all: nothing that is set on the device can close them."""
SETTLE = "Find out by hand what the service gives without a login, or declare how it authenticates."


def check(dut: Dut) -> Iterator[Answer]:
    found = {answer.subject: answer for answer in (*let_in(dut), *given(dut))}
    unknown = [*unknown_guards(dut), *unasked(dut), *unrecognised_udp(dut)]
    yield from conclude(
        dut,
        found.values(),
        [*unknown, *tcp_gaps(dut), *udp_scan_gaps(dut)],
        "No service gave data or functions without a credential.",
        proof=(*scan_proof(dut), *scan_proof(dut, "udp")),
    )


def given(dut: Dut) -> Iterator[Answer]:
    found: dict[str, tuple[list[str], list[Proof]]] = {}
    for seen in dut.all(OpenAccess):
        fact = seen.fact
        if fact.protocol in ("dns", "snmp"):
            continue
        texts, proof = found.setdefault(
            endpoint(fact.transport, fact.address, fact.port), ([fact.protocol.upper()], [])
        )
        texts.append(fact.what + (", for writing too" if fact.write_possible else ""))
        proof.extend(seen.proof)
    for subject, (texts, proof) in found.items():
        protocol, *what = dict.fromkeys(texts)
        summary = f"{protocol} gave without any credential: {'; '.join(what)[:200]}."
        if name := LOGINLESS.get(protocol):
            summary += f" {name} has no login, so that only the network can keep strangers out."
        yield violated(subject, summary, *proof)


def unasked(dut: Dut) -> Iterator[Answer]:
    for seen in dut.services():
        # An unrecognised service is a gap of its own.
        if seen.fact.protocol in {*GUARDED, *PUBLIC, "unknown"} or seen.fact.refuses_strangers:
            continue
        summary = f"Whether {named(seen)} serves without a credential was not found out."
        yield inconclusive(where(seen), summary, *seen.proof, owner=Owner.TOOL, settle=SETTLE)
