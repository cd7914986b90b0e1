"""The runs that the store holds, newest first."""

from collections.abc import Iterable, Iterator

from textual import on
from textual.binding import Binding
from textual.widget import Widget

from probe.errors import ProbeError
from probe.model.summary import RunSummary
from probe.model.verdict import Status
from probe.tui.glyphs import RUN_GLYPH, STATUS_GLYPH, STATUS_ROLE
from probe.tui.pages import moment
from probe.tui.screens.base import FilteredScreen
from probe.tui.spans import Line, join
from probe.tui.widgets.records import Column, RecordList, Row

EMPTY = "The store has no runs yet. Start one with 'probe run' or 'probe demo'."
COLUMNS = (
    Column("Started", 16),
    Column("Run", 20, flex=1),
    Column("Status", 13),
    Column("On", 6, flex=1),
    Column("Plan", 8),
    Column("Devices", 7, align="right", at=78),
    Column("Verdicts", 24, flex=1, at=100),
)


class ChooserScreen(FilteredScreen):
    """Which run to look at."""

    help_title = "Runs"
    help_text = (
        "Every run in the store, newest first. Enter opens one. An interrupted run has lost its "
        "process; what was measured is kept, and 'probe run --resume RUN' goes on with it. "
        "Filter keys: status:finished plan:quick on:eth1"
    )
    FILTER_KEYS = ("status", "plan", "on")
    BINDINGS = [Binding("y", "copy", "Copy id", id="runs.copy")]

    def __init__(self) -> None:
        super().__init__()
        self._heads: list[RunSummary] = []
        self._is_read = False

    def body(self) -> Iterator[Widget]:
        yield RecordList(COLUMNS, empty=EMPTY, id="list")
        yield self.filter_line()

    def list_widget(self) -> RecordList:
        return self.query_one("#list", RecordList)

    def path(self) -> Iterable[str]:
        return ("Runs",)

    def quiet_remark(self) -> Line:
        return ((f"{len(self.list_widget().rows)} runs", "dim"),)

    def on_screen_resume(self) -> None:
        # The store is read for this: the frame comes first.
        self.call_after_refresh(self._read)

    def _read(self) -> None:
        store = self.probe.store
        try:
            self._heads = store.runs() if store else []
        except ProbeError as error:
            self.probe.say(str(error), severity="error")
        self._is_read = True
        self.update()

    def refresh_data(self) -> None:
        records = self.list_widget()
        records.empty = EMPTY if self._is_read else "Reading the store."
        shown = self.accepted(self._heads, _words, _fields)
        records.set_rows([_row(head) for head in shown])

    @on(RecordList.Opened, "#list")
    async def _opened(self, event: RecordList.Opened) -> None:
        if event.key:
            await self.probe.choose_run(event.key)

    def action_copy(self) -> None:
        if self.list_widget().key:
            self.probe.copy(str(self.list_widget().key))


def _row(head: RunSummary) -> Row:
    status: Line = ()
    if head.status is not None:
        glyph, role = RUN_GLYPH[head.status]
        status = ((f"{glyph} {head.status}", role),)
    counts = head.counts
    shown = [((f"{STATUS_GLYPH[s]} {counts[s]}", STATUS_ROLE[s]),) for s in Status if counts.get(s)]
    return Row(
        head.id,
        (
            moment(head.started_at)[:16],
            ((head.id, "accent"),),
            status,
            head.interface,
            head.plan,
            "" if head.devices is None else str(head.devices),
            join(shown),
        ),
    )


def _words(head: RunSummary) -> str:
    return f"{head.id} {moment(head.started_at)} {head.interface} {head.plan}".lower()


def _fields(head: RunSummary) -> dict[str, str]:
    return {
        "status": str(head.status or ""),
        "plan": head.plan.lower(),
        "on": head.interface.lower(),
    }
