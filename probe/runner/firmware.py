"""A run over firmware images: each read in a process of its own, its facts in the journal like all others.

An image is hostile: whatever it does to its reader ends in that process, and becomes a finding.
"""

import contextlib
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from firmware_checks.examine import Image, NotAnImage, examine, opened
from firmware_checks.reading import Keys
from probe import registry
from probe.collect.recording import Recording
from probe.errors import ProbeError
from probe.model import event as ev
from probe.model.device import image_device
from probe.model.dut import Dut
from probe.model.evidence import Coverage, Evidence
from probe.model.finding import Owner
from probe.model.ids import DeviceId, JobId
from probe.model.observation import NotMeasured, Observation
from probe.model.run import Job, RunStatus
from probe.model.text import clean
from probe.runner.judging import Judging
from probe.runner.recorder import JournalRecorder
from probe.store.journal import Journal

COLLECTOR = "firmware"
ADDRESS_SPACE = 4 << 30
"""Of one reader: a mapped image of 4 GiB counts into it, so larger ones get as much again."""
LONGEST_S = 400.0
"""A reader that is still there after this is ended; its own budget should have ended it before."""
Progress = Callable[[str, int, int], None]
"""``(sentence, images done, images known)``."""


@dataclass(slots=True)
class _Reader:
    """The process that reads one image."""

    image: Image
    job: JobId
    process: Any
    pipe: Connection
    until: float


class FirmwareRun:
    """Examines images two at a time, writes what is found, judges each when it is done."""

    def __init__(self, journal: Journal, keys: Keys, progress: Progress) -> None:
        self.journal, self.keys, self.progress = journal, keys, progress
        self.recorder = JournalRecorder(journal)
        assert journal.state.run is not None
        plan = journal.state.run.plan
        self._judging = Judging(self.recorder, registry.chosen_catalogues(plan.catalogues))
        self._done = self._known = 0

    def run(self, paths: Sequence[Path], *, at_once: int | None = None) -> None:
        """Returns when every image is done. One that cannot be read does not stop the others."""
        waiting, readers = list(dict.fromkeys(paths)), list[_Reader]()
        self._known = len(waiting)
        most = at_once or max(1, min(4, os.cpu_count() or 1))
        self.recorder.append(ev.StatusChanged(status=RunStatus.RUNNING))
        try:
            while waiting or readers:
                while waiting and len(readers) < most:
                    if reader := self._begin(waiting.pop(0)):
                        readers.append(reader)
                for reader in self._heard(readers):
                    readers.remove(reader)
        except BaseException:
            for reader in readers:
                reader.process.kill()
            self.recorder.append(
                ev.StatusChanged(status=RunStatus.STOPPED, reason="stopped by the operator")
            )
            raise
        self.recorder.append(ev.StatusChanged(status=RunStatus.FINISHED))

    # --- one image -------------------------------------------------------------------------------

    def _begin(self, path: Path) -> _Reader | None:
        """Start the reader of one image; None when there is nothing to do or to read."""
        try:
            with opened(path) as (image, _):
                pass
        except NotAnImage as error:
            self._done += 1
            self.recorder.append(ev.Noted(level="error", text=clean(f"{path}: {error}.", 300)))
            self.progress(f"{path.name}: {error}", self._done, self._known)
            return None
        device = image_device(image.sha256, clean(image.name, 100))
        job = JobId(f"{COLLECTOR}/{device.id}/{image.sha256}")
        if job in self.journal.state.job_finished:
            self._done += 1
            self.progress(f"{path.name}: done before", self._done, self._known)
            return None
        self.recorder.append(ev.DeviceSeen(device=device))
        title = f"firmware image {clean(image.name, 100)}, {image.size} bytes"
        self.recorder.append(
            ev.JobKnown(job=Job(id=job, device=device.id, collector=COLLECTOR, title=title))
        )
        self.recorder.append(ev.JobStarted(job=job))
        # Forked: the modules are there already, and the reader has a copy of everything else.
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=_read, args=(path, image, device.id, job, self.keys, theirs), daemon=True
        )
        process.start()
        theirs.close()
        self.progress(f"{path.name}: being read", self._done, self._known)
        return _Reader(image, job, process, ours, time.monotonic() + LONGEST_S)

    def _heard(self, readers: list[_Reader]) -> Iterator[_Reader]:
        """Write what the readers said; yields those that are done."""
        ready = wait([r.pipe for r in readers], timeout=1.0)
        for reader in list(readers):
            if reader.pipe in ready:
                if (trouble := self._take(reader)) is None:
                    continue
            elif time.monotonic() > reader.until:
                reader.process.kill()
                trouble = f"its reader was ended after {LONGEST_S:g} s"
            else:
                continue
            reader.process.join()
            self._finish(reader, trouble)
            yield reader

    def _take(self, reader: _Reader) -> str | None:
        """One message: None while more is to come, else the reader's trouble, empty without any."""
        try:
            kind, value = reader.pipe.recv()
        except EOFError:
            reader.process.join()
            return f"its reader died ({_death(reader.process.exitcode)})"
        if kind == "kept":
            self.recorder.keep(*value)
        elif kind == "observed":
            self.recorder.observe(value)
        else:
            return str(value)
        return None

    def _finish(self, reader: _Reader, trouble: str) -> None:
        device = image_device(reader.image.sha256, "").id
        if trouble:
            fact = NotMeasured(
                collector=COLLECTOR,
                subject=clean(reader.image.name, 100),
                reason=clean(f"the image could not be examined to its end: {trouble}", 300),
                owner=Owner.TOOL.value,
                settle="Report the image's format as a defect of the probe, with the image if you may.",
            )
            tried = Coverage(tried="reading the image", times=1, deadline_s=LONGEST_S)
            self.recorder.observe_fact(f"{COLLECTOR}-reader", device, fact, tried)
        self.recorder.append(
            ev.JobFinished(
                job=reader.job,
                ok=not trouble,
                reason=trouble,
                owner=Owner.TOOL if trouble else None,
            )
        )
        self._judging.final(device)
        self.recorder.append(ev.DeviceDone(device=device))
        self._done += 1
        self.progress(f"{reader.image.name}: examined", self._done, self._known)


