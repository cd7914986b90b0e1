"""Names the logins that can be tried on a device, one job for each service, last of all jobs."""

from collections.abc import Iterable

from probe.checks.access.logins import further_members
from probe.collect.access import ftp, mqtt, snmp, ssh, telnet
from probe.collect.access.attempt import Method
from probe.collect.access.contrast import Contrast
from probe.collect.access.credentials import chosen, login_services
from probe.collect.access.form_login import FormLogin, Visit
from probe.collect.access.forms import Page
from probe.collect.access.http_auth import HttpAuth, challenges
from probe.collect.answers import NoAnswer
from probe.collect.collector import Task, Work, task
from probe.collect.session import DeviceSession
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.evidence import Coverage, Proof
from probe.model.finding import Owner
from probe.model.observation import HttpPage, Service
from probe.model.plan import Plan
from probe.model.text import clean

PRIORITY = 60
SCHEMES = ("digest", "basic")
"""Digest first where both are offered: it does not show the password to the network."""
PERMIT = (
    "Permit logins in the plan: documented factory credentials are then tried, a few and slowly."
)
BY_HAND = "Try the documented default by hand where the device asks for it, and record the result."


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
        candidates = chosen(session.dut, service, session.plan)
        for method in await _methods(session, service):
            await Contrast(session, service, method, candidates).run()

    return work


def _without_credential(service: Service) -> Work:
    async def work(session: DeviceSession) -> None:
        for method in await _methods(session, service):
            await Contrast(session, service, method, ()).run_without()

    return work


def _not_permitted(service: Service) -> Work:
    async def work(session: DeviceSession) -> None:
        session.not_measured(
            endpoint(service.transport, service.address, service.port),
            "the plan does not permit logins",
            Coverage(tried="no login", times=0, deadline_s=0.0),
            owner=Owner.OPERATOR,
            settle=PERMIT,
        )

    return work


async def _methods(session: DeviceSession, service: Service) -> list[Method]:
    match service.protocol:
        case "telnet":
            return [telnet.Password(service)]
        case "ssh":
            return [ssh.Password(service)]
        case "ftp":
            return [ftp.Password(service)]
        case "mqtt":
            return [mqtt.Password(service)]
        case "snmp":
            return [snmp.Community(service)]
        case _:
            return await _http_methods(session, service)


async def _http_methods(session: DeviceSession, service: Service) -> list[Method]:
    """A page that asks by HTTP authentication and one with a form, of the pages seen so far."""
    auth: Method | None = None
    form: Method | None = None
    for seen in session.dut.all(HttpPage):
        page = seen.fact
        if (page.address, page.port) != (service.address, service.port):
            continue
        scheme = next((s for s in SCHEMES if s in page.auth_schemes), "")
        if page.status == 401 and scheme and auth is None:
            auth = HttpAuth(service, page.path, scheme)
        if page.login_form and form is None:
            form = FormLogin(service, page.path)
    found = [m for m in (auth, form) if m is not None]
    return found or await _look_at_root(session, service)


async def _look_at_root(session: DeviceSession, service: Service) -> list[Method]:
    """No page with a login is known: look at ``/`` once, and say so when there is none either."""
    visit = Visit(session, service)
    proof: tuple[Proof, ...] = ()
    try:
        response = await visit.open("/")
    except NoAnswer as error:
        reason, owner = f"the page / gave no answer, {error.why}: {error.detail}", error.owner
        proof = (error.proof,) if error.proof else ()
    else:
        offered = {c.scheme for c in challenges(response.values("www-authenticate"))}
        scheme = next((s for s in SCHEMES if s in offered), "")
        path = visit.path
        if visit.port != service.port:
            reason, owner = f"the page / leads to port {visit.port}", Owner.DEVICE
        elif response.status == 401 and scheme:
            return [HttpAuth(service, path, scheme)]
        elif Page(response.text).login:
            return [FormLogin(service, path)]
        else:
            page = Page(response.text)
            what = (
                "a password field that only a script sends" if page.loose_password else "no login"
            )
            owner = Owner.TOOL if page.loose_password else Owner.OPERATOR
            reason = f"{what} was found on {path} (HTTP {response.status})"
    nothing = Coverage(tried="GET /", times=1, deadline_s=15.0)
    session.not_measured(
        endpoint("tcp", service.address, service.port),
        reason,
        *(visit.proof or proof or (nothing,)),
        owner=owner,
        settle=BY_HAND,
    )
    return []
