"""What of an i.MX image no signature covers: all that is loaded has to stand in a block or in the command sequence file.

Source: NXP's "HABv4 API Reference Manual", sections 4.3.7 and 4.3.8; the i.MX reference manuals, "Image Vector Table".
"""

from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks import certificates
from firmware_checks.formats.imx_csf import CERTIFICATE
from firmware_checks.view import View

Ranges = list[tuple[int, int]]
"""Where blocks or structures begin and end."""
HEADER, BOOT_DATA = 32, 12


@dataclass(frozen=True, slots=True)
class Image:
    """Where the pieces stand that have to be under the signature, from the header on."""

    view: View
    own: int
    """The address of the header in memory."""
    csf: int
    data: int
    device_configuration: int
    """0 when there is none; it may stand in front of the header."""
    entry: int
    size: int


def uncovered(image: Image, covered: Ranges, structures: Ranges) -> tuple[list[str], int]:
    """What is loaded and stands in no block and no structure of the command sequence file, and bytes of padding."""
    left, padding = [], 0
    for start, end in _gaps(covered, structures, min(image.size, len(image.view))):
        names = [name for name, at, size in _pieces(image) if at < end and start < at + size]
        # Where a header has zeros, others would change what it says; zeros beside the program say nothing.
        if not names and _is_of_no_use(image.view.part(start, end - start), start >= image.csf):
            padding += (end - start) * (start < image.csf)
            continue
        left.append(f"bytes {start} to {end}" + (f" ({', '.join(names)})" if names else ""))
    if image.device_configuration and not 0 < image.device_configuration <= len(image.view) - 4:
        left.append("the device configuration, which is not in this image")
    if not any(start <= image.entry < end for start, end in covered):
        left.append("the entry point")
    return left, padding


def _is_of_no_use(view: View, behind: bool) -> bool:
    """Padding, or behind the commands a certificate that none of them speaks of: NXP's tool leaves one there with
    "fast authentication"."""
    at = 0
    if behind and len(view) > 4 and view.u8(0) == CERTIFICATE:
        size = view.u16(1, ">")
        if 4 < size <= len(view) and certificates.link(view.read(4, size - 4)) is not None:
            at = size
    return view.part(at).is_filled_with(0, 0xFF)


def _pieces(image: Image) -> Iterator[tuple[str, int, int]]:
    yield "the header", 0, HEADER
    yield "the boot data", image.data, BOOT_DATA
    if 0 < (at := image.device_configuration) <= len(image.view) - 4:
        yield "the device configuration", at, max(4, image.view.u16(at + 1, ">"))


def _gaps(covered: Ranges, structures: Ranges, size: int) -> Iterator[tuple[int, int]]:
    at = 0
    for start, end in sorted([*covered, *structures]):
        if start > at:
            yield at, min(start, size)
        at = max(at, end)
        if at >= size:
            return
    yield at, size
