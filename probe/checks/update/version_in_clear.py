"""Does the device keep its software version to itself when it talks to servers?"""

from collections.abc import Iterator

from probe.checks.update.watch import SUBJECT, cut_short, longest_view, not_watched
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, satisfied, violated
from probe.model.observation import PlainTransfer

ENOUGH_S = 300.0
"""Devices talk to their servers every few minutes at the latest; less would be a matter of luck."""


def check(dut: Dut) -> Iterator[Answer]:
    readable = {
        (s.fact.host or s.fact.server, s.fact.version_text): s
        for s in dut.all(PlainTransfer)
        if s.fact.version_text
    }
    for (server, version), seen in readable.items():
        summary = f"The device sent a readable version to {server}: {version}"
        yield violated(f"version to {server}: {version}", summary, *seen.proof)
    if readable:
        return
    view = longest_view(dut)
    if view is None:
        yield from not_watched(dut)
        return
    seconds = view.fact.seconds
    watched = f"In {seconds:.0f} seconds of watching, no version was readable in plain HTTP"
    cut = [*cut_short(dut, watched)]
    if cut:
        yield from cut
    elif seconds >= ENOUGH_S:
        measured = {"seconds": int(seconds)}
        yield satisfied(SUBJECT, f"{watched}.", *view.proof, measured=measured)
    else:
        settle = f"Let the probe watch for at least {ENOUGH_S:.0f} seconds while the device works."
        summary = f"{watched}; that is too short a time."
        yield inconclusive(SUBJECT, summary, *view.proof, owner=Owner.OPERATOR, settle=settle)
