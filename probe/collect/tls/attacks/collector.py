"""Tries known attacks on services below TLS 1.3, last of all jobs, and only with permission."""

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial

from probe.checks.tls.attack_tests import (
    CCS_INJECTION,
    HEARTBLEED,
    PERMIT,
    ROBOT,
    TICKETBLEED,
    Need,
    needed,
)
from probe.checks.tls.attack_tests import (
    COLLECTOR as NAME,
)
from probe.collect.answers import NoAnswer
from probe.collect.collector import Task, task
from probe.collect.session import DeviceSession
from probe.collect.tls import starttls
from probe.collect.tls.attacks.ccs_injection import ccs_injection
from probe.collect.tls.attacks.heartbleed import heartbleed
from probe.collect.tls.attacks.robot import robot
from probe.collect.tls.attacks.target import Attack, Outcome, Target, no_answer
from probe.collect.tls.attacks.ticketbleed import ticketbleed
from probe.collect.tls.names import announced_name
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.evidence import Coverage
from probe.model.finding import Owner
from probe.model.plan import Permission, Plan
from probe.model.tls import AttackReply, Reply, TlsAttackTest, TlsService

PRIORITY = 90
QUIET_S = 5.0
"""Pause before the first hello: devices are known that count the connections of the last five seconds,
and those of other jobs are not seen from here."""
# The mildest first: a device that does not survive the last one has answered the others.
ATTACKS: Mapping[str, Attack] = {
    TICKETBLEED: ticketbleed,
    CCS_INJECTION: ccs_injection,
    ROBOT: robot,
    HEARTBLEED: heartbleed,
}


class TlsAttacks:
    """One job for each measured service that one of the attacks may work on."""

    name = NAME

    def tasks(self, dut: Dut, plan: Plan) -> Iterable[Task]:
        """Without permission a job only records that nothing was sent."""
        permitted = Permission.TLS_ATTACKS in plan.permits
        for fact in {_where(s.fact): s.fact for s in dut.all(TlsService)}.values():
            names = tuple(n for n in ATTACKS if needed(fact, n).need is Need.TRY)
            if not names:
                continue
            where = _where(fact)
            title = f"{'TLS attacks' if permitted else 'No TLS attacks'} on {where}"
            work = partial(attack_all if permitted else not_permitted, fact=fact, names=names)
            lane = "last" if permitted else "ask"
            yield task(self.name, dut.device, where, title, work, priority=PRIORITY, lane=lane)


COLLECTOR = TlsAttacks()


async def not_permitted(
    session: DeviceSession, *, fact: TlsService, names: tuple[str, ...]
) -> None:
    """Record that nothing was sent."""
    session.not_measured(
        _where(fact),
        f"attacks on TLS were not permitted ({', '.join(names)})",
        Coverage(tried="no attack on TLS", times=0, deadline_s=0.0),
        owner=Owner.OPERATOR,
        settle=PERMIT,
    )


async def attack_all(session: DeviceSession, *, fact: TlsService, names: tuple[str, ...]) -> None:
    """Try each attack between two looks at the service's health; stop when it does not come back."""
    if fact.starttls:
        name = announced_name(session.dut) or ""
        session.opening = partial(starttls.begin, protocol=fact.starttls, name=name)
    target = Target(session, fact)
    await asyncio.sleep(QUIET_S)
    found = await target.find_hello()
    if found.reply is not Reply.ACCEPTED:
        reason = f"no hello below TLSv1.3 met a ServerHello any more ({found.detail})"
        _skip(session, target, reason, names)
        return
    left = list(names)
    while left:
        name = left.pop(0)
        test = await one_attack(target, name)
        session.observe(test, *target.take_proof())
        if not test.well_after:
            if left:
                reason = f"the service did not answer any more after {name}, and testing stopped"
                _skip(session, target, reason, tuple(left))
            return


async def one_attack(target: Target, name: str) -> TlsAttackTest:
    """The attack with a look at the service before and after it."""
    fact = target.fact
    outcome = no_answer("a hello that had worked met no ServerHello, so that nothing was tried")
    well_before = well_after = await target.comes_back()
    if well_before:
        outcome = await _carried_out(target, ATTACKS[name])
        well_after = await target.comes_back()
    if not well_after and outcome.reply is AttackReply.NOT_VULNERABLE:
        outcome = no_answer(f"{outcome.detail}; then the service answered no hello any more")
    return TlsAttackTest(
        address=fact.address,
        port=fact.port,
        transport=fact.transport,
        name=name,
        reply=outcome.reply,
        detail=outcome.detail,
        well_before=well_before,
        well_after=well_after,
    )


async def _carried_out(target: Target, attack: Attack) -> Outcome:
    try:
        return await attack(target)
    except NoAnswer as error:
        return no_answer(str(error))


def _skip(session: DeviceSession, target: Target, reason: str, names: tuple[str, ...]) -> None:
    proof = target.take_proof() or (Coverage(tried="attacks on TLS", times=0, deadline_s=0.0),)
    session.not_measured(
        _where(target.fact),
        f"{reason} ({', '.join(names)})",
        *proof,
        owner=Owner.DEVICE,
        settle="Restart the device, look at its log, and run again.",
    )


def _where(fact: TlsService) -> str:
    return endpoint(fact.transport, fact.address, fact.port)
