"""The rounds of guessing tests as a table of the inventory."""

from collections.abc import Iterable

from probe.model.access import GuessingTest
from probe.model.device import endpoint
from probe.model.dut import Dut

WORKS = {True: "works", False: "refused", None: "not known"}


def guessing(dut: Dut, _: bool) -> Iterable[tuple[str, ...]]:
    """One row for each round; the last column is that of the whole test."""
    for seen in dut.all(GuessingTest):
        test = seen.fact
        back = (
            f", let in again after {test.recovered_s:g} s" if test.recovered_s is not None else ""
        )
        guard = f"{test.guard}{f' ({test.sign})' if test.sign else ''}{back}"
        for r in test.rounds:
            yield (
                f"{test.protocol} {endpoint(test.transport, test.address, test.port)}",
                test.username,
                r.way,
                f"{r.refused} of {len(r.guesses)}",
                f"{r.per_hour:.0f}",
                WORKS[r.still_lets_in],
                "; ".join(filter(None, (guard, test.problem))),
            )
