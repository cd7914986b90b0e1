"""Twins of login forms; where one opens, it opens with ``admin`` and ``admin``.

On its own: ``python tests/collect/access/twins/pages.py NAME [PORT]``.
"""

import secrets
from collections.abc import Callable

if __name__ == "__main__":
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parent.parent))

from twins.site import Answer, Handler, Request, run, serve

USER, PASSWORD = "admin", "admin"
FORM = (
    "<form method=post action='/login'><input name=username><input type=password name=pw>"
    "<button name=cmd value=reset>Clear</button><button name=cmd value=login>Go</button></form>"
)


def page(text: str, *headers: tuple[str, str]) -> Answer:
    return 200, list(headers), f"<html><title>cam</title>{text}</html>"


class Portal:
    """A form at ``at`` behind ``root``, sessions by cookie, a status page without a log-out link."""

    def __init__(self, at: str = "/", root: str = "", logout: bool = True) -> None:
        self.at, self.root, self.logout = at, root, logout
        self.sessions: set[str] = set()
        self.tried: list[tuple[str, str]] = []

    def right(self, form: dict[str, str]) -> bool:
        self.tried.append((form.get("username", ""), form.get("pw", "")))
        return self.tried[-1] == (USER, PASSWORD) and form.get("cmd") == "login"

    def form(self) -> str:
        return FORM

    def inside(self) -> str:
        return "State: good" + (" <a href='/logout'>Log out</a>" if self.logout else "")

    def __call__(self, request: Request) -> Answer:
        within = request.cookies.get("sid") in self.sessions
        if request.path == "/logout":
            self.sessions.discard(request.cookies.get("sid", ""))
            return 302, [("Location", "/")], ""
        if request.method == "POST":
            return self.post(request)
        if within:
            return page(self.inside())
        if request.path == self.at:
            return page(self.form())
        if request.path == "/" and self.root:
            return page(self.root)
        return 302, [("Location", self.at)], ""

    def post(self, request: Request) -> Answer:
        if not self.right(request.form):
            return page("Wrong" + self.form())
        return 302, [("Location", "/"), self.start()], ""

    def start(self) -> tuple[str, str]:
        sid = secrets.token_hex(8)
        self.sessions.add(sid)
        return "Set-Cookie", f"sid={sid}; HttpOnly"


class TwoSteps(Portal):
    """The user on one page, the password on the next; the user is kept by a cookie."""

    def __init__(self, known_only: bool = False) -> None:
        super().__init__()
        self.known_only = known_only

    def form(self) -> str:
        return "<h1>Log in</h1><form method=post action='/user'><input name=username></form>"

    def post(self, request: Request) -> Answer:
        form = request.form
        if request.path == "/user":
            if self.known_only and form["username"] != USER:
                return page("There is no such user" + self.form())
            asks = "<form method=post action='/pass'><input type=password name=pw></form>"
            return page(asks, ("Set-Cookie", f"user={form['username']}"))
        form = {"username": request.cookies.get("user", ""), "cmd": "login", **form}
        return (
            (302, [("Location", "/"), self.start()], "")
            if self.right(form)
            else page("Wrong" + self.form())
        )


class Named(Portal):
    """Sends everybody from its address to its name."""

    def __init__(self) -> None:
        super().__init__("/login.html")

    def __call__(self, request: Request) -> Answer:
        name, _, port = request.fields["host"].rpartition(":")
        if name != "camera.lan":
            return 302, [("Location", f"http://camera.lan:{port}/")], ""
        return super().__call__(request)


class ByAddress(Portal):
    """Whoever comes from the address of a successful login is in, cookie or not."""

    def __call__(self, request: Request) -> Answer:
        if self.sessions:
            request.fields["cookie"] = f"sid={min(self.sessions)}"
        return super().__call__(request)


class AnyPost(Portal):
    """Whatever is posted ends in ``answer``; nothing ever opens."""

    def __init__(self, answer: Answer, form: str = FORM) -> None:
        super().__init__()
        self.answer, self._form = answer, form

    def form(self) -> str:
        return self._form

    def post(self, request: Request) -> Answer:
        del request
        return self.answer


