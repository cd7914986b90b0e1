"""Requests and responses in the first bytes of a captured HTTP/1 conversation. Bytes in, values out.

The capture is cut off, may begin late and is hostile, so this reads less strictly than h11 does for
our own requests, and never more than it is given.
"""

import re
from dataclasses import dataclass

from probe.model.text import clean

MAX_HEADERS = 64
MAX_EXCHANGES = 8
ENDLESS = 1 << 40
REQUEST = re.compile(rb"(GET|HEAD|POST|PUT) ([\x21-\x7e]{1,2000}) HTTP/1\.[01]\r?\n")
STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[^\r\n]{0,200}\r?\n")


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    """Names in lower case, the first of each, cleaned."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    """Its first bytes, as far as captured and not chunk-decoded beyond the first chunk."""

    @property
    def length(self) -> int | None:
        """Content-Length, None when there is none that can be believed."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def requests(up: bytes) -> list[Request]:
    """The requests at the start of the client's bytes, at most MAX_EXCHANGES."""
    return read_requests(up)[0]


def read_requests(up: bytes) -> tuple[list[Request], int]:
    """``requests``, and how many bytes they reach by their own word, bodies included."""
    found: list[Request] = []
    whole, beyond = len(up), 0
    while len(found) < MAX_EXCHANGES and (match := REQUEST.match(up)):
        headers, rest = _headers(up[match.end() :])
        # How long a chunked body is does not show; the next request is a record of its own.
        endless = "chunked" in headers.get("transfer-encoding", "").lower()
        target = clean(match[2], 500)
        found.append(Request(match[1].decode(), target, headers))
        length = headers.get("content-length", "0")
        skip = int(length) if length.isascii() and length.isdecimal() and len(length) < 9 else 0
        skip = ENDLESS if endless else skip
        beyond = max(0, skip - len(rest))
        up = rest[skip:]
    return found, whole - len(up) + beyond


def answers(down: bytes) -> list[Answer]:
    """The final responses at the start of the server's bytes; 1xx ones are passed over.

    A response whose end the capture does not show is the last one.
    """
    found: list[Answer] = []
    while len(found) < MAX_EXCHANGES and (match := STATUS.match(down)):
        headers, rest = _headers(down[match.end() :])
        answer = Answer(int(match[1]), headers, _body(headers, rest))
        down = rest
        if answer.status < 200:
            continue
        found.append(answer)
        if answer.length is None or answer.length > len(rest):
            break
        down = rest[answer.length :]
    return found


def _headers(data: bytes) -> tuple[dict[str, str], bytes]:
    """The header lines and what follows them; everything when the head is cut off."""
    found: dict[str, str] = {}
    for _ in range(MAX_HEADERS):
        line, newline, rest = data.partition(b"\n")
        if not newline:
            return found, b""
        data, line = rest, line.rstrip(b"\r")
        if not line:
            return found, data
        name, colon, value = line.partition(b":")
        if colon:
            found.setdefault(clean(name, 40).lower(), clean(value, 300))
    return found, b""


def _body(headers: dict[str, str], rest: bytes) -> bytes:
    if "chunked" not in headers.get("transfer-encoding", "").lower():
        return rest
    size, newline, data = rest.partition(b"\n")
    digits = size.split(b";")[0].strip()
    if not newline or not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", digits):
        return b""
    return data[: int(digits, 16)]
