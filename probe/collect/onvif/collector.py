"""Asks each web service once for the clock of an ONVIF device, which every such device tells anybody."""

import secrets
from collections.abc import Iterable
from functools import partial

from probe.collect.answers import NoAnswer
from probe.collect.collector import Task, task, tcp_services
from probe.collect.onvif import soap
from probe.collect.session import DeviceSession
from probe.collect.web.http import Response, fetch
from probe.collect.web.pages import auth_schemes
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.evidence import Coverage
from probe.model.finding import Owner
from probe.model.observation import Service, SpokenBeside
from probe.model.plan import Plan

PRIORITY = 42
"""After what is asked of the web pages themselves, before logins."""
WITHIN_S = 8.0
SETTLE = "Ask the maker, or try an ONVIF client; run again when the web service answers."


class Onvif:
    """One question to each HTTP service, plain or inside TLS."""

    name = "onvif"

    def tasks(self, dut: Dut, plan: Plan) -> Iterable[Task]:
        """One job for each HTTP service and address."""
        del plan
        for where, service in tcp_services(dut, "http"):
            title, work = f"ONVIF on {where}", partial(ask, service)
            yield task(self.name, dut.device, where, title, work, priority=PRIORITY)


async def ask(service: Service, session: DeviceSession) -> None:
    """Record a SpokenBeside, or a NotMeasured when there was no answer that says yes or no."""
    s = service
    where = endpoint("tcp", s.address, s.port)
    try:
        response = await _post(session, s, soap.DEVICE_SERVICE)
        spoken, proof = speaks(response), [response.proof]
        if spoken is None and response.status != 429:
            # Where a path that nobody has meets the same, this one is nothing of its own: what lies
            # behind a login for the whole server is behind the login that is tested as the web's.
            other = await _post(session, s, f"/{secrets.token_hex(6)}/device_service")
            proof.append(other.proof)
            spoken = False if _kind(other) == _kind(response) else None
    except NoAnswer as error:
        nothing = Coverage(tried=f"GetSystemDateAndTime, {where}", times=1, deadline_s=WITHIN_S)
        session.not_measured(
            f"{where} onvif",
            f"the question for its clock met {error.why}: {error.detail}",
            *((error.proof,) if error.proof else ()),
            nothing,
            owner=error.owner,
            settle=SETTLE,
        )
        return
    if spoken is None:
        session.not_measured(
            f"{where} onvif",
            f"the question for its clock met HTTP {response.status}",
            *proof,
            owner=Owner.DEVICE,
            settle=SETTLE,
        )
        return
    session.observe(
        SpokenBeside(
            transport="tcp",
            address=s.address,
            port=s.port,
            tls=s.tls,
            protocol="onvif",
            spoken=spoken,
        ),
        *proof,
    )


async def _post(session: DeviceSession, service: Service, path: str) -> Response:
    return await fetch(
        session,
        service.address,
        service.port,
        tls=service.tls,
        method="POST",
        path=path,
        headers=[soap.CONTENT],
        body=soap.CLOCK,
        within=WITHIN_S,
    )


def _kind(response: Response) -> tuple[int, tuple[str, ...], bool]:
    """What two answers have in common when it is the server and not the path that speaks."""
    asks = auth_schemes(response.values("www-authenticate"))
    return response.status, asks, soap.read(response.text).is_soap


def speaks(response: Response) -> bool | None:
    """Whether the answer is ONVIF's own; None when it is no yes and no no."""
    answer = soap.read(response.text)
    if answer.is_soap and (answer.clock or answer.has("getsystemdateandtimeresponse")):
        return True
    if answer.is_soap and (answer.refused or "onvif.org" in response.text.lower()):
        return True
    # A fault that knows the path but not the question, or one behind a login, decides nothing.
    if answer.is_soap or response.status in (401, 403, 429) or response.status >= 500:
        return None if response.status != 501 else False
    return False


COLLECTOR = Onvif()
