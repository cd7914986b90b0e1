"""security.txt as RFC 9116 writes it, and what only answers under its address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.web.security_txt import parse_security_txt

NOW = 1_800_000_000.0  # 2027-01-15


def test_a_valid_one():
    found = parse_security_txt(
        "# our policy\r\ncontact: mailto:a@example.com\r\nContact: https://example.com/x\r\n"
        "Expires: 2028-01-01T00:00:00z\r\nPolicy: https://example.com/p\r\n",
        NOW,
    )
    assert found is not None
    assert found.contacts == ("mailto:a@example.com", "https://example.com/x")
    assert (found.expired, found.policy) == (False, "https://example.com/p")


@pytest.mark.parametrize(
    ("expires", "expired"),
    [("2026-01-01T00:00:00Z", True), ("soon", None), ("2028-01-01", None), ("", None)],
)
def test_expiry(expires, expired):
    found = parse_security_txt(f"Contact: x\nExpires: {expires}\n", NOW)
    assert found is not None
    assert found.expired is expired


@pytest.mark.parametrize(
    "text", ["", "hello", "<html>Contact: us</html>", "<!doctype html>\n<HTML>"]
)
def test_not_one(text):
    assert parse_security_txt(text, NOW) is None


@given(st.text(max_size=2000))
def test_any_text_has_an_answer(text):
    parse_security_txt(text, NOW)
