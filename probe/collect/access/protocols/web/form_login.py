"""Log in by an HTML form: a fresh page and fresh cookies for each attempt, then a page that needs it."""

import time
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from probe.collect.access.attempt import Attempt, Credential, no_answer
from probe.collect.access.protocols.web.auth import locked
from probe.collect.access.protocols.web.forms import LIBRARY, TRANSFORMS, Form, Page, says_no
from probe.collect.access.protocols.web.json_find import harmless
from probe.collect.access.protocols.web.refusal import LOCKED
from probe.collect.access.protocols.web.schemes import named
from probe.collect.access.protocols.web.visit import Visit
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.web.http import Response
from probe.model.observation import LoginResult, Service

MAX_SCRIPTS = 4
MAX_LINKS = 2


class FormLogin:
    """The login form on ``path``, on one page or as a page for the user and one for the password."""

    name = "form"
    silence_refuses = False

    def __init__(self, service: Service, path: str) -> None:
        self.service, self.path = service, path
        self.doubt = ""
        self.asks_for_user = True
        self._refused = False
        """A wrong credential was seen to be refused: only then does a missing form say something."""

    async def attempt(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """Raises nothing for what the device does."""
        visit = Visit(session, self.service)
        try:
            attempt = await self._attempt(session, visit, credential)
        except NoAnswer as error:
            closed = error.why is Why.CLOSED and not visit.proof
            attempt = replace(no_answer(error), refused_connection=closed)
        if credential is not None and attempt.result is LoginResult.REFUSED:
            self._refused = True
        return replace(attempt, proof=(*visit.proof, *attempt.proof))

    async def _attempt(
        self, session: DeviceSession, visit: Visit, credential: Credential | None
    ) -> Attempt:
        response = await visit.open(self.path)
        page = Page(response.text)
        form = page.login or page.first_step
        if sign := locked(response):
            return Attempt(result=LoginResult.NO_ANSWER, detail=sign, lockout=sign)
        if form is None:
            detail = f"HTTP {response.status} on {self.path}, without a login form"
            sign = detail if LOCKED.search(page.text) else ""
            return Attempt(result=LoginResult.NO_ANSWER, detail=detail, lockout=sign)
        if credential is None:
            await self._study(visit, page, form)
            what = "login form" if page.login else "form that asks for the user first"
            return Attempt(result=LoginResult.REFUSED, detail=f"a {what} on {self.path}")
        if page.login is None:
            return await self._in_two_steps(session, visit, page, form, credential)
        return await self._submit(session, visit, page, form, credential)

    async def _study(self, visit: Visit, page: Page, form: Form) -> None:
        """Whether a script may change the password on its way; then a refusal proves nothing."""
        self.asks_for_user = (form.user or form.only_user) is not None
        scripted, scheme = page.suspicious_scripts, named(page.scripts)
        start = visit.url
        for source in page.script_sources[:MAX_SCRIPTS]:
            if scheme or (scripted and not named(source)) or LIBRARY.search(source):
                continue
            try:
                script = await visit.open(urljoin(start, source))
            except NoAnswer:
                scripted = True
            else:
                scripted = scripted or bool(TRANSFORMS.search(script.text))
                scheme = named(script.text)
        if scheme:
            self.doubt = f"the page uses an unsupported scheme: {scheme.name}"
        elif scripted or len(page.script_sources) > MAX_SCRIPTS:
            self.doubt = "a script of the page may change the password before it is sent"

    async def _in_two_steps(
        self,
        session: DeviceSession,
        visit: Visit,
        first: Page,
        form: Form,
        credential: Credential,
    ) -> Attempt:
        """The user first; the page that follows asks for the password, or refuses the user already."""
        start = visit.url
        response = await self._send(visit, form, credential, first)
        page = Page(response.text)
        if sign := locked(response):
            return Attempt(result=LoginResult.NO_ANSWER, detail=sign, lockout=sign)
        if page.login is not None:
            return await self._submit(
                session, visit, page, page.login, credential, start=start, first=form
            )
        if page.shows(form) or response.status in (401, 403) or says_no(response.text, page):
            detail = "the user was refused before a password was asked for"
            return Attempt(result=LoginResult.REFUSED, detail=detail, seconds=response.seconds)
        detail = f"HTTP {response.status} after the user, and nothing asks for a password"
        return Attempt(result=LoginResult.NO_ANSWER, detail=detail)

    async def _send(self, visit: Visit, form: Form, credential: Credential, page: Page) -> Response:
        unsupported = "a captcha" if form.captcha or page.captcha else ""
        if "multipart" in form.enctype:
            unsupported = "a form that is sent as multipart"
        if unsupported:
            raise NoAnswer(Why.GARBAGE, f"{unsupported}, which the probe cannot fill in")
        body = form.filled(credential.username, credential.password)
        action = form.action if not form.action.lower().startswith("javascript") else ""
        target = urljoin(visit.url, action or visit.url)
        if form.method == "post":
            return await visit.open(target, body=body)
        return await visit.open(target.partition("?")[0] + "?" + body)

    async def _submit(
        self,
        session: DeviceSession,
        visit: Visit,
        page: Page,
        form: Form,
        credential: Credential,
        *,
        start: str = "",
        first: Form | None = None,
    ) -> Attempt:
        start, before = start or visit.url, visit.cookies
        asking = [form, first] if first else [form]
        began = time.monotonic()
        response = await self._send(visit, form, credential, page)
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
        if any(shown.shows(f) for f in asking):
            return replace(attempt, result=LoginResult.REFUSED, detail="the login form again")
        if response.status in (401, 403):
            return replace(attempt, result=LoginResult.REFUSED, detail=f"HTTP {response.status}")
        refused = says_no(response.text, shown)
        marked = bool(shown.logout) and not page.logout
        if not refused or marked:
            changed = bool(visit.cookies - before)
            proving = _Proof(session, self.service, visit, asking, bool(page.logout))
            seen = await proving.find(start, landing, shown, changed or marked, self._refused)
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

    async def _leave(self, visit: Visit, landing: str, shown: Page) -> None:
        """Log out by the device's own link, so that the session does not stay open."""
        link = shown.logout
        if link and not link.lower().startswith("javascript"):
            target = urljoin(landing, link)
            try:
                if visit.inside(target):
                    await visit.open(target)
            except NoAnswer:
                return


class _Proof:
    """Looks for a page that opens twice with the session and asks everybody else for a login."""

    def __init__(
        self,
        session: DeviceSession,
        service: Service,
        visit: Visit,
        asking: list[Form],
        had_logout: bool,
    ) -> None:
        self.session, self.service, self.visit = session, service, visit
        self.asking, self.had_logout = asking, had_logout

    async def find(
        self, start: str, landing: str, shown: Page, changed: bool, contrast: bool
    ) -> str:
        """What it is, in words; empty when there is none.

        A page that merely shows the form no more proves a session only where a wrong credential left it
        there (``contrast``): some pages drop the form after whatever was posted.
        """
        for url in dict.fromkeys((start, landing)):
            inside = [await self._opens(self.visit, url) for _ in range(2)]
            if not all(inside):
                continue
            logout = "logout" in inside and not self.had_logout
            enough = logout or (contrast and (changed or url != start))
            if enough and (url == start or not await self._opens_to_a_stranger(url)):
                return f"the page {urlsplit(url).path or '/'}"
        targets = [urljoin(landing, h) for h, _ in shown.links if harmless(h)]
        near = [t for t in dict.fromkeys(targets) if self.visit.inside(t)]
        for url in [t for t in near if t not in (start, landing)][:MAX_LINKS]:
            twice = await self._opens(self.visit, url) and await self._opens(self.visit, url)
            if twice and not await self._opens_to_a_stranger(url):
                return f"the page {urlsplit(url).path or '/'}"
        return ""

    async def _opens_to_a_stranger(self, url: str) -> bool:
        stranger = Visit(self.session, self.service)
        try:
            return bool(await self._opens(stranger, url))
        finally:
            self.visit.proof += stranger.proof

    async def _opens(self, visit: Visit, url: str) -> str:
        """``page`` or ``logout`` (a page that offers it) when the URL shows no login, else nothing."""
        response = await visit.open(url)
        page = Page(response.text)
        if not 200 <= response.status < 300 or any(page.shows(f) for f in self.asking):
            return ""
        if page.logout:
            return "logout"
        return "" if page.login or says_no(response.text, page) else "page"
