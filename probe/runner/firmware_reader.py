"""The process that reads one image: started by itself, with memory limits, heard through a pipe."""

import contextlib
import gc
import mmap
import multiprocessing
import os
import resource
import signal
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from firmware_checks.examine import Image, NotAnImage, examine, opened
from firmware_checks.reading import Keys
from probe.collect.recording import Recording
from probe.errors import ProbeError
from probe.model.device import Device, image_device
from probe.model.dut import Dut
from probe.model.evidence import Evidence
from probe.model.fact import Observation
from probe.model.finding import Owner
from probe.model.ids import DeviceId, JobId
from probe.model.text import clean

COLLECTOR = "firmware"
LONGEST_NAME = 100
"""Characters of an image's name; of a longer way the end is kept."""
CUT = "\N{HORIZONTAL ELLIPSIS}"
ADDRESS_SPACE = 4 << 30
"""Of one reader: a mapped image of 4 GiB counts into it, so larger ones get as much again."""
LONGEST_S = 400.0
"""A reader that is still there after this is ended; its own budget should have ended it before."""
_SECONDS = struct.Struct("d")


@dataclass(slots=True)
class Reader:
    """The process that reads one image."""

    image: Image
    device: DeviceId
    job: JobId
    process: Any
    pipe: Connection
    until: float
    paused: mmap.mmap
    """Seconds of all pauses so far, as a double; the reader's own clock is behind by them."""
    held_at: float | None = None

    def hold(self) -> None:
        """Stand still, and need nothing of the processor."""
        if self.held_at is None:
            self.held_at = time.monotonic()
            self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        if self.held_at is not None:
            away, self.held_at = time.monotonic() - self.held_at, None
            self.until += away
            self.paused[:8] = _SECONDS.pack(_SECONDS.unpack(self.paused[:8])[0] + away)
            self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self.process.exitcode is None:
            os.kill(self.process.pid, number)


@dataclass(slots=True)
class Early:
    """Readers that were started before there was a journal, and the devices that images are of."""

    readers: dict[Path, Reader] = field(default_factory=dict)
    devices: Mapping[Path, Device] = field(default_factory=dict)
    expected: Mapping[Path, str] = field(default_factory=dict)
    """SHA-256 of the files that the run was given; another content is not examined in their stead."""
    undone: set[DeviceId] = field(default_factory=set)
    """Devices on a network whose other work did not come to its end."""

    def start(self, path: Path, keys: Keys) -> None:
        """Begin to read an image; raises NotAnImage."""
        with opened(path) as (image, _):
            pass
        known = image_device(image.sha256, clean(image.name, 100))
        self.readers[path] = started(path, image, known, keys)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an image was not examined to its end, and whose doing that is."""

    text: str
    owner: Owner = Owner.TOOL


def job_of(device: Device, sha256: str) -> JobId:
    return JobId(f"{COLLECTOR}/{device.id}/{sha256}")


def import_once() -> None:
    """Import what every reader needs, for all that are forked after it: each has a third of a second less to do.
    Not for one or two, which import it beside what the run itself needs at its start."""
    from firmware_checks import content, formats
    from firmware_checks.content.scan import scanner

    # What fails here fails in each reader too, and is a finding of its image there.
    with contextlib.suppress(Exception):
        formats.every()
        content.topics()
        scanner()
        import cryptography.hazmat.primitives.serialization
        import cryptography.x509  # noqa: F401


def started(path: Path, image: Image, device: Device, keys: Keys) -> Reader:
    # Forked: the modules are there already, and the reader has a copy of everything else.
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    job, paused = job_of(device, image.sha256), mmap.mmap(-1, mmap.PAGESIZE)
    process = context.Process(
        target=_read, args=(path, image, device, job, keys, theirs, paused), daemon=True
    )
    # A Ctrl-C between the fork and the reader's own word on signals would end in a traceback.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    theirs.close()
    return Reader(image, device.id, job, process, ours, time.monotonic() + LONGEST_S, paused)


class _Sender:
    """The recorder of the reader: everything goes through the pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def keep(self, evidence: Evidence, data: bytes) -> None:
        self._pipe.send(("kept", (evidence, data)))

    def observe(self, observation: Observation) -> None:
        self._pipe.send(("observed", observation))


