"""Everything done to one device: ask the collectors for jobs, do them, watch the device's health."""

import asyncio
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from probe.collect.answers import NoAnswer
from probe.collect.budget import Budget
from probe.collect.collector import Collector, Task
from probe.collect.gate import Gate, never
from probe.collect.scope import ScopeGuard
from probe.collect.session import DeviceSession
from probe.errors import ProbeError
from probe.model import event as ev
from probe.model.evidence import Coverage
from probe.model.finding import Owner
from probe.model.ids import DeviceId
from probe.model.observation import NotMeasured
from probe.model.plan import Plan
from probe.runner.health import HealthWatch, Ping
from probe.runner.recorder import JournalRecorder

LANES = ("scan", "udp", "ask")
"""Side by side on a device. UDP is mostly waiting; all draw on one budget and one connection slot."""

TOTALS_EVERY_S = 10.0
"""How often the totals are written on the way: what a killed process sent since then is not in them."""

LAST = "last"
"""The lane of jobs that leave the device worse: they begin when nothing else is to be done any more."""

MAX_REDONE = 3
"""How often a job is done again because the probe's own link was down meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every device's task shares."""

    plan: Plan
    guard: ScopeGuard
    recorder: JournalRecorder
    collectors: tuple[Collector, ...]
    ping: Ping | None
    resting: Callable[[], bool]
    """True while discovery may still add addresses."""
    changed: Callable[[DeviceId], None]
    """Called when there is something new to assess."""
    gate: Gate = field(default_factory=Gate)
    disturbed: Callable[[float], bool] = never
    """Whether the probe's own link was down at any time since a moment (monotonic)."""


