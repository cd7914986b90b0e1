"""Brotli as edk2 has it: behind how many bytes it becomes, and how many its decoder needs.

Sources: RFC 7932; edk2's ``BrotliCustomDecompressLib`` (two numbers of 64 bits before the stream).
"""

from firmware_checks.budget import Budget
from firmware_checks.streams import FED, STEP, Stream, too_large
from firmware_checks.view import Malformed, View

HEADER = 16
LITTLE = 64
"""The last bytes go in one by one: the library takes what is behind the end for damage, and says not where it is."""


def expanded(view: View, budget: Budget) -> Stream:
    """The stream at the beginning of ``view``. Damage is the stream's problem, with what came before it; Malformed is
    for a header that cannot be one's, OutOfBudget for the limits of the whole image."""
    size, data = view.u64(0), view.part(HEADER)
    if size > (room := budget.room(len(data))):
        return Stream(used=len(view), data=View(b""), problem=too_large(room))
    out = bytearray()
    try:
        used = _unpacked(data, size, out, budget)
    except Malformed as error:
        return Stream(used=len(view), data=View(out), problem=str(error))
    problem = f"it says {size} bytes and is {len(out)}" if len(out) != size else ""
    return Stream(used=HEADER + used, data=View(out), problem=problem)


def _unpacked(data: View, size: int, out: bytearray, budget: Budget) -> int:
    """Into ``out``; returns where the stream ends. Raises Malformed, OutOfBudget."""
    import brotli  # type: ignore[import-untyped]

    decoder, at = brotli.Decompressor(), 0
    while not decoder.is_finished():
        fed = b""
        if decoder.can_accept_more_data():
            fed = data.read(at, min(FED, max(len(data) - at - LITTLE, 1), len(data) - at))
            at += len(fed)
        try:
            more = decoder.process(fed, output_buffer_limit=STEP)
        except brotli.error:
            why = f"the Brotli stream is damaged near byte {at}, or something stands behind it"
            raise Malformed(why) from None
        if not more and not fed:
            raise Malformed(f"the Brotli stream is cut short after {at} bytes")
        budget.take(len(more))
        out += more
        if len(out) > size:
            raise Malformed(f"the Brotli stream grows beyond the {size} bytes that it says")
    return at
