"""Twins of pages whose script logs in by JSON; where one opens, it opens with ``admin`` and ``admin``.

On its own: ``python tests/collect/access/twins/spa.py NAME [PORT]``.
"""

import json
import secrets
from collections.abc import Callable
from typing import Any

if __name__ == "__main__":
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parent.parent))

from twins.site import Answer, Handler, Request, run, serve

USER, PASSWORD = "admin", "admin"
SHELL = "<html><div id=app></div><script src='/app.js'></script></html>"
SCRIPT = (
    "fetch('/api/auth/login',{method:'POST',body:JSON.stringify({user:u,password:p})});"
    "get('/api/status');post('/api/reboot');get('/api/logout')"
)


def answer(status: int, value: Any, *headers: tuple[str, str]) -> Answer:
    return status, [("Content-Type", "application/json"), *headers], json.dumps(value)


class App:
    """A page of one script, an endpoint for logins, and ``/api/status`` for who has a session."""

    def __init__(
        self,
        *,
        script: str = SCRIPT,
        at: str = "/api/auth/login",
        fields: tuple[str, str] = ("user", "password"),
        by: str = "bearer",
        refusal: tuple[int, Any] = (401, {"error": "bad credentials"}),
        shell: str = SHELL,
        fallback: bool = False,
    ) -> None:
        self.script, self.at, self.fields, self.by = script, at, fields, by
        self.refusal, self.shell, self.fallback = refusal, shell, fallback
        self.sessions: set[str] = set()
        self.tried: list[tuple[str, str]] = []
        self.rebooted = False

    def given(self, request: Request) -> dict[str, Any] | None:
        value = request.json
        return value if isinstance(value, dict) else None

    def right(self, user: str, password: str) -> bool:
        self.tried.append((user, password))
        return (user, password) == (USER, PASSWORD)

    def __call__(self, request: Request) -> Answer:
        if request.path == self.at and request.method == "POST":
            return self.login(request)
        if request.path == "/api/reboot":
            self.rebooted = True
        if request.path == "/app.js":
            return 200, [("Content-Type", "text/javascript")], self.script
        token = request.fields.get("authorization", "").removeprefix("Bearer ")
        within = {token, request.cookies.get("sid", "")} & self.sessions
        if request.path == "/api/logout":
            self.sessions -= within
            return answer(200, {"ok": True})
        if request.path == "/api/status":
            return answer(200, {"uptime": 7}) if within else answer(401, {"error": "login"})
        if request.path == "/" or self.fallback:
            return 200, [("Content-Type", "text/html")], self.shell
        return 404, [], "nothing"

    def login(self, request: Request) -> Answer:
        given = self.given(request)
        if given is None or not set(self.fields) <= given.keys():
            return answer(400, {"error": "fields missing"})
        if not self.right(*(str(given[f]) for f in self.fields)):
            return answer(*self.refusal)
        return self.accept()

    def accept(self) -> Answer:
        token = secrets.token_hex(16)
        self.sessions.add(token)
        if self.by == "cookie":
            return answer(200, {"ok": True}, ("Set-Cookie", f"sid={token}; HttpOnly"))
        return answer(200, {"data": {"access_token": token}})


class Rpc(App):
    """JSON-RPC with ``params``, as an object or as a list."""

    def __init__(self, kind: type = dict) -> None:
        super().__init__(
            script="call('/rpc', {method: 'login', params: x});get('/api/status')", at="/rpc"
        )
        self.kind = kind

    def login(self, request: Request) -> Answer:
        value = request.json
        params = value.get("params") if isinstance(value, dict) else None
        if not isinstance(params, self.kind) or len(params) != 2:
            return answer(400, {"jsonrpc": "2.0", "error": {"code": -32602}})
        pair = params if isinstance(params, list) else list(params.values())
        if not self.right(*pair):
            return answer(200, {"jsonrpc": "2.0", "id": 1, "result": None})
        token = secrets.token_hex(16)
        self.sessions.add(token)
        return answer(200, {"jsonrpc": "2.0", "id": 1, "result": token})


class Encoded(App):
    """Takes the fields as a form sends them only."""

    def given(self, request: Request) -> dict[str, Any] | None:
        return None if request.json is not None else dict(request.form)


class Guarded(App):
    """Wants the token of its page back in a header, and each token once."""

    def __init__(self, by: str) -> None:
        super().__init__()
        self.where = by
        self.forgery: set[str] = set()

    def __call__(self, request: Request) -> Answer:
        if request.path == "/":
            token = secrets.token_hex(8)
            self.forgery.add(token)
            if self.where == "cookie":
                return 200, [("Set-Cookie", f"XSRF-TOKEN={token}")], SHELL
            return 200, [], f'<meta name="csrf-token" content="{token}">' + SHELL
        return super().__call__(request)

    def login(self, request: Request) -> Answer:
        if request.fields.get("x-csrf-token") not in self.forgery:
            return answer(403, {"error": "forged"})
        self.forgery.discard(request.fields["x-csrf-token"])
        return super().login(request)


