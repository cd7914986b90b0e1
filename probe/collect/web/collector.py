"""Reads a few pages of every web service, as somebody without a credential, and records what they say."""

from collections.abc import Iterable
from functools import partial
from urllib.parse import urljoin, urlsplit

from probe.collect.answers import NoAnswer
from probe.collect.collector import Task, task
from probe.collect.session import DeviceSession
from probe.collect.web.http import Response, fetch
from probe.collect.web.pages import Page, auth_schemes
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.evidence import Coverage
from probe.model.observation import HttpPage, Service
from probe.model.plan import Plan
from probe.model.text import clean

PRIORITY = 18
"""As soon as one web service is known, before the next port is identified: it is where most is read."""
PATHS = ("/", "/.well-known/security.txt")
"""Few on purpose: a scan for hidden pages is another, less gentle test."""
MAX_REDIRECTS = 3
WITHIN_S = 8.0

Place = tuple[str, int, bool, str]
"""Address, port, tls, path."""


class Web:
    """HTTP pages of every identified HTTP service, plain or inside TLS."""

    name = "web"

    def tasks(self, dut: Dut, plan: Plan) -> Iterable[Task]:
        """One job for each HTTP service and address."""
        del plan
        for seen in dut.services("http"):
            service = seen.fact
            if service.transport == "tcp":
                where = endpoint("tcp", service.address, service.port)
                yield task(
                    self.name,
                    dut.device,
                    f"pages {where}",
                    f"web pages of {where}" + (" over TLS" if service.tls else ""),
                    partial(pages, service),
                    priority=PRIORITY,
                )


async def pages(service: Service, session: DeviceSession) -> None:
    """GET the paths one by one, each with its redirects; one HttpPage for each response."""
    seen: set[Place] = set()
    for path in PATHS:
        place: Place | None = (service.address, service.port, service.tls, path)
        for _ in range(1 + MAX_REDIRECTS):
            if place is None or place in seen:
                break
            seen.add(place)
            try:
                place = await _page(session, place)
            except NoAnswer as error:
                _unanswered(session, place, error)
                if path == PATHS[0]:
                    return  # A server that does not answer for its root gets no further questions.
                break


async def _page(session: DeviceSession, place: Place) -> Place | None:
    """Fetch and record one page; the place it redirects to, when that is the same device."""
    address, port, tls, path = place
    response = await fetch(session, address, port, tls=tls, path=path, within=WITHIN_S)
    target = _target(place, response)
    follow = target is not None and _same_device(session, target)
    page = Page(response.text)
    session.observe(
        HttpPage(
            address=address,
            port=port,
            tls=tls,
            path=clean(path, 300),
            status=response.status,
            headers=response.headers[:60],
            title=page.title,
            auth_schemes=auth_schemes(response.values("www-authenticate")),
            login_form=page.login_form,
            redirect=response.header("location"),
            redirect_in_scope=follow if response.header("location") else True,
        ),
        response.proof,
    )
    return target if follow else None


def _target(place: Place, response: Response) -> Place | None:
    """Where a redirect leads, None when there is none or it makes no sense."""
    location = response.header("location")
    if not location or not 300 <= response.status < 400:
        return None
    address, port, tls, path = place
    scheme = "https" if tls else "http"
    host = f"[{address}]" if ":" in address else address
    try:
        url = urlsplit(urljoin(f"{scheme}://{host}:{port}{path}", location))
        if url.scheme not in ("http", "https") or url.hostname is None:
            return None
        to_tls = url.scheme == "https"
        to_path = url.path + (f"?{url.query}" if url.query else "")
        return (url.hostname, url.port or (443 if to_tls else 80), to_tls, to_path or "/")
    except ValueError:
        return None


def _same_device(session: DeviceSession, target: Place) -> bool:
    """Only an address that is known to be this device's is followed; a name could lead anywhere."""
    host = target[0]
    return host in session.dut.device.addresses and session.guard.allows(host)


def _unanswered(session: DeviceSession, place: Place | None, error: NoAnswer) -> None:
    assert place is not None
    address, port, _, path = place
    tried = f"HTTP GET {clean(path, 80)} from {endpoint('tcp', address, port)}"
    session.not_measured(
        endpoint("tcp", address, port),
        f"GET {clean(path, 80)} was not answered: {error.why} ({clean(error.detail)})",
        Coverage(tried=tried, times=1, deadline_s=WITHIN_S),
        *((error.proof,) if error.proof else ()),
        owner=error.owner,
        settle="Open the page with a browser; if it loads there, run again with a higher deadline.",
    )


COLLECTOR = Web()
