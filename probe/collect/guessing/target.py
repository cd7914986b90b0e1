"""Which account the wrong passwords are for, and how it is known that the right one still works. Pure."""

from dataclasses import dataclass

from probe.checks.access.logins import Login, asked
from probe.collect.access.attempt import Credential
from probe.collect.access.credentials import candidates, login_services
from probe.model.dut import Dut
from probe.model.observation import LoginResult, LoginTest, Service
from probe.model.plan import Plan

ADVICE = (
    "Before it starts, have at hand what unlocks the device: its console, reset button or power plug. "
    "If it stays locked, wait as long as its manual says, then switch it off and on; a factory reset is "
    "the last resort."
)
"""What the operator has to know beforehand: an account, or the probe's address, may be locked."""
ROUNDS = ("one after another", "side by side", "from a second address")
OWN_QUESTIONS = 16
"""Attempts beside the guesses: without a credential, with the right one, while it recovers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One account of one service."""

    service: Service
    username: str
    right: Credential | None
    """Believed to be right; it is tried before the first guess."""
    why: str
    """Where the account is known from."""


def targets(dut: Dut) -> list[Target]:
    """One for each service that asked for a credential and refused a random one."""
    tests: dict[Login, list[LoginTest]] = {}
    for seen in dut.all(LoginTest):
        t = seen.fact
        if not t.further and asked(t) and t.random_credential is LoginResult.REFUSED:
            tests.setdefault((t.protocol, t.transport, t.address, t.port), []).append(t)
    return [
        target(dut, service, tests[place])
        for service in login_services(dut)
        for place in [(service.protocol, service.transport, service.address, service.port)]
        if place in tests
    ]


def target(dut: Dut, service: Service, tests: list[LoginTest]) -> Target:
    """The account that is best known: a default that worked, a declared one, else a usual name."""
    for test in tests:
        for c in test.candidates:
            if c.result is LoginResult.ACCEPTED and c.proved:
                return Target(
                    service=service,
                    username=c.username,
                    right=Credential(c.username, c.password),
                    why="a default of it worked before",
                )
    declared = [
        a
        for a in (dut.declaration.accounts if dut.declaration else ())
        if a.service in (service.protocol, "any")
    ]
    for account in sorted(declared, key=lambda a: a.password is None):
        right = None if account.password is None else Credential(account.username, account.password)
        return Target(service=service, username=account.username, right=right, why="declared")
    names = [c.username for c in candidates(dut, service)]
    usual = max(names, key=names.count) if names else "admin"
    return Target(service=service, username=usual, right=None, why="a usual name")


def guess_list(dut: Dut, plan: Plan) -> list[str]:
    """What a guessing test would do to each known login service, one line each; for the dry run."""
    n, lines = plan.gentleness.guesses, [ADVICE]
    known = login_services(dut)
    for service in known:
        where = f"{service.protocol} {service.transport}/{service.port}"
        lines += _lines(target(dut, service, []), plan, f"{dut.device.label}: {where}")
    if not known:
        nothing = Service(transport="tcp", address="", port=0, protocol="any")
        lines += _lines(target(dut, nothing, []), plan, f"{dut.device.label}: each login found")
    from_second = n if plan.second_source else 0
    lines.append(
        f"at most {2 * n + from_second} wrong passwords for an account in the whole run, with the right "
        f"credential or none in between, and at most {plan.gentleness.recovery_s:g} s of waiting for a "
        "locked device; the first sign of a lock ends it"
    )
    return lines


def _lines(target: Target, plan: Plan, head: str) -> list[str]:
    n, second = plan.gentleness.guesses, plan.second_source
    right = "then the right credential" if target.right else "no right credential is known"
    user = f"account '{target.username}' ({target.why}; a default that works is preferred)"
    found = [
        f"{head}: {user}: no credential, {right}",
        f"{head}: {n} random passwords of 16 hex digits, one after another",
        f"{head}: {n} random passwords of 16 hex digits, side by side on up to {n} connections",
    ]
    if second:
        found.append(f"{head}: {n} random passwords of 16 hex digits, from {second}")
    return found
