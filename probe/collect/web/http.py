"""One HTTP request on one connection, over h11, bounded in bytes and time.

``fetch`` is what every room uses that speaks HTTP to a device. It follows no redirect, keeps no cookie
and adds no credential: the caller decides, so that what was sent is exactly what the caller says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import h11

from probe import __version__
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.wire import Wire
from probe.model.device import endpoint
from probe.model.evidence import EvidenceRef
from probe.model.text import clean

MAX_HEAD = 32_768
"""Bytes of status line and headers; browsers allow about as much."""
MAX_BODY = 65_536
MAX_INTERIM = 5
"""1xx responses before the real one (RFC 9110 section 15.2 sets no limit)."""
MAX_VALUE = 4_096
USER_AGENT = f"secure-by-design-probe/{__version__}"

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What the device answered. Header names are lower case; all text is cleaned."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    truncated: bool
    """The body is not whole: over the limit, cut off by the device, or too slow."""
    proof: EvidenceRef
    """The transcript of the connection."""
    seconds: float
    """From sending the request to the end of the response."""

    def header(self, name: str) -> str:
        """The first value of a header, empty when absent."""
        return next((v for n, v in self.headers if n == name), "")

    def values(self, name: str) -> tuple[str, ...]:
        """Every value of a header, in order (``set-cookie``, ``www-authenticate``)."""
        return tuple(v for n, v in self.headers if n == name)

    @property
    def text(self) -> str:
        """The body as text; undecodable bytes become replacement characters. Not cleaned."""
        return self.body.decode("utf-8", "replace")


async def fetch(
    session: DeviceSession,
    address: str,
    port: int,
    *,
    tls: bool = False,
    method: str = "GET",
    path: str = "/",
    headers: Pairs = (),
    body: bytes = b"",
    within: float = 8.0,
    limit: int = MAX_BODY,
) -> Response:
    """Ask once and close. ``within`` bounds the whole exchange after the connection stands.

    ``headers`` are added to Host, User-Agent, Accept and Connection, and replace those of the same
    name. Content-Length is set when there is a body.

    Raises OutOfScope before a packet leaves, and NoAnswer, with the transcript as ``proof`` where there
    was a connection, when no final status line with headers came.
    """
    async with session.connect(address, port, within=min(within, 5.0)) as wire:
        # The budget's clock stands still while the run is paused: that is no delay of the device.
        began = session.budget.now()

        def left() -> float:
            still = began + within - session.budget.now()
            if still <= 0:
                raise NoAnswer(Why.SILENT, "the response took too long")
            return still

        try:
            if tls:
                await wire.start_tls(within=within)
            connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
            await wire.send(_request(connection, address, port, tls, method, path, headers, body))
            head = await _head(wire, connection, left)
            content, truncated = await _body(wire, connection, left, limit)
        except NoAnswer as error:
            where = endpoint("tcp", address, port)
            proof = session.keep_transcript(wire.transcript, f"HTTP without answer, {where}")
            raise NoAnswer(error.why, error.detail, proof) from None
        caption = clean(f"{method} {path}, {endpoint('tcp', address, port)}", 120)
        return Response(
            status=head.status_code,
            reason=clean(head.reason),
            headers=tuple(
                (clean(name), clean(value.decode("latin-1"), MAX_VALUE))
                for name, value in head.headers
            ),
            body=content,
            truncated=truncated,
            proof=session.keep_transcript(wire.transcript, caption),
            seconds=session.budget.now() - began,
        )


def host_header(address: str, port: int, tls: bool) -> str:
    """Host field (RFC 9110 section 7.2): IPv6 in brackets, the default port left out."""
    host = f"[{address}]" if ":" in address else address
    return host if port == (443 if tls else 80) else f"{host}:{port}"


def _request(
    connection: h11.Connection,
    address: str,
    port: int,
    tls: bool,
    method: str,
    path: str,
    headers: Pairs,
    body: bytes,
) -> bytes:
    fields = {
        "Host": host_header(address, port, tls),
        "User-Agent": USER_AGENT,
        "Accept": "*/*",
        "Connection": "close",
    }
    if body:
        fields["Content-Length"] = str(len(body))
    given = {name.lower() for name, _ in headers}
    sent = [(n, v) for n, v in fields.items() if n.lower() not in given] + list(headers)
    # A path may come out of a page or a Location header: nothing but printable ASCII goes out.
    target = quote(path, safe="/?&=#%:@!$'()*+,;~[]-._") or "/"
    try:
        request = h11.Request(method=method, target=target, headers=sent)
        parts = [connection.send(request)]
        if body:
            parts.append(connection.send(h11.Data(data=body)))
        parts.append(connection.send(h11.EndOfMessage()))
    except (h11.LocalProtocolError, UnicodeEncodeError) as error:
        raise NoAnswer(Why.GARBAGE, f"this request cannot be sent: {error}") from None
    return b"".join(part for part in parts if part)


async def _head(wire: Wire, connection: h11.Connection, left: Callable[[], float]) -> h11.Response:
    interim = 0
    got_bytes = False
    while True:
        event = _next(connection)
        if event is h11.NEED_DATA:
            data = await wire.recv(within=left())
            if not data and not got_bytes:
                raise NoAnswer(Why.ENDED, "closed without a response")
            got_bytes = True
            connection.receive_data(data)
        elif isinstance(event, h11.InformationalResponse):
            interim += 1
            if interim > MAX_INTERIM:
                raise NoAnswer(Why.GARBAGE, "endless interim responses")
        elif isinstance(event, h11.Response):
            return event
        else:
            raise NoAnswer(Why.ENDED, "closed within the response headers")


async def _body(
    wire: Wire, connection: h11.Connection, left: Callable[[], float], limit: int
) -> tuple[bytes, bool]:
    """The body and whether it is cut. The status is known already, so trouble here is no NoAnswer."""
    got = bytearray()
    while len(got) <= limit:
        try:
            event = _next(connection)
            if event is h11.NEED_DATA:
                connection.receive_data(await wire.recv(within=left()))
            elif isinstance(event, h11.Data):
                got += event.data
            else:
                return bytes(got), False
        except NoAnswer:
            return bytes(got), True
    return bytes(got[:limit]), True


def _next(connection: h11.Connection) -> object:
    try:
        return connection.next_event()
    except h11.RemoteProtocolError as error:
        raise NoAnswer(Why.GARBAGE, clean(f"not HTTP: {error}")) from None
