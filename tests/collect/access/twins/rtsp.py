"""Twins of cameras by RTSP: a stream behind one of the handlers of ``auth``, and traps.

On its own: ``python tests/collect/access/twins/rtsp.py NAME [PORT]``.
"""

import asyncio
from collections.abc import Callable

if __name__ == "__main__":
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parent.parent))

from twins.auth import Digest, basic, locks, nobody, once, refuses_all, right_user_any_password
from twins.site import Answer, Handler, Request
from twins.talks import Talk

SDP = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=cam\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\nm=audio 0 RTP/AVP 8\r\n"
NOT_FOUND: Answer = (404, [], "")


def camera(handler: Handler, *, one_each: bool = False, length: bool = True) -> Talk:
    """Speaks RTSP for ``handler``, whose target is the whole URL; its text on success is the SDP."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, target, _ = head.split(" ", 2)
            lines = (line.partition(":") for line in head.split("\r\n")[1:])
            fields = {key.lower(): value.strip() for key, _, value in lines}
            assert method in ("DESCRIBE", "OPTIONS"), method
            status, headers, text = handler(Request(method, target, fields, ""))
            if text.startswith("<html>inside"):
                headers, text = [*headers, ("Content-Type", "application/sdp")], SDP
            out = [f"RTSP/1.0 {status} X", f"CSeq: {fields['cseq']}"]
            out += [f"Content-Length: {len(text)}"] if length and text else []
            out += [f"{k}: {v}" for k, v in headers]
            writer.write(("\r\n".join(out) + "\r\n\r\n" + text).encode())
            await writer.drain()
            if one_each:
                return

    return talk


def path_of(request: Request) -> str:
    """The path of its URL, which may have none (RFC 2326 section 3.2)."""
    return "/" + "".join(request.target.split("/", 3)[3:])


def at(path: str, inner: Handler, otherwise: Answer = NOT_FOUND) -> Handler:
    """``inner`` on one path, ``otherwise`` before any login on every other."""

    def handler(request: Request) -> Answer:
        return inner(request) if path_of(request) == path else otherwise

    return handler


def asks_everywhere(path: str, inner: Handler) -> Handler:
    """Asks on every path first; then the other paths are not there."""

    def handler(request: Request) -> Answer:
        status, headers, text = inner(request)
        return NOT_FOUND if status == 200 and path_of(request) != path else (status, headers, text)

    return handler


def sub_stream_open() -> Handler:
    inner = at("/h264", basic())
    return lambda request: nobody()(request) if request.target.endswith("/live") else inner(request)


OPEN: dict[str, Callable[[], Talk]] = {
    "basic": lambda: camera(at("/stream1", basic())),
    "digest": lambda: camera(at("/11", Digest("MD5", qop=""))),
    "digest-qop": lambda: camera(at("/live", Digest("MD5"))),
    "digest-sha256": lambda: camera(at("/live", Digest("SHA-256"))),
    "digest-two": lambda: camera(at("/live", Digest("SHA-256", "MD5"))),
    "digest-stale": lambda: camera(at("/live", Digest("MD5", stale="every other"))),
    "one-request-a-connection": lambda: camera(at("/live", Digest("MD5")), one_each=True),
    "query": lambda: camera(at("/cam/realmonitor?channel=1&subtype=0", basic())),
    "announced": lambda: camera(at("/secret/path", basic())),
    "asks-everywhere": lambda: camera(asks_everywhere("/h264", Digest("MD5"))),
    "sub-stream-open": lambda: camera(sub_stream_open()),
}
"""Open with ``admin`` and ``admin``, and with no other."""

TRAPS: dict[str, tuple[Callable[[], Talk], str]] = {
    "404-before-auth": (lambda: camera(at("/hidden", basic())), "no path is known that asks"),
    "401-for-everything": (lambda: camera(refuses_all()), ""),
    "401-without-challenge": (
        lambda: camera(lambda _: (401, [], "")),
        "asks for a login by none that can be read",
    ),
    "401-bearer": (
        lambda: camera(lambda _: (401, [("WWW-Authenticate", 'Bearer realm="x"')], "")),
        "by bearer, which the probe does not do",
    ),
    "404-after-auth": (
        lambda: camera(asks_everywhere("/nowhere", Digest("MD5"))),
        "no stream is known",
    ),
    "once": (lambda: camera(at("/live", once())), "200, then 401"),
    "any-password": (
        lambda: camera(at("/live", right_user_any_password())),
        "takes any password",
    ),
    "200-without-sdp": (
        lambda: camera(lambda _: (200, [("Content-Type", "text/html")], "<html>hello</html>")),
        "no path is known that asks",
    ),
    "200-with-an-error": (
        lambda: camera(at("/live", lambda r: (200, [], "error") if "authorization" in r.fields
                          else basic()(r))),
        "neither a refusal nor a session description",
    ),
    "454": (lambda: camera(lambda _: (454, [], "")), "met RTSP 454"),
    "429": (lambda: camera(at("/live", locks(429, ("Retry-After", "9"))())), "Retry-After: 9"),
    "always-stale": (lambda: camera(at("/live", Digest("MD5", stale="always"))), "called stale"),
}  # fmt: skip
"""Not to be taken for a login with the default, and the words that say what it is instead."""

if __name__ == "__main__":
    from twins.talks import run

    run({**OPEN, **{name: make for name, (make, _) in TRAPS.items()}})
