"""Firmware images of a device as plain text, from the tables of its inventory."""

from collections.abc import Sequence

from probe.report.firmware_tables import STEP
from probe.report.lines import Lines, fact, wrap
from probe.report.viewmodel import DeviceView

MOST_COMPONENTS = 40


def images(device: DeviceView) -> Lines:
    """How far it was read, its layers as a tree, their protection, its components; else nothing."""
    for name, size, _, counted, left, keys in _rows(device, "images"):
        yield ""
        yield from fact("Image", f"{name}, {size} bytes", indent="  ")
        yield from fact(
            "Read", f"{counted}; {keys} key{'' if keys == '1' else 's'} given", indent="    "
        )
        yield from fact("Not read", left, indent="    ")
    yield from layers(device)
    for row in _rows(device, "protections"):
        yield ""
        yield from _protection(row)
    yield from _components(device)


def layers(device: DeviceView, most: int | None = None) -> Lines:
    """The tree, the first ``most`` lines of it."""
    rows = _rows(device, "layers")
    if rows:
        yield ""
        yield "  Layers:"
    for row in rows[:most]:
        yield from layer_line(row)
    left = len(rows[most:] if most is not None else ()) + sum(
        table.left_off for table in device.inventory if table.id == "layers"
    )
    if left:
        yield f"    and {left} more"


def _rows(device: DeviceView, name: str) -> Sequence[tuple[str, ...]]:
    return next((table.rows for table in device.inventory if table.id == name), ())


def layer_line(row: tuple[str, ...]) -> Lines:
    """One line of the tree."""
    place, name, what, size, version, says = row
    words = [what if place else "", f"{size} bytes" if size else "", version, says]
    said = ", ".join(filter(None, words))
    indent = "  " * (name.count(STEP) + 2)
    line = f"{place} {name.replace(STEP, '')}: {said}".strip().removesuffix(":")
    yield from wrap(line, indent, indent + "  ")


def _protection(row: tuple[str, ...]) -> Lines:
    layer, signing, why, key, covers, rollback, encrypted = row
    yield from fact(f"Protection of {layer}", f"{signing}; {why}", indent="  ")
    for label, text in (
        ("Key", key),
        ("Covers", covers),
        ("Against older", rollback),
        ("Encrypted", "yes" if encrypted == "yes" else ""),
    ):
        if text:
            yield from fact(label, text, indent="    ")


def _components(device: DeviceView) -> Lines:
    rows = _rows(device, "components")
    if rows:
        yield ""
        yield "  Components:"
    for name, version, evidence, path, _, advisories in rows[:MOST_COMPONENTS]:
        known = f"; by version alone: {advisories}" if advisories else ""
        yield from wrap(f"{name} {version} ({evidence}, {path}){known}", "    ", "      ")
    if len(rows) > MOST_COMPONENTS:
        yield f"    and {len(rows) - MOST_COMPONENTS} more, see the other formats"
