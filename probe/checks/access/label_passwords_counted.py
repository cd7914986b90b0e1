"""Are factory passwords numbered one after another?"""

from collections.abc import Iterator

from probe.checks.access.label_passwords_differ import ADD, SETTLE
from probe.checks.access.labels import BY_CHANCE, FARTHEST, distance, name, pairs, step, units
from probe.checks.declaration.paper import proof, undeclared
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, satisfied, violated


def check(dut: Dut) -> Iterator[Answer]:
    labels, declared = units(dut), dut.declaration
    if declared is None or len(labels) < 2:
        yield undeclared(declared, "labels", "the factory password of a second unit", ADD)
        return
    near = []
    for a, b in pairs(labels):
        found = step(a, b)
        if found and 0 < found[0] <= FARTHEST and found[1] < BY_CHANCE / len(pairs(labels)):
            near.append((a, b, found[0]))
    if near:
        a, b, apart = min(near, key=lambda n: n[2])
        summary = (
            f"The passwords of {name(a)} and {name(b)} are {apart} apart as numbers, which chance "
            "brings less than once in a thousand."
        )
        yield violated("labels", summary, proof(declared))
        return
    nearest = min(distance(a.password, b.password) for a, b in pairs(labels))
    if nearest <= 1:
        summary = f"Two factory passwords of {len(labels)} units differ in {nearest} character."
        yield inconclusive("labels", summary, proof(declared), owner=Owner.OPERATOR, settle=SETTLE)
        return
    summary = f"No two factory passwords of {len(labels)} units follow each other as numbers."
    yield satisfied("labels", summary, proof(declared), measured={"units": len(labels)})
