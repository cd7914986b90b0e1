"""From bytes to facts: nothing that was given is passed over without a word."""

from collections.abc import Callable
from typing import Any

import pytest

from probe.model.firmware import ImageLayer, LayerKind


@pytest.mark.parametrize(
    "data", [b"\xd0\x0d\xfe\xed\x01", b"\x00" * 5000, b"\xff" * 70_000, b"\x01"]
)
def test_a_file_of_which_nothing_can_be_said_is_said_to_be_unread(
    data: bytes, examined: Callable[..., Any]
) -> None:
    found = examined(data)
    (layer,) = found.all(ImageLayer)
    assert layer.kind is LayerKind.UNKNOWN
    (unread,) = found.survey.unread
    assert f"{len(data)} bytes" in unread


def test_a_text_is_read_and_no_unknown_bytes(examined: Callable[..., Any]) -> None:
    assert examined(b"A plain file of settings.\n" * 10).survey.unread == ()