# --- in the reader's process -----------------------------------------------------------------------


class _Sender:
    """The recorder of the reader: everything goes through the pipe."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def keep(self, evidence: Evidence, data: bytes) -> None:
        self._pipe.send(("kept", (evidence, data)))

    def observe(self, observation: Observation) -> None:
        self._pipe.send(("observed", observation))


def _read(
    path: Path, image: Image, device: DeviceId, job: JobId, keys: Keys, pipe: Connection
) -> None:
    size = ADDRESS_SPACE + 2 * image.size
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    known = image_device(image.sha256, clean(image.name, 100))
    recording = Recording(
        job=job,
        collector=COLLECTOR,
        recorder=_Sender(pipe),
        view=lambda: Dut(known, ()),
        clock=time.time,
    )
    trouble = ""
    try:
        with opened(path) as (now, view):
            if now.sha256 != image.sha256:
                trouble = "the file changed while it was read"
            else:
                examine(now, view, recording, keys)
    except NotAnImage as error:
        trouble = str(error)
    except MemoryError:
        trouble = "it needed more memory than a reader may have"
    except Exception as error:  # noqa: BLE001 - whatever surprises the reader is a finding, never a silence
        trouble = f"{type(error).__name__}: {error}"
    with contextlib.suppress(BrokenPipeError):
        pipe.send(("done", trouble))
    del device


def _death(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def files_of(paths: Sequence[Path]) -> list[Path]:
    """The images meant: files as they are, of a folder every file in it, sorted. Raises ProbeError."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink())
        elif path.exists():
            found.append(path)
        else:
            raise ProbeError(
                f"There is no file {path}", "Name a firmware image, or a folder of them."
            )
    if not found:
        raise ProbeError("No image was found there", "Name a firmware image, or a folder of them.")
    return found
