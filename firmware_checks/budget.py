"""What one image may cost: bytes, depth, layers, files, time. A bomb ends here, and is said to be one."""

import time
from collections.abc import Callable
from dataclasses import dataclass

MIB = 1 << 20


class OutOfBudget(Exception):
    """A limit was reached; the text says which. Caught where a layer is read, and recorded there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one image. The defaults suit a Raspberry Pi with 1 GiB of memory."""

    one_layer: int = 160 * MIB
    """Bytes that one compressed stream may become, held in memory at once beside its decoder. An image that
    is a file of its own, or a part of one that stands there as it is, is mapped and may be larger."""
    all_bytes: int = 4096 * MIB
    """Bytes of all layers and files together, read one after the other."""
    ratio: int = 400
    """A stream that grows by more than this beyond its first MiB is a bomb (xz of zeros: 7000)."""
    depth: int = 12
    layers: int = 2_000
    files: int = 200_000
    in_compressed_files: int = 512 * MIB
    """Bytes of all files of trees that were compressed alone; the manual pages of a desktop are 60 MiB."""
    seconds: float = 300.0
    searching: float = 4.0
    """Of the processor, for tries in unknown bytes that find nothing; the search ends when they are used up."""
    symbols: int = 16_000_000
    """Of streams that are decoded in plain Python; the drivers of OVMF, 13 MB, have two million."""
    reckoning: int = 10_000
    """Milliseconds of a PC for signatures that are reckoned in plain Python: 80 files of Zigbee, 150 of STM32."""


class Budget:
    """What was used of the limits."""

    def __init__(
        self, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limits = limits or Limits()
        self.bytes = self.layers = self.files = self.in_compressed_files = 0
        self.symbols = self.reckoned = 0
        self._clock, self._until = clock, clock() + self.limits.seconds

    def take(self, number: int) -> None:
        """Before ``number`` bytes are produced. Raises OutOfBudget."""
        self.bytes += number
        if self.bytes > self.limits.all_bytes:
            raise OutOfBudget(f"more than {self.limits.all_bytes // MIB} MiB of content")
        self.check_time()

    def layer(self, depth: int) -> None:
        """Before a layer is opened. Raises OutOfBudget."""
        self.layers += 1
        if depth > self.limits.depth:
            raise OutOfBudget(f"more than {self.limits.depth} layers inside each other")
        if self.layers > self.limits.layers:
            raise OutOfBudget(f"more than {self.limits.layers} layers")
        self.check_time()

    def file(self) -> None:
        """Before a file is looked at. Raises OutOfBudget."""
        self.files += 1
        if self.files > self.limits.files:
            raise OutOfBudget(f"more than {self.limits.files} files")
        self.check_time()

    def symbol(self, number: int) -> None:
        """Before ``number`` symbols are decoded in plain Python. Raises OutOfBudget."""
        self.symbols += number
        if self.symbols > self.limits.symbols:
            raise OutOfBudget(f"more than {self.limits.symbols} symbols of EFI's compression")
        self.check_time()

    def may_reckon(self, milliseconds: int) -> bool:
        """Whether so much may still be reckoned in plain Python, which counts as done then."""
        self.check_time()
        self.reckoned += milliseconds
        return self.reckoned <= self.limits.reckoning

    def compressed_file(self, size: int) -> None:
        """Before the content of a compressed file, which is no layer, is looked at. Raises OutOfBudget."""
        self.in_compressed_files += size
        self.check_time()

    def is_full_of_compressed_files(self) -> bool:
        """Further ones are not decompressed."""
        return self.in_compressed_files > self.limits.in_compressed_files

    def room(self, compressed: int) -> int:
        """Bytes that a stream of ``compressed`` bytes may become."""
        return min(self.limits.one_layer, MIB + compressed * self.limits.ratio)

    def check_time(self) -> None:
        """Raises OutOfBudget when the time is up."""
        if self._clock() > self._until:
            raise OutOfBudget(f"more than {self.limits.seconds:g} s")
