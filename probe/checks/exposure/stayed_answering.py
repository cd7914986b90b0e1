"""Did the device go on answering while it was tested gently?"""

from collections.abc import Iterator

from probe.checks.support import DEVICE
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive, satisfied, violated
from probe.model.observation import Health

RESUME = "Continue with 'probe run --resume', and let the run come to its end."
RUN_AGAIN = "Run the test again; if it happens at the same job, the cause is the device."


def check(dut: Dut) -> Iterator[Answer]:
    seen = list(dut.all(Health))
    lost = [s for s in seen if s.fact.state != "answering"]
    proof = [p for s in seen for p in s.proof]
    if not seen:
        summary = "Whether the device went on answering was not watched to the end."
        settle = "Let the run come to its end, on a device that answers to something."
        yield inconclusive(DEVICE, summary, owner=Owner.TOOL, settle=settle)
    elif not lost:
        yield satisfied(DEVICE, "The device answered throughout the test.", *proof)
    elif seen[-1].fact.state == "stopped answering":
        fact = seen[-1].fact
        summary = f"The device stopped answering after: {fact.during}."
        if fact.waited_s:
            waited = f" It did not come back in {fact.waited_s:.0f} s."
            yield violated(DEVICE, summary + waited, *proof)
        else:
            cut = " Whether it came back was not found out: the run ended first."
            yield inconclusive(DEVICE, summary + cut, *proof, owner=Owner.OPERATOR, settle=RESUME)
    else:
        fact = lost[-1].fact
        summary = f"The device did not answer for {fact.waited_s:.0f} s after: {fact.during}."
        yield inconclusive(DEVICE, summary, *proof, owner=Owner.DEVICE, settle=RUN_AGAIN)
