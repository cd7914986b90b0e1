"""The base of every list and text: draws lines of spans, scrolls, paints only what changed."""

from rich.segment import Segment
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from probe.tui.hide import hidden_of
from probe.tui.spans import Line, fit
from probe.tui.theme import style


def strip_of(widget: Widget, line: Line, width: int, ground: str = "") -> Strip:
    """The line as exactly ``width`` cells in the colours of the current theme."""
    theme, line = widget.app.theme, hidden_of(widget).line(line)
    segments = [Segment(text, style(theme, role, ground)) for text, role in fit(line, width)]
    return Strip(segments, width)


class Bar(Widget):
    """One line of chrome. It is painted again only when its line differs."""

    DEFAULT_CSS = "Bar { height: 1; }"
    ground = "panel"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._line: Line = ()

    def show(self, line: Line) -> None:
        if line != self._line:
            self._line = line
            self.refresh()

    def line(self, width: int) -> Line:
        """What to draw on ``width`` cells."""
        return self._line

    def render_line(self, y: int) -> Strip:
        return strip_of(self, self.line(self.size.width), self.size.width, self.ground)


class PlainBar(Bar):
    """The same on the ground of the page."""

    ground = ""


class LineView(ScrollView, can_focus=True, inherit_bindings=False):
    """Lines that can be scrolled with the keys that people know from pagers."""

    help_title = "Text"
    help_text = "Scroll with the arrows, or j and k. g is the beginning, G the end."

    BINDINGS = [
        Binding("up,k", "up", "Up", show=False, id="move.up"),
        Binding("down,j", "down", "Down", show=False, id="move.down"),
        Binding("pageup,ctrl+u,b", "page(-1)", "Page up", show=False, id="move.page-up"),
        Binding("pagedown,ctrl+d,space", "page(1)", "Page down", show=False, id="move.page-down"),
        Binding("home,g", "first", "Beginning", show=False, id="move.first"),
        Binding("end,G", "last", "End", show=False, id="move.last"),
    ]
    DEFAULT_CSS = """
    LineView { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; height: 1fr; }
    """
    sticky = 0
    """Lines at the top that do not scroll."""

    def line_count(self) -> int:
        """Lines without the sticky ones."""
        return 0

    def line_at(self, index: int) -> tuple[Line, str]:
        """Line ``index`` and its ground."""
        return (), ""

    def sticky_line(self, index: int) -> Line:
        return ()

    @property
    def page_height(self) -> int:
        """Scrolling lines that can be seen at once."""
        return max(1, self.scrollable_content_region.height - self.sticky)

    def relayout(self) -> None:
        """To be called when the number of lines changed."""
        self.virtual_size = Size(self.size.width, self.line_count() + self.sticky)
        self.refresh()

    def redraw(self) -> None:
        """To be called when what is hidden has changed."""
        self.refresh()

    def repaint(self, index: int) -> None:
        """Line ``index`` looks different now."""
        y = index - self.scroll_offset.y + self.sticky
        if self.sticky <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if y < self.sticky:
            return strip_of(self, self.sticky_line(y), width)
        index = y - self.sticky + self.scroll_offset.y
        if index >= self.line_count():
            return strip_of(self, (), width)
        line, ground = self.line_at(index)
        return strip_of(self, line, width, ground)

    def show_line(self, index: int) -> None:
        """Scroll as little as needed to bring line ``index`` into view."""
        top = self.scroll_offset.y
        if index < top:
            self.scroll_to(y=index, animate=False, force=True, immediate=True)
        elif index >= top + self.page_height:
            self.scroll_to(
                y=index - self.page_height + 1, animate=False, force=True, immediate=True
            )

    def scroll_lines(self, by: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + by, animate=False, force=True, immediate=True)

    def action_up(self) -> None:
        self.scroll_lines(-1)

    def action_down(self) -> None:
        self.scroll_lines(1)

    def action_page(self, direction: int) -> None:
        self.scroll_lines(direction * max(1, self.page_height - 1))

    def action_first(self) -> None:
        self.scroll_to(y=0, animate=False, force=True, immediate=True)

    def action_last(self) -> None:
        self.scroll_to(y=self.line_count(), animate=False, force=True, immediate=True)
