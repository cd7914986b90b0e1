"""HTML forms of twins with known behaviour: no false login, every true default found."""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from probe.model.observation import LoginResult

PAGE = (
    '<html><title>cam</title><form method=post action="/login">'
    '<input type=hidden name=csrf value="{csrf}"><input name=username><input type=password name=pw>'
    "<input type=submit name=go value=Login></form></html>"
)
INSIDE = '<html>Welcome <a href="/logout">Log out</a></html>'
Answer = tuple[int, dict[str, str], str]
Handler = Callable[[str, str, dict[str, str], dict[str, str]], Answer]
"""method, path, form fields, cookies -> status, headers, body"""


def site(handler: Handler) -> Callable[..., Awaitable[None]]:
    """An HTTP server made of one function."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, path, _ = head.split(" ", 2)
        fields = {
            k.lower(): v.strip()
            for k, _, v in (line.partition(":") for line in head.split("\r\n")[1:])
        }
        body = (await reader.readexactly(int(fields.get("content-length", 0)))).decode()
        cookies = dict(p.strip().partition("=")[::2] for p in fields.get("cookie", "").split(";"))
        form = {k: v[0] for k, v in parse_qs(body, keep_blank_values=True).items()}
        status, headers, text = handler(method, path, form, cookies)
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(text.encode())}"]
        lines += [f"{k}: {v}" for k, v in headers.items()]
        writer.write(("\r\n".join(lines) + "\r\n\r\n" + text).encode())
        await writer.drain()

    return talk


class Camera:
    """A well-made form: CSRF token per page, session cookie, redirect, log-out."""

    def __init__(self, user: str = "admin", password: str = "admin") -> None:
        self.account = (user, password)
        self.tokens: set[str] = set()
        self.sessions: set[str] = set()
        self.tried: list[tuple[str, str]] = []
        self.logouts = 0

    def __call__(
        self, method: str, path: str, form: dict[str, str], cookies: dict[str, str]
    ) -> Answer:
        inside = cookies.get("sid") in self.sessions
        if path == "/logout":
            self.logouts += 1
            self.sessions.discard(cookies.get("sid", ""))
            return 302, {"Location": "/"}, ""
        if method == "POST":
            return self.post(form)
        if inside:
            return 200, {}, INSIDE
        token = secrets.token_hex(4)
        self.tokens.add(token)
        return 200, {}, PAGE.format(csrf=token)

    def post(self, form: dict[str, str]) -> Answer:
        assert form["csrf"] in self.tokens, "each attempt needs a token of its own"
        assert form["go"] == "Login"
        self.tokens.discard(form["csrf"])
        pair = (form["username"], form["pw"])
        self.tried.append(pair)
        if pair != self.account:
            return 200, {}, "<p>Bad credentials</p>" + PAGE.format(csrf="x")
        sid = secrets.token_hex(8)
        self.sessions.add(sid)
        return 302, {"Location": "/home", "Set-Cookie": f"sid={sid}; HttpOnly"}, ""


async def test_a_form_with_tokens_and_redirects(login: Any, serve: Any, service: Any) -> None:
    camera = Camera()
    async with serve(site(camera)) as port:
        got = await login(service("http", port))
    assert got.opened == [("admin", "admin")]
    assert got.test.method == "form"
    assert got.test.without_credential is got.test.random_credential is LoginResult.REFUSED
    assert camera.logouts == 1
    assert not camera.sessions
    random_user, random_password = camera.tried[0]
    assert len(random_user) == len(random_password) == 16
    assert camera.tried[-1][0] == "admin", "the account is tried with a random password at the end"
    assert any(b"username=admin".hex().encode() in data for data in got.evidence.values())


async def test_all_defaults_refused(login: Any, serve: Any, service: Any) -> None:
    camera = Camera("admin", "kX9-unique")
    async with serve(site(camera)) as port:
        got = await login(service("http", port))
    assert got.opened == []
    assert got.test.candidates
    assert all(c.result is LoginResult.REFUSED for c in got.test.candidates)
    assert not got.test.problem
    assert all(n <= 3 for n in _attempts_by_user(camera).values())


def _attempts_by_user(camera: Camera) -> dict[str, int]:
    users = [user for user, _ in camera.tried]
    return {user: users.count(user) for user in users}


async def test_any_credential_opens_the_form(login: Any, serve: Any, service: Any) -> None:
    class Anything(Camera):
        def post(self, form: dict[str, str]) -> Answer:
            self.account = (form["username"], form["pw"])
            return super().post(form)

    async with serve(site(Anything())) as port:
        got = await login(service("http", port))
    assert got.test.random_credential is LoginResult.ACCEPTED
    assert got.opened == []


async def test_an_account_that_takes_any_password(login: Any, serve: Any, service: Any) -> None:
    class AnyPassword(Camera):
        def post(self, form: dict[str, str]) -> Answer:
            if form["username"] == "admin":
                self.account = ("admin", form["pw"])
            return super().post(form)

    async with serve(site(AnyPassword())) as port:
        got = await login(service("http", port))
    assert got.test.random_credential is LoginResult.ACCEPTED
    assert got.opened == [("admin", "admin")]


def always(status: int, body: str, **headers: str) -> Handler:
    def handler(method: str, path: str, form: Any, cookies: Any) -> Answer:
        if method == "POST":
            return status, headers, body
        return 200, {}, PAGE.format(csrf="1")

    return handler


@pytest.mark.parametrize(
    "handler",
    [
        always(200, json.dumps({"ok": False})),
        always(200, PAGE.format(csrf="1")),
        always(200, "<html>Thank you</html>"),
        always(200, "<html>Thank you</html>", **{"Set-Cookie": "sid=none"}),
        always(404, "<html>not here</html>"),
        always(500, "<html>oops</html>"),
        always(302, "", Location="/"),
        always(302, "", Location="http://203.0.113.9/home"),
        always(302, "", Location="/login?error=1"),
    ],
    ids=["json", "again", "thanks", "thanks-cookie", "404", "500", "back", "away", "error"],
)
async def test_no_false_login(login: Any, serve: Any, service: Any, handler: Handler) -> None:
    async with serve(site(handler)) as port:
        got = await login(service("http", port))
    assert got.opened == []
    assert got.test.random_credential is not LoginResult.ACCEPTED


@pytest.mark.parametrize(("status", "header"), [(429, {}), (423, {}), (503, {"Retry-After": "60"})])
async def test_a_lock_ends_the_test(
    login: Any, serve: Any, service: Any, status: int, header: dict[str, str]
) -> None:
    class Locks(Camera):
        def post(self, form: dict[str, str]) -> Answer:
            if len(self.tried) >= 2:
                self.tried.append(("", ""))
                return status, header, "slow down"
            return super().post(form)

    camera = Locks("admin", "secret-one")
    async with serve(site(camera)) as port:
        got = await login(service("http", port))
    assert got.test.lockout_sign.startswith(f"HTTP {status}")
    assert len(camera.tried) == 3
    results = [c.result for c in got.test.candidates]
    assert results[:2] == [LoginResult.REFUSED, LoginResult.NO_ANSWER]
    assert set(results[2:]) == {LoginResult.NOT_TRIED}


async def test_words_of_a_lock(login: Any, serve: Any, service: Any) -> None:
    class Locks(Camera):
        def post(self, form: dict[str, str]) -> Answer:
            if len(self.tried) >= 1:
                return 200, {}, "<p>Account locked for 5 minutes</p>" + PAGE.format(csrf="x")
            return super().post(form)

    async with serve(site(Locks("admin", "secret-one"))) as port:
        got = await login(service("http", port))
    assert "locked" in got.test.lockout_sign


async def test_a_refusal_behind_a_hashing_script_says_nothing(
    login: Any, serve: Any, service: Any
) -> None:
    class Hashes(Camera):
        def __call__(self, method: str, path: str, form: Any, cookies: Any) -> Answer:
            status, headers, body = super().__call__(method, path, form, cookies)
            return status, headers, body.replace("<form", "<script>pw=hex_md5(pw)</script><form")

    async with serve(site(Hashes())) as port:
        got = await login(service("http", port))
    # The twin takes the plain password, so the true default is still found …
    assert got.opened == [("admin", "admin")]
    async with serve(site(Hashes("admin", "other"))) as port:
        got = await login(service("http", port))
    # … but a refusal is not believed.
    assert {c.result for c in got.test.candidates} == {LoginResult.NO_ANSWER}


async def test_a_wireless_key_field_inside_is_not_a_login(
    login: Any, serve: Any, service: Any
) -> None:
    class Router(Camera):
        def __call__(self, method: str, path: str, form: Any, cookies: Any) -> Answer:
            status, headers, body = super().__call__(method, path, form, cookies)
            wifi = "<form><input type=password name=wpa_key></form>"
            return status, headers, body.replace("Welcome", "Welcome " + wifi)

    async with serve(site(Router())) as port:
        got = await login(service("http", port))
    assert got.opened == [("admin", "admin")]


@pytest.mark.parametrize(
    "body",
    ["<html>hello</html>", "<div><input type=password></div>", "", "<<<>>><form", "\x00\xff" * 50],
)
async def test_no_login_found_is_said(login: Any, serve: Any, service: Any, body: str) -> None:
    async with serve(site(lambda *_: (200, {}, body))) as port:
        got = await login(service("http", port))
    assert got.tests == []
    assert len(got.missing) == 1
    assert got.logins == 0


@pytest.mark.parametrize("right", ["admin", "something else"])
async def test_a_password_alone(login: Any, serve: Any, service: Any, right: str) -> None:
    tried: list[str] = []

    def handler(method: str, path: str, form: dict[str, str], cookies: dict[str, str]) -> Answer:
        page = '<form method=post action=""><input type=password name=p></form>'
        if method == "POST":
            tried.append(form["p"])
            if form["p"] == right:
                return 200, {"Set-Cookie": "in=1"}, INSIDE
        return (200, {}, INSIDE) if cookies.get("in") else (200, {}, page)

    async with serve(site(handler)) as port:
        got = await login(service("http", port))
    assert [password for _, password in got.opened] == ([right] if right == "admin" else [])
    assert len(tried) == len(set(tried)) <= 3, "one account, no password twice"
    if not got.opened:
        assert got.test.problem.startswith("budget")
        assert got.test.candidates[-1].result is LoginResult.NOT_TRIED
