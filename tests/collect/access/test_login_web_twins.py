"""Every web twin: a true default is found, a trap is told as what it is and never as a login."""

from typing import Any

import pytest
from twins import auth, pages, spa
from twins.site import site

from probe.model.observation import LoginResult

ACCEPTED, REFUSED = LoginResult.ACCEPTED, LoginResult.REFUSED
MODULES = {"auth": auth, "pages": pages, "spa": spa}
OPEN = [(room, name) for room, module in MODULES.items() for name in module.OPEN]
TRAPS = [(room, name) for room, module in MODULES.items() for name in module.TRAPS]
TAKES_ANY = {"right-user-any-password", "any-password"}
"""The default does work there, as any other password does: both is said."""


def said(got: Any) -> str:
    """Every word that the login jobs recorded."""
    words = [m.reason for m in got.missing]
    for test in got.tests:
        words += [test.problem, test.lockout_sign, *(c.detail for c in test.candidates)]
    return " | ".join(w for w in words if w)


@pytest.mark.parametrize(("room", "name"), OPEN, ids=str)
async def test_a_true_default(login: Any, serve: Any, service: Any, room: str, name: str) -> None:
    async with serve(site(MODULES[room].OPEN[name]())) as port:
        got = await login(service("http", port))
    assert got.opened == [("admin", "admin")], said(got)
    assert got.test.without_credential is got.test.random_credential is REFUSED


@pytest.mark.parametrize(("room", "name"), TRAPS, ids=str)
async def test_a_trap(login: Any, serve: Any, service: Any, room: str, name: str) -> None:
    make, words = MODULES[room].TRAPS[name]
    async with serve(site(make())) as port:
        got = await login(service("http", port))
    assert words in said(got)
    if name in TAKES_ANY:
        assert got.test.random_credential is ACCEPTED
        return
    assert got.opened == [], said(got)
    if name != "anybody":
        assert ACCEPTED not in {t.random_credential for t in got.tests}
    else:
        assert got.test.random_credential is ACCEPTED


@pytest.mark.parametrize("name", spa.OPEN)
async def test_a_script_session_is_left_and_nothing_is_done(
    login: Any, serve: Any, service: Any, name: str
) -> None:
    app = spa.OPEN[name]()
    async with serve(site(app)) as port:
        await login(service("http", port))
    assert isinstance(app, spa.App)
    assert not app.rebooted
    assert not app.sessions or "/api/logout" not in app.script
    users = [user for user, _ in app.tried]
    assert users.count("admin") <= 3


async def test_an_endpoint_that_understands_nothing_gets_few_bodies(
    login: Any, serve: Any, service: Any
) -> None:
    app = spa.App(fields=("uid", "hash"))
    bodies: list[str] = []

    def handler(request: Any) -> Any:
        if request.method == "POST" and request.path == app.at:
            bodies.append(request.body)
        return app(request)

    async with serve(site(handler)) as port:
        got = await login(service("http", port))
    assert got.opened == []
    assert {c.result for c in got.test.candidates} <= {LoginResult.NO_ANSWER, LoginResult.NOT_TRIED}
    assert sum('"admin"' in body or "=admin&" in body for body in bodies) <= 3


@pytest.mark.parametrize("name", pages.OPEN)
async def test_a_form_session_is_left(login: Any, serve: Any, service: Any, name: str) -> None:
    portal = pages.OPEN[name]()
    async with serve(site(portal)) as port:
        await login(service("http", port))
    assert isinstance(portal, pages.Portal)
    assert not portal.sessions or not portal.logout
