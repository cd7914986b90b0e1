"""One question for all protocols with a login: does a documented factory credential open the service?"""

from collections.abc import Iterator

from probe.checks.access.logins import (
    Surface,
    as_elsewhere,
    elsewhere,
    open_to_all,
    surfaces,
    title,
    untested,
    untried,
    with_gaps,
)
from probe.checks.support import measured
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Outcome, Owner, inconclusive, satisfied, violated
from probe.model.observation import CandidateResult, LoginResult, LoginTest

WAIT = "Wait until the lock ends, or reset the device, then run again with a longer login_gap_s."
CLOSE = "Make the service ask for a credential and check it, then run again."
AGAIN = "Run again when the service answers; if it stays so, try the documented default by hand."
BUDGET = "Raise logins_per_account and logins_per_device in the plan if the device can bear it."
NAMES = {
    "http": "web service",
    "telnet": "Telnet service",
    "ssh": "SSH service",
    "ftp": "FTP service",
    "snmp": "SNMP agent",
    "mqtt": "MQTT broker",
    "onvif": "ONVIF service",
    "cwmp": "TR-069 connection request",
    "rtsp": "RTSP service",
    "vnc": "VNC service",
    "redis": "Redis server",
    "coaps": "CoAP service over DTLS",
}
FIRST_LOGIN = (
    "Is it new, or was it reset? Then set a password as the manual says, see that the default is refused "
    "from then on, and record both. Was it set up before? Then the default was left in place."
)
WORST = (Outcome.VIOLATED, Outcome.INCONCLUSIVE, Outcome.SATISFIED)


def default_answers(dut: Dut, protocol: str) -> Iterator[Answer]:
    """One answer for each service of ``protocol``, and the gaps beside them."""
    yield from with_gaps(
        dut,
        (
            answer
            for surface in surfaces(dut, protocol)
            for answer in (_surface(dut, surface), *elsewhere(dut, surface))
        ),
        udp=protocol if protocol in ("snmp", "coaps") else "",
        absent=f"No {NAMES[protocol]} was found.",
    )


def _surface(dut: Dut, surface: Surface) -> Answer:
    if not surface.tests:
        return untested(dut, surface)
    answers = [_one(dut, surface, seen) for seen in surface.tests]
    if untried(dut, surface):
        answers.append(untested(dut, surface))
    return min(answers, key=lambda a: WORST.index(a.outcome))


def _one(dut: Dut, surface: Surface, seen: Seen[LoginTest]) -> Answer:
    subject, test, name = surface.subject, seen.fact, title(seen.fact.protocol)
    for candidate in test.candidates:
        if candidate.result is LoginResult.ACCEPTED and candidate.proved:
            how = "a documented default"
            if test.random_credential is LoginResult.ACCEPTED:
                how = "any password, a documented default among them"
            summary = f"{name} let {_who(candidate)} in with {how} ({candidate.source})."
            return violated(subject, summary, *seen.proof)
    if test.no_password:
        summary = f"{name} takes no password that could be a default: {test.no_password}."
        return satisfied(subject, summary, *seen.proof, measured=measured(dut))
    for candidate in test.candidates:
        if candidate.must_change:
            summary = (
                f"{name} took the documented default of {_who(candidate)} ({candidate.source}), but wants "
                "a new password before anything else."
            )
            operator = Owner.OPERATOR
            return inconclusive(subject, summary, *seen.proof, owner=operator, settle=FIRST_LOGIN)
    summary, owner, settle = _unknown(test, name)
    if summary:
        return inconclusive(subject, summary, *seen.proof, owner=owner, settle=settle)
    number = len(test.candidates)
    own = sum(c.tier != "generic" for c in test.candidates)
    summary = (
        f"{name} ({test.method}) refused a random credential and all {number} documented defaults that "
        f"were tried, {own} of them for this product or vendor{as_elsewhere(surface)}."
    )
    reach = {**measured(dut), "logins": number}
    return satisfied(subject, summary, *seen.proof, measured=reach)


def _who(candidate: CandidateResult) -> str:
    return f"'{candidate.username}'" if candidate.username else "anybody"


def _unknown(test: LoginTest, name: str) -> tuple[str, Owner, str]:
    """Why nothing can be said, whose doing it is, and what would settle it; empty when all is known."""
    device = Owner.DEVICE
    if open_to_all(test):
        return f"{name} asked for no credential, so no default could be tried.", device, CLOSE
    if test.random_credential is LoginResult.ACCEPTED:
        return f"{name} took a random credential, so no default stands out.", device, CLOSE
    if test.lockout_sign:
        return f"{name} began to guard itself: {test.lockout_sign}.", device, WAIT
    open_ones = [c for c in test.candidates if c.result is not LoginResult.REFUSED]
    untried = [c for c in open_ones if c.result is LoginResult.NOT_TRIED]
    if test.problem:
        return f"{name}: {test.problem}.", Owner(test.owner), BUDGET if untried else AGAIN
    known = test.without_credential in (LoginResult.REFUSED, LoginResult.ACCEPTED)
    if not known or test.random_credential is not LoginResult.REFUSED:
        return f"{name} gave no clear refusal to compare a login with.", device, AGAIN
    if untried:
        return f"{len(untried)} documented defaults were not tried.", Owner.OPERATOR, BUDGET
    if open_ones:
        detail = open_ones[0].detail or "no verdict"
        return f"{name} left {len(open_ones)} attempts without a verdict: {detail}.", device, AGAIN
    if not test.candidates:
        return f"{name}: no default is known that could be tried.", Owner.OPERATOR, AGAIN
    return "", device, ""
