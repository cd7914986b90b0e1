"""A requirement, its verdict on a device, and the findings behind it."""

from collections.abc import Iterable, Iterator

from textual.binding import Binding
from textual.widget import Widget

from probe.model.ids import DeviceId
from probe.tui import pages, view
from probe.tui.blocks import Page
from probe.tui.screens.base import ProbeScreen
from probe.tui.widgets.document import Document


class PageScreen(ProbeScreen):
    """A screen that is one page."""

    def body(self) -> Iterator[Widget]:
        yield Document(id="page")

    def refresh_data(self) -> None:
        self.query_one("#page", Document).set_page(self.page())

    def page(self) -> Page:
        raise NotImplementedError


class RequirementScreen(PageScreen):
    """One requirement on every device."""

    help_title = "Requirement"
    help_text = (
        "The verdicts on each device, worst first. Enter opens one with its reason and proof."
    )
    BINDINGS = [Binding("y", "copy", "Copy id", id="requirement.copy")]

    def __init__(self, catalogue: str, edition: str, requirement: str) -> None:
        super().__init__()
        self.key, self.requirement = (catalogue, edition), requirement

    def path(self) -> Iterable[str]:
        return ("Requirements", "all devices", self.requirement)

    def page(self) -> Page:
        app = self.probe
        catalogue = app.follow.edition(self.key)
        if catalogue is None:
            return ()
        every = view.requirement_views(
            app.state, catalogue, list(app.state.devices), app.library.checks
        )
        one = next((v for v in every if v.requirement.id == self.requirement), None)
        return pages.requirement_page(app.state, catalogue, one, app.library.checks) if one else ()

    def action_copy(self) -> None:
        self.probe.copy(self.requirement)


class VerdictScreen(PageScreen):
    """One requirement on one device."""

    help_title = "Verdict"
    help_text = (
        "Why the verdict is what it is, what would settle it when it is not known, the findings "
        "that were weighed, and what a person does by hand. Enter opens a finding."
    )
    BINDINGS = [Binding("y", "copy", "Copy command", id="verdict.copy")]

    def __init__(self, catalogue: str, edition: str, requirement: str, device: str) -> None:
        super().__init__()
        self.key, self.requirement = (catalogue, edition), requirement
        self.device = DeviceId(device)

    def path(self) -> Iterable[str]:
        return ("Requirements", self.probe.follow.label(self.device), self.requirement)

    def page(self) -> Page:
        app = self.probe
        catalogue = app.follow.edition(self.key)
        requirement = catalogue.requirement(self.requirement) if catalogue else None
        if catalogue is None or requirement is None:
            return ()
        verdict = app.state.verdicts.get((*self.key, self.requirement, self.device))
        return pages.verdict_page(app.state, catalogue, requirement, verdict, app.library.checks)

    def action_copy(self) -> None:
        run = self.probe.state.run
        if run is not None:
            self.probe.copy(f"probe show {run.id} {self.requirement}")


class FindingScreen(PageScreen):
    """One answer of one check."""

    help_title = "Finding"
    help_text = (
        "The question, its answer and the proof. Enter opens a proof: recorded bytes, readable or as "
        "hex. A negative is proved by what was tried, how often, and how long an answer was awaited. "
        "y copies the command that asks again."
    )
    BINDINGS = [Binding("y", "copy", "Copy command", id="finding.copy")]

    def __init__(self, finding: str) -> None:
        super().__init__()
        self.finding = finding

    def path(self) -> Iterable[str]:
        found = self.probe.state.findings.get(self.finding)
        return (
            ("Finding", self.probe.follow.label(found.device), found.check)
            if found
            else ("Finding",)
        )

    def page(self) -> Page:
        app = self.probe
        return pages.finding_page(
            app.state, app.state.findings.get(self.finding), app.library.checks
        )

    def action_copy(self) -> None:
        found = self.probe.state.findings.get(self.finding)
        if found is not None:
            self.probe.copy(view.reproduce(self.probe.state, found))
