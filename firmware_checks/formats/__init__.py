"""Update, boot and transport formats: one file each, found by its place, asked in order of their rank.

``found()`` lists those of ``formats/`` and ``filesystems/``. A file may have ``RANK`` (50 without): lower is
asked sooner; formats with a trailer come before all others, for what carries the trailer has a magic too.

Most images need few of the formats, and importing all of them takes longer than reading a small image. So their
magics stand in ``data/formats.json`` too, which ``python -m firmware_checks.formats`` writes, and a module is
imported when a magic of its is met. A file that the index does not know of makes it void, and all are imported.
"""

import json
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from firmware_checks.reading import Context, Format, Reading
from firmware_checks.view import View

ROOMS = ("formats", "filesystems")
HERE = Path(__file__).parent.parent
INDEX = HERE / "data" / "formats.json"


class Indexed(Format):
    """A format by its row of the index; its module is imported when it is asked to read."""

    def __init__(self, row: dict[str, Any]) -> None:
        self._module: str = row["module"]
        self.name = row["name"]
        self.at_end, self.searched, self.is_stream = (
            row["at_end"],
            row["searched"],
            row["is_stream"],
        )
        self.anchors = tuple((bytes.fromhex(magic), offset) for magic, offset in row["anchors"])

    def read(self, view: View, context: Context) -> Reading | None:
        return _format(self._module).read(view, context)


@cache
def found() -> tuple[Format, ...]:
    """Every format, in the order of asking."""
    try:
        index = json.loads(INDEX.read_text("utf-8"))
    except (OSError, ValueError):
        return every()
    if index.get("files") != _files():
        return every()
    return tuple(Indexed(row) for row in index["formats"])


@cache
def every() -> tuple[Format, ...]:
    """The same with all of their modules imported."""
    return tuple(one for _, one in _ranked())


def index() -> dict[str, Any]:
    """What the index has to hold now."""
    rows = [
        {
            "module": module,
            "name": one.name,
            "at_end": one.at_end,
            "searched": one.searched,
            "is_stream": one.is_stream,
            "anchors": [[magic.hex(), offset] for magic, offset in one.anchors],
        }
        for module, one in _ranked()
    ]
    return {"files": _files(), "formats": rows}


def _files() -> list[str]:
    files = (file for room in ROOMS for file in (HERE / room).glob("[a-z]*.py"))
    return sorted(f"{file.parent.name}.{file.stem}" for file in files)


def _ranked() -> list[tuple[str, Format]]:
    ranked = []
    for name in _files():
        module = import_module(f"firmware_checks.{name}")
        if hasattr(module, "FORMAT"):
            this = _format(name)
            ranked.append((not this.at_end, getattr(module, "RANK", 50), this.name, name, this))
    return [(row[3], row[4]) for row in sorted(ranked, key=lambda row: row[:3])]


def _format(module: str) -> Format:
    return cast(Format, import_module(f"firmware_checks.{module}").FORMAT)
