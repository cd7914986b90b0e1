"""Pages cut into tags and text: as a browser does it, and never slowly."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.access.protocols.web.forms import Page
from probe.collect.access.protocols.web.markup import Tag, tokens


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a<b>c</B>", ["a", Tag("b"), "c", Tag("/b")]),
        ("<a href=/x/>&lt;", [Tag("a", {"href": "/x/"}), "<"]),
        ('<a x="1>2" y=\'"\' Z>', [Tag("a", {"x": "1>2", "y": '"', "z": ""})]),
        ("<a x = 1 x=2 />", [Tag("a", {"x": "1"})]),
        ("<a title='&amp;&quot;'>", [Tag("a", {"title": '&"'})]),
        ("<!doctype html><!-- <b> -->t<?x?>", ["t"]),
        ("<script>a<b</Script>t", [Tag("script"), "a<b", Tag("/script"), "t"]),
        ("1 < 2", ["1 ", "<", " 2"]),
        ("a<!-- open <b>", ["a"]),
        ("a<b x='open><c>", ["a"]),
        ("a<form", ["a"]),
        ("<style>x", [Tag("style"), "x"]),
        (f"&#{'9' * 5000};", [f"&#{'9' * 5000};"]),
    ],
)
def test_tokens(text: str, found: list[Tag | str]) -> None:
    assert list(tokens(text)) == found


@given(st.text(alphabet="<>/='\" \nab!-&#9", max_size=200))
def test_any_text_makes_a_page(text: str) -> None:
    page = Page("<form><input type=password name=p>" + text)
    if page.login:
        page.login.filled("u", "p")
    assert page.logout is not None


SIZE = 256 * 1024


@pytest.mark.parametrize(
    "piece",
    [
        *("<a ", "<", "<!", "<!--", "<a b='", '<a b="', "<script>", "<script", "</", "&", "&#9"),
        *(
            "<a>x<b>",
            "<a b=",
            "<a =",
            "a ",
            "<form>",
            "<input name=a type=password>",
            "<input name=a>",
        ),
        *("<a b  ", "<style><script>", "<?"),
    ],
)
def test_hostile_pages_take_no_longer_than_others(piece: str) -> None:
    text = "<form><input name=u><input type=password name=p>" + piece * (SIZE // len(piece))
    began = time.monotonic()
    page = Page(text)
    if page.login:
        page.login.filled("user", "password")
    _ = page.logout, page.suspicious_scripts
    assert (
        time.monotonic() - began < 4
    )  # on a machine that does other things too; it takes half of one
