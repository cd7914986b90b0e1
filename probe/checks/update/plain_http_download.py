"""Does the device fetch its updates over anything better than plain HTTP?"""

from collections.abc import Iterator

from probe.checks.update.watch import SUBJECT, cut_short, longest_view, not_watched
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, satisfied, violated
from probe.model.observation import PlainTransfer

DAY = 86_400
TRIGGER = (
    "Trigger an update on the device while the probe watches, or declare period_days under [update] "
    "and let the probe watch for longer than that."
)


def check(dut: Dut) -> Iterator[Answer]:
    fetched = {_url(s.fact): s for s in dut.all(PlainTransfer) if s.fact.update_like}
    for url, seen in fetched.items():
        what = f" ({seen.fact.magic})" if seen.fact.magic else ""
        got = seen.fact.status is not None and seen.fact.status < 400
        verb = "fetched" if got else "asked for"
        summary = f"The device {verb} what looks like an update{what} over plain HTTP: {url}"
        yield violated(f"download {url}", summary, *seen.proof)
    if fetched:
        return
    view = longest_view(dut)
    if view is None:
        yield from not_watched(dut)
        return
    seconds, period = view.fact.seconds, _declared_period(dut)
    watched = f"In {seconds:.0f} seconds of watching, the device fetched no update over plain HTTP"
    cut = [*cut_short(dut, watched)]
    if cut:
        yield from cut
    elif period and seconds > period:
        summary = f"{watched}; it is declared to look for one every {period // DAY} days."
        yield satisfied(SUBJECT, summary, *view.proof, measured={"seconds": int(seconds)})
    else:
        # An encrypted update cannot be told from other traffic, so silence may mean: none was due.
        summary = f"{watched}, but whether it looked for one in that time is not known."
        yield inconclusive(SUBJECT, summary, *view.proof, owner=Owner.OPERATOR, settle=TRIGGER)


def _url(fact: PlainTransfer) -> str:
    return f"http://{fact.host or fact.server}{fact.path}"


def _declared_period(dut: Dut) -> int:
    """Seconds between two update checks by the maker's word; 0 when there is none."""
    update = dut.declaration.update if dut.declaration else None
    return (update.period_days or 0) * DAY if update else 0
