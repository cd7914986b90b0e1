"""A run over firmware images: each read in a process of its own, its facts in the journal like all others.

An image is hostile: whatever it does to its reader ends in that process, and becomes a finding.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import wait
from pathlib import Path

from firmware_checks.examine import Image, NotAnImage, opened
from firmware_checks.reading import Keys
from probe import registry
from probe.model import event as ev
from probe.model.device import Attribute, Device, image_device
from probe.model.evidence import Coverage
from probe.model.fact import NotMeasured, Observation
from probe.model.finding import Owner
from probe.model.firmware import ImageComponent
from probe.model.ids import JobId
from probe.model.job import Job
from probe.model.run import RunStatus
from probe.model.text import clean
from probe.runner.firmware_reader import (
    COLLECTOR,
    LONGEST_S,
    Early,
    Reader,
    death,
    job_of,
    started,
)
from probe.runner.judging import Judging
from probe.runner.recorder import JournalRecorder
from probe.store.journal import Journal

MOST_AT_ONCE = 500
MOST_ADVISORIES = 100
Advice = Callable[[ImageComponent], tuple[str, ...]]
"""What imported advisories say of a component."""
Progress = Callable[[str, int, int], None]
"""``(sentence, images done, images known)``."""


class FirmwareRun:
    """Examines images two at a time, writes what is found, judges each when it is done."""

    def __init__(
        self,
        journal: Journal,
        keys: Keys,
        progress: Progress,
        early: Early | None = None,
        advice: Advice | None = None,
    ) -> None:
        self.journal, self.keys, self._progress = journal, keys, progress
        self._early, self._advice = early or Early(), advice
        self.recorder = JournalRecorder(journal)
        assert journal.state.run is not None
        plan = journal.state.run.plan
        self._judging = Judging(self.recorder, registry.chosen_catalogues(plan.catalogues))
        self._done = self._known = 0
        self._under_way: set[JobId] = set()

    def run(self, paths: Sequence[Path], *, at_once: int | None = None) -> None:
        """Returns when every image is done. One that cannot be read does not stop the others."""
        self.recorder.append(ev.StatusChanged(status=RunStatus.RUNNING))
        try:
            self.examine_all(paths, at_once=at_once)
        except KeyboardInterrupt:
            self._ended(RunStatus.STOPPED, "stopped by the operator")
            raise
        except Exception as error:
            self._ended(RunStatus.FAILED, clean(f"{type(error).__name__}: {error}", 300))
            raise
        self.recorder.append(ev.StatusChanged(status=RunStatus.FINISHED))

    def _ended(self, status: RunStatus, reason: str) -> None:
        self.recorder.append(ev.StatusChanged(status=status, reason=reason))

    def examine_all(self, paths: Sequence[Path], *, at_once: int | None = None) -> None:
        """The same as a part of another run, which has a status of its own."""
        waiting, readers = list(dict.fromkeys(paths)), list[Reader]()
        self._known = len(waiting)
        most = at_once or max(1, min(4, os.cpu_count() or 1))
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
            raise

    def progress(self, sentence: str, done: int, known: int) -> None:
        """Tell it; the names of files in it come from elsewhere and may hold terminal escapes."""
        self._progress(clean(sentence, 200), done, known)

    # --- one image -------------------------------------------------------------------------------

    def _begin(self, path: Path) -> Reader | None:
        """Start the reader of one image; None when there is nothing to do or to read."""
        early = self._early.readers.pop(path, None)
        try:
            if early is not None:
                image = early.image
            else:
                with opened(path) as (image, _):
                    pass
        except NotAnImage as error:
            self._done += 1
            self.recorder.append(ev.Noted(level="error", text=clean(f"{path}: {error}.", 300)))
            self.progress(f"{path.name}: {error}", self._done, self._known)
            return None
        device = self._device(path, image)
        job = job_of(device, image)
        before = self.journal.state.job_finished.get(job)
        if job in self._under_way:
            self._done += 1
            self.progress(f"{path.name}: the same as another one", self._done, self._known)
            return None
        if before is not None and before.ok:
            self._done += 1
            self.progress(f"{path.name}: done before", self._done, self._known)
            return None
        title = f"firmware image {clean(image.name, 100)}, {image.size} bytes"
        known = Job(id=job, device=device.id, collector=COLLECTOR, title=title)
        self._under_way.add(job)
        reader = early or started(path, image, device, self.keys)
        with self.recorder.together():
            self.recorder.append(ev.DeviceSeen(device=device))
            self.recorder.append(ev.JobKnown(job=known))
            if before is not None:
                self.recorder.append(ev.JobReopened(job=job))
            self.recorder.append(ev.JobStarted(job=job))
        self.progress(f"{path.name}: being read", self._done, self._known)
        return reader

    def _device(self, path: Path, image: Image) -> Device:
        """The device that the image was said to be of, or an entry of its own."""
        of = self._early.devices.get(path)
        if of is None:
            return image_device(image.sha256, clean(image.name, 100))
        known = Attribute(name="image", value=image.sha256, source="operator")
        return replace(of, attributes=tuple(dict.fromkeys((*of.attributes, known))))

    def _heard(self, readers: list[Reader]) -> Iterator[Reader]:
        """Write what the readers said; yields those that are done."""
        ready = wait([r.pipe for r in readers], timeout=1.0)
        for reader in list(readers):
            trouble: str | None = None
            if reader.pipe in ready:
                # Many small facts make one transaction; a kill in between costs none of those before.
                with self.recorder.together():
                    for _ in range(MOST_AT_ONCE):
                        if (trouble := self._take(reader)) is not None or not reader.pipe.poll():
                            break
                if trouble is None:
                    continue
            elif time.monotonic() > reader.until:
                reader.process.kill()
                trouble = f"its reader was ended after {LONGEST_S:g} s"
            else:
                continue
            reader.process.join()
            with self.recorder.together():
                self._finish(reader, trouble)
            yield reader

    def _take(self, reader: Reader) -> str | None:
        """One message: None while more is to come, else the reader's trouble, empty without any."""
        try:
            kind, value = reader.pipe.recv()
        except EOFError:
            reader.process.join()
            return f"its reader died ({death(reader.process.exitcode)})"
        if kind == "kept":
            self.recorder.keep(*value)
        elif kind == "observed":
            self.recorder.observe(self._advised(value))
        else:
            return str(value)
        return None

    def _advised(self, observation: Observation) -> Observation:
        """A component with what the imported advisories say of it."""
        fact = observation.fact
        if self._advice is None or not isinstance(fact, ImageComponent):
            return observation
        known = tuple(dict.fromkeys((*fact.advisories, *self._advice(fact))))
        return replace(observation, fact=replace(fact, advisories=known[:MOST_ADVISORIES]))

    def _finish(self, reader: Reader, trouble: str) -> None:
        device = reader.device
        if trouble:
            fact = NotMeasured(
                collector=COLLECTOR,
                subject=clean(reader.image.name, 100),
                reason=clean(f"the image could not be examined to its end: {trouble}", 300),
                owner=Owner.TOOL.value,
                settle="Report the image's format as a defect of the probe, with the image if you may.",
            )
            tried = Coverage(tried="reading the image", times=1, deadline_s=LONGEST_S)
            gap = Observation(
                id=f"{reader.job}#reader",
                device=device,
                collector=COLLECTOR,
                at=time.time(),
                fact=fact,
                proof=(tried,),
            )
            self.recorder.observe(gap)
        self.recorder.append(
            ev.JobFinished(
                job=reader.job,
                ok=not trouble,
                reason=trouble,
                owner=Owner.TOOL if trouble else None,
            )
        )
        self._judging.final(device)
        if device not in self._early.undone:
            self.recorder.append(ev.DeviceDone(device=device))
        self._done += 1
        self.progress(f"{reader.image.name}: examined", self._done, self._known)
