"""Reads a few pages of every web service, as somebody without a credential, and records what they say."""

from collections.abc import Iterable
from functools import partial
from urllib.parse import urljoin, urlsplit

from probe.checks.access.logins import only_redirects
from probe.collect.answers import NoAnswer
from probe.collect.collector import Task, task, tcp_services
from probe.collect.session import DeviceSession
from probe.collect.web.crawl import crawl
from probe.collect.web.http import Response, fetch
from probe.collect.web.pages import Page, auth_schemes
from probe.collect.web.security_txt import parse_security_txt
from probe.model.device import endpoint
from probe.model.dut import Dut, Seen
from probe.model.evidence import Coverage
from probe.model.exposure import SecurityTxt
from probe.model.observation import HttpPage, Service
from probe.model.plan import Plan
from probe.model.text import clean

PRIORITY = 18
"""As soon as one web service is known, before the next port is identified: it is where most is read."""
SECURITY_TXT = "/.well-known/security.txt"
PATHS = ("/", SECURITY_TXT)
"""Few on purpose: a scan for hidden pages is another, less gentle test."""
CRAWL_PRIORITY = 48
"""After everything is identified, before any login."""
MAX_CRAWLED = 4
"""Web services of one device that are read further; each costs up to 25 connections."""
MAX_REDIRECTS = 3
WITHIN_S = 8.0

Place = tuple[str, int, bool, str]
"""Address, port, tls, path."""


class Web:
    """HTTP pages of every identified HTTP service, plain or inside TLS."""

    name = "web"

    def tasks(self, dut: Dut, plan: Plan) -> Iterable[Task]:
        """One job for each HTTP service and address; each service, on its first address, is read further."""
        for where, service in tcp_services(dut, "http"):
            yield task(
                self.name,
                dut.device,
                f"pages {where}",
                f"web pages of {where}" + (" over TLS" if service.tls else ""),
                partial(pages, service),
                priority=PRIORITY,
            )
        for service in to_crawl(dut) if plan.gentleness.web_connections else ():
            where = endpoint("tcp", service.address, service.port)
            yield task(
                self.name,
                dut.device,
                f"crawl {service.port}{' tls' if service.tls else ''}",
                f"web pages without a session, two links deep, {where}",
                partial(crawl, service),
                priority=CRAWL_PRIORITY,
            )


def to_crawl(dut: Dut) -> list[Service]:
    """The web services whose first page was read, each on its first address, but for mere redirects."""
    read = {(s.fact.address, s.fact.port) for s in dut.all(HttpPage) if s.fact.path == "/"}
    groups: dict[tuple[object, ...], list[Seen[Service]]] = {}
    for seen in sorted(dut.services("http"), key=lambda s: dut.device.rank(s.fact.address)):
        fact = seen.fact
        if fact.transport == "tcp" and (fact.address, fact.port) in read:
            groups.setdefault((fact.port, fact.tls), []).append(seen)
    own = [group[0].fact for group in groups.values() if not only_redirects(dut, group)]
    return sorted(own, key=lambda s: s.port)[:MAX_CRAWLED]


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
    if path == SECURITY_TXT and response.status == 200:
        found = parse_security_txt(response.text, session.clock())
        if found is not None:
            session.observe(
                SecurityTxt(
                    address=address,
                    port=port,
                    tls=tls,
                    contacts=found.contacts,
                    expires=found.expires,
                    expired=found.expired,
                    policy=found.policy,
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
