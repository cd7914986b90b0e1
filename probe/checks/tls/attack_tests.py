"""Attacks that are tried, with permission: which of them a service can be open to, and what trying showed."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from probe.checks.support import measured
from probe.checks.tls.attacks import OLD
from probe.checks.tls.known import (
    accepted_versions,
    lists,
    possible_versions,
    trait,
    uses_psk_only,
)
from probe.checks.tls.services import each_service, fine, joined, sentence
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, not_applicable, satisfied, violated
from probe.model.tls import AttackReply, Reply, TlsAttackTest, TlsService

COLLECTOR = "tls-attacks"
HEARTBLEED, CCS_INJECTION, ROBOT, TICKETBLEED = (
    "heartbleed",
    "ccs-injection",
    "robot",
    "ticketbleed",
)
NAMES = (HEARTBLEED, CCS_INJECTION, ROBOT, TICKETBLEED)
PERMIT = (
    "Allow it with --permit tls-attacks, on a device whose failure harms nobody: malformed TLS is then "
    "sent, a little, and its health is watched."
)
BY_HAND = "Run again when nothing else talks to the device, or test this service by hand."
OTHER_TOOL = "Try it by hand with a tool that speaks DTLS, and record the result."
COINCIDENCE = (
    "It may be a coincidence: run the test again to see whether it happens at the same request."
)


class Need(Enum):
    """Whether an attack has to be tried to know about it."""

    TRY = "try"
    CLOSED = "closed"
    """What was measured rules it out."""
    UNKNOWN = "unknown"
    """It is not ruled out, and cannot be tried."""


@dataclass(frozen=True, slots=True)
class Needed:
    need: Need
    reason: str = ""


def needed(service: TlsService, name: str) -> Needed:
    """From what was measured of the service, without a packet."""
    below = [v for v in accepted_versions(service) if v in OLD]
    if not below:
        possible = [v for v in possible_versions(service) if v in OLD]
        if possible:
            return Needed(Need.UNKNOWN, f"{', '.join(possible)} gave no answer to go by")
        return Needed(Need.CLOSED, "no version is accepted that has what the attack needs")
    if closed := _closed(service, name, below):
        return Needed(Need.CLOSED, closed)
    if service.transport == "udp" and name != HEARTBLEED:
        return Needed(Need.UNKNOWN, "the attack is tried over TCP only")
    return Needed(Need.TRY)


def _closed(service: TlsService, name: str, below: list[str]) -> str:
    """Why the service cannot be open to it; empty when it can."""
    if name == HEARTBLEED and trait(service, "heartbeat")[0] is Reply.REFUSED:
        return "it does not acknowledge heartbeats"
    if name == TICKETBLEED and trait(service, "session_ticket")[0] is Reply.REFUSED:
        return "it gives no session tickets"
    if name == ROBOT and _refuses_rsa(service, below):
        return "it refuses RSA key transport"
    return ""


def _refuses_rsa(service: TlsService, below: list[str]) -> bool:
    if uses_psk_only(service):
        return True
    replies = {g.kind: g.reply for g in service.suites}
    # Every suite with RSA key transport is of one of these two kinds.
    if all(replies.get(kind) is Reply.REFUSED for kind in ("weak", "phase-out")):
        return True
    whole = {one.version: one.accepted for one in lists(service, "suites") if one.complete}
    listed = [n for version in below for n in whole.get(version, ("TLS_RSA_",))]
    return not any(n.startswith("TLS_RSA_") for n in listed)


def tested(dut: Dut, service: TlsService, name: str) -> Seen[TlsAttackTest] | None:
    """The latest try of the attack on the service."""
    place = (service.transport, service.address, service.port)
    found = [
        s
        for s in dut.all(TlsAttackTest)
        if (s.fact.transport, s.fact.address, s.fact.port) == place and s.fact.name == name
    ]
    return found[-1] if found else None


def withstands(dut: Dut, name: str, called: str) -> Iterator[Answer]:
    """One answer per service: is it closed to the attack, ``called`` so in a sentence?"""

    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        test = tested(dut, seen.fact, name)
        if test is not None:
            return _of_test(dut, test, subject, called)
        known = needed(seen.fact, name)
        if known.need is Need.CLOSED:
            return fine(dut, seen, subject, f"The service is not open to {called}: {known.reason}.")
        if known.need is Need.UNKNOWN:
            summary = f"Whether the service is open to {called} is not known: {known.reason}."
            settle = OTHER_TOOL if seen.fact.transport == "udp" else BY_HAND
            return inconclusive(subject, summary, *seen.proof, owner=Owner.TOOL, settle=settle)
        return _untried(dut, seen, subject, called)

    yield from each_service(dut, judge)


def _of_test(dut: Dut, test: Seen[TlsAttackTest], subject: str, called: str) -> Answer:
    fact, detail = test.fact, test.fact.detail or test.fact.reply.value
    if fact.reply is AttackReply.VULNERABLE:
        summary = f"The service is open to {called}: {detail}."
        return violated(subject, summary, *test.proof)
    if not fact.well_after and fact.well_before:
        summary = (
            f"{called} was tried ({detail}); right after it the service stopped answering, and was not "
            "back within seconds."
        )
        return inconclusive(subject, summary, *test.proof, owner=Owner.DEVICE, settle=COINCIDENCE)
    if fact.reply is AttackReply.NO_ANSWER:
        summary = f"Trying {called} gave no answer that can be relied on: {detail}."
        return inconclusive(subject, summary, *test.proof, owner=Owner.DEVICE, settle=BY_HAND)
    summary = f"The service is not open to {called}: {detail}."
    return satisfied(subject, summary, *test.proof, measured=measured(dut))


def _untried(dut: Dut, seen: Seen[TlsService], subject: str, called: str) -> Answer:
    for missing in dut.missing(COLLECTOR):
        if f"{subject} " in f"{missing.fact.subject} ":
            summary = f"Not tried: {called}. {sentence(missing.fact.reason)}."
            owner, settle = Owner(missing.fact.owner), missing.fact.settle
            return inconclusive(subject, summary, *missing.proof, owner=owner, settle=settle)
    summary = (
        f"Whether the service is open to {called} can only be known by trying, which was not done."
    )
    return inconclusive(subject, summary, *seen.proof, owner=Owner.OPERATOR, settle=PERMIT)


def survived(dut: Dut) -> Iterator[Answer]:
    """One answer per service: did it go on answering while attacks were tried on it?"""

    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        known = [t for n in NAMES if (t := tested(dut, seen.fact, n))]
        tests = [t for t in known if t.fact.well_before]
        if len(tests) < len(known):
            summary = "The service did not answer a hello that had worked before, when attacks were to be tried."
            proof = [p for t in known for p in t.proof]
            return inconclusive(subject, summary, *proof, owner=Owner.DEVICE, settle=BY_HAND)
        lost = [t.fact.name for t in tests if not t.fact.well_after]
        proof = [p for t in tests for p in t.proof]
        if len(lost) > 1:
            summary = f"The service stopped answering right after each of {joined(lost)}."
            return violated(subject, summary, *proof)
        if lost:
            summary = f"The service stopped answering right after {lost[0]}, and was not back within seconds."
            return inconclusive(subject, summary, *proof, owner=Owner.DEVICE, settle=COINCIDENCE)
        open_ones = [n for n in NAMES if needed(seen.fact, n).need is not Need.CLOSED]
        if missing := [n for n in open_ones if n not in {t.fact.name for t in tests}]:
            return _untried(dut, seen, subject, joined(missing))
        if not tests:
            summary = (
                "Nothing had to be tried on the service: what was measured rules the attacks out."
            )
            return not_applicable(subject, summary, *seen.proof)
        names = joined(t.fact.name for t in tests)
        summary = f"The service answered before and after {names}."
        return satisfied(subject, summary, *proof, measured=measured(dut))

    yield from each_service(dut, judge)
