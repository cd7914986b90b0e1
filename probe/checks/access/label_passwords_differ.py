"""Do two units of the model come with different passwords?"""

from collections.abc import Iterator

from probe.checks.access.labels import distance, name, pairs, shape, units
from probe.checks.declaration.paper import proof, undeclared
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, satisfied, violated

SETTLE = "Write the labels of more units into the declaration file, or ask the maker how passwords are made."
ADD = "a [[label]] table for each of two units or more, with password, serial, mac and ssid"


def check(dut: Dut) -> Iterator[Answer]:
    labels, declared = units(dut), dut.declaration
    if declared is None or len(labels) < 2:
        yield undeclared(declared, "labels", "the factory password of a second unit", ADD)
        return
    same = [(a, b) for a, b in pairs(labels) if a.password == b.password]
    if same:
        a, b = same[0]
        summary = f"The {name(a)} and the {name(b)} have the same factory password"
        more = f", and {len(same) - 1} more pairs" if len(same) > 1 else ""
        yield violated("labels", f"{summary}{more}.", proof(declared))
        return
    seen, nearest = shape(labels), min(distance(a.password, b.password) for a, b in pairs(labels))
    common = seen.prefix + seen.suffix
    summary = (
        f"The factory passwords of {len(labels)} units differ, in {nearest} characters or more; "
        f"{common} of {seen.shortest} characters are the same on all."
    )
    if nearest <= 2 or common * 2 >= seen.shortest:
        yield inconclusive("labels", summary, proof(declared), owner=Owner.OPERATOR, settle=SETTLE)
    else:
        yield satisfied("labels", summary, proof(declared), measured={"units": len(labels)})
