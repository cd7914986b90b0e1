"""Which format begins here: each is asked in its order, by its magic first."""

from firmware_checks.formats import found
from firmware_checks.reading import Context, Format, Reading
from firmware_checks.view import Malformed, View

HEAD = 2048
"""Bytes at the beginning in which nearly every magic stands."""


def recognise(view: View, context: Context, *, searched: bool = False) -> Reading | None:
    """The first format that fits the beginning of ``view``. Raises OutOfBudget."""
    head = bytes(view.raw[:HEAD])
    for one in found():
        if (searched and not one.searched) or not _may_fit(one, view, head):
            continue
        try:
            reading = one.read(view, context)
        except Malformed:
            continue
        if reading is not None:
            return reading
    return None


def _may_fit(one: Format, view: View, head: bytes) -> bool:
    """Whether a magic of the format is there; ``head``: the first bytes, where nearly every one stands."""
    if not one.anchors:
        return True
    for magic, offset in one.anchors:
        if offset < 0 or offset + len(magic) > HEAD:
            if view.starts_with(magic, offset):
                return True
        elif head.startswith(magic, offset):
            return True
    return False


def may_be_layer(view: View) -> bool:
    """Whether a file of a file system is worth asking the formats about: not text, not a program."""
    return len(view) >= 32 and not view.starts_with(b"\x7fELF") and not view.starts_with(b"#!")


def is_stream(view: View) -> bool:
    """Whether it begins like a stream that has to be decompressed to be recognised."""
    head = bytes(view.raw[:HEAD])
    return any(one.is_stream and _may_fit(one, view, head) for one in found())


def is_module(view: View) -> bool:
    """A relocatable object of ELF, as kernel modules are (System V ABI, chapter 4: ET_REL)."""
    return view.starts_with(b"\x7fELF") and 1 in view.raw[16:18]
