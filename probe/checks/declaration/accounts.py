"""Does the manufacturer declare any password that is the same on every device?"""

from collections.abc import Iterator

from probe.checks.declaration.paper import proof, undeclared
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, satisfied, violated


def check(dut: Dut) -> Iterator[Answer]:
    declared = dut.declaration
    if declared is None or not declared.accounts:
        add = "an [[account]] table with its origin for every login"
        yield undeclared(declared, "declared accounts", "where passwords come from", add)
        return
    for account in declared.accounts:
        subject = f"declared account {account.service} {account.username}".rstrip()
        whose = f"The password of the account “{account.username}” on {account.service}"
        match account.origin:
            case "universal":
                summary = f"{whose} is declared to be the same on every device."
                yield violated(subject, summary, proof(declared))
            case "unique-per-device" | "user-defined":
                how = {"unique-per-device": "unique to each device"}.get(
                    account.origin, "set by the user"
                )
                yield satisfied(subject, f"{whose} is declared to be {how}.", proof(declared))
            case _:
                settle = "Add origin to the [[account]] table in the declaration file."
                yield inconclusive(
                    subject,
                    f"{whose} is declared without saying where it comes from.",
                    proof(declared),
                    owner=Owner.OPERATOR,
                    settle=settle,
                )