def _read(
    path: Path,
    image: Image,
    device: Device,
    job: JobId,
    keys: Keys,
    pipe: Connection,
    paused: mmap.mmap,
) -> None:
    _alone(pipe.fileno())
    gc.set_threshold(700)  # Python's own: garbage may hold a whole layer here
    size = ADDRESS_SPACE + 2 * image.size
    # Who starts the probe may have set a lower bound, which cannot be lifted.
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    size = size if most == resource.RLIM_INFINITY else min(size, most)
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    recording = Recording(
        job=job,
        collector=COLLECTOR,
        recorder=_Sender(pipe),
        view=lambda: Dut(device, ()),
        clock=time.time,
    )
    trouble: Trouble | None = None
    try:
        with opened(path) as (now, view):
            if now.sha256 != image.sha256:
                trouble = Trouble("the file changed while it was read", Owner.OPERATOR)
            else:
                examine(now, view, recording, keys, clock=_clock(os.getppid(), paused))
    except NotAnImage as error:
        trouble = Trouble(str(error), Owner.OPERATOR)
    except MemoryError:
        trouble = Trouble("it needed more memory than a reader may have")
    except Exception as error:  # noqa: BLE001 - whatever surprises the reader is a finding, never a silence
        trouble = Trouble(f"{type(error).__name__}: {error}")
    with contextlib.suppress(BrokenPipeError):
        pipe.send(("done", trouble))


def _alone(pipe: int) -> None:
    """Of what was forked with it the reader keeps its pipe only: not the run's lock, which would be held on
    behind a dead run, nor its database and sockets; and signals are not for the run's event loop."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Ctrl-C reaches everybody at the terminal; it is the run that ends its readers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.closerange(3, pipe)
    os.closerange(pipe + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _clock(parent: int, paused: mmap.mmap) -> Callable[[], float]:
    """The budget's clock: it stands still in a pause, and ends a reader that nobody listens to any more."""

    def now() -> float:
        if os.getppid() != parent:
            os._exit(1)
        seconds: float = _SECONDS.unpack(paused[:8])[0]
        return time.monotonic() - seconds

    return now


def death(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the operator's paths name: files to examine, and links out of a folder, which nobody follows: a
    folder may have been unpacked from what somebody else made."""

    files: list[Path]
    links: list[Path]


def names_of(paths: Sequence[Path]) -> dict[Path, str]:
    """A name for each that tells it from the others: its way from the folder that they have in common."""
    above = os.path.commonpath([os.path.abspath(p.parent) for p in paths]) if paths else ""
    names = {p: clean(os.path.relpath(os.path.abspath(p), above), 4096) for p in paths}
    return {
        p: n if len(n) <= LONGEST_NAME else CUT + n[1 - LONGEST_NAME :] for p, n in names.items()
    }


def files_of(paths: Sequence[Path]) -> Chosen:
    """Files as they are, of a folder everything in it that is no folder, sorted: what cannot be examined is
    told then, not passed over. Links to folders are not followed. Raises ProbeError."""
    files, links = list[Path](), list[Path]()
    for path in paths:
        if path.is_dir():
            for inside in sorted(p for p in path.rglob("*") if not p.is_dir()):
                if not inside.is_symlink() or not inside.exists():
                    files.append(inside)
                elif not inside.resolve().is_relative_to(path.resolve()):
                    links.append(inside)
        elif path.exists():
            files.append(path)
        else:
            raise ProbeError(
                f"There is no file {path}", "Name a firmware image, or a folder of them."
            )
    if not files:
        raise ProbeError("No image was found there", "Name a firmware image, or a folder of them.")
    return Chosen(files, links)
