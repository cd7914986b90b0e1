"""Names the logins that can be tried on a device, one job for each service, last of all jobs."""

from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module

from probe.checks.access.logins import further_members
from probe.collect.access.attempt import Method
from probe.collect.access.contrast import Contrast
from probe.collect.access.credentials import chosen, login_services, old_passwords
from probe.collect.collector import Task, Work, task
from probe.collect.session import DeviceSession
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.evidence import Coverage
from probe.model.finding import Owner
from probe.model.observation import Service
from probe.model.plan import Plan
from probe.model.text import clean

PRIORITY = 60
PERMIT = "Run again without --no-logins: documented factory credentials are then tried, a few and slowly."
LISTED = {("snmp", "user"): "snmpv3"}
"""Methods whose accounts are listed under another name than that of the protocol."""


class Logins:
    """The collector; its jobs are ``login/<device>/<service>``, the same on every address.

    On the further addresses of a service only the attempt without a credential is made: it costs no
    login, and shows whether they ask as the tested one does.
    """

    name = "login"

    def tasks(self, dut: Dut, plan: Plan) -> Iterable[Task]:
        """One task for each login service; without permission it only records that."""
        for service in login_services(dut):
            where = endpoint(service.transport, service.address, service.port)
            title = f"{'Logins' if plan.logins else 'No logins'} on {service.protocol} {where}"
            work = _work(service) if plan.logins else _not_permitted(service)
            yield task(self.name, dut.device, _subject(service), title, work, priority=PRIORITY)
        for service in further_members(dut) if plan.logins else ():
            where = (
                f"{service.protocol} {endpoint(service.transport, service.address, service.port)}"
            )
            yield task(
                self.name,
                dut.device,
                f"without credential {where}",
                f"No credential on {where}",
                _without_credential(service),
                priority=PRIORITY + 1,
            )


COLLECTOR = Logins()


def _subject(service: Service) -> str:
    # Without the address: a device whose IPv4 address is learnt later keeps its accounts, and the
    # attempts that were made on them.
    place = f"{service.protocol} {service.transport}/{service.port}{' tls' if service.tls else ''}"
    return clean(f"{place} {service.product} {service.version}".rstrip(), 120)


def _work(service: Service) -> Work:
    async def work(session: DeviceSession) -> None:
        old = old_passwords(session.dut)
        for method in await methods_of(session, service):
            rows = LISTED.get((service.protocol, method.name), service.protocol)
            candidates = chosen(session.dut, replace(service, protocol=rows), session.plan)
            await Contrast(session, service, method, candidates, old=old).run()

    return work


def _without_credential(service: Service) -> Work:
    async def work(session: DeviceSession) -> None:
        for method in await methods_of(session, service):
            await Contrast(session, service, method, ()).run_without()

    return work


def _not_permitted(service: Service) -> Work:
    async def work(session: DeviceSession) -> None:
        session.not_measured(
            endpoint(service.transport, service.address, service.port),
            "the operator left logins out (--no-logins)",
            Coverage(tried="no login", times=0, deadline_s=0.0),
            owner=Owner.OPERATOR,
            settle=PERMIT,
        )

    return work


async def methods_of(session: DeviceSession, service: Service) -> list[Method]:
    """The ways of logging in to ``service``, from the file of its protocol; none is recorded as such."""
    room = import_module(f"probe.collect.access.protocols.{service.protocol}")
    found: list[Method] = await room.methods(session, service)
    return found
