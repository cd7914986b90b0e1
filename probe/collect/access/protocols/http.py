"""HTTP: the pages that ask for a login, by HTTP authentication, by a form or by a script's JSON."""

import re

from probe.collect.access.attempt import Method
from probe.collect.access.protocols.web import json_login
from probe.collect.access.protocols.web.auth import HttpAuth, challenges
from probe.collect.access.protocols.web.form_login import FormLogin
from probe.collect.access.protocols.web.json_find import BY_SCRIPT
from probe.collect.access.protocols.web.json_login import JsonLogin
from probe.collect.access.protocols.web.landing import Landing, look
from probe.collect.access.protocols.web.schemes import named
from probe.collect.access.protocols.web.visit import Visit
from probe.collect.answers import NoAnswer
from probe.collect.session import DeviceSession
from probe.collect.web.http import Response
from probe.model.device import endpoint
from probe.model.evidence import Coverage, Proof
from probe.model.finding import Owner
from probe.model.observation import HttpPage, Service

SCHEMES = ("digest", "basic")
"""Digest first where both are offered: it does not show the password to the network."""
SPEAKS = re.compile(r"passw|passwd|log-?_?in\b|sign-?_?in\b", re.IGNORECASE)
BY_HAND = "Try the documented default by hand where the device asks for it, and record the result."


async def methods(session: DeviceSession, service: Service) -> list[Method]:
    """At most one by HTTP authentication and one by a page, of the pages seen so far."""
    auth: Method | None = None
    forms: list[str] = []
    for seen in session.dut.all(HttpPage):
        page = seen.fact
        if (page.address, page.port) != (service.address, service.port):
            continue
        scheme = next((s for s in SCHEMES if s in page.auth_schemes), "")
        if page.status == 401 and scheme and auth is None:
            auth = HttpAuth(service, page.path, scheme)
        if page.login_form:
            forms.append(page.path)
    found: list[Method] = [auth] if auth else []
    if forms or auth is None:
        found += await _Search(session, service).methods(forms[0] if forms else "/")
    return found


class _Search:
    """Looks for the page that asks, then for what its script would send, and says what it met."""

    def __init__(self, session: DeviceSession, service: Service) -> None:
        self.session, self.service = session, service
        self.visit = Visit(session, service)

    async def methods(self, path: str) -> list[Method]:
        proof: tuple[Proof, ...] = ()
        try:
            pages = await look(self.visit, path)
            found = await self._ways(pages)
            if not isinstance(found, str):
                return found
            reason = found or _nothing(pages)
            owner = Owner.TOOL if found or _scripted(pages) else Owner.OPERATOR
            if pages[-1].port != self.service.port:
                reason, owner = f"the page / leads to port {pages[-1].port}", Owner.DEVICE
        except NoAnswer as error:
            reason = f"the page {path} gave no answer, {error.why}: {error.detail}"
            owner, proof = error.owner, (error.proof,) if error.proof else ()
        nothing = Coverage(tried=f"GET {path}", times=1, deadline_s=15.0)
        self.session.not_measured(
            endpoint("tcp", self.service.address, self.service.port),
            reason,
            *(tuple(dict.fromkeys(self.visit.proof)) or proof or (nothing,)),
            owner=owner,
            settle=BY_HAND,
        )
        return []

    async def _ways(self, pages: list[Landing]) -> list[Method] | str:
        """What the last page asks by, or its script; else why neither can be done, empty for no login."""
        by_page = self._by_page(pages[-1])
        by_form = bool(by_page) and isinstance(by_page[0], FormLogin)
        if by_page and not (by_form and pages[-1].page.may_be_sent_by_script):
            return by_page
        by_script = await self._by_script(pages, by_form)
        return by_page if by_form and isinstance(by_script, str) else by_script

    def _by_page(self, last: Landing) -> list[Method] | str:
        if last.port != self.service.port:
            return []
        scheme = _scheme(last.response)
        if last.response.status == 401 and scheme:
            return [HttpAuth(self.service, last.path, scheme)]
        form = last.page.login or last.page.first_step
        if form is not None and (form.captcha or last.page.captcha):
            return f"the login form on {last.path} has a captcha, which the probe cannot fill in"
        if form is not None and "multipart" in form.enctype:
            return (
                f"the login form on {last.path} is sent as multipart, which the probe does not do"
            )
        if form is not None:
            return [FormLogin(self.service, last.path)]
        return []

    async def _by_script(self, pages: list[Landing], form: bool = False) -> list[Method] | str:
        """The JSON login, or digest beside a scheme of its maker's; else why not, empty for no login.

        With a ``form`` that a script may send, only a path that the scripts name counts.
        """
        if pages[-1].port != self.service.port:
            return ""
        texts: list[str] = []
        scripted = pages[-1:] if form else [p for p in pages if p.page.loose_password] or pages
        for landing in scripted[:1]:
            self.visit.url = landing.url
            texts += [landing.response.text, *await json_login.scripts_of(self.visit, landing.page)]
        if form and not any(BY_SCRIPT.search(text) for text in texts):
            return ""
        known = named("\n".join(texts))
        if known is not None:
            if known.digest:
                self.visit.url = self.visit.root
                response = await self.visit.open(known.digest)
                if response.status == 401 and _scheme(response):
                    return [HttpAuth(self.service, known.digest, _scheme(response))]
            # A form is tried as it stands; what it refuses is then in doubt.
            return "" if form else f"unsupported scheme: {known.name}"
        if not _worth_asking(pages, texts):
            return ""
        found = await json_login.find(self.visit, texts, scripted[0].url, common=not form)
        if isinstance(found, str):
            return f"unsupported scheme: {found}" if found and not form else ""
        return [JsonLogin(self.service, found)]


def _scheme(response: Response) -> str:
    offered = {c.scheme for c in challenges(response.values("www-authenticate"))}
    return next((s for s in SCHEMES if s in offered), "")


def _scripted(pages: list[Landing]) -> bool:
    return any(p.page.loose_password for p in pages)


def _worth_asking(pages: list[Landing], texts: list[str]) -> bool:
    """Whether a login by a script is likely: something refuses, or a script speaks of a password."""
    refused = any(p.response.status in (401, 403) for p in pages)
    return refused or _scripted(pages) or any(SPEAKS.search(text) for text in texts)


def _nothing(pages: list[Landing]) -> str:
    """What was met where no login was found."""
    last = pages[-1]
    status = f"HTTP {last.response.status}"
    if last.response.status == 401:
        return (
            f"{last.path} met {status} without a challenge that is known (RFC 9110 section 11.6.1)"
        )
    if last.response.status == 429 or last.response.header("retry-after"):
        return f"{last.path} met {status}: the device guards itself before any login was tried"
    if _scripted(pages):
        page = next(p for p in pages if p.page.loose_password)
        return f"a password field that only a script sends was found on {page.path} ({status})"
    return f"no login was found on {last.path} ({status})"
