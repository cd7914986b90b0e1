"""Firmware images, each read in a process of its own, its facts in the journal like all others.

An image is hostile: whatever it does to its reader ends in that process, and becomes a finding.
"""

import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import Literal

from firmware_checks.examine import Image, NotAnImage, opened
from firmware_checks.reading import Keys
from probe import registry
from probe.model import event as ev
from probe.model.device import Attribute, Device, image_device
from probe.model.evidence import Coverage
from probe.model.fact import NotMeasured, Observation
from probe.model.finding import Owner
from probe.model.firmware import ImageComponent
from probe.model.ids import DeviceId, JobId
from probe.model.job import Job
from probe.model.text import clean
from probe.runner.firmware_reader import (
    COLLECTOR,
    LONGEST_NAME,
    LONGEST_S,
    Early,
    Reader,
    Trouble,
    death,
    import_once,
    job_of,
    names_of,
    started,
)
from probe.runner.judging import Judging
from probe.runner.recorder import JournalRecorder
from probe.store.journal import Journal

MOST_AT_ONCE = 500
MOST_ADVISORIES = 100
SETTLE = (
    "Report the image's format as a defect of the probe, with the image if you may.",
    "Put the file there as it was when the run began and go on with --resume, or start a new run.",
)
"""What is to be done when the probe is at fault, and when the operator can mend it."""
Advice = Callable[[ImageComponent], tuple[str, ...]]
"""What imported advisories say of a component."""
Progress = Callable[[str, int, int], None]
"""``(sentence, images done, images known)``."""


