"""A page of text in which some lines can be opened, moved through like a text-mode web browser."""

from textual import events
from textual.binding import Binding
from textual.message import Message

from probe.tui.blocks import Block, Field, Gap, Heading, Item, Page, Para, Target, Title
from probe.tui.hide import hidden_of
from probe.tui.spans import Cell, Line, as_line, wrap
from probe.tui.widgets.lines import LineView

LABEL_WIDTH = 14
Drawn = tuple[Line, int | None]
"""A line, and the number of the item that it belongs to."""


class Document(LineView):
    """Emits ``Opened`` on Enter. Down goes to the next item in view, or else scrolls."""

    help_title = "Page"
    help_text = (
        "Down goes to the next line that can be opened when it is in view, and scrolls otherwise. "
        "Enter opens the line under the cursor."
    )
    BINDINGS = [Binding("enter", "open", "Open", id="page.open")]

    class Opened(Message):
        def __init__(self, target: Target) -> None:
            super().__init__()
            self.target = target

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.page: Page = ()
        self.items: list[Item] = []
        self.cursor = 0
        self._drawn: list[Drawn] = []
        self._starts: list[int] = []

    @property
    def target(self) -> Target | None:
        """Where Enter would lead now."""
        return self.items[self.cursor].target if self.items else None

    def set_page(self, page: Page, *, fresh: bool = False) -> None:
        """Show the page. ``fresh`` says that it is about something else: begin at the top."""
        if fresh:
            self.cursor = 0
            self.scroll_to(y=0, animate=False, force=True, immediate=True)
        elif page == self.page:
            return
        here = self.target
        could_open = bool(self.items)
        self.page = page
        self.items = [block for block in page if isinstance(block, Item)]
        if not fresh and here is not None:
            self.cursor = next((i for i, x in enumerate(self.items) if x.target == here), 0)
        self.redraw()
        if could_open != bool(self.items) and self.is_mounted:
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self.items) if action == "open" else True

    def redraw(self) -> None:
        width = self.scrollable_content_region.width - 3
        self._drawn, self._starts = [], []
        number, hidden = 0, hidden_of(self)
        if width > 0:
            for block in self.page:
                mine = number if isinstance(block, Item) else None
                if mine is not None:
                    self._starts.append(len(self._drawn))
                    number += 1
                self._drawn += [(line, mine) for line in _draw(hidden.block(block), width)]
        self.relayout()

    def line_count(self) -> int:
        return len(self._drawn)

    def line_at(self, index: int) -> tuple[Line, str]:
        line, item = self._drawn[index]
        if item is not None and item == self.cursor:
            if self.has_focus:
                return (("▌ ", "accent"), *line), "cursor"
            return (("  ", ""), *line), "cursor_away"
        return (("  ", ""), *line), ""

    # --- moving -------------------------------------------------------------------------------

    def action_down(self) -> None:
        self._step(1)

    def action_up(self) -> None:
        self._step(-1)

    def _step(self, by: int) -> None:
        wanted = self.cursor + by
        if 0 <= wanted < len(self.items) and self._in_view(wanted):
            self._select(wanted)
        else:
            self.scroll_lines(by)

    def _in_view(self, item: int) -> bool:
        top = self.scroll_offset.y
        return top <= self._starts[item] < top + self.page_height

    def _select(self, item: int) -> None:
        self.cursor = item
        self.refresh()

    def action_page(self, direction: int) -> None:
        super().action_page(direction)
        self._catch_up()

    def action_first(self) -> None:
        super().action_first()
        if self.items:
            self._select(0)

    def action_last(self) -> None:
        super().action_last()
        if self.items:
            self._select(len(self.items) - 1)

    def _catch_up(self) -> None:
        if self.items and not self._in_view(self.cursor):
            seen = [i for i in range(len(self.items)) if self._in_view(i)]
            if seen:
                self._select(seen[0])

    def action_open(self) -> None:
        if self.target is not None:
            self.post_message(self.Opened(self.target))

    def on_resize(self) -> None:
        self.redraw()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        item = self._drawn[index][1] if index < len(self._drawn) else None
        if item is not None:
            if item == self.cursor:
                self.action_open()
            else:
                self._select(item)


def _draw(block: Block, width: int) -> list[Line]:
    match block:
        case Gap():
            return [()]
        case Title(text=text):
            return wrap(as_line(text, "strong"), width)
        case Heading(text=text):
            return [(), ((text, "head"),)]
        case Para(text=text, bullet=bullet, role=role):
            parts: list[Cell] = list(text.split("\n")) if isinstance(text, str) else [text]
            lead = f"{bullet} " if bullet else ""
            drawn: list[Line] = []
            for number, part in enumerate(parts):
                mark = lead if number == 0 else " " * len(lead)
                drawn += wrap(((mark, "dim"), *as_line(part, role)), width, len(lead))
            return drawn
        case Field(label=label, value=value):
            lead = f"{label:<{LABEL_WIDTH}}"
            return wrap(((lead + " ", "label"), *as_line(value)), width, LABEL_WIDTH + 1)
        case Item(text=text, more=more):
            lines = wrap(as_line(text), width, 2)
            return lines + (wrap((("  ", ""), *as_line(more, "dim")), width, 2) if more else [])
