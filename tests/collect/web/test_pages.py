"""What a page says, whatever it is made of."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.web.pages import Page, auth_schemes


def test_title_and_login_form():
    page = Page(
        "<HTML><TITLE>\n Camera &amp; co \x1b[31m</TITLE><form action=/x>"
        "<INPUT name=user><input name=pw TYPE='Password' placeholder='a > b'></form>"
    )
    assert page.title == "Camera & co \N{MIDDLE DOT}[31m"
    assert page.login_form


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("<input type=text>", 0),
        ("<!-- <input type=password> -->", 0),
        ("<input type=password><input type=password>", 2),
        ("<p>input type=password</p>", 0),
        ('<input type="hidden" value="password">', 0),
    ],
)
def test_only_one_password_field_is_a_login(text, fields):
    page = Page(text)
    assert page.password_fields == fields
    assert page.login_form is (fields == 1)


@given(st.text(max_size=3000))
def test_no_text_breaks_it(text):
    assert Page(text).title == "" or Page(text).title.isprintable()


@pytest.mark.parametrize("piece", ["<a ", "<!--", "<a b='", "<![x", "<", "</", '<a a="', "&#"])
def test_hostile_pages_cost_no_time(piece):
    began = time.monotonic()
    Page(piece * (65_536 // len(piece)))
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("values", "schemes"),
    [
        (('Basic realm="a, Digest b"',), ("basic",)),
        (('Digest realm="x", nonce="1,2", qop="auth", Basic realm="z"',), ("digest", "basic")),
        (("Negotiate", "Basic"), ("negotiate", "basic")),
        ((), ()),
        (("\xff=1",), ()),
    ],
)
def test_schemes(values, schemes):
    assert auth_schemes(values) == schemes
