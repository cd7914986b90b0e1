"""Device text made harmless; ports as people write them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.ports import format_ports, parse_ports
from probe.model.text import clean


@given(st.one_of(st.binary(max_size=2000), st.text(max_size=2000)), st.integers(1, 300))
def test_nothing_a_device_says_controls_a_terminal(raw: bytes | str, limit: int) -> None:
    shown = clean(raw, limit)
    assert len(shown) <= limit
    assert not any(unicodedata.category(c)[0] == "C" for c in shown)
    assert "\n" not in shown


def test_escapes_and_bidirectional_marks_are_shown_as_dots() -> None:
    assert clean(b"\x1b[31mred\x07") == "\u00b7[31mred\u00b7"
    assert clean("abc\u202edef") == "abc\u00b7def"


@given(st.sets(st.integers(1, 65_535), max_size=200))
def test_ports_come_back_the_same(ports: set[int]) -> None:
    assert parse_ports(format_ports(ports)) == ports


@pytest.mark.parametrize("text", ["0", "1-", "-5", "70000", "9-3", "a", "1;2", "1-2-3"])
def test_nonsense_ports_are_named(text: str) -> None:
    with pytest.raises(ValueError, match="'"):
        parse_ports(text)
