"""Are factory passwords long and free enough not to be guessed?"""

from collections.abc import Iterator

from probe.checks.access.label_passwords_differ import ADD
from probe.checks.access.labels import FEWEST_BITS, MANY_BITS, name, shape, units, word
from probe.checks.declaration.paper import proof, undeclared
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, satisfied, violated

SETTLE = "Compare the labels of more units, and see whether guessing is held back (5.1-5)."


def check(dut: Dut) -> Iterator[Answer]:
    labels, declared = units(dut), dut.declaration
    if declared is None or not labels:
        yield undeclared(declared, "labels", "factory passwords", ADD)
        return
    # Units that share one password show that, not what varies; another check says so.
    labels = tuple({label.password: label for label in labels}.values())
    words = [label for label in labels if word(label)]
    seen = shape(labels)
    what = (
        f"{seen.varying} characters vary between {len(labels)} units ({seen.called}; "
        f"{seen.prefix + seen.suffix} are the same on all): at most {seen.bits:.0f} bits, if each is "
        "drawn evenly and without regard to the others"
    )
    if words:
        summary = (
            f"The factory password of {name(words[0])} is a usual word, with or without digits."
        )
        yield violated("labels", summary, proof(declared))
    elif seen.bits < FEWEST_BITS - 0.01:
        summary = f"{what}. Six random digits, 20 bits, are the least (NIST SP 800-63B 5.1.1.1)."
        yield violated("labels", summary, proof(declared))
    elif seen.bits >= MANY_BITS and len(labels) > 1:
        yield satisfied("labels", f"{what}.", proof(declared), measured={"units": len(labels)})
    else:
        few = (
            "only one password was given"
            if len(labels) < 2
            else f"{MANY_BITS:.0f} bits bear guessing"
        )
        yield inconclusive(
            "labels", f"{what}; {few}.", proof(declared), owner=Owner.OPERATOR, settle=SETTLE
        )
