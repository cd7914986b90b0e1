"""Everything that happened, as lines that lead to what they are about."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from textual import on
from textual.binding import Binding
from textual.widget import Widget
from textual.widgets import Input

from probe.tui.log import LEVEL_ROLE, LogLine
from probe.tui.screens.base import FilteredScreen
from probe.tui.spans import Line, text_of
from probe.tui.widgets.bars import Peek
from probe.tui.widgets.records import Column, RecordList, Row

if TYPE_CHECKING:
    from probe.tui.app import ProbeApp


def log_columns(*, short: bool = False) -> tuple[Column, ...]:
    device = Column("Device", 12, flex=1, at=64)
    what = Column("What happened", 30, flex=5)
    return (Column("Time", 8), *(() if short else (Column("Kind", 8, at=70),)), device, what)


def log_row(app: "ProbeApp", line: LogLine, *, short: bool = False) -> Row:
    label = app.follow.label(line.device) if line.device else ""
    kind = () if short else (((line.kind, LEVEL_ROLE[line.level] or "dim"),),)
    return Row(str(line.seq), (((line.time, "dim"),), *kind, ((label, "dim"),), line.text))


class LogScreen(FilteredScreen):
    """The journal."""

    help_title = "Log"
    help_text = (
        "Everything that happened in this run, oldest first; at the end it follows what comes. "
        "Enter leads to the finding, verdict or device that a line is about. Filter keys: "
        "kind:device,job,finding,verdict,note,run level:warning,error device:kettle."
    )
    FILTER_KEYS = ("kind", "level", "device")
    BINDINGS = [Binding("y", "copy", "Copy line", id="log.copy")]

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[tuple[int, str], Row] = {}

    def body(self) -> Iterator[Widget]:
        yield RecordList(log_columns(), empty="Nothing has happened yet.", follow=True, id="list")
        yield Peek(id="peek")
        yield self.filter_line()

    def list_widget(self) -> RecordList:
        return self.query_one("#list", RecordList)

    def path(self) -> Iterable[str]:
        return ("Log",)

    def quiet_remark(self) -> Line:
        return ((f"{len(self.probe.follow.lines)} lines", "dim"),)

    def set_filter(self, text: str) -> None:
        line = self.query_one("#filter", Input)
        line.value, line.display = text, True

    def refresh_data(self) -> None:
        lines = self.accepted(self.probe.follow.lines.values(), self._words, self._fields)
        self.list_widget().set_rows([self._row(line) for line in lines])
        self._show_peek()

    def _row(self, line: LogLine) -> Row:
        """Made once for every line and name of its device."""
        key = (line.seq, self.probe.follow.label(line.device) if line.device else "")
        if key not in self._rows:
            self._rows[key] = log_row(self.probe, line)
        return self._rows[key]

    def _words(self, line: LogLine) -> str:
        label = self.probe.follow.label(line.device) if line.device else ""
        return f"{text_of(line.text)} {label} {line.device}".lower()

    def _fields(self, line: LogLine) -> dict[str, str]:
        label = self.probe.follow.label(line.device) if line.device else ""
        return {"kind": line.kind, "level": line.level, "device": label.lower()}

    @on(RecordList.Moved, "#list")
    def _show_peek(self) -> None:
        line = self.probe.follow.line(self.list_widget().key)
        self.query_one("#peek", Peek).show(line.text if line else ())

    @on(RecordList.Opened, "#list")
    def _opened(self, event: RecordList.Opened) -> None:
        line = self.probe.follow.line(event.key)
        if line is not None and line.target is not None:
            self.probe.open_target(line.target)

    def action_copy(self) -> None:
        line = self.probe.follow.line(self.list_widget().key)
        if line is not None:
            self.probe.copy(text_of(line.text))
