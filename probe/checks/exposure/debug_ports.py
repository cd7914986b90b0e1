"""Is the device free of debug interfaces on the network?"""

from collections.abc import Iterator

from probe.checks.exposure.guards import open_to_all, unknown_guards
from probe.checks.support import conclude, named, scan_proof, tcp_gaps, where
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.observation import OpenAccess, Service

PROTOCOLS = ("adb", "gdbserver", "openocd", "jtag", "tcf", "jdwp")
BY_HAND = "Connect to the port by hand, and record whether the prompt is one of a shell."


def check(dut: Dut) -> Iterator[Answer]:
    found = []
    for seen in dut.services(*PROTOCOLS, "shell", "telnet"):
        protocol, name = seen.fact.protocol, named(seen)
        gives = open_to_all(dut, seen)
        if protocol in PROTOCOLS:
            guarded = ", and it asks for a key" if seen.fact.refuses_strangers else ""
            summary = f"A debug interface is reachable from the network: {name}{guarded}."
            found.append(violated(where(seen), summary, *seen.proof))
        elif gives:
            what = [o for o in dut.all(OpenAccess) if place(o.fact) == place(seen.fact)]
            summary = (
                f"{what[0].fact.what if what else 'A session'} is given to everybody ({name})."
            )
            proof = (*seen.proof, *(p for o in what for p in o.proof))
            found.append(violated(where(seen), summary[:1].upper() + summary[1:], *proof))
        elif protocol == "shell":
            summary = (
                "It shows the prompt of a shell; whether a shell is behind it did not come out."
            )
            owner = Owner.TOOL
            found.append(
                inconclusive(where(seen), summary, *seen.proof, owner=owner, settle=BY_HAND)
            )
    telnet = {where(seen) for seen in dut.services("telnet")}
    unasked = [answer for answer in unknown_guards(dut) if answer.subject in telnet]
    yield from conclude(
        dut,
        found,
        [*unasked, *tcp_gaps(dut)],
        "No debug interface was found on the network.",
        proof=scan_proof(dut),
    )


def place(fact: Service | OpenAccess) -> tuple[str, str, int]:
    return fact.transport, fact.address, fact.port
