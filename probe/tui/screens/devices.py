"""The devices as they appear, and the page of one of them."""

from collections.abc import Iterable, Iterator

from textual import on
from textual.binding import Binding
from textual.containers import Container
from textual.widget import Widget

from probe.model.device import Device
from probe.model.ids import DeviceId
from probe.model.verdict import Status
from probe.tui import pages, view
from probe.tui.screens.base import FilteredScreen, ProbeScreen
from probe.tui.spans import Cell, Line
from probe.tui.widgets.document import Document
from probe.tui.widgets.records import Column, RecordList, Row

COLUMNS = (
    Column("Device", 14, flex=3),
    Column("Addresses", 16, flex=1),
    Column("Vendor", 8, flex=2, at=86),
    Column("Jobs", 7, at=68),
    Column("Worst", 14),
    Column("F", 2, align="right"),
    Column("E", 2, align="right"),
    Column("I", 3, align="right"),
    Column("P", 2, align="right"),
    Column("N", 3, align="right", at=72),
)


def jobs_cell(one: view.DeviceView) -> Line:
    """What is going on, as word or sign, and how many of the known jobs were tried."""
    numbers = f"{one.done}/{one.known}"
    if one.finished:
        return ((f"= {numbers}", ""),)
    if one.running:
        return ((f"> {numbers}", "accent"),)
    return ((f"  {numbers}", "dim"),)


class DevicesScreen(FilteredScreen):
    """Everything that was found on the network."""

    help_title = "Devices"
    help_text = (
        "Every device that was found, as it appears. Jobs: tried of known; '>' means that one is "
        "running now and '=' that all were tried. Worst is the worst verdict under the chosen "
        "catalogue (c chooses another). F, E, I, P and N count the requirements that fail, met an "
        "error, are inconclusive, pass and were not tested. Filter keys: status:fail vendor:acme addr:198.51."
    )
    FILTER_KEYS = ("status", "vendor", "addr")
    BINDINGS = [
        Binding("c", "app.choose_catalogue", "Catalogue", id="devices.catalogue"),
        Binding("r", "requirements", "Results", id="devices.requirements"),
        Binding("y", "copy", "Copy address", id="devices.copy", show=False),
    ]

    def body(self) -> Iterator[Widget]:
        with Container(id="split"):
            yield RecordList(COLUMNS, empty="No device has been seen yet.", id="list")
            yield Document(id="detail")
        yield self.filter_line()

    def list_widget(self) -> RecordList:
        return self.query_one("#list", RecordList)

    def path(self) -> Iterable[str]:
        return ("Devices",)

    def quiet_remark(self) -> Line:
        number = len(self.probe.state.devices)
        seen = f"{number} device{'' if number == 1 else 's'}"
        catalogue = self.probe.catalogue
        under = f", verdicts under {catalogue.title} {catalogue.edition}" if catalogue else ""
        return ((seen + under, "dim"),)

    def refresh_data(self) -> None:
        views = self.accepted(
            view.device_views(self.probe.state, self.probe.catalogue), _words, _fields
        )
        records = self.list_widget()
        records.empty = (
            "No device matches the filter."
            if self.filter
            else (
                "No device was found."
                if not self.probe.follow.working
                else "No device has been seen yet."
            )
        )
        records.set_rows([_row(v, working=self.probe.follow.working) for v in views])
        self._show_detail()

    def _show_detail(self, *, fresh: bool = False) -> None:
        detail = self.query_one("#detail", Document)
        key = self.list_widget().key
        if detail.display:
            app = self.probe
            page = pages.device_page(app.state, DeviceId(key), app.follow.editions) if key else ()
            detail.set_page(page, fresh=fresh)

    @on(RecordList.Moved, "#list")
    def _moved(self) -> None:
        self._show_detail(fresh=True)

    @on(RecordList.Opened, "#list")
    def _opened(self, event: RecordList.Opened) -> None:
        if event.key:
            self.probe.open_target(("device", event.key))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("requirements", "copy"):
            return bool(self.probe.state.devices) and self.probe.catalogue is not None
        return super().check_action(action, parameters)

    def action_requirements(self) -> None:
        key, catalogue = self.list_widget().key, self.probe.catalogue
        if key and catalogue:
            self.probe.open_target(("requirements", catalogue.id, catalogue.edition, key))

    def action_copy(self) -> None:
        device = self.probe.state.devices.get(DeviceId(self.list_widget().key or ""))
        if device is not None:
            self.probe.copy(view.addresses_of(device).split(" ")[0])


def _worst(one: view.DeviceView, *, working: bool) -> Line:
    """The worst verdict; that it is being tested, as long as there is none."""
    judged = any(n for status, n in one.counts.items() if status is not Status.NOT_TESTED)
    if working and not one.finished and not judged:
        return (("> RUNNING", "accent"),)
    return pages.status_span(one.worst)


def _row(one: view.DeviceView, *, working: bool) -> Row:
    counts: list[Cell] = []
    for status in (Status.FAIL, Status.ERROR, Status.INCONCLUSIVE, Status.PASS, Status.NOT_TESTED):
        number = one.counts.get(status, 0)
        counts.append(((str(number), pages.status_span(status)[0][1] if number else "dim"),))
    cells: tuple[Cell, ...] = (
        ((one.device.label, "strong"),),
        view.addresses_of(one.device),
        ((view.vendor_of(one.device), "dim"),),
        jobs_cell(one),
        _worst(one, working=working),
        *counts,
    )
    return Row(one.device.id, cells)


def _words(one: view.DeviceView) -> str:
    device: Device = one.device
    said = [device.label, device.mac or "", *device.addresses]
    return " ".join(said + [a.value for a in device.attributes]).lower()


def _fields(one: view.DeviceView) -> dict[str, str]:
    return {
        "status": one.worst.lower(),
        "vendor": view.vendor_of(one.device).lower(),
        "addr": "\n".join(one.device.addresses),
    }


class DeviceScreen(ProbeScreen):
    """One device: who it is, its results, findings and services."""

    help_title = "Device"
    help_text = (
        "Who the device is, and who says so: what a device says about itself is only its own word. "
        "Below are its results under each catalogue, its findings and its services."
    )
    BINDINGS = [
        Binding("r", "requirements", "Results", id="device.requirements"),
        Binding("t", "image", "Image tree", id="device.image"),
        Binding("y", "copy", "Copy address", id="device.copy"),
    ]

    def __init__(self, device: DeviceId) -> None:
        super().__init__()
        self.device = device

    def body(self) -> Iterator[Widget]:
        yield Document(id="page")

    def path(self) -> Iterable[str]:
        return ("Devices", self.probe.follow.label(self.device))

    def refresh_data(self) -> None:
        app = self.probe
        page = pages.device_page(app.state, self.device, app.follow.editions)
        self.query_one("#page", Document).set_page(page)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "requirements":
            return self.probe.catalogue is not None
        if action == "image":
            known = self.probe.state.devices.get(self.device)
            return known is not None and bool(known.images)
        return super().check_action(action, parameters)

    def action_requirements(self) -> None:
        catalogue = self.probe.catalogue
        if catalogue:
            self.probe.open_target(("requirements", catalogue.id, catalogue.edition, self.device))

    def action_image(self) -> None:
        self.probe.open_target(("image", self.device))

    def action_copy(self) -> None:
        device = self.probe.state.devices.get(self.device)
        if device is not None:
            self.probe.copy(view.addresses_of(device).split(" ")[0])
