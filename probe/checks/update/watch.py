"""What the checks of watched traffic share: how long, and from where, the device was watched."""

from collections.abc import Iterator

from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive
from probe.model.observation import TrafficView

SUBJECT = "device"
MIRROR = (
    "Connect the probe to a mirror port of the switch that the device is on, or make the probe the "
    "device's gateway, and run again."
)

LESS = (
    "Watch the device alone, or for a shorter time, or record its traffic and look at it by hand."
)


def longest_view(dut: Dut) -> Seen[TrafficView] | None:
    """The longest stretch in which conversations of the device with others were really seen."""
    views = [
        seen
        for seen in dut.all(TrafficView)
        if seen.fact.position == "mirror" and seen.fact.frames_of_others > 0
    ]
    return max(views, key=lambda seen: seen.fact.seconds, default=None)


def cut_short(dut: Dut, watched: str) -> Iterator[Answer]:
    """When not all of the device's plain conversations were looked at: one inconclusive answer."""
    views = [seen for seen in dut.all(TrafficView) if seen.fact.unread or seen.fact.lost_frames]
    if views:
        number = sum(seen.fact.unread for seen in views)
        lost = max(seen.fact.lost_frames for seen in views)
        missed = [f"{number} of its conversations were not looked at to their end"] * bool(number)
        missed += [f"{lost} frames on its link came too fast to be looked at"] * bool(lost)
        summary = f"{watched}, but {' and '.join(missed)}."
        proof = tuple(p for seen in views for p in seen.proof)
        yield inconclusive(SUBJECT, summary, *proof, owner=Owner.TOOL, settle=LESS)


def not_watched(dut: Dut) -> Iterator[Answer]:
    """Why nothing can be said about the device's own traffic: one inconclusive answer."""
    views = list(dut.all(TrafficView))
    missing = dut.missing("traffic")
    if views:
        seconds = max(seen.fact.seconds for seen in views)
        summary = (
            f"In {seconds:.0f} seconds no conversation of the device with others reached the probe, "
            "which sits where it can see its own only."
        )
        proof = tuple(p for seen in views for p in seen.proof)
        yield inconclusive(SUBJECT, summary, *proof, owner=Owner.ENVIRONMENT, settle=MIRROR)
    elif missing:
        fact = missing[-1].fact
        summary = f"The traffic of the device was not watched: {fact.reason}"
        owner, settle = Owner(fact.owner), fact.settle or MIRROR
        yield inconclusive(SUBJECT, summary, *missing[-1].proof, owner=owner, settle=settle)
    else:
        summary = "The traffic of the device was not watched."
        yield inconclusive(SUBJECT, summary, owner=Owner.OPERATOR, settle=MIRROR)
