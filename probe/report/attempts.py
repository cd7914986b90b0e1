"""The log of login attempts on one device, line by line, as a laboratory could sign it."""

from probe.model.access import LoginAttempt
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.evidence import EvidenceRef
from probe.report.inventory import when
from probe.report.secrets import masked
from probe.report.viewmodel import AttemptView

MAX_LINES = 2_000
"""Of one device: logins are few, and a guessing test has at most 150 guesses for a service."""


def attempts(dut: Dut, *, secrets: bool) -> tuple[AttemptView, ...]:
    """Every attempt in the order in which they ended; ``secrets`` shows passwords in the clear."""
    made = [(o, o.fact) for o in dut.observations if isinstance(o.fact, LoginAttempt)]
    made.sort(key=lambda pair: pair[0].at)
    return tuple(
        AttemptView(
            number=number,
            at=when(observation.at),
            service=f"{fact.protocol} {endpoint(fact.transport, fact.address, fact.port)}",
            method=fact.method,
            purpose=fact.purpose,
            account=fact.username,
            presented=_presented(fact, secrets),
            origin=", ".join(filter(None, (fact.tier, fact.source))),
            answer=f"{fact.result}{' and proved' if fact.proved else ''}",
            detail=fact.detail,
            seconds=fact.seconds,
            proof=tuple(p.sha256 for p in observation.proof if isinstance(p, EvidenceRef)),
        )
        for number, (observation, fact) in enumerate(made[:MAX_LINES], start=1)
    )


def _presented(fact: LoginAttempt, secrets: bool) -> str:
    if fact.purpose == "no credential":
        return "nothing"
    return (fact.password or "(empty)") if secrets else masked(fact.password)