class DeviceTask:
    """One device under test. ``run`` ends when no collector names a job that has not been tried.

    ``budget`` is that of an earlier task on the same device; without one it goes on from the journal.
    """

    def __init__(self, bench: Bench, device: DeviceId, budget: Budget | None = None) -> None:
        self.bench, self.device = bench, device
        self.budget = budget or Budget(
            bench.plan.gentleness,
            gate=bench.gate,
            earlier=bench.recorder.state.budgets.get(device),
            on_login=self._report_budget,
        )
        self.health = HealthWatch(bench.ping, bench.disturbed)
        self.wake = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._redone: dict[str, int] = {}
        self._reported = 0
        """Packets in the totals that were written last."""

    async def run(self) -> None:
        """Raises what a job's own care-taking raised: when nothing can be recorded, work must end."""
        try:
            while True:
                self.wake.clear()
                resting = self.bench.resting()
                waiting = self._start_jobs(resting)
                if self.health.gone or self.budget.time_is_up:
                    await self._settle_running()
                    self._give_up(self._open_tasks())
                    break
                if not self._running and not waiting:
                    if not resting:
                        break
                    await self._wait(timeout=0.5)
                    continue
                if not await self._wait(timeout=TOTALS_EVERY_S):
                    self._report_budget(only_news=True)
            if not self.health.gone:
                await self.health.confirm(self._health_session())
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)
            self._report_budget()

    def _health_session(self) -> DeviceSession:
        # Each look at the device's health is a job of its own: one must not replace another's record.
        earlier = sum(
            1
            for o in self.bench.recorder.state.observations.values()
            if o.device == self.device and o.collector == "health"
        )
        return self._session(f"health/{self.device}/{earlier + 1}", "health")

    def _session(self, job: str, collector: str) -> DeviceSession:
        session = DeviceSession(
            job=job,
            collector=collector,
            plan=self.bench.plan,
            guard=self.bench.guard,
            budget=self.budget,
            recorder=self.bench.recorder,
            view=lambda: self.bench.recorder.state.dut(self.device),
        )
        session.tell = self._tell
        return session

    def _tell(self, text: str) -> None:
        self.bench.recorder.append(ev.Noted(level="info", text=text))

    def _open_tasks(self) -> list[Task]:
        """Named by a collector now and not finished, soonest first."""
        state = self.bench.recorder.state
        dut, allowed = state.dut(self.device), set(self.bench.plan.collectors)
        named = [
            task
            for collector in self.bench.collectors
            if not allowed or collector.name in allowed
            for task in collector.tasks(dut, self.bench.plan)
            if task.job.id not in state.job_finished
        ]
        for task in named:
            if task.job.id not in state.jobs:
                self.bench.recorder.append(ev.JobKnown(job=task.job))
        return sorted(named, key=lambda t: t.priority)

    def _start_jobs(self, resting: bool) -> bool:
        """Fill the free lanes; says whether something still waits for a lane.

        ``resting``: discovery may still bring work, so what comes last does not begin.
        """
        for lane, task in list(self._running.items()):
            if task.done():
                del self._running[lane]
                task.result()
        busy = {t.get_name() for t in self._running.values()}
        todo = [t for t in self._open_tasks() if t.job.id not in busy]
        if self.health.gone or self.budget.time_is_up:
            return bool(todo)
        early = [t for t in todo if t.lane != LAST]
        late = [t for t in todo if t.lane == LAST]
        if late and not (early or self._running or resting):
            early = late[:1]
        for job in list(early):
            lane = job.lane if job.lane in LANES else "ask"
            if lane not in self._running:
                self._running[lane] = asyncio.create_task(self._do(job), name=job.job.id)
                early.remove(job)
        return bool(early)

    async def _wait(self, timeout: float) -> bool:
        """Until a job ends or more becomes known; says whether that happened within ``timeout``."""
        waker = asyncio.create_task(self.wake.wait())
        done, _ = await asyncio.wait(
            {waker, *self._running.values()}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
        )
        waker.cancel()
        return bool(done)

    async def _settle_running(self) -> None:
        if self._running:
            await asyncio.wait(self._running.values())
            for task in self._running.values():
                task.result()

    async def _do(self, task: Task) -> None:
        job, recorder = task.job, self.bench.recorder
        recorder.append(ev.JobStarted(job=job.id))
        session = self._session(job.id, job.collector)
        finished, began = ev.JobFinished(job=job.id, ok=True), time.monotonic()
        try:
            await task.work(session)
        except NoAnswer as error:
            finished = self._failed(session, task, str(error), error.owner)
        except ProbeError as error:
            finished = self._failed(session, task, error.what, error.owner)
        except Exception as error:  # noqa: BLE001 - a defect of one collector must not end the run
            text = f"{type(error).__name__}: {error}"
            session.keep(
                traceback.format_exc().encode(),
                media_type="text/plain",
                caption=f"what went wrong in {job.title}",
            )
            finished = self._failed(session, task, f"the probe failed: {text[:200]}", Owner.TOOL)
        if self.bench.disturbed(began):
            # What was not heard while the probe had no link is no word of the device.
            recorder.append(ev.JobReopened(job=job.id))
            times = self._redone[job.id] = self._redone.get(job.id, 0) + 1
            if times <= MAX_REDONE:
                return
            reason = f"the probe's own link was down during each of {times} attempts"
            finished = self._failed(session, task, reason, Owner.ENVIRONMENT)
        recorder.append(finished)
        self._report_budget()
        self.bench.changed(self.device)
        await self.health.check(self._health_session(), after=job.title, at_once=not finished.ok)

    def _failed(
        self, session: DeviceSession, task: Task, reason: str, owner: Owner
    ) -> ev.JobFinished:
        session.not_measured(
            task.job.title,
            reason,
            Coverage(tried=task.job.title, times=1, deadline_s=0.0),
            owner=owner,
            settle=f"Run it again: {task.job.title}.",
        )
        return ev.JobFinished(job=task.job.id, ok=False, reason=reason, owner=owner)

    def _give_up(self, tasks: Iterable[Task]) -> None:
        """Mark what can no longer be done: it stays unknown, with the reason."""
        if self.health.gone:
            reason, owner = "the device stopped answering and did not come back", Owner.DEVICE
            settle = "Restart the device, then continue with 'probe run --resume' or test it anew."
        else:
            reason, owner = "the time budget of the device was used up", Owner.OPERATOR
            settle = (
                "Continue with 'probe run --resume', which gives the device as much time again, or "
                "give it more in the plan's gentleness (seconds)."
            )
        for task in tasks:
            # Beside what an earlier attempt at it recorded, in the place of none of that.
            self._session(f"{task.job.id}#end", task.job.collector).observe(
                NotMeasured(
                    collector=task.job.collector,
                    subject=task.job.title,
                    reason=reason,
                    owner=owner,
                    settle=settle,
                ),
                Coverage(tried=task.job.title, times=0, deadline_s=0.0),
            )
            self.bench.recorder.append(
                ev.JobFinished(job=task.job.id, ok=False, reason=reason, owner=owner)
            )

    def _report_budget(self, *, only_news: bool = False) -> None:
        if only_news and self.budget.packets == self._reported:
            return
        self._reported = self.budget.packets
        self.bench.recorder.append(
            ev.BudgetSpent(
                device=self.device,
                packets=self.budget.packets,
                connections=self.budget.connections,
                logins=self.budget.logins,
                guesses=self.budget.guesses,
                seconds=round(self.budget.seconds, 1),
                accounts=self.budget.accounts,
            )
        )
