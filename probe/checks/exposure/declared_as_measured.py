"""Is every declared service what it was declared to be: its protocol, and who may use it?"""

from collections.abc import Iterator

from probe.checks.exposure.guards import open_to_all, unknown_guards
from probe.checks.exposure.open_without_login import unasked
from probe.checks.support import DEVICE, conclude, named, scan_proof, tcp_gaps, where
from probe.model.declaration import DeclaredService
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.observation import Service

DECLARE = "Give a declaration file with a [[service]] table for each service."
SAME = {"https": "http", "ssdp": "upnp", "mqtts": "mqtt", "rtsps": "rtsp", "coaps": "coap"}


def check(dut: Dut) -> Iterator[Answer]:
    declared = dut.declaration.services if dut.declaration else ()
    if not declared:
        summary = "No service was declared, so that there is nothing to compare with."
        yield inconclusive(DEVICE, summary, owner=Owner.OPERATOR, settle=DECLARE)
        return
    by_port = {(s.transport, s.port): s for s in declared}
    found = []
    for seen in dut.services():
        word = by_port.get((seen.fact.transport, seen.fact.port))
        differs = difference(dut, word, seen) if word else ""
        if differs:
            found.append(violated(where(seen), differs, *seen.proof))
    to_ask = {s for s in by_port.values() if asks(s)}
    unknown = [
        answer
        for answer in (*unknown_guards(dut), *unasked(dut))
        if by_port.get(place(answer.subject)) in to_ask
    ]
    yield from conclude(
        dut,
        found,
        [*unknown, *tcp_gaps(dut)],
        "Every declared service that was found is what it was declared to be.",
        proof=(*scan_proof(dut), *scan_proof(dut, "udp")),
    )


def difference(dut: Dut, word: DeclaredService, seen: Seen[Service]) -> str:
    """What the declaration says otherwise; empty when it agrees or does not say."""
    fact = seen.fact
    said = word.protocol.lower()
    if (
        fact.protocol != "unknown"
        and said
        and SAME.get(said, said) != SAME.get(fact.protocol, fact.protocol)
    ):
        return f"Declared as {word.protocol}, and {named(seen)} answers."
    if said.endswith("s") and said in SAME and fact.protocol == SAME[said] and not fact.tls:
        return f"Declared as {word.protocol}, and it answers without TLS."
    if asks(word) and open_to_all(dut, seen):
        return f"Declared with authentication ({word.authentication[:60]}), and it asked for none."
    return ""


def asks(word: DeclaredService) -> bool:
    return word.authentication.strip().lower() not in ("", "none")


def place(subject: str) -> tuple[str, int]:
    """Transport and port of an endpoint's text."""
    port = subject.rpartition(":")[2]
    return subject.partition(" ")[0], int(port) if port.isdecimal() else 0
