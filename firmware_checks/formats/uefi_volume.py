"""UEFI firmware volumes: their files, or variables, are a tree, in which volumes inside volumes are layers again.

Source: UEFI Platform Initialization specification 1.8, volume 3, section 3.2.1.
"""

from collections import Counter
from functools import partial
from uuid import UUID

from firmware_checks.budget import Budget
from firmware_checks.formats import uefi_variables
from firmware_checks.formats.uefi_files import FFS, MAGIC, PAD, Files, Volume, files, name, volume
from firmware_checks.formats.uefi_store import Store
from firmware_checks.reading import Context, Format, Part, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

VARIABLES = "variables"
KINDS = FFS | {UUID("fff12b8d-7696-4c8b-a985-2747075b4f50"): VARIABLES}
TYPES = {
    0x01: "raw",
    0x02: "freeform",
    0x03: "SEC core",
    0x04: "PEI core",
    0x05: "DXE core",
    0x06: "PEI module",
    0x07: "driver",
    0x08: "PEI module and driver",
    0x09: "application",
    0x0A: "MM driver",
    0x0B: "volume",
    0x0C: "MM and DXE driver",
    0x0D: "MM core",
    0x0E: "standalone MM driver",
    0x0F: "standalone MM core",
}
MOST_TYPES = 12


class FirmwareVolume(Format):
    """The format."""

    name = "UEFI firmware volume"
    anchors = ((MAGIC, 40),)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        head = volume(view)
        if head is None:
            return None
        problem = ""
        if head.size > len(view):
            problem = f"cut short: {len(view)} of {head.size} bytes are there"
        body = view.part(0, min(head.size, len(view)))
        rest = body.part(min(head.header, len(body)))
        opened, stores = head.kind in FFS, KINDS.get(head.kind) == VARIABLES
        closed = not opened and not stores and not rest.is_filled_with(0x00, 0xFF)
        return Reading(
            format=self.name,
            kind=LayerKind.FLASH,
            size=len(body),
            details=tuple(_details(body, head, opened=opened)),
            problem=problem,
            parts=(Part(name="files", make=_unread),) if closed and not problem else (),
            tree=Files(body, head) if opened else Store(rest) if stores else None,
            says=partial(uefi_variables.known_keys, rest) if stores else None,
        )


FORMAT = FirmwareVolume()


def _details(body: View, head: Volume, *, opened: bool) -> list[tuple[str, str]]:
    rows = [("kind", KINDS.get(head.kind, str(head.kind))), ("revision", str(head.revision))]
    if known := name(body, head):
        rows.append(("name", known))
    if opened:
        kinds = [one.kind for one in files(body, head) if one.kind is not None]
        rows.append(("files", f"{len(kinds)}, {kinds.count(PAD)} of them padding"))
        types = Counter(TYPES.get(kind, f"type {kind:#x}") for kind in kinds if kind != PAD)
        if types:
            said = ", ".join(f"{n} {what}" for what, n in types.most_common(MOST_TYPES))
            rows.append(("types", said))
    return rows


def _unread(budget: Budget) -> View:
    raise Malformed("the files of volumes of this kind are not opened")
