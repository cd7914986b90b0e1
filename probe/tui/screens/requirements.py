"""A catalogue's requirements with their verdicts, on one device or on all."""

from collections.abc import Iterable, Iterator

from textual import on
from textual.binding import Binding
from textual.containers import Container
from textual.widget import Widget

from probe.model.catalogue import Catalogue
from probe.model.ids import DeviceId
from probe.model.verdict import SEVERITY
from probe.tui import pages, view
from probe.tui.screens.base import FilteredScreen
from probe.tui.screens.pick import Option, Pick
from probe.tui.spans import Line
from probe.tui.widgets.bars import Peek
from probe.tui.widgets.document import Document
from probe.tui.widgets.lines import PlainBar
from probe.tui.widgets.records import Column, RecordList, Row

COLUMNS = (
    Column("Id", 9),
    Column("Requirement", 24, flex=1),
    Column("Level", 6, at=66),
    Column("Severity", 8, at=74),
    Column("Status", 14),
)


class RequirementsScreen(FilteredScreen):
    """All requirements of one catalogue."""

    help_title = "Requirements"
    help_text = (
        "Every requirement of the catalogue, also those that no tool can test. The status is the "
        "worst of the devices shown; the counts add up to the size of the catalogue. Level is the "
        "standard's own: M mandatory, R recommended, C or F with a condition or feature. Severity is "
        "that of the worst violated check. Filter keys: status:fail sev:high level:m check:tls "
        "manual:owed id:5.1"
    )
    FILTER_KEYS = ("status", "sev", "level", "id", "check", "manual")
    BINDINGS = [
        Binding("c", "app.choose_catalogue", "Catalogue", id="requirements.catalogue"),
        Binding("d", "choose_device", "Device", id="requirements.device"),
        Binding("o", "order", "Order", id="requirements.order"),
        Binding("y", "copy", "Copy id", id="requirements.copy", show=False),
    ]

    def __init__(self, device: DeviceId | None = None) -> None:
        super().__init__()
        self.device = device
        self.worst_first = False
        self._views: dict[str, view.RequirementView] = {}

    def body(self) -> Iterator[Widget]:
        yield PlainBar(id="counts")
        with Container(id="split"):
            yield RecordList(COLUMNS, empty="No verdicts yet.", id="list")
            yield Document(id="detail")
        yield Peek(id="peek")
        yield self.filter_line()

    def list_widget(self) -> RecordList:
        return self.query_one("#list", RecordList)

    def path(self) -> Iterable[str]:
        catalogue = self.probe.catalogue
        whose = self.probe.follow.label(self.device) if self.device else "all devices"
        return ("Requirements", whose, f"{catalogue.title}" if catalogue else "no catalogue")

    def quiet_remark(self) -> Line:
        catalogue = self.probe.catalogue
        order = "worst first" if self.worst_first else ""
        edition = f"edition {catalogue.edition}" if catalogue else ""
        return ((", ".join(filter(None, (order, edition))), "dim"),)

    def refresh_data(self) -> None:
        app, catalogue = self.probe, self.probe.catalogue
        if catalogue is None:
            return
        devices = [self.device] if self.device else list(app.state.devices)
        everything = view.requirement_views(app.state, catalogue, devices, app.library.checks)
        self._views = {v.requirement.id: v for v in everything}
        counts = pages.counts_line(view.totals(everything))
        self.query_one("#counts", PlainBar).show(((" ", ""), *counts))
        views = self.accepted(everything, lambda v: v.words, _fields)
        if self.worst_first:
            views.sort(key=_rank)
        records = self.list_widget()
        if self.filter:
            records.empty = "No requirement matches the filter."
        records.set_rows([_row(v) for v in views])
        self._show_detail(catalogue)

    def _show_detail(self, catalogue: Catalogue, *, fresh: bool = False) -> None:
        detail, peek = self.query_one("#detail", Document), self.query_one("#peek", Peek)
        one = self._views.get(self.list_widget().key or "")
        if detail.display:
            app = self.probe
            page = (
                pages.requirement_page(app.state, catalogue, one, app.library.checks) if one else ()
            )
            detail.set_page(page, fresh=fresh)
        peek.show(((one.reason, ""),) if one else ())

    @on(RecordList.Moved, "#list")
    def _moved(self) -> None:
        if self.probe.catalogue is not None:
            self._show_detail(self.probe.catalogue, fresh=True)

    @on(RecordList.Opened, "#list")
    def _opened(self, event: RecordList.Opened) -> None:
        catalogue = self.probe.catalogue
        one = self._views.get(event.key or "")
        if catalogue is None or one is None:
            return
        where = (catalogue.id, catalogue.edition, one.requirement.id)
        if self.device or len(self.probe.state.devices) == 1:
            device = self.device or next(iter(self.probe.state.devices))
            self.probe.open_target(("verdict", *where, device))
        else:
            self.probe.open_target(("requirement", *where))

    def action_order(self) -> None:
        self.worst_first = not self.worst_first
        self.update()
        self.list_widget().action_first()

    def action_choose_device(self) -> None:
        devices = self.probe.state.devices.values()
        options = [Option("", "All devices", "the worst verdict of all counts")]
        options += [Option(d.id, d.label, ", ".join(d.addresses[:2])) for d in devices]

        def chosen(key: str | None) -> None:
            if key is not None:
                self.device = DeviceId(key) if key else None
                self.update()

        self.app.push_screen(
            Pick("Requirements of which device?", options, current=self.device or ""), chosen
        )

    def action_copy(self) -> None:
        if self.list_widget().key:
            self.probe.copy(str(self.list_widget().key))


def _row(one: view.RequirementView) -> Row:
    r = one.requirement
    indent = "  " if r.part_of else ""
    severe = one.severity in ("critical", "high")
    return Row(
        r.id,
        (
            ((r.id, "accent"),),
            indent + (r.title or one.reason),
            ((_level(one), "dim"),),
            ((one.severity, "fail" if severe else "dim"),),
            pages.status_span(one.status),
        ),
    )


def _level(one: view.RequirementView) -> str:
    return one.requirement.level or ("M" if one.requirement.mandatory else "R")


def _fields(one: view.RequirementView) -> dict[str, str]:
    r = one.requirement
    return {
        "status": f"{one.status.lower()}\n{one.status.lower().replace(' ', '-')}",
        "sev": one.severity,
        "level": _level(one).lower(),
        "id": r.id.lower(),
        "check": "\n".join(m.check.lower() for m in r.checks),
        "manual": "owed" if any(v.manual_owed for v in one.verdicts) else "",
    }


def _rank(one: view.RequirementView) -> tuple[int, int]:
    return (-SEVERITY[one.status], view.severity_rank(one.severity))
