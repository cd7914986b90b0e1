"""Reads a web service as a visitor without a session: two links deep, by GET, one connection for a page.

Each page costs an embedded device a connection, so that there are few: ``web_connections`` of the plan's gentleness
for a service, the made-up path and the foreign name among them.
No form is sent, no link that looks like an action is followed, nothing outside the service is asked for.
"""

import hashlib
import re
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.web.http import Response, fetch
from probe.collect.web.links import Origin, acts, links, target
from probe.collect.web.pages import Page
from probe.collect.web.sensitive import sensitive
from probe.model.device import endpoint
from probe.model.evidence import Coverage, EvidenceRef
from probe.model.exposure import CrawledPage, HostAnswer, Sensitive, Shown, WebCrawl
from probe.model.finding import Owner
from probe.model.observation import Service
from probe.model.text import clean

DEPTH = 2
MOST_SCRIPTS = 3
WITHIN_S = 8.0
USUAL = ("/config.bin", "/backup.cfg", "/config.json", "/rom-0", "/.htpasswd")
"""Where many devices keep their settings. Few on purpose: a search for hidden pages is another test."""
FILES = (".bin", ".cfg", ".conf", ".bak", ".backup", ".ini", ".tar", ".gz", ".tgz", ".dat", "rom-0")
FOREIGN = "rebind.invalid"
"""Nobody's name (RFC 2606 section 2)."""
_LISTING = re.compile(r"(?i)^(?:index of\b|directory listing (?:for|of)\b|listing of /)")
_LEADS_BY_SCRIPT = re.compile(
    r"(?i)\blocation(?:\.href|\.replace)?\s*(?:=|\()\s*[\"']([^\"'<>\s]{1,200})[\"']"
)


@dataclass(slots=True)
class _Read:
    """One page with what is needed to tell it from others."""

    page: CrawledPage
    response: Response | None = None
    leads_to: str | None = None
    """The path on the same service that it sends its visitor to."""
    sent_off: bool = False
    """It sends its visitor to another service."""

    @property
    def gist(self) -> str:
        return gist(self.response) if self.response else ""


@dataclass(slots=True)
class _Crawl:
    """One service under way."""

    session: DeviceSession
    origin: Origin
    read: dict[str, _Read] = field(default_factory=dict)
    left_out: dict[str, None] = field(default_factory=dict)
    proofs: list[EvidenceRef] = field(default_factory=list)
    connections: int = 0
    unanswered: int = 0
    problem: str = ""
    waiting: list[tuple[int, bool, str, str]] = field(default_factory=list)
    """Depth, whether it is a script, path, where the link was found."""

    @property
    def most(self) -> int:
        return self.session.plan.gentleness.web_connections

    async def get(self, path: str, found: str, *, host: str = "") -> _Read | None:
        """One GET; None when no connection is left or the service stopped answering."""
        if self.connections >= self.most or self.problem:
            return None
        self.connections += 1
        origin = self.origin
        try:
            response = await fetch(
                self.session,
                origin.address,
                origin.port,
                tls=origin.tls,
                path=path,
                headers=(("Host", host),) if host else (),
                within=WITHIN_S,
            )
        except NoAnswer as error:
            self.unanswered += 1
            if error.why in (Why.BUDGET, Why.LOCAL, Why.GONE, Why.CLOSED) or self.unanswered > 1:
                self.problem = clean(f"GET {path} met: {error}", 160)
            if error.proof:
                self.proofs.append(error.proof)
            blank = CrawledPage(path=path, found=found, status=None, shown=Shown.UNCLEAR)
            return _Read(blank)
        self.unanswered = 0
        self.proofs.append(response.proof)
        return self._judged(path, found, response)

    def _judged(self, path: str, found: str, response: Response) -> _Read:
        page, text = Page(response.text), response.text
        media = response.header("content-type").partition(";")[0].strip().lower()[:60]
        leads, away = self._led(path, response)
        seen = sensitive(text, media, self.session.dut.device.mac)
        if _is_settings(path, media, response):
            where = clean(path.rpartition("/")[2], 40)
            seen = (Sensitive(kind="configuration file", where=where), *seen)
        result = CrawledPage(
            path=clean(path, 300),
            found=clean(found, 120),
            status=response.status,
            shown=_shown(response, page, led=leads is not None or away),
            title=page.title,
            media_type=media,
            size=len(response.body),
            listing=bool(_LISTING.match(page.title)) and response.status == 200,
            sensitive=seen,
            evidence=response.proof.sha256,
        )
        return _Read(result, response, leads, away)

    def _led(self, path: str, response: Response) -> tuple[str | None, bool]:
        link = response.header("location") if 300 <= response.status < 400 else ""
        by_script = _LEADS_BY_SCRIPT.search(response.text) if len(response.body) < 1500 else None
        if by_script and response.status == 200 and "<form" not in response.text.lower():
            link = by_script[1]
        if not link:
            return None, False
        place = target(self.origin, path, link)
        return place, place is None

    def add(self, read: _Read, depth: int) -> None:
        """Queue what a page leads to."""
        if read.response is None or depth >= DEPTH:
            return
        path = read.page.path
        if read.leads_to is not None:
            self._queue(depth, False, read.leads_to, path)  # where it leads is the page itself
        if "html" in read.page.media_type or "<" in read.response.text[:200]:
            found = links(self.origin, path, read.response.text)
            self.left_out.update(dict.fromkeys(found.actions))
            for link in found.pages:
                self._queue(depth + 1, False, link, path)
            for link in found.scripts:
                self._queue(depth + 1, True, link, path)

    def _queue(self, depth: int, script: bool, path: str, from_path: str) -> None:
        if acts(path):
            self.left_out.setdefault(path)
        elif path not in self.read and all(path != waits[2] for waits in self.waiting):
            self.waiting.append((depth, script, path, f"link on {from_path}"))


