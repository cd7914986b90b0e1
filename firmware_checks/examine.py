"""One image file, from its path to its facts. The only place that opens a file."""

import mmap
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from firmware_checks.budget import Budget, Limits
from firmware_checks.reading import Context, Keys
from firmware_checks.view import View
from probe.collect.recording import Recording

LARGEST = 4 << 30


class NotAnImage(Exception):
    """The path is no file that can be examined; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One file, identified by what is in it."""

    path: Path
    name: str
    size: int
    sha256: str


@contextmanager
def opened(path: Path) -> Iterator[tuple[Image, View]]:
    """The bytes of a regular file, mapped and not copied. Raises NotAnImage."""
    try:
        # Not blocking: opening a pipe or a terminal must not hang.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise NotAnImage(f"it cannot be opened: {error.strerror}") from None
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        raise NotAnImage("it is no regular file")
    with os.fdopen(handle, "rb") as file:
        if not found.st_size:
            raise NotAnImage("it is empty")
        if found.st_size > LARGEST:
            raise NotAnImage(f"it is larger than {LARGEST >> 30} GiB")
        # Never closed by hand: layers hold windows on the map, and it goes with the last of them.
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        view = View(data)
        yield Image(path=path, name=path.name, size=len(view), sha256=view.sha256()), view


def examine(
    image: Image,
    view: View,
    recording: Recording,
    keys: Keys,
    limits: Limits | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Record everything that can be said about the image. ``clock`` (seconds) may stand still in a pause."""
    # The reader's process imports what reads images, while the other one makes ready to write and judge.
    from firmware_checks.walk import Walk

    Walk(image.sha256, image.name, recording, Context(Budget(limits, clock), keys)).whole(view)
