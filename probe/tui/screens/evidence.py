"""Recorded bytes: readable and as hex, with their label; they can be saved to a file."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from textual.binding import Binding
from textual.widget import Widget

from probe.errors import ProbeError
from probe.model.evidence import Evidence
from probe.tui.decode import TRANSCRIPT, Shown, decoded, hex_line
from probe.tui.pages import moment
from probe.tui.screens.base import ProbeScreen
from probe.tui.screens.pick import AskText
from probe.tui.spans import Line, width_of, wrap
from probe.tui.widgets.lines import LineView, PlainBar


class EvidenceView(LineView):
    """The bytes. Hex lines are made as they come into view, so any size is quick."""

    help_title = "Evidence"
    help_text = (
        "What was recorded, byte for byte. d changes between the readable view and hex. In a "
        "transcript '>' is what the probe sent, '<' what the device sent, '#' a remark; times are "
        "seconds since the connection began. Control characters of the device are shown as escapes. "
        "A part that a finding points at is underlined. w saves the bytes to a file."
    )

    def __init__(self) -> None:
        super().__init__(id="bytes")
        self.data = b""
        self.start, self.end = 0, 0
        self.hex = False
        self._shown: list[Shown] = []
        self._drawn: list[Line] = []

    def show(self, evidence: Evidence, data: bytes, start: int, end: int | None) -> None:
        self.data, self.start, self.end = data, start, len(data) if end is None else end
        if start == 0 and end is None:
            self.end = 0  # the whole is meant: nothing needs a mark
        self._shown = decoded(evidence.media_type, data, start, end)
        self.hex = evidence.media_type != TRANSCRIPT and not evidence.media_type.startswith("text/")
        self.redraw()

    @property
    def per_row(self) -> int:
        return 16 if self.scrollable_content_region.width >= 78 else 8

    def redraw(self) -> None:
        width = self.scrollable_content_region.width - 2
        self._drawn = []
        if not self.hex and width > 0:
            for shown in self._shown:
                indent = width_of(shown.lead)
                body: Line = shown.body
                if shown.cited:
                    body = tuple((text, "mark") for text, _ in body)
                self._drawn += wrap((*shown.lead, *body), width, min(indent, width // 2))
        self.relayout()

    def line_count(self) -> int:
        return max(1, -(-len(self.data) // self.per_row)) if self.hex else len(self._drawn)

    def line_at(self, index: int) -> tuple[Line, str]:
        if not self.hex:
            line = self._drawn[index]
            cited = any(role == "mark" for _, role in line)
            return (("▎ " if cited else "  ", "accent"), *line), ""
        if not self.data:
            return (("  Nothing was recorded: 0 bytes.", "dim"),), ""
        row = index * self.per_row
        cited = row + self.per_row > self.start and row < self.end
        line = hex_line(self.data, row, self.per_row, self.start, self.end)
        return (("▎ " if cited else "  ", "accent"), *line), ""

    def go_to_cited(self) -> None:
        """Bring the part that the finding points at into view."""
        if not self.end:
            return
        line = self.start // self.per_row
        if not self.hex:
            roles = (any(role == "mark" for _, role in drawn) for drawn in self._drawn)
            line = next((i for i, marked in enumerate(roles) if marked), 0)
        self.scroll_to(y=line, animate=False, force=True, immediate=True)

    def on_resize(self) -> None:
        self.redraw()


class EvidenceScreen(ProbeScreen):
    """One piece of evidence."""

    BINDINGS = [
        Binding("d", "other_view", "Readable/hex", id="evidence.toggle"),
        Binding("w", "save", "Save to file", id="evidence.save"),
        Binding("y", "copy", "Copy hash", id="evidence.copy"),
    ]

    def __init__(self, sha256: str, start: str = "0", end: str = "") -> None:
        super().__init__()
        self.sha256, self.start = sha256, int(start)
        self.end = int(end) if end else None
        self.found: tuple[Evidence, bytes] | None = None

    def body(self) -> Iterator[Widget]:
        yield PlainBar(id="caption")
        yield PlainBar(id="label")
        yield PlainBar(id="hash")
        yield EvidenceView()

    def path(self) -> Iterable[str]:
        how = "hex" if self.query_one(EvidenceView).hex else "readable"
        return ("Evidence", self.sha256[:12], how)

    def on_mount(self) -> None:
        try:
            source = self.probe.follow.source
            self.found = source.evidence(self.sha256) if source else None
        except ProbeError as error:
            self.probe.say(str(error), severity="error")
        super().on_mount()
        self._show()
        self.call_after_refresh(self.query_one(EvidenceView).go_to_cited)

    def _show(self) -> None:
        caption, label, digest = (
            self.query_one(name, PlainBar) for name in ("#caption", "#label", "#hash")
        )
        digest.show(((f" sha256 {self.sha256}", "dim"),))
        if self.found is None:
            caption.show(((" The store has no such evidence.", "fail"),))
            return
        evidence, data = self.found
        caption.show(((" " + evidence.caption, "strong"),))
        said = f" {evidence.size} bytes, {evidence.media_type}, {moment(evidence.captured_at)}"
        label.show(((f"{said}, by {evidence.collector}", "dim"),))
        self.query_one(EvidenceView).show(evidence, data, self.start, self.end)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("other_view", "save"):
            return self.found is not None
        return super().check_action(action, parameters)

    def action_other_view(self) -> None:
        view = self.query_one(EvidenceView)
        view.hex = not view.hex
        view.redraw()
        view.go_to_cited()
        self.show_status()

    def action_copy(self) -> None:
        self.probe.copy(self.sha256)

    def action_save(self) -> None:
        suffix = "jsonl" if self.found and self.found[0].media_type == TRANSCRIPT else "bin"
        name = str(Path.cwd() / f"evidence-{self.sha256[:12]}.{suffix}")
        self.app.push_screen(AskText("Save the bytes to which file?", name), self._save)

    def _save(self, name: str | None) -> None:
        if not name or self.found is None:
            return
        path = Path(name).expanduser()
        try:
            with path.open("xb") as file:
                file.write(self.found[1])
        except FileExistsError:
            self.probe.say(f"{path} exists already; choose another name.", severity="error")
        except OSError as error:
            self.probe.say(f"Not saved: {path}: {error.strerror}", severity="error")
        else:
            self.probe.say(f"Saved {len(self.found[1])} bytes to {path}")