class AnyJson(App):
    """Whatever is posted, the same answer; nothing ever opens."""

    def __init__(self, value: Any, status: int = 200, **more: Any) -> None:
        super().__init__(**more)
        self.value, self.status = value, status

    def login(self, request: Request) -> Answer:
        del request
        return answer(self.status, self.value)


class Once(App):
    def __call__(self, request: Request) -> Answer:
        got = super().__call__(request)
        if request.path == "/api/status" and got[0] == 200:
            self.sessions.clear()
        return got


class ByAddress(App):
    """Whoever comes from the address of a successful login is in, token or not."""

    def __call__(self, request: Request) -> Answer:
        if self.sessions and request.path != "/api/logout":
            request.fields["cookie"] = f"sid={min(self.sessions)}"
        return super().__call__(request)


class AnyPassword(App):
    def right(self, user: str, password: str) -> bool:
        return super().right(user, password) or user == USER


class Locks(App):
    def login(self, request: Request) -> Answer:
        if len(self.tried) >= 2:
            return answer(429, {"error": "wait"}, ("Retry-After", "60"))
        return super().login(request)

    def right(self, user: str, password: str) -> bool:
        return super().right(user, password) and False


def catch_all() -> Handler:
    """The same page for every path and method."""
    return lambda request: (200, [], SCRIPT if request.path == "/app.js" else SHELL)


def json_everywhere() -> Handler:
    """The same error for every path: the endpoint is none."""

    def handler(request: Request) -> Answer:
        if request.path in ("/", "/app.js"):
            return 200, [], SCRIPT if request.path == "/app.js" else SHELL
        return answer(401, {"error": "no"})

    return handler


OPEN: dict[str, Callable[[], Handler]] = {
    "bearer": App,
    "cookie": lambda: App(by="cookie"),
    "status-200-refusal": lambda: App(refusal=(200, {"ok": False})),
    "fallback-page": lambda: App(fallback=True),
    "common-path": lambda: App(
        script="go({'user':u,\"password\":p})", at="/api/login", fields=("user", "password")
    ),
    "user-pass": lambda: App(script="x('/login')", at="/login", fields=("user", "pass")),
    "rpc-object": Rpc,
    "rpc-list": lambda: Rpc(list),
    "encoded": Encoded,
    "encoded-and-named": lambda: Encoded(
        script="$.post('/api/auth/login',{user:u,password:p});get('/api/status')",
        refusal=(200, {"ok": False}),
    ),
    "forgery-cookie": lambda: Guarded("cookie"),
    "forgery-page": lambda: Guarded("page"),
    "form-sent-by-a-script": lambda: App(
        shell="<form id=f><input name=user><input type=password name=password></form>"
        "<script src='/app.js'></script>"
    ),
}

TRAPS: dict[str, tuple[Callable[[], Handler], str]] = {
    "ok-false": (lambda: AnyJson({"ok": False}), "the answer says no"),
    "ok-false-unknown-fields": (
        lambda: AnyJson({"ok": False}, script="x('/api/auth/login')"),
        "may not have read the fields",
    ),
    "ignores-json": (
        lambda: AnyJson({"ok": False}, script="send('/api/auth/login',{user:u,password:p})"),
        "may not have read the fields",
    ),
    "ok-true": (lambda: AnyJson({"ok": True, "token": "0123456789abcdef"}), "structured refusal"),
    "catch-all": (catch_all, "no login was found"),
    "json-everywhere": (json_everywhere, "no login was found"),
    "challenge": (
        lambda: AnyJson({"result": False, "params": {"salt": "x", "random": "1"}}),
        "unsupported scheme",
    ),
    "vendor-rpc2": (
        lambda: App(script="rpc('/RPC2_Login',{method:'global.login'})"),
        "unsupported scheme: RPC2",
    ),
    "hashed": (
        lambda: App(script="pw = md5(p);" + SCRIPT, fields=("user", "hash")),
        "did not understand the fields",
    ),
    "once": (Once, "nothing is known that only a session can read"),
    "session-by-address": (ByAddress, "nothing is known that only a session can read"),
    "any-password": (AnyPassword, "takes any password"),
    "429": (Locks, "HTTP 429, Retry-After: 60"),
}

__all__ = ["OPEN", "TRAPS", "serve"]

if __name__ == "__main__":
    run({**OPEN, **{name: make for name, (make, _) in TRAPS.items()}})
