"""A run over firmware images and nothing else: its status, its commands, and its last word."""

import time
from collections.abc import Sequence
from pathlib import Path

from probe.model import event as ev
from probe.model.given import Given
from probe.model.run import RunStatus
from probe.model.text import clean
from probe.runner.firmware_steps import Examination

STOPPED = "stopped by the operator"
COMMANDS_EVERY_S = 0.3


class FirmwareRun(Examination):
    """Examines images two at a time, writes what is found, judges each when it is done; what compares images
    is said of all of them at the end."""

    tells_others = False

    _looked_at = 0.0
    _last_command = 0

    def prepare(self) -> None:
        """Make ready what judges an image. Readers that were started before go on meanwhile."""
        self._judging.prepare(Given(network=False))

    def run(self, paths: Sequence[Path], *, at_once: int | None = None) -> None:
        """Returns when every image is done. One that cannot be read does not stop the others."""
        self._last_command = self.journal.commands_seen
        self.recorder.append(ev.StatusChanged(status=RunStatus.RUNNING))
        try:
            for _ in self.steps(paths, at_once=at_once):
                if self._told_to_stop():
                    self._stopped()
                    return
            self._judging.together()
        except KeyboardInterrupt:
            self._stopped()
            raise
        except Exception as error:
            self._is(RunStatus.FAILED, clean(f"{type(error).__name__}: {error}", 300))
            raise
        self.recorder.append(ev.StatusChanged(status=RunStatus.FINISHED))

    def _stopped(self) -> None:
        try:
            # What was examined is compared all the same: it may be all that is ever examined.
            self._judging.together()
        finally:
            self._is(RunStatus.STOPPED, STOPPED)
        words = f"{STOPPED}; what was examined is kept, go on with --resume {self.journal.run}"
        self.progress(words, self._done, self._known)

    def _is(self, status: RunStatus, reason: str) -> None:
        self.recorder.append(ev.StatusChanged(status=status, reason=reason))

    def _told_to_stop(self) -> bool:
        """Obey what the terminal UI or ``probe stop`` left in the store."""
        journal, now = self.journal, time.monotonic()
        if now < self._looked_at + COMMANDS_EVERY_S:
            return False
        self._looked_at = now
        for number, verb in journal.store.commands_after(journal.run, self._last_command):
            self._last_command = number
            if verb == "stop":
                return True
            if verb in ("pause", "resume") and self._held != (verb == "pause"):
                self.hold(verb == "pause")
                status = RunStatus.PAUSED if self._held else RunStatus.RUNNING
                self._is(status, "by the operator")
        return False
