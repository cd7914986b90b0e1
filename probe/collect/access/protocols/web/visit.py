"""One visitor of a device's pages: cookies of its own, redirects within the device only."""

import re
from collections.abc import Sequence
from urllib.parse import urljoin, urlsplit

from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.web.http import Response, fetch, host_header
from probe.model.evidence import Proof
from probe.model.observation import Service

MAX_REDIRECTS = 5
MAX_PAGE = 262_144
MAX_COOKIES = 32
WITHIN = 15.0
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
_NAME = re.compile(r"(?=.*[a-z])[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,5}", re.I)
_GONE = re.compile(r";\s*max-age\s*=\s*(?:0|-\d+)\s*(?:;|$)|;\s*expires\s*=[^;]*\b19[67]\d\b", re.I)


class Visit:
    """Every request of it is one connection; ``proof`` holds the transcript of each."""

    def __init__(self, session: DeviceSession, service: Service) -> None:
        self._session, self._service = session, service
        self._cookies: dict[str, str] = {}
        self.headers: list[tuple[str, str]] = []
        """Sent with every request: the token that a login gave."""
        self.proof: list[Proof] = []
        self.url = self.root

    @property
    def root(self) -> str:
        """The URL of ``/`` of the service."""
        s = self._service
        return f"{'https' if s.tls else 'http'}://{host_header(s.address, s.port, s.tls)}/"

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
        return self._parts()[2]

    def inside(self, url: str) -> bool:
        """Whether a URL, relative to the last page, is one of the same service."""
        try:
            parts = urlsplit(urljoin(self.url, url))
            here = urlsplit(self.url)
            return (parts.scheme, parts.netloc) == (here.scheme, here.netloc)
        except ValueError:
            return False

    async def open(
        self,
        url: str,
        *,
        body: str | None = None,
        content_type: str = FORM,
        limit: int = MAX_PAGE,
        headers: Sequence[tuple[str, str]] = (),
    ) -> Response:
        """GET, or POST ``body``, and follow redirects. ``self.url`` is where it ended.

        Raises NoAnswer, also for an address outside the device.
        """
        came_from = self.url
        self._go(url)
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._once(body, content_type, came_from, limit, headers)
            target = response.header("location")
            if not 300 < response.status < 309 or not target:
                return response
            self._go(target)
            body = body if response.status in (307, 308) else None
        raise NoAnswer(Why.GARBAGE, f"more than {MAX_REDIRECTS} redirects")

    def _go(self, url: str) -> None:
        try:
            self.url = urljoin(self.url, url)
        except ValueError:
            raise NoAnswer(Why.GARBAGE, "a link that is no URL") from None

    def _parts(self) -> tuple[str, str, int]:
        """Scheme, host and port of the last page."""
        try:
            parts = urlsplit(self.url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise NoAnswer(Why.GARBAGE, "a redirect to a port that does not exist") from None
        return parts.scheme, parts.hostname or "", port

    async def _once(
        self,
        body: str | None,
        content_type: str,
        came_from: str,
        limit: int,
        more: Sequence[tuple[str, str]],
    ) -> Response:
        scheme, host, port = self._parts()
        headers = [*self.headers, *more]
        if self._is_a_name_of_this(scheme, host, port):
            headers.append(("Host", urlsplit(self.url).netloc.rpartition("@")[2]))
            host = self._service.address
        known = {self._service.address, *self._session.dut.device.addresses}
        inside = host in known and self._session.guard.allows(host)
        if scheme not in ("http", "https") or not inside:
            raise NoAnswer(Why.GARBAGE, f"the page leads away from the device, to {host}")
        if self._cookies:
            headers.append(("Cookie", "; ".join(f"{k}={v}" for k, v in self._cookies.items())))
        if body is not None:
            headers.append(("Content-Type", content_type))
            headers.append(("Referer", came_from))
        response = await fetch(
            self._session,
            host,
            port,
            tls=scheme == "https",
            method="GET" if body is None else "POST",
            path=self.path,
            headers=headers,
            body=(body or "").encode(),
            within=WITHIN,
            limit=limit,
        )
        self.proof.append(response.proof)
        for cookie in response.values("set-cookie"):
            self._take(cookie)
        return response

    def _is_a_name_of_this(self, scheme: str, host: str, port: int) -> bool:
        """Whether the URL differs from the service's own by a name in the place of the address.

        Routers send a browser from their address to a name that they resolve to it. The question still
        goes to the same address and port, whatever the name means elsewhere.
        """
        if not _NAME.fullmatch(host) or host.replace(".", "").isdecimal():
            return False
        return (scheme == "https", port) == (self._service.tls, self._service.port)

    def _take(self, cookie: str) -> None:
        pair, _, attributes = cookie.partition(";")
        name, _, value = (part.strip() for part in pair.partition("="))
        if not name:
            return
        if not value or _GONE.search(f";{attributes}"):
            self._cookies.pop(name, None)
        elif name in self._cookies or len(self._cookies) < MAX_COOKIES:
            self._cookies[name] = value
