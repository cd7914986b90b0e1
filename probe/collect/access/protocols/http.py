"""HTTP: the pages that ask for a login, by HTTP authentication or by a form."""

from probe.collect.access.attempt import Method
from probe.collect.access.protocols.web.auth import HttpAuth, challenges
from probe.collect.access.protocols.web.form_login import FormLogin, Visit
from probe.collect.access.protocols.web.forms import Page
from probe.collect.answers import NoAnswer
from probe.collect.session import DeviceSession
from probe.model.device import endpoint
from probe.model.evidence import Coverage, Proof
from probe.model.finding import Owner
from probe.model.observation import HttpPage, Service

SCHEMES = ("digest", "basic")
"""Digest first where both are offered: it does not show the password to the network."""
BY_HAND = "Try the documented default by hand where the device asks for it, and record the result."


async def methods(session: DeviceSession, service: Service) -> list[Method]:
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
