"""Small windows that ask: one of several things, a text, and the command palette."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from probe.tui.spans import safe
from probe.tui.widgets.bars import Peek
from probe.tui.widgets.lines import Bar
from probe.tui.widgets.records import Column, RecordList, Row


@dataclass(frozen=True, slots=True)
class Option:
    """Something to choose; ``key`` is what is returned."""

    key: str
    label: str
    help: str = ""


class Pick(ModalScreen[str | None]):
    """Returns the key of the chosen option, or None. With ``search`` the options can be typed for."""

    help_title = "Choose"
    help_text = "Move with the arrows; Enter chooses, Esc leaves everything as it is."
    BINDINGS = [
        Binding("escape", "cancel", "Cancel", id="pick.cancel"),
        Binding("ctrl+c", "cancel", "Cancel", show=False, id="pick.break"),
        Binding("q", "again", "The same", show=False, id="pick.again"),
        Binding("up", "move(-1)", "Up", show=False, id="pick.up"),
        Binding("down", "move(1)", "Down", show=False, id="pick.down"),
    ]

    def __init__(
        self,
        title: str,
        options: Sequence[Option],
        *,
        text: str = "",
        current: str = "",
        search: bool = False,
        again: bool = False,
    ) -> None:
        super().__init__()
        self.heading, self.text, self.options = title, text, list(options)
        self.current, self.search, self.again = current, search, again
        """``again``: q, which asked, chooses the option under the cursor when pressed once more."""

    def compose(self) -> ComposeResult:
        with Vertical(id="window"):
            yield Bar(id="heading")
            if self.text:
                yield Peek(id="text")
            if self.search:
                yield Input(placeholder="type to find", id="search")
            yield RecordList(
                (Column("", 22, flex=1), Column("", 16, flex=1)),
                empty="Nothing matches.",
                titled=False,
                id="options",
            )

    def on_mount(self) -> None:
        self.query_one("#heading", Bar).show(((" " + safe(self.heading), "strong"),))
        if self.text:
            self.query_one("#text", Peek).show(((self.text, ""),))
        records = self.query_one("#options", RecordList)
        self._show("")
        records.go_to(self.current)
        records.styles.height = max(1, min(len(self.options), self.app.size.height - 10))
        (self.query_one("#search", Input) if self.search else records).focus()

    def _show(self, typed: str) -> None:
        words = typed.lower().split()
        rows = [
            Row(option.key, (((option.label, "strong"),), ((option.help, "dim"),)))
            for option in self.options
            if all(word in f"{option.label} {option.help}".lower() for word in words)
        ]
        self.query_one("#options", RecordList).set_rows(rows)

    @on(Input.Changed, "#search")
    def _typed(self, event: Input.Changed) -> None:
        self._show(event.value)
        self.query_one("#options", RecordList).action_first()

    @on(Input.Submitted, "#search")
    def _enter(self) -> None:
        key = self.query_one("#options", RecordList).key
        if key is not None:
            self.dismiss(key)

    @on(RecordList.Opened, "#options")
    def _chosen(self, event: RecordList.Opened) -> None:
        self.dismiss(event.key)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.again if action == "again" else True

    def action_again(self) -> None:
        self.dismiss(self.query_one("#options", RecordList).key)

    def action_move(self, by: int) -> None:
        records = self.query_one("#options", RecordList)
        (records.action_up if by < 0 else records.action_down)()

    def action_cancel(self) -> None:
        self.dismiss(None)


class AskText(ModalScreen[str | None]):
    """Returns the text that was typed, or None."""

    BINDINGS = [
        Binding("escape", "cancel", "Cancel", id="ask.cancel"),
        Binding("ctrl+c", "cancel", "Cancel", show=False, id="ask.break"),
    ]

    def __init__(self, title: str, value: str) -> None:
        super().__init__()
        self.heading, self.value = title, value

    def compose(self) -> ComposeResult:
        with Vertical(id="window"):
            yield Bar(id="heading")
            yield Input(self.value, id="answer", select_on_focus=False)

    def on_mount(self) -> None:
        self.query_one("#heading", Bar).show(((" " + self.heading, "strong"),))

    @on(Input.Submitted)
    def _done(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip() or None)

    def action_cancel(self) -> None:
        self.dismiss(None)
