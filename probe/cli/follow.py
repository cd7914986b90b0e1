"""Plain progress on stderr while a run goes on: one fact per line, no colour, no cursor movement."""

import sys
import time

from probe.model import event as ev
from probe.model.device import Device
from probe.model.fact import Observation
from probe.model.finding import Outcome
from probe.model.firmware import ImageLayer, LayerKind
from probe.model.run import RunStatus
from probe.model.state import RunState
from probe.model.text import clean
from probe.model.verdict import Status
from probe.store.journal import RunReader

POLL_S = 0.25
TOLD_LAYERS = (LayerKind.UPDATE, LayerKind.FLASH, LayerKind.FILE_SYSTEM)
"""Layers of an image that take a while."""


def follow(reader: RunReader) -> RunStatus:
    """Narrate until the run ends. The first Ctrl+C stops it, a second one leaves it to itself."""
    asked_to_stop = False
    narrator = Narrator(reader.state)
    while True:
        try:
            # Asked first: what a process wrote before its end is read below.
            alive = reader.alive()
            for entry in reader.poll():
                for line in narrator.lines(entry.event):
                    stamp = time.strftime("%H:%M:%S", time.localtime(entry.at))
                    sys.stderr.write(f"{stamp}  {line}\n")
            sys.stderr.flush()
            if reader.state.status not in (RunStatus.RUNNING, RunStatus.PAUSED) or not alive:
                return reader.status()
            time.sleep(POLL_S)
        except KeyboardInterrupt:
            if asked_to_stop:
                sys.stderr.write(f"The run goes on; watch it with 'probe tui {reader.run}'.\n")
                raise
            asked_to_stop = True
            sys.stderr.write(
                "Stopping; what was measured is kept. Ctrl+C again leaves the run to itself.\n"
            )
            reader.command("stop")


class Narrator:
    """Turns events into lines; what was said is not said again."""

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._said: set[str] = set()

    def lines(self, happened: ev.Event) -> list[str]:
        """The new lines for one event; most events have none."""
        made = [line for line in _narrate(happened, self._state) if line not in self._said]
        # Only what names a device can come again; jobs and notes would fill the memory of a long run.
        if isinstance(happened, ev.DeviceSeen | ev.Found | ev.Judged):
            self._said.update(made)
        return made


def _narrate(happened: ev.Event, state: RunState) -> list[str]:
    match happened:
        case ev.RunStarted(run=run):
            scope = ", ".join(run.scope.targets or run.scope.networks)
            return [f"run {run.id}: plan {run.plan.name} on {run.scope.interface} ({scope})"]
        case ev.DeviceSeen(device=device):
            return [f"device {_name(device)}: {', '.join(device.addresses) or device.mac}"]
        case ev.JobFinished(job=job, ok=ok, reason=reason):
            title = state.jobs[job].title if job in state.jobs else job
            done = f"{len(state.job_finished)} done of {len(state.jobs)} known"
            result = "" if ok else f" - not done: {clean(reason)}"
            return [f"{_of(state, job)}: {title}{result} ({done})"]
        case ev.Found(finding=finding) if finding.answer.outcome is Outcome.VIOLATED:
            where = _name(state.devices[finding.device])
            return [f"{where}: found {finding.check}: {finding.answer.summary}"]
        case ev.Judged(verdict=verdict) if verdict.status is Status.FAIL:
            where = _name(state.devices[verdict.device])
            return [f"{where}: FAIL {verdict.catalogue} {verdict.requirement}"]
        case ev.DeviceDone(device=device_id):
            return [f"{_name(state.devices[device_id])}: done"]
        case ev.Noted(level=level, text=text):
            return [f"{level}: {clean(text, 400)}"]
        case ev.StatusChanged(status=status, reason=reason) if status is not RunStatus.RUNNING:
            return [f"run {status}{': ' + clean(reason, 400) if reason else ''}"]
    return _of_an_image(happened, state)


def _of_an_image(happened: ev.Event, state: RunState) -> list[str]:
    """It may be read for minutes, in which nothing is sent that could be told."""
    match happened:
        case ev.JobStarted(job=job) if (
            job in state.jobs and state.jobs[job].collector == "firmware"
        ):
            return [f"{_of(state, job)}: {state.jobs[job].title}: being read"]
        case ev.Observed(observation=Observation(device=of, fact=ImageLayer() as layer)) if (
            layer.kind in TOLD_LAYERS
        ):
            what = f"layer {layer.place}, {layer.format}, {layer.size} bytes"
            return [f"{_name(state.devices[of])}: {clean(what, 200)}"]
    return []


def _name(device: Device) -> str:
    return clean(device.label, 40)


def _of(state: RunState, job: str) -> str:
    known = state.jobs.get(job)  # type: ignore[call-overload]
    return _name(state.devices[known.device]) if known else "run"
