"""Can a factory password be worked out from what the unit tells everybody?"""

from collections.abc import Iterator

from probe.checks.access.label_passwords_differ import ADD
from probe.checks.access.labels import derived, identifiers, name, units
from probe.checks.declaration.paper import proof, undeclared
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, satisfied, violated

MORE = (
    "Write two labels or more with serial number, MAC address and SSID into the declaration file."
)


def check(dut: Dut) -> Iterator[Answer]:
    labels, declared = units(dut), dut.declaration
    if declared is None or not labels:
        yield undeclared(declared, "labels", "factory passwords beside identifiers", ADD)
        return
    found = [(label, how) for label in labels if (how := derived(label))]
    if found:
        label, how = found[0]
        summary = f"On {name(label)} {how}; so on {len(found)} of {len(labels)} units."
        yield violated("labels", summary, proof(declared))
        return
    compared = [len(list(identifiers(label))) for label in labels]
    summary = (
        f"No password of {len(labels)} units is one of the {sum(compared)} identifiers, a part or the "
        "reverse of one, or a piece of its MD5, SHA-1, SHA-256, SHA-512 or CRC-32."
    )
    if len(labels) < 2 or min(compared) < 2:
        short = f"{summary} That is too little to compare."
        yield inconclusive("labels", short, proof(declared), owner=Owner.OPERATOR, settle=MORE)
    else:
        yield satisfied("labels", summary, proof(declared), measured={"units": len(labels)})
