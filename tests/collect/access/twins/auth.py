"""Twins of HTTP authentication; where one opens, it opens with ``admin`` and ``admin``.

On its own: ``python tests/collect/access/twins/auth.py NAME [PORT]``.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable

if __name__ == "__main__":
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parent.parent))

from twins.site import Answer, Handler, Request, run, serve

USER, PASSWORD = "admin", "admin"
INSIDE: Answer = (200, [], "<html>inside</html>")


def basic(user: str = USER, password: str = PASSWORD, path: str = "") -> Handler:
    """Basic on everything."""
    right = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def handler(request: Request) -> Answer:
        if request.fields.get("authorization") == right:
            return INSIDE
        return 401, [("WWW-Authenticate", 'Basic realm="cam"')], "no"

    return handler


class Digest:
    """Digest by RFC 7616, written from the server's side. Nonces are good for one request."""

    def __init__(
        self, *algorithms: str, qop: str = "auth", layout: str = "several", stale: str = ""
    ) -> None:
        self.algorithms, self.qop, self.layout, self.stale = algorithms, qop, layout, stale
        self.nonces: set[str] = set()
        self.given = 0

    def challenge(self, extra: str = "") -> list[tuple[str, str]]:
        nonce = secrets.token_hex(8)
        self.nonces.add(nonce)
        parts = []
        for name in self.algorithms:
            algorithm = f", algorithm={name}" if name else ""
            qop = f', qop="{self.qop}"' if self.qop else ""
            parts.append(
                f'Digest realm="a \\"cam\\", new", nonce="{nonce}", opaque="o,p"{qop}{algorithm}{extra}'
            )
        if self.layout == "one":
            return [("WWW-Authenticate", ", ".join(['Basic realm="x, y"', "Negotiate", *parts]))]
        return [("WWW-Authenticate", part) for part in parts]

    def __call__(self, request: Request) -> Answer:
        given = request.fields.get("authorization", "")
        if not given.startswith("Digest "):
            return 401, self.challenge(), "no"
        pairs = re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))', given)
        f = {k: re.sub(r"\\(.)", r"\1", q) or bare for k, q, bare in pairs}
        if f.get("nonce") not in self.nonces or f.get("opaque") != "o,p":
            return 401, self.challenge(", stale=true"), "stale"
        self.nonces.discard(f["nonce"])
        if self.stale:
            # Every other nonce, or every one.
            self.given += 1
            if self.stale == "always" or self.given % 2:
                return 401, self.challenge(", stale=TRUE"), "stale"
        algorithm = f.get("algorithm", "MD5")
        name = {"MD5": "md5", "SHA-256": "sha256"}[algorithm.removesuffix("-sess")]

        def h(text: str) -> str:
            return hashlib.new(name, text.encode()).hexdigest()

        a1 = h(f'{USER}:a "cam", new:{PASSWORD}')
        if algorithm.endswith("-sess"):
            a1 = h(f"{a1}:{f['nonce']}:{f['cnonce']}")
        a2 = h(f"{request.method}:{request.target}")
        middle = f"{f['nc']}:{f['cnonce']}:{f['qop']}:" if self.qop else ""
        right = h(f"{a1}:{f['nonce']}:{middle}{a2}")
        fits = f.get("uri") == request.target and f.get("username") == USER
        if fits and f.get("response") == right:
            return INSIDE
        return 401, self.challenge(), "no"


def nobody() -> Handler:
    return lambda _: INSIDE


def without_challenge() -> Handler:
    return lambda _: (401, [], "<html>Unauthorized</html>")


def refuses_all() -> Handler:
    return lambda _: (401, [("WWW-Authenticate", 'Basic realm="cam"')], "no")


def right_user_any_password() -> Handler:
    def handler(request: Request) -> Answer:
        given = request.fields.get("authorization", "")[6:]
        if base64.b64decode(given).startswith(b"admin:"):
            return INSIDE
        return 401, [("WWW-Authenticate", 'Basic realm="cam"')], "no"

    return handler


def once() -> Handler:
    """Takes the right credential once, and never again."""
    inner, left = basic(), [1]

    def handler(request: Request) -> Answer:
        status, headers, text = inner(request)
        if status == 200 and not left:
            return refuses_all()(request)
        if status == 200:
            left.pop()
        return status, headers, text

    return handler


def forbidden() -> Handler:
    """A wrong credential meets 403, a right one 200."""
    inner = basic()

    def handler(request: Request) -> Answer:
        status, headers, text = inner(request)
        wrong = status == 401 and "authorization" in request.fields
        return (403, [], "no") if wrong else (status, headers, text)

    return handler


def locks(status: int, *headers: tuple[str, str]) -> Callable[[], Handler]:
    def make() -> Handler:
        tries = [0]

        def handler(request: Request) -> Answer:
            tries[0] += "authorization" in request.fields
            if tries[0] > 2:
                return status, list(headers), "slow down"
            return 401, [("WWW-Authenticate", 'Basic realm="cam"')], "no"

        return handler

    return make


OPEN: dict[str, Callable[[], Handler]] = {
    "basic": basic,
    "digest-md5": lambda: Digest("MD5"),
    "digest-no-algorithm": lambda: Digest(""),
    "digest-md5-sess": lambda: Digest("MD5-sess"),
    "digest-sha256": lambda: Digest("SHA-256"),
    "digest-sha256-sess": lambda: Digest("SHA-256-sess"),
    "digest-two-headers": lambda: Digest("SHA-256", "MD5"),
    "digest-one-header": lambda: Digest("MD5", "SHA-256", layout="one"),
    "digest-unknown-first": lambda: Digest("SHA-999", "MD5"),
    "digest-qop-list": lambda: Digest("MD5", qop="auth-int, auth"),
    "digest-no-qop": lambda: Digest("MD5", qop=""),
    "digest-stale": lambda: Digest("MD5", stale="every other"),
    "forbidden": forbidden,
}
"""Open with the default credential, and with no other."""

TRAPS: dict[str, tuple[Callable[[], Handler], str]] = {
    "nobody": (nobody, "no login was found"),
    "without-challenge": (without_challenge, "without a challenge"),
    "refuses-all": (refuses_all, ""),
    "right-user-any-password": (right_user_any_password, "takes any password"),
    "once": (once, "200, then 401"),
    "429": (locks(429, ("Retry-After", "60")), "HTTP 429, Retry-After: 60"),
    "423": (locks(423), "HTTP 423"),
    "503-retry-after": (locks(503, ("Retry-After", "9")), "Retry-After: 9"),
    "auth-int-only": (lambda: Digest("MD5", qop="auth-int"), "qop auth-int is not supported"),
    "always-stale": (lambda: Digest("MD5", stale="always"), "every nonce is called stale"),
    "unknown-algorithm": (lambda: Digest("SHA-999"), "SHA-999 is not supported"),
}
"""Not to be taken for a login with the default, and the words that say what it is instead."""

__all__ = ["OPEN", "TRAPS", "serve"]

if __name__ == "__main__":
    run({**OPEN, **{name: make for name, (make, _) in TRAPS.items()}})
