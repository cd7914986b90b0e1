"""What is read out of pages, scripts and JSON answers: bounded, total, and right where it matters."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.access.protocols.web import json_find, schemes
from probe.collect.access.protocols.web.auth import challenges
from probe.collect.access.protocols.web.forms import Page
from probe.collect.access.protocols.web.refusal import parsed, refuses
from probe.collect.onvif import soap

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_has_an_answer(value: object) -> None:
    assert isinstance(refuses(value), bool)
    assert len(json_find.tokens_in(value)) <= 3
    assert parsed(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "no"),
    [
        ('{"ok":false}', True),
        ('{"success":false,"message":""}', True),
        ('{"result":"error"}', True),
        ('{"error":{"code":-1}}', True),
        ('{"error_code":-40401}', True),
        ('{"code":401}', True),
        ('{"jsonrpc":"2.0","id":1,"result":[6]}', True),
        ('{"id":1,"result":null}', True),
        ('{"message":"Invalid user"}', True),
        ("false", True),
        ('{"error_code":0,"result":{"stok":"x"}}', False),
        ('{"ok":true}', False),
        ('{"jsonrpc":"2.0","id":1,"result":[0,{"x":1}]}', False),
        ('{"errno":"0","token":"x"}', False),
        ("[1,2]", False),
        ("true", False),
    ],
)
def test_which_json_says_no(text: str, no: bool) -> None:
    assert refuses(parsed(text)) is no


@given(st.text(max_size=300))
def test_any_page_can_be_read(text: str) -> None:
    for body in (text, f"<meta http-equiv=refresh content='{text}'>", f"<script>{text}</script>"):
        page = Page(body)
        assert len(page.onward) <= 10
        assert page.first_step is None or page.first_step.only_user is not None
        json_find.endpoints([body])
        json_find.shapes("/x", [body])
        schemes.named(body)
        json_find.harmless(text)


@pytest.mark.parametrize(
    "text",
    [
        "<a <a " * 60_000,
        "'/" * 200_000,
        '"/a' + "/a" * 200_000,
        "location=" * 50_000,
        "params" * 80_000,
        "<meta http-equiv=refresh content=';;;;" + ";" * 200_000,
        "realm=" * 60_000,
        "password:" * 60_000,
    ],
    ids=range(8),
)
def test_a_hostile_page_costs_little(text: str) -> None:
    began = time.process_time()
    page = Page(text)
    _ = (page.onward, page.first_step, page.login, page.logout, page.suspicious_scripts)
    json_find.endpoints([text])
    json_find.readable([text])
    json_find.logout([text])
    json_find.shapes("/rpc", [text])
    schemes.named(text)
    schemes.HASHES.search(text)
    soap.read(text)
    challenges((text[:4096],))
    assert time.process_time() - began < 2.0


def test_what_a_script_calls() -> None:
    script = (
        "a='/static/app.css';b=\"/api/v1/auth/login\";c='api/system/info';d='/api/reboot';"
        "e='/api/logout';f='https://cloud.example/api/login';g='/login.html';JSON.stringify({usr:x,passwd:y})"
    )
    assert json_find.endpoints([script])[0] == "/api/v1/auth/login"
    assert not {"/api/logout", "/login.html"} & set(json_find.endpoints([script]))
    assert json_find.readable([script])[0] == "/api/system/info"
    assert "/api/reboot" not in json_find.readable([script])
    assert json_find.logout([script]) == "/api/logout"
    shapes, known = json_find.shapes("/api/v1/auth/login", [script])
    assert (shapes[0].user, shapes[0].password, known) == ("usr", "passwd", True)


@pytest.mark.parametrize(
    ("link", "look"),
    [
        ("/status.html", True),
        ("network/wifi", True),
        ("/reboot", False),
        ("/cgi?cmd=reset", False),
        ("/logout", False),
        ("javascript:x()", False),
        ("/system/factory_default", False),
        ("mailto:a@example.net", False),
        ("", False),
    ],
)
def test_only_links_that_show_something_are_opened(link: str, look: bool) -> None:
    assert json_find.harmless(link) is look


@pytest.mark.parametrize(
    ("html", "onward"),
    [
        ("<meta http-equiv=refresh content='0;url=a.htm'>", ["a.htm"]),
        ('<META HTTP-EQUIV="Refresh" CONTENT="0; URL=\'/b.htm\'">', ["/b.htm"]),
        ("<script>top.location.replace('/c.htm')</script>", ["/c.htm"]),
        ("<script>if(location=='x'){}</script>", []),
        ("<frameset><frame src=menu.htm><frame src=main.htm></frameset>", ["menu.htm", "main.htm"]),
        ("<a href='/sign-in'>Account</a><a href='/logout'>Log out</a>", ["/sign-in"]),
        ("<a href='javascript:login()'>Log in</a>", []),
    ],
)
def test_where_a_browser_would_go(html: str, onward: list[str]) -> None:
    assert Page(html).onward == onward


def test_the_button_that_logs_in() -> None:
    form = Page(
        "<form><input type=password name=p><button name=a value=forgot>x</button>"
        "<input type=image name=go><button name=b value=1>Log in</button></form>"
    ).login
    assert form is not None
    assert form.filled("", "x y&") == "p=x+y%26&go.x=1&go.y=1"
