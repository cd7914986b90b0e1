"""Layers inside bytes of no known format, looked for within a time of its own."""

from time import thread_time

from firmware_checks.budget import OutOfBudget
from firmware_checks.guess import beginnings, is_text
from firmware_checks.reading import Context, Reading
from firmware_checks.recognise import recognise
from firmware_checks.view import HELD, View
from probe.model.firmware import LayerKind

SMALLEST_UNKNOWN = 64
"""Fewer unknown bytes than this between layers are taken for alignment."""
MOST_TRIED = 10_000
"""Places of one image at which a layer might begin and did not."""
SMALLEST_IMAGE = 4096
"""A smaller file of a tree, of no known format, is not searched for layers."""
IMAGES = frozenset({LayerKind.FILE_SYSTEM, LayerKind.FLASH, LayerKind.ARCHIVE, LayerKind.UPDATE})
ENDLESS = {
    LayerKind.COMPRESSION: frozenset(LayerKind),
    LayerKind.FILE_SYSTEM: frozenset({LayerKind.FILE_SYSTEM, LayerKind.FLASH}),
    LayerKind.FLASH: frozenset({LayerKind.FILE_SYSTEM, LayerKind.FLASH}),
}
"""What may stand behind a damaged layer of a kind, and not inside it: files hold streams and archives."""


class Search:
    """The tries of one image. When their time is up nothing more is looked for; who asks has to tell it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tried, self._tried_s = 0, 0.0

    def left(self) -> bool:
        """Whether there is time for one more try."""
        return self._tried < MOST_TRIED and self._tried_s < self._context.budget.limits.searching

    def begins(self, view: View) -> Reading | None:
        """What begins in the middle of other bytes. A try that finds nothing costs of the time for tries."""
        begun = thread_time()
        try:
            reading = recognise(view, self._context, searched=True)
        except OutOfBudget:
            reading = None
        if reading is not None and not reading.doubtful:
            return reading
        self._tried += 1
        self._tried_s += thread_time() - begun
        if len(view) > HELD:
            view.release()
        return None

    def extent(self, view: View, reading: Reading) -> int:
        """Bytes from which on the next layer is looked for. A damaged stream or file system does not say, or
        not truly, where it ends: what stands whole inside its claim must not vanish behind it."""
        size = min(reading.size, len(view))
        if not reading.problem or reading.kind not in ENDLESS:
            return size
        within = view.part(0, size)
        for offset in beginnings(within):
            if self.left() and offset >= SMALLEST_UNKNOWN:
                begun = thread_time()
                inside = self.begins(within.part(offset))
                if inside and inside.kind in ENDLESS[reading.kind] and may_end(reading, inside):
                    return offset
                # In a stream that became too large every further one may cost as much again.
                self._tried_s += thread_time() - begun if inside else 0
        return size

    def finds_image(self, view: View) -> bool:
        """A file of no known format in which one begins further inside: an image with a header of its maker's
        own, or one whose beginning is damaged. Compressed data inside other data is no sign of an image."""
        if len(view) < SMALLEST_IMAGE or is_text(view):
            return False
        for offset in beginnings(view):
            if not self.left():
                return False
            if offset and (found := self.begins(view.part(offset))) and found.kind in IMAGES:
                return True
        return False


def may_end(damaged: Reading, inside: Reading) -> bool:
    """Whether what was found inside the claim of a damaged layer stands behind it."""
    if not inside.problem:
        return True
    return damaged.kind is LayerKind.COMPRESSION and inside.kind in ENDLESS[LayerKind.FLASH]
