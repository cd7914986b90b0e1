"""What is being done to which device now, at what cost, and what has happened."""

from collections.abc import Iterable, Iterator

from textual import on
from textual.binding import Binding
from textual.containers import Container, Vertical
from textual.widget import Widget

from probe.model.ids import DeviceId
from probe.model.run import RunStatus
from probe.tui import view
from probe.tui.rates import sparkline
from probe.tui.screens.base import ProbeScreen
from probe.tui.screens.log import log_columns, log_row
from probe.tui.spans import Line, join
from probe.tui.widgets.lines import PlainBar
from probe.tui.widgets.records import Column, RecordList, Row

NOW = (
    Column("Running now", 12, flex=1),
    Column("What is being done", 30, flex=3),
    Column("Elapsed", 8, align="right"),
)
SPENT = (
    Column("Spent on", 12, flex=2),
    Column("Jobs", 7, align="right"),
    Column("Packets", 7, align="right"),
    Column("per s", 5, align="right"),
    Column("Conns", 5, align="right"),
    Column("Logins", 6, align="right"),
    Column("Time", 7, align="right"),
    Column("Lately", 8, at=68),
)
ENDED_EARLY = (RunStatus.STOPPED, RunStatus.INTERRUPTED, RunStatus.FAILED)
LOG_LINES = 300
"""The last lines of the log; the Log screen has all of them."""


class RunScreen(ProbeScreen):
    """The run itself."""

    help_title = "Run"
    help_text = (
        "Above: the jobs that run now, then what each device has cost so far, counted against its "
        "budget. Below: what happened last. Jobs are counted as done of known; more may become "
        "known while the run goes on, so there is no percentage. p pauses, s stops and keeps what "
        "was measured. q leaves; the run goes on without this window."
    )
    BINDINGS = [Binding("f", "notes", "Warnings", id="run.notes", show=False)]

    def body(self) -> Iterator[Widget]:
        yield PlainBar(id="facts")
        yield PlainBar(id="ending")
        with Container(id="split"):
            with Vertical(id="meters"):
                yield RecordList(
                    NOW, empty="Nothing is being done right now.", quiet=True, id="now"
                )
                yield RecordList(
                    SPENT, empty="No device has been seen yet.", quiet=True, id="spent"
                )
            yield RecordList(log_columns(short=True), follow=True, quiet=True, id="tail")

    def path(self) -> Iterable[str]:
        run = self.probe.state.run
        return ("Run", run.id) if run else ("Run",)

    def remark(self) -> Line:
        run = self.probe.state.run
        if run is None:
            return ()
        return ((f"plan {run.plan.name} on {run.scope.interface}", "dim"),)

    def refresh_data(self) -> None:
        app, state = self.probe, self.probe.state
        self.query_one("#facts", PlainBar).show(self._facts())
        ending = self.query_one("#ending", PlainBar)
        ending.display = bool(said := self._ending())
        ending.show(said)
        self._show_now()
        spent = self.query_one("#spent", RecordList)
        spent.set_rows([self._spent(v) for v in view.device_views(state, None)])
        tail = list(app.follow.lines.values())[-LOG_LINES:]
        self.query_one("#tail", RecordList).set_rows([log_row(app, x, short=True) for x in tail])
        self._share_height()

    def tick(self) -> None:
        self._show_now()

    def _show_now(self) -> None:
        app, state = self.probe, self.probe.state
        rows = [
            Row(
                job.id,
                (
                    ((app.follow.label(job.device), "strong"),),
                    view.doing(state, job),
                    ((view.clock(app.now() - state.job_started[job.id]), "accent"),),
                ),
            )
            for job in (state.running_jobs() if app.follow.working else [])
        ]
        self.query_one("#now", RecordList).set_rows(rows)

    def _facts(self) -> Line:
        state = self.probe.state
        known, done = len(state.jobs), len(state.job_finished)
        failed = sum(not f.ok for f in state.job_finished.values())
        tested = len(state.devices_done)
        parts: list[Line] = [
            ((f"{done} of {known} known jobs done", "strong"),),
            ((f"{failed} of them without result", "unknown" if failed else "dim"),),
            ((f"{tested} of {len(state.devices)} devices ready", "dim"),),
        ]
        return ((" ", ""), *join(parts, (", ", "dim")))

    def _ending(self) -> Line:
        """Why the run is not going on and what to do about it; empty while all is well."""
        follow, run = self.probe.follow, self.probe.state.run
        if run is None or follow.status not in ENDED_EARLY:
            return ()
        why = self.probe.state.status_reason
        if follow.source is not None and follow.status is not RunStatus.STOPPED:
            why = follow.source.last_words() or why
        said = f" {follow.status.capitalize()}" + (f": {why}" if why else "")
        return ((said, "unknown"), (f"  Go on with: probe run --resume {run.id}", ""))

    def _spent(self, one: view.DeviceView) -> Row:
        app = self.probe
        budget = app.state.budgets.get(one.device.id)
        rate = app.follow.rates.latest(one.device.id, app.now()) if app.follow.working else None
        numbers = (
            (str(budget.packets), str(budget.connections), str(budget.logins))
            if budget
            else ("0", "0", "0")
        )
        return Row(
            one.device.id,
            (
                ((one.device.label, "strong" if one.running else ""),),
                f"{one.done}/{one.known}",
                numbers[0],
                f"{rate:.0f}" if rate is not None else "",
                numbers[1],
                numbers[2],
                view.clock(budget.seconds) if budget else "",
                (
                    (
                        self._lately(one.device.id),
                        "accent",
                    ),
                ),
            ),
        )

    def _lately(self, device: DeviceId) -> str:
        rates = self.probe.follow.rates.lately(device)
        return sparkline(rates, ascii_only=self.probe.ascii_only)

    def _share_height(self) -> None:
        """The lists above take what they need, up to a share; the log gets the rest."""
        wide = self.has_class("-wide")
        room = self.size.height - 6
        now, spent = self.query_one("#now", RecordList), self.query_one("#spent", RecordList)
        most = room // 2 if wide else max(3, room // 3)
        for records in (now, spent):
            records.styles.height = min(most, records.line_count() + 1) + (records is spent or wide)

    @on(RecordList.Opened)
    def _opened(self, event: RecordList.Opened) -> None:
        app = self.probe
        if event.key is None:
            return
        if event.records.id == "spent":
            app.open_target(("device", event.key))
        elif event.records.id == "now":
            job = next((j for j in app.state.jobs.values() if j.id == event.key), None)
            if job is not None:
                app.open_target(("device", DeviceId(job.device)))
        else:
            line = app.follow.line(event.key)
            if line is not None and line.target is not None:
                app.open_target(line.target)

    def action_notes(self) -> None:
        self.probe.show_log("level:warning,error")
