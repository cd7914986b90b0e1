"""Does every service that gives data or functions ask for a credential first?"""

from collections.abc import Iterator

from probe.checks.support import conclude, named, scan_proof, tcp_gaps, where
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.evidence import Proof
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.observation import OpenAccess

JUDGED_BY_LOGIN = {"http", "telnet", "ssh", "ftp", "snmp", "mqtt", "unknown"}
"""Other checks contrast these with and without a credential; an unknown service is a gap already."""
PUBLIC = {"dns", "mdns", "ssdp", "wsd", "ntp", "dhcp", "ike", "netbios", "sip", "tls"}
"""Made to answer anybody; what else they do is asked elsewhere."""
SETTLE = "Find out by hand what the service gives without a login, or declare how it authenticates."


def check(dut: Dut) -> Iterator[Answer]:
    yield from conclude(
        dut,
        [*given(dut)],
        [*unasked(dut), *tcp_gaps(dut)],
        "No service gave data or functions without a credential.",
        proof=scan_proof(dut),
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
        yield violated(subject, summary, *proof)


def unasked(dut: Dut) -> Iterator[Answer]:
    for seen in dut.services():
        if seen.fact.protocol in JUDGED_BY_LOGIN | PUBLIC or seen.fact.refuses_strangers:
            continue
        summary = f"Whether {named(seen)} serves without a credential was not found out."
        yield inconclusive(where(seen), summary, *seen.proof, owner=Owner.TOOL, settle=SETTLE)