class CookieDropsForm(Portal):
    """Any POST sets a new cookie, and with it the form is gone for good: it says "Bitte warten"."""

    def post(self, request: Request) -> Answer:
        del request
        return page("Bitte warten", self.start())

    def inside(self) -> str:
        return "Bitte warten"


class Once(Portal):
    """The session of a right credential ends with its first page."""

    def __call__(self, request: Request) -> Answer:
        answer = super().__call__(request)
        if request.method == "GET":
            self.sessions.discard(request.cookies.get("sid", ""))
        return answer


class AnyPassword(Portal):
    def right(self, form: dict[str, str]) -> bool:
        return super().right(form) or form.get("username") == USER


class Anybody(Portal):
    def right(self, form: dict[str, str]) -> bool:
        super().right(form)
        return True


class Locks(Portal):
    """The third wrong one locks."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer

    def right(self, form: dict[str, str]) -> bool:
        super().right(form)
        return False

    def post(self, request: Request) -> Answer:
        return self.answer if len(self.tried) >= 2 else super().post(request)


def captcha(kind: str) -> Handler:
    extra = {
        "field": "<input name=captcha>",
        "widget": "<div class='g-recaptcha' data-sitekey=x></div>",
    }[kind]
    return AnyPost(page("never"), FORM.replace("<button", extra + "<button", 1))


OPEN: dict[str, Callable[[], Handler]] = {
    "form": Portal,
    "form-without-log-out": lambda: Portal(logout=False),
    "form-behind-refresh": lambda: Portal(
        "/login.html", "<meta http-equiv='Refresh' content='0; URL=/login.html'>"
    ),
    "form-behind-script": lambda: Portal(
        "/login.html", "<script>window.location.href = '/login.html';</script>"
    ),
    "form-in-a-frame": lambda: Portal(
        "/login.html", "<frameset><frame src='/top.html'><frame src='login.html'></frameset>"
    ),
    "form-behind-a-link": lambda: Portal("/login.html", "Hello, <a href='/login.html'>log in</a>"),
    "session-by-address": ByAddress,
    "behind-a-name": Named,
    "two-steps": TwoSteps,
    "two-steps-known-users": lambda: TwoSteps(known_only=True),
}

TRAPS: dict[str, tuple[Callable[[], Handler], str]] = {
    "all-200": (lambda: AnyPost(page(FORM)), "the login form again"),
    "welcome-in-a-comment": (
        lambda: AnyPost(page("<!-- welcome <a href='/logout'>Log out</a> -->" + FORM)),
        "the login form again",
    ),
    "ok-false": (lambda: AnyPost((200, [], '{"ok": false}')), "an error message"),
    "new-cookie-any-post": (
        lambda: AnyPost(page("Thank you", ("Set-Cookie", "sid=1234567890"))),
        "neither a refusal",
    ),
    "cookie-drops-the-form": (lambda: CookieDropsForm(), "neither a refusal"),
    "back-to-login": (lambda: AnyPost((302, [("Location", "/")], "")), "the login form again"),
    "another-host": (
        lambda: AnyPost((302, [("Location", "http://203.0.113.9/home")], "")),
        "leads away from the device, to 203.0.113.9",
    ),
    "another-name": (
        lambda: AnyPost((302, [("Location", "http://portal.example/home")], "")),
        "leads away from the device, to portal.example",
    ),
    "captcha": (lambda: captcha("field"), "a captcha"),
    "captcha-widget": (lambda: captcha("widget"), "a captcha"),
    "429": (lambda: Locks((429, [("Retry-After", "60")], "wait")), "HTTP 429, Retry-After: 60"),
    "423": (lambda: Locks((423, [], "wait")), "HTTP 423"),
    "says-locked": (lambda: Locks(page("Too many tries" + FORM)), "Too many tries"),
    "once": (Once, "neither a refusal"),
    "any-password": (AnyPassword, "takes any password"),
    "anybody": (Anybody, ""),
    "script-only": (
        lambda: lambda _: page("<input type=password id=p><button onclick='go()'>Go</button>"),
        "only a script sends",
    ),
    "no-login": (lambda: lambda _: page("Hello"), "no login was found"),
}

__all__ = ["OPEN", "TRAPS", "serve"]

if __name__ == "__main__":
    run({**OPEN, **{name: make for name, (make, _) in TRAPS.items()}})
