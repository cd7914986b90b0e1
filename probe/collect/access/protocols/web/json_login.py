"""Log in as a page's own script would, by JSON: one endpoint, and something that only a session can read."""

import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urljoin, urlsplit

from probe.collect.access.attempt import Attempt, Credential, no_answer
from probe.collect.access.protocols.web import json_find
from probe.collect.access.protocols.web.auth import locked
from probe.collect.access.protocols.web.forms import LIBRARY, Page
from probe.collect.access.protocols.web.json_find import Shape
from probe.collect.access.protocols.web.refusal import LOCKED, parsed, refuses
from probe.collect.access.protocols.web.schemes import CHALLENGE, HASHES
from probe.collect.access.protocols.web.visit import FORM, JSON, Visit
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.web.http import Response
from probe.model.observation import LoginResult, Service

MAX_SCRIPTS = 3
MAX_SCRIPT_BYTES = 1 << 20
"""Of all scripts together."""
NOT_UNDERSTOOD = frozenset({400, 415, 422})
"""How servers say that a body has the wrong fields (RFC 9110 section 15.5)."""
_META = re.compile(
    r"""<meta\s+name=["']?(?:csrf|_csrf|xsrf)[\w-]{0,20}["']?\s+content=["']([^"'<>]{4,300})["']""",
    re.I,
)
_FORGERY = re.compile(r"csrf|xsrf", re.I)
HASHED = "a script of the page may change the password before it is sent"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a login is posted, and how the text of the pages says so."""

    path: str
    empty: tuple[int, str]
    """Status and start of the body of the answer to ``{}``."""
    shapes: tuple[Shape, ...]
    named: bool
    """The scripts use the field names of the first shape."""
    private: tuple[str, ...]
    """Paths that refuse a stranger."""
    logout: str
    doubt: str
    page: str = ""
    """URL of a page that gives a cookie or token against forged requests; empty when none does."""


async def scripts_of(visit: Visit, page: Page) -> list[str]:
    """The texts of a page's own scripts, of at most three files on the same service, bounded."""
    base, texts, room = visit.url, [page.scripts], MAX_SCRIPT_BYTES
    own = [s for s in page.script_sources if not LIBRARY.search(s)]
    for source in own[:MAX_SCRIPTS]:
        visit.url = base
        if room <= 0 or not visit.inside(source):
            continue
        try:
            response = await visit.open(source, limit=room)
        except NoAnswer:
            continue
        if response.status == 200:
            room -= len(response.body)
            texts.append(response.text)
    visit.url = base
    return texts


async def find(
    visit: Visit, texts: Sequence[str], page: str, *, common: bool = True
) -> Endpoint | str:
    """The endpoint, or why there is none that can be spoken to. Raises NoAnswer.

    ``page`` is where the scripts belong to; ``common``: the usual paths are asked, too.
    """
    guarded = bool(visit.cookies) or bool(_META.search("\n".join(texts)))
    base = visit.root
    blanket: tuple[int, str] | None = None
    for path in json_find.endpoints(texts, common):
        response = await _post(visit, urljoin(base, path), "{}")
        if response.header("www-authenticate") or not _answers(response):
            continue
        if CHALLENGE.search(response.text):
            return f"{path} gives a challenge to answer, which is a scheme of its maker's"
        if blanket is None:
            blanket = _print(await _post(visit, urljoin(base, f"/{secrets.token_hex(6)}"), "{}"))
        if blanket == _print(response):
            continue  # Every path says the same, so it says nothing of this one.
        private = [p for p in json_find.readable(texts) if await _is_private(visit, base, p)]
        shapes, known = json_find.shapes(path, texts)
        return Endpoint(
            path=path,
            empty=_print(response),
            shapes=tuple(shapes),
            named=known,
            private=tuple(private),
            logout=json_find.logout(texts),
            doubt=HASHED if any(HASHES.search(text) for text in texts) else "",
            page=page if guarded else "",
        )
    return ""


