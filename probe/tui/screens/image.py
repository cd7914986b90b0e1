"""The firmware images of a device as one tree: bytes, containers, file systems, files, findings."""

from collections.abc import Iterable, Iterator

from textual import on
from textual.binding import Binding
from textual.widget import Widget

from probe.model import firmware as fw
from probe.model.finding import Finding
from probe.model.ids import DeviceId
from probe.report.firmware_tree import MORE, Node, tree
from probe.tui import pages, view
from probe.tui.blocks import Target
from probe.tui.firmware_page import opens, take, violations
from probe.tui.screens.base import FilteredScreen
from probe.tui.spans import Line
from probe.tui.widgets.records import Column, RecordList, Row

MOST_FILES = 20_000
"""Files of interest of one image; what is beyond is said to be."""
COLUMNS = (
    Column("Layer, file, finding", 30, flex=2),
    Column("Bytes", 10, align="right", at=70),
    Column("What it says", 20, flex=3),
)


class ImageScreen(FilteredScreen):
    """The tree. A finding leads to itself, a layer or file to the bytes that show it."""

    help_title = "Image"
    help_text = (
        "From the bytes of the file to containers, file systems, files, and what was found in them. "
        "Enter on a finding opens it, on a layer or a file the recorded bytes. Filter keys: "
        "what:file what:layer what:finding, and any word of a line."
    )
    FILTER_KEYS = ("what",)
    BINDINGS = [Binding("n", "next_finding", "Next finding", id="image.next")]

    def __init__(self, device: DeviceId) -> None:
        super().__init__()
        self.device = device
        self._targets: dict[str, Target] = {}
        self._known: tuple[int, int] = (-1, -1)
        self._lines: list[tuple[Row, str]] = []

    def body(self) -> Iterator[Widget]:
        yield RecordList(COLUMNS, empty="Nothing is known of an image yet.", id="list")
        yield self.filter_line()

    def list_widget(self) -> RecordList:
        return self.query_one("#list", RecordList)

    def path(self) -> Iterable[str]:
        return ("Devices", self.probe.follow.label(self.device), "Image")

    def quiet_remark(self) -> Line:
        findings = sum(what == "finding" for _, what in self._lines)
        said = f"{len(self._lines) - findings} layers and files, {findings} findings"
        unread = sum(
            len(s.fact.unread) for s in self.probe.state.dut(self.device).all(fw.ImageSurvey)
        )
        parts = "1 part" if unread == 1 else f"{unread} parts"
        return ((said, "dim"), (f", {parts} not read" if unread else "", "unknown"))

    def refresh_data(self) -> None:
        state = self.probe.state
        if self.device not in state.devices:
            return
        known = (len(state.observations), state.seq)
        if known != self._known:
            self._known = known
            self._lines = list(self._read())
        accepted = self.accepted(
            self._lines, lambda line: _words(line[0]), lambda line: {"what": line[1]}
        )
        records = self.list_widget()
        records.empty = (
            "No line matches the filter." if self.filter else "Nothing is known of an image yet."
        )
        records.set_rows([row for row, _ in accepted])

    def _read(self) -> Iterator[tuple[Row, str]]:
        """Rows, and what each is. Findings about the image as a whole stand at its end."""
        state = self.probe.state
        bad = violations(view.findings_of(state, self.device))
        self._targets = {}
        for number, node in enumerate(tree(state.dut(self.device), MOST_FILES)):
            key = f"{number} {node.place} {node.name}"
            if target := opens(node):
                self._targets[key] = target
            yield _row(key, node), "file" if node.what in ("file", MORE) else "layer"
            for finding in take(node, bad):
                yield self._finding(finding, node.depth + 1), "finding"
        for left in bad.values():
            for finding in left:
                yield self._finding(finding, 0), "finding"

    def _finding(self, finding: Finding, depth: int) -> Row:
        self._targets[finding.id] = ("finding", finding.id)
        check = finding.check.partition("/")[2]
        sign: Line = (("  " * depth, ""), *pages.outcome_span(finding), (f" {check}", ""))
        return Row(finding.id, (sign, "", finding.answer.summary))

    @on(RecordList.Opened, "#list")
    def _opened(self, event: RecordList.Opened) -> None:
        target = self._targets.get(event.key or "")
        if target:
            self.probe.open_target(target)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "next_finding":
            return any(what == "finding" for _, what in self._lines)
        return super().check_action(action, parameters)

    def action_next_finding(self) -> None:
        records = self.list_widget()
        findings = {row.key for row, what in self._lines if what == "finding"}
        after = [*records.rows[records.cursor + 1 :], *records.rows[: records.cursor + 1]]
        key = next((row.key for row in after if row.key in findings), None)
        if key is not None:
            records.go_to(key)


def _row(key: str, node: Node) -> Row:
    indent = "  " * node.depth
    says = "; ".join(node.says)
    if node.what in ("file", MORE):
        name: Line = ((indent, ""), (node.name or says, "" if node.name else "dim"))
        return Row(key, (name, "", ((says if node.name else "", "dim"),)))
    # Whether it is signed comes first: a narrow terminal cuts off the rest.
    said: Line = ((says, ""), ("  " if node.version and says else "", ""), (node.version, "dim"))
    name = ((indent, ""), (f"{node.place} {node.what}", "strong"), (f"  {node.name}", ""))
    return Row(key, (name, str(node.size), said))


def _words(row: Row) -> str:
    """Everything that the row shows, lower case."""
    parts = (c if isinstance(c, str) else "".join(text for text, _ in c) for c in row.cells)
    return " ".join(parts).lower()
