"""What every screen has: tabs, path, keys, a filter line where there is a list, and live data."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from probe.tui.filters import Filter, parse
from probe.tui.spans import Line
from probe.tui.widgets.bars import Crumbs, KeyBar, TooSmall, TopBar
from probe.tui.widgets.document import Document

if TYPE_CHECKING:
    from probe.tui.app import ProbeApp

Record = TypeVar("Record")
Fields = Callable[[Record], Mapping[str, str]]
"""What ``key:value`` is compared with, lower case; several values on lines of their own."""

TABS = (
    ("1", "devices", "Devices"),
    ("2", "run", "Run"),
    ("3", "requirements", "Requirements"),
    ("4", "log", "Log"),
)


class ProbeScreen(Screen[None]):
    """Subclasses give the body, the path, and ``refresh_data``."""

    help_title = "Screen"
    help_text = ""
    BINDINGS = [Binding("escape", "back", "Back", id="back")]

    @property
    def probe(self) -> "ProbeApp":
        """The application, with its type."""
        from probe.tui.app import ProbeApp

        app = self.app
        assert isinstance(app, ProbeApp)
        return app

    def compose(self) -> ComposeResult:
        yield TopBar(TABS, self.probe.current_mode)
        yield Crumbs()
        yield from self.body()
        yield KeyBar(id="keys")
        yield TooSmall(id="too-small")

    def body(self) -> Iterator[Widget]:
        """The widgets between the path and the keys."""
        yield from ()

    def path(self) -> Iterable[str]:
        """Where one is, from the tab downwards."""
        return ()

    def remark(self) -> Line:
        """What stands on the right of the path."""
        return ()

    def refresh_data(self) -> None:
        """The journal has grown, or the user chose something else to look at."""

    def tick(self) -> None:
        """A second has passed while something runs."""

    def update(self) -> None:
        """Bring everything on this screen up to date; paints only what differs."""
        if not self.is_whole:
            return
        self.refresh_data()
        self.show_status()

    @property
    def is_whole(self) -> bool:
        """All its parts are there; while it is put up or taken down they come and go one by one."""
        whole = self.is_mounted and bool(self.query(TopBar)) and bool(self.query(Crumbs))
        return whole and self.app.is_running

    def show_status(self) -> None:
        if not self.is_whole:
            return
        self.query_one(TopBar).show_status(self.probe.status_line())
        self.query_one(Crumbs).show_path(self.path(), self.remark())

    def on_mount(self) -> None:
        self.update()
        self.call_after_refresh(self._seen)

    def _seen(self) -> None:
        # One frame more: what was laid out is painted with the next one.
        self.call_after_refresh(self.probe.begin)

    def on_screen_resume(self) -> None:
        self.update()

    def on_resize(self, _event: events.Resize) -> None:
        # What was hidden because the terminal was too small has lost the focus.
        self.call_after_refresh(self._after_resize)

    def _after_resize(self) -> None:
        if self.is_current and self.focused is None:
            target = next((w for w in self.focus_chain), None)
            if target is not None:
                target.focus()
        self.update()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "back":
            return self.can_go_back()
        return True

    def can_go_back(self) -> bool:
        stack = self.app.screen_stack
        return self in stack and stack.index(self) > 0

    def action_back(self) -> None:
        self.app.pop_screen()

    @on(Document.Opened)
    def _open_target(self, event: Document.Opened) -> None:
        self.probe.open_target(event.target)


class FilteredScreen(ProbeScreen):
    """A screen with one list that ``/`` filters."""

    BINDINGS = [Binding("slash", "filter", "Filter", id="filter")]
    FILTER_KEYS: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        super().__init__()
        self.filter = Filter()
        self.shown, self.total = 0, 0

    def filter_line(self) -> Input:
        """The line that the filter is typed into; it is hidden until it is asked for."""
        hint = " ".join(f"{key}:" for key in self.FILTER_KEYS)
        line = Input(placeholder=f"words, or {hint}", id="filter", select_on_focus=False)
        line.display = False
        return line

    def list_widget(self) -> Widget:
        """The list, which gets the focus back after typing."""
        raise NotImplementedError

    def accepted(
        self, records: Iterable[Record], words: Callable[[Record], str], fields: Fields[Record]
    ) -> list[Record]:
        """The records that the filter lets through; counts them for the remark."""
        everything = list(records)
        kept = [r for r in everything if self.filter.accepts(words(r), fields(r))]
        self.shown, self.total = len(kept), len(everything)
        return kept

    def remark(self) -> Line:
        if not self.filter:
            return self.quiet_remark()
        line: Line = ((f"{self.shown} of {self.total} match the filter", "unknown"),)
        return ((self.filter.problem + "; ", "fail"), *line) if self.filter.problem else line

    def quiet_remark(self) -> Line:
        """The remark while nothing is filtered."""
        return ()

    def action_filter(self) -> None:
        line = self.query_one("#filter", Input)
        line.display = True
        line.focus()

    def can_go_back(self) -> bool:
        return bool(self.query("#filter")) and (
            self.query_one("#filter", Input).display or super().can_go_back()
        )

    def action_back(self) -> None:
        line = self.query_one("#filter", Input)
        if line.display:
            line.value = ""
            line.display = False
            self.list_widget().focus()
            self.refresh_bindings()
        else:
            super().action_back()

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        self.filter = parse(event.value, self.FILTER_KEYS)
        self.update()

    @on(Input.Submitted, "#filter")
    def _typed_enough(self, event: Input.Submitted) -> None:
        event.input.display = bool(event.value.strip())
        self.list_widget().focus()
        self.refresh_bindings()
