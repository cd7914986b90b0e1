"""Recorded bytes: readable and as hex, with their label; they can be saved to a file."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from textual.binding import Binding
from textual.widget import Widget

from probe.errors import ProbeError
from probe.model.evidence import Evidence
from probe.tui.decode import LEAD_CELLS, TRANSCRIPT, Cited, decoded, hex_line, looks_like_text
from probe.tui.hide import hidden_of
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
        "A part that a finding points at has a bar on its left. w saves the bytes to a file, as they are. "
        "Passwords and other secrets are masked until P shows them."
    )

    def __init__(self) -> None:
        super().__init__(id="bytes")
        self.media_type, self.data, self.sha256 = "", b"", ""
        self._raw, self._where = b"", Cited()
        self.cited = Cited()
        self.hex = False
        self._drawn: list[tuple[Line, bool]] = []

    def show(self, evidence: Evidence, data: bytes, start: int, end: int | None) -> None:
        whole = start == 0 and end is None  # nothing needs a mark then
        self.cited = Cited() if whole else Cited(start, len(data) if end is None else end)
        self.media_type, self.data = evidence.media_type, data
        self._raw, self._where, self.sha256 = data, self.cited, evidence.sha256
        self.hex = evidence.media_type != TRANSCRIPT and not looks_like_text(data[:4096])
        self.redraw()

    @property
    def _rows_only(self) -> bool:
        """Each line is a row of bytes, and can be made when it is seen."""
        return self.hex and self.media_type != TRANSCRIPT

    @property
    def _per_row(self) -> int:
        least = 78 if self.media_type != TRANSCRIPT else 78 + LEAD_CELLS
        return 16 if self.scrollable_content_region.width >= least else 8

    def redraw(self) -> None:
        width = self.scrollable_content_region.width - 2
        mask = hidden_of(self).bytes_of(self.sha256)
        if self.media_type != TRANSCRIPT:
            # In a transcript each message is masked by itself, and what is cited are whole lines.
            self.data, where = mask(self._raw), self._where
            if self.data != self._raw and where.end:
                where = Cited(*(len(mask(self._raw[:at])) for at in (where.start, where.end)))
            self.cited = where
        self._drawn = []
        if width > 0 and not self._rows_only:
            for shown in decoded(
                self.media_type,
                self.data,
                self.cited,
                as_hex=self.hex,
                per_row=self._per_row,
                mask=mask if self.media_type == TRANSCRIPT else bytes,
            ):
                indent = min(width_of(shown.lead), width // 2)
                lines = wrap((*shown.lead, *shown.body), width, indent)
                self._drawn += [(line, shown.cited) for line in lines]
        self.relayout()

    def line_count(self) -> int:
        if self._rows_only:
            return max(1, -(-len(self.data) // self._per_row))
        return len(self._drawn)

    def line_at(self, index: int) -> tuple[Line, str]:
        if self._rows_only:
            row = index * self._per_row
            line = hex_line(self.data, row, self._per_row, self.cited)
            cited = self.cited.touches(row, row + self._per_row)
        else:
            line, cited = self._drawn[index]
        return (("▎ " if cited else "  ", "accent"), *line), ""

    def go_to_cited(self) -> None:
        """Bring the part that the finding points at into view."""
        line = self.cited.start // self._per_row
        if not self._rows_only:
            line = next((i for i, (_, cited) in enumerate(self._drawn) if cited), 0)
        self.scroll_to(y=line, animate=False, force=True, immediate=True)

    def on_resize(self) -> None:
        self.redraw()


class EvidenceScreen(ProbeScreen):
    """One piece of evidence."""

    BINDINGS = [
        Binding("d", "other_view", "Readable/hex", id="evidence.toggle"),
        Binding("w", "save", "Save", id="evidence.save"),
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
        self.app.push_screen(
            AskText("Save the bytes, passwords and all, to which file?", name), self._save
        )

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
