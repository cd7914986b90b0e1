"""RTSP messages (RFC 2326, RFC 7826): DESCRIBE as bytes, and what comes back. No I/O."""

import re
from dataclasses import dataclass

from probe.model.text import clean

MAX_HEAD = 16_384
MAX_BODY = 32_768
MAX_LINES = 64
MAX_VALUE = 4_096
STATUS = re.compile(rb"RTSP/\d\.\d (\d{3})(?: ([^\r\n]*))?\r?\n")
MEDIA = re.compile(rb"^m=([a-z]{1,16}) ", re.MULTILINE)


class RtspFormatError(ValueError):
    """The bytes are no RTSP response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One response. Header names are lower case; texts are cleaned, the body is not."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def values(self, name: str) -> tuple[str, ...]:
        """Every value of a header, in order."""
        return tuple(value for key, value in self.headers if key == name)

    def header(self, name: str) -> str:
        return next(iter(self.values(name)), "")

    @property
    def describes(self) -> bool:
        """A session description came (RFC 8866): the first line of each is ``v=0``."""
        return self.status == 200 and self.body.lstrip().startswith(b"v=0")

    @property
    def media(self) -> str:
        """What it describes: ``video, audio``."""
        kinds = dict.fromkeys(found.decode() for found in MEDIA.findall(self.body)[:16])
        return ", ".join(kinds) or "no media"


def response_end(data: bytes) -> int:
    """Where the first response ends, 0 when it is not whole. Raises RtspFormatError."""
    if not data[:5] == b"RTSP/"[: len(data)]:
        raise RtspFormatError("it does not begin as an RTSP response")
    head, gap, _ = data.partition(b"\r\n\r\n")
    if not gap:
        if len(data) > MAX_HEAD:
            raise RtspFormatError(f"headers of more than {MAX_HEAD} bytes")
        return 0
    end = len(head) + 4 + _length(head)
    return end if len(data) >= end else 0


def read_response(data: bytes) -> Response:
    """The first response in ``data``, which holds it whole. Raises RtspFormatError."""
    end = response_end(data)
    line = STATUS.match(data)
    if not end or line is None:
        raise RtspFormatError("no whole RTSP response")
    head, _, _ = data.partition(b"\r\n\r\n")
    pairs = (part.partition(b":") for part in head.split(b"\r\n")[1 : MAX_LINES + 1])
    return Response(
        status=int(line[1]),
        reason=clean(line[2] or b"", 80),
        headers=tuple(
            (clean(name.strip().lower(), 80), clean(value.strip().decode("latin-1"), MAX_VALUE))
            for name, colon, value in pairs
            if colon
        ),
        body=data[len(head) + 4 : end],
    )


def _length(head: bytes) -> int:
    found = re.search(rb"(?i)\r\ncontent-length[ \t]*:[ \t]*(\d{1,9})[ \t]*(?:\r\n|$)", head)
    size = int(found[1]) if found else 0
    if size > MAX_BODY:
        raise RtspFormatError(f"a body of {size} bytes")
    return size


def url(address: str, port: int, path: str, *, tls: bool) -> str:
    """The request URI, which is the ``uri`` of a digest as well (RFC 7826 section 19.1.1)."""
    host = f"[{address}]" if ":" in address else address
    return f"{'rtsps' if tls else 'rtsp'}://{host}:{port}{path}"


def describe(uri: str, number: int, agent: str, authorization: str = "") -> bytes:
    """A DESCRIBE request; it starts no session, so there is none to leave."""
    lines = [
        f"DESCRIBE {uri} RTSP/1.0",
        f"CSeq: {number}",
        f"User-Agent: {agent}",
        "Accept: application/sdp",
    ]
    if authorization:
        lines.append(f"Authorization: {authorization}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