class JsonLogin:
    """A JSON login at one endpoint."""

    name = "json"
    silence_refuses = False
    asks_for_user = True

    def __init__(self, service: Service, endpoint: Endpoint) -> None:
        self.service, self.at, self.doubt = service, endpoint, endpoint.doubt
        self._shape: Shape | None = None

    async def attempt(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """Raises nothing for what the device does."""
        visit = Visit(session, self.service)
        try:
            if credential is None:
                attempt = await self._without(visit)
            else:
                attempt = await self._with(session, visit, credential)
        except NoAnswer as error:
            closed = error.why is Why.CLOSED and not visit.proof
            attempt = replace(no_answer(error), refused_connection=closed)
        return replace(attempt, proof=(*visit.proof, *attempt.proof))

    async def _without(self, visit: Visit) -> Attempt:
        response = await _post(visit, self.at.path, "{}")
        if _refused(response):
            detail = f"HTTP {response.status} from {self.at.path}"
            return Attempt(result=LoginResult.REFUSED, detail=detail, lockout=locked(response))
        return Attempt(
            result=LoginResult.NO_ANSWER,
            detail=f"HTTP {response.status} from {self.at.path}, no structured refusal",
            lockout=locked(response),
        )

    async def _with(self, session: DeviceSession, visit: Visit, credential: Credential) -> Attempt:
        began = time.monotonic()
        response = await self._present(visit, credential)
        seconds = time.monotonic() - began
        sign = locked(response)
        if not sign and not 200 <= response.status < 300 and LOCKED.search(response.text[:2000]):
            sign = f"HTTP {response.status}: {' '.join(response.text.split())[:100]}"
        attempt = Attempt(
            result=LoginResult.NO_ANSWER,
            detail=f"HTTP {response.status}, neither a refusal nor a session",
            seconds=seconds,
            lockout=sign,
        )
        if sign:
            return attempt
        if _refused(response):
            self._doubt_shape(response)
            what = "the answer says no" if response.status < 300 else "a refusal"
            detail = f"HTTP {response.status}, {what}"
            return replace(attempt, result=LoginResult.REFUSED, detail=detail)
        if not 200 <= response.status < 300:
            return attempt
        tokens = json_find.tokens_in(parsed(response.text))
        if not tokens and not visit.cookies:
            return replace(attempt, detail="it neither refused nor gave a token or a cookie")
        seen = await self._prove(session, visit, tokens)
        await self._leave(visit)
        return replace(
            attempt,
            result=LoginResult.ACCEPTED,
            detail=seen or "it gave a session, but nothing is known that only a session can read",
            proved=bool(seen),
            seen=seen,
        )

    async def _present(self, visit: Visit, credential: Credential) -> Response:
        """Post the credential; the first one finds out which fields the endpoint knows."""
        more = await self._guard(visit) if self.at.page else []
        shapes = (self._shape,) if self._shape else self.at.shapes
        for shape in shapes:
            body = shape.body(credential.username, credential.password)
            kind = FORM if shape.wrap == "form" else JSON
            response = await _post(visit, self.at.path, body, kind, more)
            if response.status not in NOT_UNDERSTOOD:
                self._shape = shape
                break
        # One body for each further credential, whatever was met: more would be more failures.
        self._shape = self._shape or shapes[0]
        return response

    async def _guard(self, visit: Visit) -> list[tuple[str, str]]:
        """Fresh cookies, and what a script would repeat in a header to show that it read the page."""
        response = await visit.open(self.at.page)
        found = _META.search(response.text)
        tokens = [found[1]] if found else []
        tokens += [value for name, value in sorted(visit.cookies) if _FORGERY.search(name)]
        return [("X-CSRF-Token", t) for t in tokens[:1]] + [("X-XSRF-TOKEN", t) for t in tokens[:1]]

    def _doubt_shape(self, response: Response) -> None:
        """Refused as nothing at all is refused, with field names that were only guessed?"""
        if not self.doubt and _print(response) == self.at.empty and not self.at.named:
            self.doubt = "it may not have read the fields that were sent"
        if response.status in NOT_UNDERSTOOD:
            self.doubt = "it did not understand the fields that were sent"

    async def _prove(self, session: DeviceSession, visit: Visit, tokens: list[str]) -> str:
        """What can be read twice with the session, and not without it."""
        ways: list[list[tuple[str, str]]] = [[]] if visit.cookies else []
        for token in tokens:
            ways += [[("Authorization", f"Bearer {token}")], [("X-Auth-Token", token)]]
        for path in self.at.private:
            url = urljoin(visit.root, path)
            for way in ways[:5]:
                visit.headers = way
                if not (await _reads(visit, url) and await _reads(visit, url)):
                    continue
                stranger = Visit(session, self.service)
                open_to_all = await _reads(stranger, url)
                visit.proof += stranger.proof
                if not open_to_all:
                    return f"{path}, which refuses a stranger"
        return ""

    async def _leave(self, visit: Visit) -> None:
        """Log out where a path says that it does so, within the own session only."""
        if self.at.logout:
            try:
                await visit.open(urljoin(visit.root, self.at.logout))
            except NoAnswer:
                return


async def _post(
    visit: Visit,
    url: str,
    body: str,
    kind: str = JSON,
    more: Sequence[tuple[str, str]] = (),
) -> Response:
    visit.url = visit.root
    return await visit.open(url, body=body, content_type=kind, headers=[("Accept", JSON), *more])


def _print(response: Response) -> tuple[int, str]:
    return response.status, " ".join(response.text.split())[:200]


def _answers(response: Response) -> bool:
    """Whether something behind the path reads JSON: a JSON object, or a refusal of the empty one."""
    if response.status in (404, 405, 501) or response.status >= 500:
        return False
    return isinstance(parsed(response.text), dict) or response.status in (401, 403)


def _refused(response: Response) -> bool:
    if response.status in (401, 403):
        return True
    value = parsed(response.text)
    if response.status in NOT_UNDERSTOOD:
        return isinstance(value, dict)
    return response.status < 300 and isinstance(value, dict) and refuses(value)


async def _reads(visit: Visit, url: str) -> bool:
    """Whether the URL gives data."""
    visit.url = visit.root
    response = await visit.open(url)
    where = urlsplit(visit.url).path
    same = where == urlsplit(url).path
    value = parsed(response.text)
    return 200 <= response.status < 300 and same and value is not None and not refuses(value)


async def _is_private(visit: Visit, base: str, path: str) -> bool:
    """Whether a stranger is refused there: 401, 403, or an error in JSON."""
    visit.url = base
    try:
        response = await visit.open(urljoin(base, path))
    except NoAnswer:
        return False
    if response.header("www-authenticate"):
        return False
    value = parsed(response.text)
    said = isinstance(value, dict) and refuses(value) and response.status not in (404, 405)
    return response.status in (401, 403) or said