class Examination:
    """Examines images, a few at a time, writes what is found, judges each when it is done."""

    tells_others = True
    """What is found in one image is told of the others at once. Who says False does it at the end, for all
    (``Judging.together``): after each image it would need a time that grows with the square of their number."""

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
        self._readers: list[Reader] = []
        self._held = self._many = False
        self._names: dict[Path, str] = {}

    def steps(
        self, paths: Sequence[Path], *, at_once: int | None = None, patience: float = 1.0
    ) -> Generator[None, None, None]:
        """Yields at least every ``patience`` seconds. Who closes it before its end stops the readers at once."""
        waiting, readers = list(dict.fromkeys(paths)), self._readers
        self._known, self._names = len(waiting), names_of(waiting)
        most = at_once or max(1, min(4, os.cpu_count() or 1))
        self._many = len(waiting) > most
        try:
            while waiting or readers:
                while waiting and len(readers) < most and not self._held:
                    if reader := self._begin(waiting.pop(0)):
                        readers.append(reader)
                for reader in self._heard(readers, patience):
                    readers.remove(reader)
                yield
        except BaseException:
            while readers:
                ended = readers.pop()
                ended.process.kill()
                ended.process.join()
            raise

    def hold(self, paused: bool) -> None:
        """The readers stand still, and no other one is started; or all go on."""
        self._held = paused
        for reader in self._readers:
            if paused:
                reader.hold()
            else:
                reader.go_on()

    def progress(self, sentence: str, done: int, known: int) -> None:
        """Tell it; the names of files in it come from elsewhere and may hold terminal escapes."""
        self._progress(clean(sentence, 200), done, known)

    # --- one image -------------------------------------------------------------------------------

    def _begin(self, path: Path) -> Reader | None:
        """Start the reader of one image; None when there is nothing to do or to read."""
        early = self._early.readers.pop(path, None)
        expected = self._early.expected.get(path)
        try:
            if early is not None:
                image = early.image
            else:
                with opened(path) as (image, _):
                    pass
            if expected not in (None, image.sha256):
                raise NotAnImage(
                    f"it is not the file that the run was given: {_other(expected, image)}"
                )
        except NotAnImage as error:
            self._refused(path, expected, str(error))
            return None
        device = self._device(path, image)
        job = job_of(device, image.sha256)
        before = self.journal.state.job_finished.get(job)
        if job in self._under_way:
            self._done += 1
            self._also(device)
            first = self.journal.state.devices[device.id].label
            self.progress(f"{self._name(path)}: the same as {first}", self._done, self._known)
            return None
        if before is not None and before.ok:
            self._done += 1
            self._also(device)
            self.progress(f"{self._name(path)}: done before", self._done, self._known)
            return None
        title = f"firmware image {clean(image.name, 100)}, {image.size} bytes"
        known = Job(id=job, device=device.id, collector=COLLECTOR, title=title)
        self._under_way.add(job)
        if self._many:
            import_once()
        reader = early or started(path, image, device, self.keys)
        with self.recorder.together():
            self.recorder.append(ev.DeviceSeen(device=device))
            self.recorder.append(ev.JobKnown(job=known))
            if before is not None:
                self.recorder.append(ev.JobReopened(job=job))
            self.recorder.append(ev.JobStarted(job=job))
        self.progress(f"{self._name(path)}: being read", self._done, self._known)
        return reader

    def _refused(self, path: Path, expected: str | None, why: str) -> None:
        """Told, and a gap of the device that it was said to be of."""
        self._done += 1
        self.recorder.append(ev.Noted(level="error", text=clean(f"{path}: {why}.", 300)))
        self.progress(f"{self._name(path)}: {why}", self._done, self._known)
        of = self._early.devices.get(path)
        if of is None or expected is None:
            return
        job, name = job_of(of, expected), clean(path.name, 100)
        before = self.journal.state.job_finished.get(job)
        if before is not None and before.ok:
            return  # It was examined as it was given, in an earlier sitting.
        known = Job(id=job, device=of.id, collector=COLLECTOR, title=f"firmware image {name}")
        with self.recorder.together():
            self.recorder.append(ev.DeviceSeen(device=of))
            self.recorder.append(ev.JobKnown(job=known))
            self._finish(job, of.id, name, Trouble(why, Owner.OPERATOR))

    def _name(self, path: Path) -> str:
        return self._names.get(path) or clean(path.name, LONGEST_NAME)

    def _also(self, device: Device) -> None:
        """Another file of the same content: its name is kept with that of the first."""
        known = self.journal.state.devices[device.id]
        if device.is_image_only and device.label != known.label:
            other = Attribute(name="same-content", value=device.label, source="operator")
            if other not in known.attributes:
                named = replace(known, attributes=(*known.attributes, other))
                self.recorder.append(ev.DeviceSeen(device=named))

    def _device(self, path: Path, image: Image) -> Device:
        """The device that the image was said to be of, or an entry of its own."""
        of = self._early.devices.get(path)
        if of is None:
            return image_device(image.sha256, self._name(path))
        known = Attribute(name="image", value=image.sha256, source="operator")
        return replace(of, attributes=tuple(dict.fromkeys((*of.attributes, known))))

    def _heard(self, readers: list[Reader], patience: float) -> Iterator[Reader]:
        """Write what the readers said; yields those that are done."""
        # One that stands still may have stopped in the middle of a message, which nobody would end.
        ready = wait([r.pipe for r in readers if r.held_at is None], timeout=patience)
        for reader in list(readers):
            said: Trouble | Literal["done"] | None = None
            if reader.pipe in ready:
                # Many small facts make one transaction; a kill in between costs none of those before.
                with self.recorder.together():
                    for _ in range(MOST_AT_ONCE):
                        if (said := self._take(reader)) is not None or not reader.pipe.poll():
                            break
                if said is None:
                    continue
            elif reader.held_at is None and time.monotonic() > reader.until:
                reader.process.kill()
                said = Trouble(f"its reader was ended after {LONGEST_S:g} s")
            else:
                continue
            reader.process.join()
            with self.recorder.together():
                trouble = None if said == "done" else said
                self._finish(reader.job, reader.device, reader.image.name, trouble)
            self._done += 1
            said_of = self._name(reader.image.path)
            self.progress(f"{said_of}: examined", self._done, self._known)
            yield reader

    def _take(self, reader: Reader) -> Trouble | Literal["done"] | None:
        """One message: None while more is to come."""
        try:
            kind, value = reader.pipe.recv()
        except (EOFError, OSError):  # the second when it died in the middle of a message
            reader.process.join()
            return Trouble(f"its reader died ({death(reader.process.exitcode)})")
        if kind == "kept":
            self.recorder.keep(*value)
        elif kind == "observed":
            self.recorder.observe(self._advised(value))
        else:
            trouble: Trouble | None = value
            return trouble or "done"
        return None

    def _advised(self, observation: Observation) -> Observation:
        """A component with what the imported advisories say of it."""
        fact = observation.fact
        if self._advice is None or not isinstance(fact, ImageComponent):
            return observation
        known = tuple(dict.fromkeys((*fact.advisories, *self._advice(fact))))
        if left := len(known[MOST_ADVISORIES:]):
            known = (f"{left} more than the {MOST_ADVISORIES} listed", *known[:MOST_ADVISORIES])
        return replace(observation, fact=replace(fact, advisories=known))

    def _finish(self, job: JobId, device: DeviceId, name: str, trouble: Trouble | None) -> None:
        if trouble:
            fact = NotMeasured(
                collector=COLLECTOR,
                subject=clean(name, 100),
                reason=clean(f"the image could not be examined to its end: {trouble.text}", 300),
                owner=trouble.owner.value,
                settle=SETTLE[trouble.owner is Owner.OPERATOR],
            )
            tried = Coverage(tried="reading the image", times=1, deadline_s=LONGEST_S)
            gap = Observation(
                id=f"{job}#reader",
                device=device,
                collector=COLLECTOR,
                at=time.time(),
                fact=fact,
                proof=(tried,),
            )
            self.recorder.observe(gap)
        self.recorder.append(
            ev.JobFinished(
                job=job,
                ok=trouble is None,
                reason=clean(trouble.text, 300) if trouble else "",
                owner=trouble.owner if trouble else None,
            )
        )
        self._judging.final(device, tell_others=self.tells_others)
        if device not in self._early.undone:
            self.recorder.append(ev.DeviceDone(device=device))


def _other(expected: str | None, image: Image) -> str:
    return f"SHA-256 {expected or ''} then, {image.sha256} now"
