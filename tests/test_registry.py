"""What the rooms hold is found by its place: the name of a file is the name of what is in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from probe import registry
from probe.errors import ProbeError


@pytest.mark.parametrize(
    ("shelf", "name"),
    [
        (registry.checks(), "id"),
        (registry.catalogues(), "id"),
        (registry.plans(), "name"),
        (registry.policies(), "id"),
    ],
)
def test_each_file_is_named_for_what_it_holds(shelf: Mapping[str, Any], name: str) -> None:
    assert len(shelf) > 1
    for key, value in shelf.items():
        assert getattr(value, name) == key


def test_only_what_is_asked_for_is_read_and_only_once() -> None:
    read: list[Path] = []

    def reading(path: Path) -> str:
        read.append(path)
        return path.read_text()

    files = (Path(__file__).parent / "lab").glob("packages.txt")
    shelf = registry.Shelf(files, lambda path: path.stem, reading)
    assert list(shelf) == ["packages"]
    assert "nothing" not in shelf
    assert read == []
    assert shelf["packages"] is shelf["packages"]
    assert len(read) == 1


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ProbeError, match="no catalogue 'pst'") as raised:
        registry.chosen_catalogues(["pst"])
    assert "Did you mean 'psti'?" in raised.value.next_step
