"""Does every ICS row that is not supported or not applicable give a reason?"""

from collections.abc import Iterator

from probe.checks.declaration.paper import is_reason, proof, undeclared
from probe.model.dut import Dut
from probe.model.finding import Answer, satisfied, violated

# The provisions of EN 303 645 by clause, V2.1.1 numbering, and what V3.1.3 has instead.
CLAUSES = {"4": 1, "5.1": 5, "5.2": 3, "5.3": 16, "5.4": 4, "5.5": 8, "5.6": 9, "5.7": 2}
CLAUSES |= {"5.8": 3, "5.9": 3, "5.10": 1, "5.11": 4, "5.12": 3, "5.13": 1, "6": 5}
V2 = {f"{clause}-{n}" for clause, most in CLAUSES.items() for n in range(1, most + 1)}
SPLIT = {"5.3-4", "5.3-6", "5.3-15", "5.6-4", "5.13-1", "6-3"}
ADDED = {"5.0-1", "5.1-2A", "6-6", "6-7", "6-8"}
V3 = (V2 - SPLIT - {"4-1"}) | ADDED | {name + part for name in SPLIT for part in "AB"}


def check(dut: Dut) -> Iterator[Answer]:
    declared = dut.declaration
    if declared is None or not declared.ics:
        add = "an [[ics]] table for every provision"
        yield undeclared(declared, "ICS", "the ICS", add)
        return
    rows = {entry.requirement for entry in declared.ics}
    open_rows = [entry for entry in declared.ics if entry.support != "Y"]
    bare = [entry for entry in open_rows if not is_reason(entry.detail)]
    for entry in bare:
        summary = f"The ICS row {entry.requirement} says {entry.support} and gives no reason."
        yield violated(f"ICS {entry.requirement}", summary, proof(declared))
    if not bare:
        summary = (
            f"The ICS has {len(declared.ics)} rows; {len(open_rows)} of them say N or N/A, each "
            "with a reason."
        )
        measured = {"rows_v2": len(rows & V2), "rows_v3": len(rows & V3)}
        yield satisfied("ICS", summary, proof(declared), measured=measured)