async def crawl(service: Service, session: DeviceSession) -> None:
    """Record a WebCrawl of the service and, over plain HTTP, its HostAnswer."""
    origin = Origin(service.address, service.port, service.tls)
    work = _Crawl(session, origin)
    first = await work.get("/", "first page")
    if first is None or first.response is None:
        _not_read(work)
        return
    work.read["/"] = first
    work.add(first, 0)
    made_up = f"/{hashlib.sha256(session.job.encode()).hexdigest()[:16]}.html"
    nothing = await work.get(made_up, "made up")
    reserve = len(USUAL) + (0 if service.tls else 2)
    scripts = 0
    while work.waiting and work.connections < work.most - reserve and not work.problem:
        work.waiting.sort(key=lambda one: one[:2])
        depth, script, path, found = work.waiting.pop(0)
        scripts += script
        if script and scripts > MOST_SCRIPTS:
            continue
        read = await work.get(path, found)
        if read is not None:
            work.read[path] = read
            work.add(read, depth)
    for path in USUAL:
        if path not in work.read and (read := await work.get(path, "usual path")) is not None:
            work.read[path] = read
    pages = [_settled(work, read, nothing) for read in work.read.values()]
    if nothing is not None:
        pages.append(
            replace(nothing.page, shown=Shown.ABSENT if nothing.response else Shown.UNCLEAR)
        )
    answer = await _foreign(work) if not service.tls else None
    session.observe(
        WebCrawl(
            address=origin.address,
            port=origin.port,
            tls=origin.tls,
            pages=tuple(pages),
            connections=work.connections,
            most=work.most,
            left_out=tuple(clean(path, 120) for path in work.left_out)[:40],
            unread=len([waits for waits in work.waiting if not waits[1]]),
            problem=work.problem,
        ),
        *work.proofs,
    )
    if answer is not None:
        session.observe(answer, *work.proofs[-2:])


async def _foreign(work: _Crawl) -> HostAnswer | None:
    """The first page that is one, once more under its own name and once under a foreign one."""
    shown = [
        r for r in work.read.values() if r.response is not None and r.response.status in (200, 401)
    ]
    if not shown or shown[0].response is None:
        return None
    before, path = shown[0], shown[0].page.path
    again = await work.get(path, "again")
    foreign = await work.get(path, "foreign name", host=FOREIGN)
    if again is None or again.response is None or foreign is None or foreign.response is None:
        return None
    return HostAnswer(
        address=work.origin.address,
        port=work.origin.port,
        tls=work.origin.tls,
        host=FOREIGN,
        own_status=again.response.status,
        status=foreign.response.status,
        same_page=again.response.status == foreign.response.status and again.gist == foreign.gist,
        varies=before.gist != again.gist,
    )


def gist(response: Response) -> str:
    """The body without what changes from one answer to the next: numbers and tokens."""
    text = re.sub(r"[0-9A-Fa-f]{8,}|[A-Za-z0-9+/_-]{24,}={0,2}|\d+", "#", response.text)
    return " ".join(text.split())


def _shown(response: Response, page: Page, *, led: bool) -> Shown:
    status = response.status
    if status in (401, 403, 407) or (status == 200 and page.login_form):
        return Shown.GUARDED
    if status in (404, 410):
        return Shown.ABSENT
    if 300 <= status < 400 or led:
        return Shown.LEADS_ON
    return Shown.READABLE if 200 <= status < 300 and response.body else Shown.UNCLEAR


def _settled(work: _Crawl, read: _Read, nothing: _Read | None) -> CrawledPage:
    """A page in the light of the others: what any address gets is no page, what leads to a login asks."""
    page = read.page
    asks = page.shown is Shown.LEADS_ON and read.leads_to in work.read
    if asks and work.read[read.leads_to or ""].page.shown is Shown.GUARDED:
        return replace(page, shown=Shown.GUARDED)
    same = nothing is not None and nothing.response is not None and nothing.gist == read.gist
    if page.shown is Shown.READABLE and page.path != "/" and same:
        return replace(page, shown=Shown.ABSENT, sensitive=(), listing=False)
    if page.shown is not Shown.READABLE:
        # A page that asks for a login may still tell too much; a settings file it is not.
        kept = tuple(s for s in page.sensitive if s.kind != "configuration file")
        return replace(page, sensitive=kept)
    return page


def _is_settings(path: str, media: str, response: Response) -> bool:
    name = urlsplit(path).path.lower()
    markup = "html" in media or response.body.lstrip()[:1] == b"<"
    return (
        name.endswith(FILES) and response.status == 200 and len(response.body) > 32 and not markup
    )


def _not_read(work: _Crawl) -> None:
    origin = work.origin
    where = endpoint("tcp", origin.address, origin.port)
    tried = Coverage(tried=f"HTTP GET / from {where}", times=1, deadline_s=WITHIN_S)
    work.session.not_measured(
        where,
        "the first page was not answered, so that no link was followed",
        tried,
        *work.proofs,
        owner=Owner.DEVICE,
        settle="Open the page with a browser; if it loads there, run again.",
    )
