"""A list of records in columns that fit the terminal; the cursor stays on its record when rows move."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.binding import Binding
from textual.message import Message

from probe.tui.hide import hidden_of
from probe.tui.spans import Cell, Line, as_line, fit
from probe.tui.widgets.lines import LineView


@dataclass(frozen=True, slots=True)
class Column:
    """``width`` in cells; ``flex`` shares what is left; hidden when the list is narrower than ``at``."""

    title: str
    width: int
    flex: int = 0
    align: str = "left"
    at: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One record: a key that stays, and a cell for every column."""

    key: str
    cells: tuple[Cell, ...]


class RecordList(LineView):
    """Emits ``Moved`` when the cursor stands on another record and ``Opened`` on Enter."""

    help_title = "List"
    help_text = "Move with the arrows, or j and k. Enter opens the record under the cursor."
    BINDINGS = [Binding("enter", "open", "Open", id="list.open")]
    sticky = 1

    class Moved(Message):
        def __init__(self, records: "RecordList", key: str | None) -> None:
            super().__init__()
            self.records, self.key = records, key

        @property
        def control(self) -> "RecordList":
            return self.records

    class Opened(Moved):
        pass

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        empty: str = "Nothing here.",
        follow: bool = False,
        titled: bool = True,
        quiet: bool = False,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.columns, self.empty, self.follow = tuple(columns), empty, follow
        self.quiet = quiet
        """The cursor is seen only with the focus: for one of several lists."""
        self.sticky = 1 if titled else 0
        self.rows: list[Row] = []
        self.cursor = 0
        self._widths: tuple[int, ...] = ()
        self._widths_for = -1

    @property
    def key(self) -> str | None:
        """Key of the record under the cursor."""
        return self.rows[self.cursor].key if self.rows else None

    def set_rows(self, rows: list[Row]) -> None:
        """Show these rows; only what differs is painted."""
        if rows == self.rows and rows:
            return
        before, old_key = self.rows, self.key
        at_end = self.follow and self.cursor >= len(before) - 1
        self.rows = rows
        self.cursor = self._place_of(old_key, at_end)
        if len(before) != len(rows) or not rows:
            self.relayout()
            if at_end:
                self.call_after_refresh(self._to_cursor)
        else:
            for index, (old, new) in enumerate(zip(before, rows, strict=True)):
                if old != new:
                    self.repaint(index)
        if self.key != old_key:
            self.post_message(self.Moved(self, self.key))

    def _place_of(self, key: str | None, at_end: bool) -> int:
        if at_end:
            return max(0, len(self.rows) - 1)
        if self.cursor < len(self.rows) and self.rows[self.cursor].key == key:
            return self.cursor
        for index, row in enumerate(self.rows):
            if row.key == key:
                return index
        return max(0, min(self.cursor, len(self.rows) - 1))

    def set_columns(self, columns: Sequence[Column]) -> None:
        if tuple(columns) != self.columns:
            self.columns, self._widths_for = tuple(columns), -1
            self.refresh()

    def go_to(self, key: str) -> bool:
        """Put the cursor on the record; False when it is not in the list."""
        for index, row in enumerate(self.rows):
            if row.key == key:
                self._move(index)
                return True
        return False

    # --- drawing ------------------------------------------------------------------------------

    def line_count(self) -> int:
        return max(1, len(self.rows))

    def sticky_line(self, index: int) -> Line:
        titles = [
            fit(((c.title, "label"),), width, c.align) if width else ()
            for c, width in self._layout()
        ]
        return self._joined("  ", titles)

    def line_at(self, index: int) -> tuple[Line, str]:
        if not self.rows:
            return (("  " + self.empty, "dim"),), ""
        here = index == self.cursor
        row, hidden = self.rows[index], hidden_of(self)
        cells = [
            fit(as_line(hidden.cell(cell)), width, column.align) if width else ()
            for cell, (column, width) in zip(row.cells, self._layout(), strict=True)
        ]
        if not here or (self.quiet and not self.has_focus):
            return self._joined("  ", cells), ""
        if self.has_focus:
            return self._joined("▌ ", cells), "cursor"
        return self._joined("  ", cells), "cursor_away"

    def _joined(self, marker: str, cells: list[Line]) -> Line:
        gap = (" " * self._gap, "")
        joined: list[tuple[str, str]] = [(marker, "accent")]
        for cell in filter(None, cells):
            if len(joined) > 1:
                joined.append(gap)
            joined.extend(cell)
        return tuple(joined)

    @property
    def _gap(self) -> int:
        return 1 if self.size.width < 100 else 2

    def _layout(self) -> list[tuple[Column, int]]:
        width = self.scrollable_content_region.width
        if self._widths_for != width:
            self._widths_for, self._widths = width, self._fit_columns(width)
        return list(zip(self.columns, self._widths, strict=True))

    def _fit_columns(self, width: int) -> tuple[int, ...]:
        shown = [c.at <= width for c in self.columns]
        used = sum(c.width for c, on in zip(self.columns, shown, strict=True) if on)
        spare = max(0, width - 3 - used - self._gap * (sum(shown) - 1))
        shares = sum(c.flex for c, on in zip(self.columns, shown, strict=True) if on) or 1
        return tuple(
            c.width + spare * c.flex // shares if on else 0
            for c, on in zip(self.columns, shown, strict=True)
        )

    # --- moving -------------------------------------------------------------------------------

    def _move(self, index: int) -> None:
        index = max(0, min(index, len(self.rows) - 1))
        if not self.rows or index == self.cursor:
            return
        before, self.cursor = self.cursor, index
        self.repaint(before)
        self.repaint(index)
        self.show_line(index)
        self.post_message(self.Moved(self, self.key))

    def _to_cursor(self) -> None:
        self.show_line(self.cursor)

    def action_up(self) -> None:
        self._move(self.cursor - 1)

    def action_down(self) -> None:
        self._move(self.cursor + 1)

    def action_page(self, direction: int) -> None:
        self._move(self.cursor + direction * max(1, self.page_height - 1))

    def action_first(self) -> None:
        self._move(0)

    def action_last(self) -> None:
        self._move(len(self.rows) - 1)

    def action_open(self) -> None:
        if self.rows:
            self.post_message(self.Opened(self, self.key))

    def on_resize(self) -> None:
        self._widths_for = -1
        self.relayout()
        self.call_after_refresh(self._to_cursor)

    def on_focus(self) -> None:
        self.repaint(self.cursor)

    def on_blur(self) -> None:
        self.repaint(self.cursor)

    def on_click(self, event: events.Click) -> None:
        index = event.y - self.sticky + self.scroll_offset.y
        if event.y >= self.sticky and index < len(self.rows):
            if index == self.cursor:
                self.action_open()
            else:
                self._move(index)
