"""UEFI firmware volumes: named and measured; the files in them are not opened here.

Source: UEFI Platform Initialization specification 1.8, volume 3, section 3.2.1.
"""

from functools import partial
from uuid import UUID

from firmware_checks.budget import Budget
from firmware_checks.formats import uefi_variables
from firmware_checks.reading import Context, Format, Part, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind

MAGIC = b"_FVH"
KINDS = {
    UUID("8c8ce578-8a3d-4f1c-9935-896185c32dd3"): "file system 2",
    UUID("5473c07a-3dcb-4dca-bd6f-1e9689e7349a"): "file system 3",
    UUID("fff12b8d-7696-4c8b-a985-2747075b4f50"): "variables",
}
VARIABLES = "variables"


class Volume(Format):
    """The format."""

    name = "UEFI firmware volume"
    anchors = ((MAGIC, 40),)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        size, header = view.u64(32), view.u16(48)
        if not 56 <= header <= 4096 or header % 2 or size <= header:
            return None
        words = view.unpack(f"<{header // 2}H", 0)
        if sum(words) & 0xFFFF:
            return None
        kind = UUID(bytes_le=view.read(16, 16))
        problem = f"cut short: {len(view)} of {size} bytes are there" if size > len(view) else ""
        body = view.part(0, min(size, len(view)))
        files = body.part(header)
        parts = (Part(name="files", make=_unread),)
        return Reading(
            format=self.name,
            kind=LayerKind.FLASH,
            size=len(body),
            details=(("kind", KINDS.get(kind, str(kind))), ("revision", str(view.u8(55)))),
            problem=problem,
            parts=() if problem or files.is_filled_with(0xFF, 0) else parts,
            says=partial(uefi_variables.known_keys, files)
            if KINDS.get(kind) == VARIABLES
            else None,
        )


FORMAT = Volume()


def _unread(budget: Budget) -> View:
    raise Malformed("the files of UEFI firmware volumes are not opened")
