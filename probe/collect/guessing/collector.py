"""Names the guessing tests, one job for each login service, after everything else."""

from collections.abc import Iterable

from probe.checks.access.logins import subject_of
from probe.collect.access.collector import methods_of
from probe.collect.collector import Task, Work, task
from probe.collect.guessing.guessing import Guessing
from probe.collect.guessing.target import Target, targets
from probe.collect.session import DeviceSession
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.evidence import Coverage
from probe.model.finding import Owner
from probe.model.plan import Permission, Plan
from probe.model.text import clean

PRIORITY = 95
"""After all else, also after malformed TLS: a ban of the probe's address would hide what follows."""
PERMIT = (
    "Agree with the owner of the device that an account may be locked for a while, then run again with "
    "--permit brute-force."
)
SILENT = "this protocol refuses by silence, so guesses cannot be counted by their answers"


class GuessingTests:
    """The collector; its jobs are ``guessing/<device>/<service>``."""

    name = "guessing"

    def tasks(self, dut: Dut, plan: Plan) -> Iterable[Task]:
        """One task for each service that refuses wrong logins; without permission it only records that."""
        permitted = Permission.BRUTE_FORCE in plan.permits
        for target in targets(dut):
            s = target.service
            where = endpoint(s.transport, s.address, s.port)
            title = f"{'Guessing' if permitted else 'No guessing'} on {s.protocol} {where}"
            yield task(
                self.name,
                dut.device,
                clean(f"{s.protocol} {s.transport}/{s.port}{' tls' if s.tls else ''}", 120),
                title,
                _work(target) if permitted else _not_permitted(target),
                priority=PRIORITY,
                lane="last" if permitted else "ask",
            )


COLLECTOR = GuessingTests()


def _work(target: Target) -> Work:
    async def work(session: DeviceSession) -> None:
        methods = await methods_of(session, target.service)
        # The account is a community; users of version 3 are others.
        for method in methods[:1] if target.service.protocol == "snmp" else methods:
            if method.silence_refuses:
                _missing(
                    session, target, SILENT, Owner.TOOL, "Ask the maker what limits guesses here."
                )
                continue
            try:
                await Guessing(session, target, method).run()
            finally:
                session.source = ""

    return work


def _not_permitted(target: Target) -> Work:
    async def work(session: DeviceSession) -> None:
        _missing(session, target, "nobody permitted guessing", Owner.OPERATOR, PERMIT)

    return work


def _missing(session: DeviceSession, target: Target, why: str, owner: Owner, settle: str) -> None:
    s = target.service
    session.not_measured(
        subject_of(s),
        why,
        Coverage(tried="no guess", times=0, deadline_s=0.0),
        owner=owner,
        settle=settle,
    )
