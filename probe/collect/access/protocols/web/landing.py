"""From the first page of a web service to the one that asks for a login, as a browser would get there."""

from dataclasses import dataclass
from urllib.parse import urljoin

from probe.collect.access.protocols.web.forms import Page
from probe.collect.access.protocols.web.visit import Visit
from probe.collect.answers import NoAnswer
from probe.collect.web.http import Response

MAX_PAGES = 5


@dataclass(frozen=True, slots=True)
class Landing:
    """A page and where it was."""

    url: str
    path: str
    port: int
    response: Response
    page: Page

    @property
    def asks(self) -> bool:
        """Whether it asks for a login by itself."""
        return self.response.status == 401 or bool(self.page.login or self.page.first_step)


async def look(visit: Visit, path: str) -> list[Landing]:
    """The page at ``path`` and those it leads on to, at most five; the last asks if any does.

    Raises NoAnswer when the first page gave no answer; a later one that gives none is left out.
    """
    seen: list[Landing] = []
    todo, known = [urljoin(visit.root, path)], set[str]()
    while todo and len(seen) < MAX_PAGES:
        url = todo.pop(0)
        if url in known:
            continue
        known.add(url)
        try:
            response = await visit.open(url)
        except NoAnswer:
            if not seen:
                raise
            continue
        here = Landing(visit.url, visit.path, visit.port, response, Page(response.text))
        seen.append(here)
        if here.asks:
            break
        if here.page.loose_password:
            continue
        for link in here.page.onward:
            target = urljoin(visit.url, link)
            if visit.inside(target):
                todo.append(target)
    return seen
