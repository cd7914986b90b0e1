"""One account behind Telnet, SSH, FTP and the web that locks after five failures: never locked here."""

from contextlib import AsyncExitStack
from typing import Any

import pytest
from twins.locking import LOCKS_AT, Accounts, ftp, http, ssh, telnet

from probe.collect.access.protocols import telnet as telnet_room
from probe.collect.budget import ANY_SERVICE, Budget
from probe.model.event import AccountLogins, BudgetSpent
from probe.model.observation import HttpPage, LoginResult
from probe.model.plan import Gentleness


@pytest.mark.parametrize(
    "right",
    [{"admin": "Zk-81lq", "root": "Zk-81lq"}, {"admin": "admin", "root": "Zk-81lq"}],
    ids=["unique passwords", "a default"],
)
async def test_a_shared_account_is_never_locked(
    login: Any, serve: Any, service: Any, monkeypatch: pytest.MonkeyPatch, right: dict[str, str]
) -> None:
    monkeypatch.setattr(telnet_room, "SETTLED", 0.1)
    monkeypatch.setattr(telnet_room, "MENU_SETTLED", 0.1)
    accounts = Accounts(right)
    async with AsyncExitStack() as stack:
        ports = {}
        for name, talk in (("telnet", telnet), ("ftp", ftp), ("http", http)):

            async def bound(reader: Any, writer: Any, talk: Any = talk) -> None:
                await talk(accounts, reader, writer)

            ports[name] = await stack.enter_async_context(serve(bound))
        server = await stack.enter_async_context(await ssh(accounts))
        page = HttpPage(
            address="127.0.0.1",
            port=ports["http"],
            tls=False,
            path="/",
            status=401,
            headers=(),
            auth_schemes=("basic",),
        )
        services = [service(name, port) for name, port in ports.items()]
        got = await login(service("ssh", server.get_port()), *services, page)
    assert accounts.reached == {"telnet", "ftp", "http", "ssh"}
    assert max(accounts.most.values()) < LOCKS_AT, accounts.most
    assert {t.protocol for t in got.tests} == accounts.reached
    opened = [t.protocol for t in got.tests for c in t.candidates if c.proved]
    if right["admin"] == "admin":
        assert sorted(opened) == ["ftp", "http", "ssh", "telnet"], "each service of it is told"
    else:
        assert opened == []
        # What is planned fits what a name can bear, so that each service has a whole answer.
        results = {c.result for t in got.tests for c in t.candidates}
        assert results == {LoginResult.REFUSED}
        assert not any(t.problem for t in got.tests)


def test_what_a_name_can_bear_is_kept_over_a_resumed_run() -> None:
    earlier = BudgetSpent(
        device="d",
        packets=1,
        connections=1,
        logins=4,
        seconds=1.0,
        accounts=(AccountLogins(service=ANY_SERVICE, username="admin", attempts=4),),
    )
    budget = Budget(Gentleness(), earlier=earlier)
    with pytest.raises(Exception, match="4 logins as 'admin' failed on all services together"):
        budget.login("ssh tcp/22", "admin", "admin")
    budget.login("ssh tcp/22", "root", "root")
    budget.login_worked("root")
    assert {a.username: a.attempts for a in budget.accounts if a.service == ANY_SERVICE} == {
        "admin": 4,
        "root": 0,
    }
