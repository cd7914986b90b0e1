"""The lines at the edges of every screen: tabs and run status, where one is, keys, size warning."""

from collections.abc import Iterable

from textual import events
from textual.binding import Binding
from textual.strip import Strip
from textual.widget import Widget

from probe.tui.hide import hidden_of
from probe.tui.spans import Line, Span, as_line, fit, text_of, width_of, wrap
from probe.tui.widgets.lines import Bar, PlainBar, strip_of

MOST_KEYS = 8
KEY_NAMES = {
    "enter": "Enter",
    "escape": "Esc",
    "slash": "/",
    "question_mark": "?",
    "colon": ":",
    "space": "Space",
    "tab": "Tab",
    "pageup": "PgUp",
    "pagedown": "PgDn",
}


def key_name(key: str) -> str:
    """A key as people write it."""
    if key.startswith("ctrl+"):
        return "Ctrl+" + key[5:].upper()
    if key.startswith("shift+"):
        return "Shift+" + key_name(key[6:])
    return KEY_NAMES.get(key, key.capitalize() if len(key) > 1 else key)


class TopBar(Bar):
    """Tabs on the left, the run's status on the right."""

    def __init__(self, tabs: Iterable[tuple[str, str, str]], current: str) -> None:
        super().__init__(id="top")
        self.tabs, self.current = tuple(tabs), current
        """Key, mode and title of each tab."""
        self._status: Line = ()

    def show_status(self, status: Line) -> None:
        if status != self._status:
            self._status = status
            self.refresh()

    def _tab_spans(self, short: bool) -> list[tuple[Span, ...]]:
        spans: list[tuple[Span, ...]] = []
        for key, mode, title in self.tabs:
            here = mode == self.current
            name = title[:4].rstrip() if short and not here else title
            spans.append(((f" {key} ", "key"), (name, "mark" if here else "dim"), (" ", "")))
        return spans

    def line(self, width: int) -> Line:
        for short in (False, True):
            left = tuple(span for tab in self._tab_spans(short) for span in tab)
            room = width - width_of(left) - width_of(self._status) - 2
            if room >= 0:
                return (*left, (" " * (room + 1), ""), *self._status, (" ", ""))
        return (*left, ("  ", ""), *self._status)

    async def on_click(self, event: events.Click) -> None:
        at = 0
        for (_, mode, _), spans in zip(self.tabs, self._tab_spans(False), strict=True):
            at += width_of(spans)
            if event.x < at:
                await self.run_action(f"app.screen('{mode}')")
                return


class Crumbs(Bar):
    """Where one is on the left, a remark on the right."""

    ground = ""

    def __init__(self) -> None:
        super().__init__(id="crumbs")
        self._parts: tuple[str, ...] = ()
        self._remark: Line = ()

    def show_path(self, parts: Iterable[str], remark: Line = ()) -> None:
        wanted = tuple(text_of(as_line(p)) for p in parts)
        if (wanted, remark) != (self._parts, self._remark):
            self._parts, self._remark = wanted, as_line(remark)
            self.refresh()

    def line(self, width: int) -> Line:
        path: list[Span] = [(" ", "")]
        for number, part in enumerate(self._parts):
            last = number == len(self._parts) - 1
            if number:
                path.append((" › ", "dim"))  # noqa: RUF001 - the sign that paths are written with
            path.append((part, "strong" if last else "dim"))
        remark = fit(self._remark, min(width_of(self._remark), width * 2 // 3))
        room = width - width_of(remark) - 2
        return (*fit(tuple(path), room), (" ", ""), *remark, (" ", ""))


class KeyBar(Bar):
    """The most useful keys of what has the focus, of the screen and of the program."""

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def _bindings_changed(self, _screen: object) -> None:
        self.refresh()

    def bindings(self) -> list[tuple[str, Binding]]:
        """What the footer offers now: key and binding."""
        offered: dict[str, tuple[str, Binding]] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled and binding.action not in offered:
                offered[binding.action] = (binding.key, binding)
        return list(offered.values())

    def _entries(self, width: int) -> list[tuple[Line, Binding]]:
        entries: list[tuple[Line, Binding]] = [
            (((f" {key_name(key)}", "key"), (f" {binding.description} ", "dim")), binding)
            for key, binding in self.bindings()
        ]
        # The last two say how to get help and how to leave: they always stay.
        while len(entries) > 2 and (
            len(entries) > MOST_KEYS or sum(width_of(line) for line, _ in entries) > width
        ):
            del entries[-3]
        return entries

    def line(self, width: int) -> Line:
        return tuple(span for line, _ in self._entries(width) for span in line)

    def on_click(self, event: events.Click) -> None:
        at = 0
        for line, binding in self._entries(self.size.width):
            at += width_of(line)
            if event.x < at:
                self.app.simulate_key(binding.key)
                return


class Peek(PlainBar):
    """Two lines about the record under the cursor, where there is no room for its page."""

    DEFAULT_CSS = "Peek { height: 2; }"

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        lines = wrap(as_line(hidden_of(self).line(self._line)), max(10, width - 3))
        if len(lines) > 2:
            rest = tuple(span for line in lines[1:] for span in (*line, (" ", "")))
            lines = [lines[0], fit(rest, width - 3)]
        line = lines[y] if y < len(lines) else ()
        return strip_of(self, (("  ", ""), *line), width)


class TooSmall(Widget):
    """Takes the place of everything when the terminal is too small to be of use."""

    def render_line(self, y: int) -> Strip:
        width, height = self.app.size
        text = ("Terminal too small:", f"have {width}x{height}, need 60x20")
        top = max(0, height // 2 - 1)
        shown = text[y - top] if 0 <= y - top < len(text) else ""
        room = max(0, (width - len(shown)) // 2)
        return strip_of(self, ((" " * room + shown, "strong"),), self.size.width)
