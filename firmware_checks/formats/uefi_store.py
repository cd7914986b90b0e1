"""The variables of a UEFI variable store as a tree: ``VENDOR/NAME``, with those that were deleted and still lie there.

Source: edk2's ``VariableFormat.h`` (stores with and without authentication) and ``WorkingBlockHeader.h`` (where a
write that was broken off is kept). What the keys of Secure Boot say is in ``uefi_variables``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from firmware_checks.budget import Budget
from firmware_checks.formats.uefi_sections import PADDING, entry
from firmware_checks.reading import Entry
from firmware_checks.view import Malformed, View

HEADERS = {
    UUID("aaf32c78-947b-439a-a180-2e144ec37792"): 60,
    UUID("ddcf3616-3275-4164-98b6-fe85707ffe7d"): 32,
}
"""Bytes before a variable's name: with the fields of authentication, and without."""
HEAD = 28
FORMATTED, HEALTHY = 0x5A, 0xFE
START = b"\xaa\x55"
HOLDS = (0x3F, 0x3E)
"""Added; added, and about to be replaced. A bit is cleared for each step of a variable's life."""
WORKING = UUID("9e58292b-7c68-497d-a0ce-6500fd9f1b95").bytes_le
WORKING_HEAD = 32
LONGEST_NAME = 1024


@dataclass(frozen=True, slots=True)
class Store:
    """What stands behind the header of a volume of variables."""

    view: View

    def entries(self, budget: Budget) -> Iterator[tuple[Entry, View]]:
        """Every variable, and what is none."""
        view = self.view
        if view.is_filled_with(*PADDING):
            return
        kind = UUID(bytes_le=view.read(0, 16))
        size, form, state = view.unpack("<IBB", 16)
        if kind not in HEADERS or not HEAD <= size <= len(view):
            yield entry(
                "variables", view, problem=f"not a store of variables that is known: {kind}"
            )
            return
        if (form, state) != (FORMATTED, HEALTHY):
            why = f"the store says that it is not whole ({form:#x}, {state:#x})"
            yield entry("variables", View(b""), problem=why)
        yield from _variables(view.part(0, size), HEADERS[kind], budget)
        rest = view.part(size)
        if not _is_idle(rest):
            why = "what a write that was broken off left here was not read as variables"
            yield entry("behind the variables", rest, problem=why)


def _variables(store: View, header: int, budget: Budget) -> Iterator[tuple[Entry, View]]:
    at = HEAD
    while at + header <= len(store) and store.starts_with(START, at):
        budget.check_time()
        try:
            name_size, size = store.unpack("<II", at + header - 24)
            vendor = UUID(bytes_le=store.read(at + header - 16, 16))
            text = store.read(at + header, min(name_size, LONGEST_NAME) // 2 * 2)
            value = store.part(at + header + name_size, size)
        except Malformed:
            break
        name = text.decode("utf-16-le", "replace").split("\0", 1)[0].replace("/", "_")
        gone = "" if store.u8(at + 2) in HOLDS else "deleted/"
        yield entry(f"{gone}{vendor}/{name or 'nameless'}", value)
        at = (at + header + name_size + size + 3) // 4 * 4
    rest = store.part(min(at, len(store)))
    if not rest.is_filled_with(*PADDING):
        yield entry(f"at {at:#x}", rest, problem="bytes behind the last variable that can be read")


def _is_idle(rest: View) -> bool:
    """Nothing, or the header of an empty working block in erased flash."""
    at = rest.find(WORKING)
    if at < 0 or at + WORKING_HEAD > len(rest):
        return rest.is_filled_with(*PADDING)
    before, behind = rest.part(0, at), rest.part(at + WORKING_HEAD)
    return before.is_filled_with(*PADDING) and behind.is_filled_with(*PADDING)
