"""Log in by an HTML form: a fresh page and fresh cookies for each attempt, then a page that needs it."""

import time
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from probe.collect.access.attempt import Attempt, Credential
from probe.collect.access.protocols.web.auth import locked
from probe.collect.access.protocols.web.forms import (
    LIBRARY,
    LOCKED,
    TRANSFORMS,
    Form,
    Page,
    says_no,
)
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.web.http import Response, fetch, host_header
from probe.model.evidence import Proof
from probe.model.observation import LoginResult, Service

MAX_REDIRECTS = 5
MAX_SCRIPTS = 4
MAX_PAGE = 262_144
MAX_COOKIES = 32


class Visit:
    """One visitor of the device's pages: cookies of its own, redirects within the device only."""

    def __init__(self, session: DeviceSession, service: Service) -> None:
        self._session, self._service = session, service
        self._cookies: dict[str, str] = {}
        self.proof: list[Proof] = []
        scheme = "https" if service.tls else "http"
        self.url = f"{scheme}://{host_header(service.address, service.port, service.tls)}/"

    @property
    def cookies(self) -> frozenset[tuple[str, str]]:
        return frozenset(self._cookies.items())

    @property
    def path(self) -> str:
        """Path and query of the last page."""
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    @property
    def port(self) -> int:
        """Port of the last page; raises NoAnswer for one that cannot be."""
        parts = urlsplit(self.url)
        try:
            return parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise NoAnswer(Why.GARBAGE, "a redirect to a port that does not exist") from None

    async def open(self, url: str, *, body: str | None = None) -> Response:
        """GET, or POST ``body``, and follow redirects. ``self.url`` is where it ended.

        Raises NoAnswer, also for an address outside the device.
        """
        came_from = self.url
        self.url = urljoin(self.url, url)
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._once(body, came_from)
            target = response.header("location")
            if not 300 < response.status < 309 or not target:
                return response
            self.url = urljoin(self.url, target)
            body = body if response.status in (307, 308) else None
        raise NoAnswer(Why.GARBAGE, f"more than {MAX_REDIRECTS} redirects")

    async def _once(self, body: str | None, came_from: str) -> Response:
        parts, port = urlsplit(self.url), self.port
        known = {self._service.address, *self._session.dut.device.addresses}
        host = parts.hostname or ""
        inside = host in known and self._session.guard.allows(host)
        if parts.scheme not in ("http", "https") or not inside:
            raise NoAnswer(Why.GARBAGE, f"the page leads away from the device, to {parts.hostname}")
        headers = []
        if self._cookies:
            headers.append(("Cookie", "; ".join(f"{k}={v}" for k, v in self._cookies.items())))
        if body is not None:
            headers.append(("Content-Type", "application/x-www-form-urlencoded"))
            headers.append(("Referer", came_from))
        response = await fetch(
            self._session,
            host,
            port,
            tls=parts.scheme == "https",
            method="GET" if body is None else "POST",
            path=self.path,
            headers=headers,
            body=(body or "").encode(),
            within=15.0,
            limit=MAX_PAGE,
        )
        self.proof.append(response.proof)
        for cookie in response.values("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            if name.strip() and len(self._cookies) < MAX_COOKIES:
                self._cookies[name.strip()] = value.strip()
        return response


class FormLogin:
    """The login form on ``path``."""

    name = "form"
    silence_refuses = False

    def __init__(self, service: Service, path: str) -> None:
        self.service, self.path = service, path
        self.doubt = ""
        self.asks_for_user = True

    async def attempt(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """Raises nothing for what the device does."""
        visit = Visit(session, self.service)
        try:
            attempt = await self._attempt(session, visit, credential)
        except NoAnswer as error:
            attempt = Attempt(
                result=LoginResult.NO_ANSWER,
                detail=f"{error.why}: {error.detail}",
                owner=error.owner,
                refused_connection=error.why is Why.CLOSED and not visit.proof,
                proof=(error.proof,) if error.proof else (),
            )
        return replace(attempt, proof=(*visit.proof, *attempt.proof))

    async def _attempt(
        self, session: DeviceSession, visit: Visit, credential: Credential | None
    ) -> Attempt:
        response = await visit.open(self.path)
        page = Page(response.text)
        form = page.login
        if sign := locked(response):
            return Attempt(result=LoginResult.NO_ANSWER, detail=sign, lockout=sign)
        if form is None:
            detail = f"HTTP {response.status} on {self.path}, without a login form"
            sign = detail if LOCKED.search(page.text) else ""
            return Attempt(result=LoginResult.NO_ANSWER, detail=detail, lockout=sign)
        if credential is None:
            await self._study(visit, page, form)
            return Attempt(result=LoginResult.REFUSED, detail=f"a login form on {self.path}")
        unsupported = "a captcha" if form.captcha else ""
        if "multipart" in form.enctype:
            unsupported = "a form that is sent as multipart"
        if unsupported:
            raise NoAnswer(Why.GARBAGE, f"{unsupported}, which the probe cannot fill in")
        return await self._submit(session, visit, page, form, credential)

    async def _study(self, visit: Visit, page: Page, form: Form) -> None:
        """Whether a script may change the password on its way; then a refusal proves nothing."""
        self.asks_for_user = form.user is not None
        scripted = page.suspicious_scripts
        start = visit.url
        for source in page.script_sources[:MAX_SCRIPTS]:
            if scripted or LIBRARY.search(source):
                continue
            try:
                script = await visit.open(urljoin(start, source))
            except NoAnswer:
                scripted = True
            else:
                scripted = bool(TRANSFORMS.search(script.text))
        if scripted or len(page.script_sources) > MAX_SCRIPTS:
            self.doubt = "a script of the page may change the password before it is sent"

    async def _submit(
        self,
        session: DeviceSession,
        visit: Visit,
        page: Page,
        form: Form,
        credential: Credential,
    ) -> Attempt:
        start, before = visit.url, visit.cookies
        body = form.filled(credential.username, credential.password)
        action = form.action if not form.action.lower().startswith("javascript") else ""
        target = urljoin(start, action or start)
        began = time.monotonic()
        if form.method == "post":
            response = await visit.open(target, body=body)
        else:
            response = await visit.open(target.partition("?")[0] + "?" + body)
        seconds = time.monotonic() - began
        shown = Page(response.text)
        landing = visit.url
        sign = locked(response)
        if not sign and LOCKED.search(shown.text) and not LOCKED.search(page.text):
            sign = f"the page says: {' '.join(shown.text.split())[:120]}"
        attempt = Attempt(
            result=LoginResult.NO_ANSWER,
            detail=f"HTTP {response.status}, neither a refusal nor anything that needs a login",
            seconds=seconds,
            lockout=sign,
        )
        if sign:
            return attempt
        if shown.shows(form):
            return replace(attempt, result=LoginResult.REFUSED, detail="the login form again")
        if response.status in (401, 403):
            return replace(attempt, result=LoginResult.REFUSED, detail=f"HTTP {response.status}")
        refused = says_no(response.text, shown)
        marked = bool(shown.logout) and not page.logout
        if not refused or marked:
            seen = await self._prove(session, visit, form, start, landing, marked, before)
            if seen:
                await self._leave(visit, landing, shown)
                return replace(
                    attempt,
                    result=LoginResult.ACCEPTED,
                    detail=f"{seen}, where the login form was",
                    proved=True,
                    seen=seen,
                )
        if refused:
            return replace(attempt, result=LoginResult.REFUSED, detail="an error message")
        return attempt

    async def _prove(
        self,
        session: DeviceSession,
        visit: Visit,
        form: Form,
        start: str,
        landing: str,
        marked: bool,
        before: frozenset[tuple[str, str]],
    ) -> str:
        """What opens twice now and asked for a login before; an empty text when nothing does."""
        new_cookie = bool(visit.cookies - before)
        for url in dict.fromkeys((start, landing)):
            inside = [await self._opens(visit, url, form) for _ in range(2)]
            if not all(inside):
                continue
            if url == start and (marked or new_cookie or "logout" in inside):
                return f"the page {urlsplit(url).path or '/'}"
            stranger = Visit(session, self.service)
            outside = await self._opens(stranger, url, form)
            visit.proof += stranger.proof
            if not outside:
                return f"the page {urlsplit(url).path or '/'}"
        return ""

    async def _opens(self, visit: Visit, url: str, form: Form) -> str:
        """``page`` or ``logout`` (a page that offers it) when the URL shows no login, else nothing."""
        response = await visit.open(url)
        page = Page(response.text)
        if not 200 <= response.status < 300 or page.shows(form):
            return ""
        if page.logout:
            return "logout"
        return "" if says_no(response.text, page) else "page"

    async def _leave(self, visit: Visit, landing: str, shown: Page) -> None:
        """Log out by the device's own link, so that the session does not stay open."""
        if shown.logout and not shown.logout.lower().startswith("javascript"):
            try:
                await visit.open(urljoin(landing, shown.logout))
            except NoAnswer:
                return
