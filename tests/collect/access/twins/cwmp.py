"""Twins of the TR-069 connection request; where one opens, it opens with ``admin`` and ``admin``.

On its own: ``python tests/collect/access/twins/cwmp.py NAME [PORT]``.
"""

from collections.abc import Callable

if __name__ == "__main__":
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parent.parent))

from twins.auth import Digest, basic, nobody
from twins.site import Answer, Handler, Request, run, serve


def behind(inner: Handler, path: str = "/", otherwise: int = 404) -> Handler:
    """``inner`` on ``path``, with nothing in its answer; another status everywhere else."""

    def handler(request: Request) -> Answer:
        if request.path != path:
            return otherwise, [("Server", "gSOAP/2.7")], ""
        status, headers, _ = inner(request)
        return (204 if status == 200 else status), [*headers, ("Server", "gSOAP/2.7")], ""

    return handler


OPEN: dict[str, Callable[[], Handler]] = {
    "digest": lambda: behind(Digest("MD5")),
    "digest-on-a-path": lambda: behind(Digest("MD5"), "/tr069"),
    "basic": lambda: behind(basic()),
}

TRAPS: dict[str, tuple[Callable[[], Handler], str]] = {
    "unknown-path": (lambda: behind(nobody(), "/x9Qe"), "no path of a connection request is known"),
    "not-get": (lambda: behind(nobody(), "/x9Qe", 405), "/ met HTTP 405"),
    "another-password": (lambda: behind(basic(password="kX9-own")), "HTTP 401"),
}

__all__ = ["OPEN", "TRAPS", "serve"]

if __name__ == "__main__":
    run({**OPEN, **{name: make for name, (make, _) in TRAPS.items()}})
