"""Bytes as a format reads them: bounded, counted from the layer's own beginning, never beyond its end."""

import hashlib
import mmap
import struct
from collections.abc import Iterator
from typing import Any

Buffer = bytes | memoryview
HELD = 64 << 20
"""Bytes of a mapped file that are gone through before its pages are let go."""


class Malformed(Exception):
    """What is there is not what the format says should be; the text says where and why."""


class View:
    """A window on bytes. Slicing copies nothing; every read outside raises Malformed."""

    __slots__ = ("_data",)

    def __init__(self, data: Any) -> None:
        """``data``: anything with the buffer protocol (bytes, mmap, memoryview)."""
        self._data = memoryview(data).toreadonly().cast("B")

    def __len__(self) -> int:
        return len(self._data)

    @property
    def raw(self) -> memoryview:
        """The window itself, for functions that take buffers."""
        return self._data

    def part(self, offset: int, size: int | None = None) -> "View":
        """A window of ``size`` bytes from ``offset``, to the end without ``size``."""
        end = len(self) if size is None else offset + size
        if not 0 <= offset <= end <= len(self):
            raise Malformed(f"bytes {offset} to {end} of {len(self)} are not there")
        return View(self._data[offset:end])

    def read(self, offset: int = 0, size: int | None = None) -> bytes:
        """A copy of ``size`` bytes from ``offset``, to the end without ``size``."""
        return bytes(self.part(offset, size).raw)

    def starts_with(self, magic: bytes, offset: int = 0) -> bool:
        return bytes(self._data[offset : offset + len(magic)]) == magic

    def unpack(self, layout: str, offset: int = 0) -> tuple[Any, ...]:
        """``struct.unpack_from`` with Malformed in place of its error, and without offsets from the end."""
        try:
            if offset >= 0:
                return struct.unpack_from(layout, self._data, offset)
        except (struct.error, OverflowError):
            pass
        raise Malformed(f"{struct.calcsize(layout)} bytes at {offset} are not there")

    def u8(self, offset: int) -> int:
        return int(self.unpack("B", offset)[0])

    def u16(self, offset: int, order: str = "<") -> int:
        return int(self.unpack(order + "H", offset)[0])

    def u32(self, offset: int, order: str = "<") -> int:
        return int(self.unpack(order + "I", offset)[0])

    def u64(self, offset: int, order: str = "<") -> int:
        return int(self.unpack(order + "Q", offset)[0])

    def text(self, offset: int, size: int) -> str:
        """A text field that ends at its first NUL; what is no UTF-8 is replaced."""
        return self.read(offset, size).split(b"\0", 1)[0].decode("utf-8", "replace")

    def sha256(self) -> str:
        digest = hashlib.sha256()
        for window in self.windows(HELD):
            digest.update(window)
        return digest.hexdigest()

    def release(self) -> None:
        """Let go of the pages of a mapped file, which come back when they are read again: a file of 4 GiB
        that was gone through from its beginning to its end would else count as 4 GiB of memory."""
        if isinstance(self._data.obj, mmap.mmap):
            self._data.obj.madvise(mmap.MADV_DONTNEED)

    def find(self, needle: bytes, start: int = 0, end: int | None = None) -> int:
        """Offset of ``needle``, -1 when it is not there. Searches in windows, so that nothing is copied whole."""
        stop, step, at = len(self) if end is None else min(end, len(self)), 4096, start
        held = at + HELD
        while at < stop:
            if at > held:
                self.release()
                held = at + HELD
            window = bytes(self._data[at : min(at + step + len(needle) - 1, stop)])
            if (hit := window.find(needle)) >= 0:
                return at + hit
            # Small windows first: where hits are dense, a large one for each would cost a copy each.
            at, step = at + step, min(4 * step, 1 << 20)
        return -1

    def is_filled_with(self, *values: int) -> bool:
        """Every byte is the same one of ``values`` (padding: 0x00, 0xFF)."""
        if not len(self):
            return True
        first = self._data[0]
        if first not in values:
            return False
        block = bytes([first]) * 65_536
        return all(bytes(window) == block[: len(window)] for window in self.windows(65_536))

    def windows(self, size: int) -> Iterator[memoryview]:
        """The bytes in windows of ``size``, the last one shorter."""
        held = HELD
        for at in range(0, len(self), size):
            yield self._data[at : at + size]
            if at + size >= held:
                self.release()
                held += HELD
