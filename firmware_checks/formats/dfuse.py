"""ST's DfuSe: one file with several targets, each with pieces of memory.

Source: ST UM0391, "DfuSe File Format Specification". Nothing in it can be signed.
"""

from collections.abc import Iterator

from firmware_checks.memory import unsigned
from firmware_checks.reading import Context, Format, Part, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

MAGIC = b"DfuSe\x01"
PREFIX, TARGET, SUFFIX = 11, 274, 16
MOST_ELEMENTS = 1024


class DfuSe(Format):
    """The format."""

    name = "DfuSe file"
    anchors = ((MAGIC, 0),)

    def read(self, view: View, context: Context) -> Reading | None:
        size, targets = view.unpack("<IB", 6)
        parts: list[Part] = []
        problem, names, at = "", [], PREFIX
        try:
            # Some tools count the suffix behind it, which is another layer.
            whole = view.part(0, size if size - len(view) not in range(1, SUFFIX + 1) else None)
            for _ in range(targets):
                at, name = _target(whole, at, parts)
                names.append(name)
        except Malformed as error:
            problem = f"the file is cut short or damaged: {error}"
        return Reading(
            format=self.name,
            kind=LayerKind.TRANSPORT,
            size=min(max(at, size), len(view)),
            title=", ".join(name for name in names if name),
            details=tuple(
                (p.name, f"{len(p.view)} bytes") for p in parts[:50] if p.view is not None
            ),
            problem=problem,
            protection=unsigned("", problem),
            parts=tuple(parts),
        )


FORMAT = DfuSe()


def _target(view: View, at: int, parts: list[Part]) -> tuple[int, str]:
    """The pieces of one target; where it ends, and its name. Raises Malformed."""
    if not view.starts_with(b"Target", at):
        raise Malformed("a target does not begin where it should")
    setting, named = view.unpack("<BI", at + 6)
    name = view.text(at + 11, 255) if named else ""
    size, elements = view.unpack("<II", at + 266)
    end = at + TARGET + size
    at += TARGET
    for number, (offset, address, length) in enumerate(_elements(view, at, elements)):
        if number + len(parts) > MOST_ELEMENTS or offset + length > end:
            raise Malformed("more pieces of memory than there can be")
        where = f"setting {setting}, memory at {address:#010x}"
        parts.append(Part(name=where, view=view.part(offset, length), offset=offset))
    return end, name


def _elements(view: View, at: int, number: int) -> Iterator[tuple[int, int, int]]:
    for _ in range(number):
        address, size = view.unpack("<II", at)
        yield at + 8, address, size
        at += 8 + size
