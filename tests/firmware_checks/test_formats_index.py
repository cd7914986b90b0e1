"""The index of the formats says what their modules say, and is not believed when a file has changed."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from firmware_checks import formats
from firmware_checks.budget import Budget
from firmware_checks.reading import Context
from firmware_checks.recognise import recognise
from firmware_checks.view import View


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch):
    """Nothing is remembered from other tests, nor by them."""
    formats.found.cache_clear()
    yield
    formats.found.cache_clear()


def test_the_shipped_index_is_that_of_the_files() -> None:
    shipped = json.loads(formats.INDEX.read_text("utf-8"))
    assert shipped == formats.index(), "run: python -m firmware_checks.formats"


def test_the_same_formats_in_the_same_order() -> None:
    def said(one: formats.Format) -> tuple[object, ...]:
        return one.name, one.anchors, one.at_end, one.searched, one.is_stream

    assert list(map(said, formats.found())) == list(map(said, formats.every()))


@pytest.mark.parametrize("text", [None, "", "{", '{"files": [], "formats": []}'])
def test_an_index_that_is_not_of_these_files_is_not_used(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unread: None
) -> None:
    index = tmp_path / "formats.json"
    if text is not None:
        index.write_text(text)
    monkeypatch.setattr(formats, "INDEX", index)
    assert formats.found() == formats.every()


def test_a_new_file_makes_the_index_void(monkeypatch: pytest.MonkeyPatch, unread: None) -> None:
    files = formats._files()
    monkeypatch.setattr(formats, "_files", lambda: [*files, "formats.new"])
    monkeypatch.setattr(formats, "every", tuple)
    assert formats.found() == ()


def test_a_format_is_read_through_its_row() -> None:
    data = View(gzip.compress(b"some text " * 20))
    (named,) = [one for one in formats.found() if one.name == "gzip"]
    reading = recognise(data, Context(Budget()))
    assert reading is not None
    assert reading.format == "gzip"
    direct = named.read(data, Context(Budget()))
    assert direct is not None
    assert (direct.size, direct.kind) == (reading.size, reading.kind)


def test_few_modules_are_imported_for_what_is_no_image() -> None:
    script = (
        "import sys\n"
        "from firmware_checks.budget import Budget\n"
        "from firmware_checks.reading import Context\n"
        "from firmware_checks.recognise import recognise\n"
        "from firmware_checks.view import View\n"
        "recognise(View(bytes(range(1, 200)) * 9), Context(Budget()))\n"
        "print(*(m for m in sys.modules if m.startswith('firmware_checks.f')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    imported = done.stdout.split()
    assert "firmware_checks.formats.fit" not in imported
    assert "firmware_checks.formats.rauc" not in imported, "its trailer is not there"
    assert len(imported) < 40
