"""The terminal UI: follows one run's journal, shows it, and sends commands to the run.

Import this only after ``probe.tui.launch.prepare``: Textual reads its environment when it is imported.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual.binding import Binding
from textual.filter import LineFilter
from textual.screen import Screen

from probe.errors import ProbeError
from probe.model.catalogue import Catalogue
from probe.model.ids import DeviceId
from probe.model.run import RunStatus
from probe.model.state import RunState
from probe.tui import glyphs, view
from probe.tui.blocks import Target
from probe.tui.commands import commands
from probe.tui.follow import Catalogues, Checks, Follower, Library
from probe.tui.guard import AsciiOnly, NoControls
from probe.tui.hide import Hidden
from probe.tui.run_commands import RunCommands
from probe.tui.screens.base import TABS, ProbeScreen
from probe.tui.screens.chooser import ChooserScreen
from probe.tui.screens.devices import DeviceScreen, DevicesScreen
from probe.tui.screens.evidence import EvidenceScreen
from probe.tui.screens.help import HelpScreen, help_page
from probe.tui.screens.image import ImageScreen
from probe.tui.screens.log import LogScreen
from probe.tui.screens.pick import Option, Pick
from probe.tui.screens.requirements import RequirementsScreen
from probe.tui.screens.run import RunScreen
from probe.tui.screens.verdict import FindingScreen, RequirementScreen, VerdictScreen
from probe.tui.source import RunSource, RunStore
from probe.tui.spans import Line, safe
from probe.tui.theme import PALETTES, themes
from probe.tui.widgets.lines import Bar, LineView

POLL_S = 0.5


class ProbeApp(RunCommands, inherit_bindings=False):
    """Exits with ``detached`` when the run goes on, else with ``quit``."""

    TITLE = "probe"
    CSS_PATH = "probe.tcss"
    ENABLE_COMMAND_PALETTE = False  # ours lists only what is possible, and shows no device's markup
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (80, "-normal"), (120, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (20, "-short"), (38, "-tall")]
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "devices": DevicesScreen,
        "run": RunScreen,
        "requirements": RequirementsScreen,
        "log": LogScreen,
        "runs": ChooserScreen,
    }
    BINDINGS = [
        *(
            Binding(key, f"screen('{mode}')", title, show=False, id=f"screen.{mode}")
            for key, mode, title in TABS
        ),
        Binding("0", "runs", "Runs", show=False, id="screen.runs"),
        Binding("P", "passwords", "Show secrets", id="passwords.show"),
        Binding("P", "mask", "Mask secrets", id="passwords.mask"),
        Binding("p", "pause", "Pause", id="run.pause"),
        Binding("p", "resume", "Resume", id="run.resume"),
        Binding("s", "stop", "Stop", id="run.stop"),
        Binding("ctrl+p,colon", "palette", "Commands", show=False, id="palette"),
        Binding("question_mark,f1", "help", "Help", id="help"),
        Binding("q,ctrl+c", "leave", "Leave", id="leave"),
    ]

    def __init__(
        self,
        source: RunSource | None,
        catalogues: Catalogues,
        checks: Checks,
        *,
        store: RunStore | None = None,
        now: Callable[[], float] = time.time,
        ascii_only: bool | None = None,
        show_passwords: bool = False,
    ) -> None:
        super().__init__()
        self.store, self.now = store, now
        self.library = Library(catalogues, checks)
        self.hidden = Hidden(shown=show_passwords)
        self.follow = Follower(source, self.library, self.hidden)
        self.edition_key: view.EditionKey | None = None
        self.ascii_only = glyphs.needs_ascii() if ascii_only is None else ascii_only
        self._guards: list[LineFilter] = [NoControls(), *([AsciiOnly()] if self.ascii_only else [])]
        self._begun = False
        self._ticks = 0
        for theme in themes():
            self.register_theme(theme)
        self.theme = "probe-contrast" if self.no_color else "probe-dark"

    # --- the run ------------------------------------------------------------------------------

    @property
    def state(self) -> RunState:
        return self.follow.state

    @property
    def catalogue(self) -> Catalogue | None:
        """The catalogue under which verdicts are shown."""
        editions = self.follow.editions
        return self.follow.edition(self.edition_key) or (editions[0] if editions else None)

    def status_line(self) -> Line:
        """Sign, word and time for the corner of every screen."""
        follow = self.follow
        if follow.source is None:
            return ()
        if follow.trouble:
            return (("! CANNOT READ THE STORE", "fail"),)
        if not follow.begun:
            return (("reading the journal", "dim"),)
        glyph, role = glyphs.RUN_GLYPH[follow.status]
        until = self.now() if follow.working else self.state.last_at
        spent = view.clock(until - self.state.started_at) if self.state.run else ""
        return ((f"{glyph} {follow.status.upper()}", role), (f" {spent}", "dim"))

    # --- life ---------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.switch_mode("runs" if self.follow.source is None else "devices")

    def begin(self) -> None:
        """Called by the first screen when it has been seen: the journal may be long."""
        if self._begun:
            return
        self._begun = True
        self.library.load()
        self._look()
        self.set_interval(POLL_S, self._look)

    def _look(self) -> None:
        """Read on in the journal, and paint what differs."""
        if not self.is_running:  # At the end the timer may tick while the screens are taken down.
            return
        before = self.follow.trouble
        changed = self.follow.poll()
        if self.follow.take_news_of_passwords():
            self.draw_again()
        if self.follow.trouble and self.follow.trouble != before:
            self.say(self.follow.trouble, severity="error")
        self._ticks += 1
        screen = self._probe_screen()
        if screen is None or not screen.is_whole:
            return  # What has changed meanwhile is painted when the screen is mounted.
        if changed:
            screen.update()
            screen.refresh_bindings()
        elif self.follow.working and self._ticks % 2 == 0:
            screen.tick()
            screen.show_status()

    def _probe_screen(self) -> ProbeScreen | None:
        """The topmost screen that shows the run; there may be a small window before it."""
        shown = (s for s in reversed(self.screen_stack) if isinstance(s, ProbeScreen))
        return next(shown, None)

    async def choose_run(self, run_id: str) -> None:
        """Follow another run of the store."""
        assert self.store is not None
        try:
            source = self.store.open(run_id)
        except ProbeError as error:
            self.say(str(error), severity="error")
            return
        self.hidden = Hidden(shown=self.hidden.shown)
        self.follow, self.edition_key = Follower(source, self.library, self.hidden), None
        for mode in ("devices", "run", "requirements", "log"):
            if self._screen_stacks.get(mode):
                await self.remove_mode(mode)
                self.add_mode(mode, self.MODES[mode])
        await self.switch_mode("devices")
        self._look()

    # --- going places -------------------------------------------------------------------------

    def open_target(self, target: Target) -> None:
        """Show what a line is about."""
        kind, *arguments = target
        match kind:
            case "device":
                self.push_screen(DeviceScreen(DeviceId(arguments[0])))
            case "image":
                self.push_screen(ImageScreen(DeviceId(arguments[0])))
            case "requirements":
                self.edition_key = (arguments[0], arguments[1])
                self.push_screen(RequirementsScreen(DeviceId(arguments[2])))
            case "requirement":
                self.push_screen(RequirementScreen(*arguments))
            case "verdict":
                self.push_screen(VerdictScreen(*arguments))
            case "finding":
                self.push_screen(FindingScreen(*arguments))
            case "evidence":
                self.push_screen(EvidenceScreen(*arguments))

    def show_log(self, filter_text: str) -> None:
        """The log with a filter."""
        self.switch_mode("log")
        screen = self.screen
        if isinstance(screen, LogScreen):
            self.call_after_refresh(screen.set_filter, filter_text)

    def action_screen(self, mode: str) -> None:
        if self.follow.source is not None and self.current_mode != mode:
            self.switch_mode(mode)

    def action_runs(self) -> None:
        self.switch_mode("runs")

    def action_choose_catalogue(self) -> None:
        def chosen(key: str | None) -> None:
            if key is not None:
                self.edition_key = next(
                    (
                        (c.id, c.edition)
                        for c in self.follow.editions
                        if f"{c.id} {c.edition}" == key
                    ),
                    None,
                )
                screen = self._probe_screen()
                if screen is not None:
                    screen.update()

        options = [
            Option(
                f"{c.id} {c.edition}", c.title, f"{c.edition}, {len(c.requirements)} requirements"
            )
            for c in self.follow.editions
        ]
        now = self.catalogue
        current = f"{now.id} {now.edition}" if now else ""
        self.push_screen(Pick("Verdicts under which catalogue?", options, current=current), chosen)

    def action_help(self) -> None:
        node = self.focused or self.screen
        nodes = [n for n in node.ancestors_with_self if n is not self]
        self.push_screen(HelpScreen(help_page(nodes, self.screen.active_bindings.values())))

    def action_palette(self) -> None:
        offered = {command.key: command for command in commands(self)}

        async def chosen(key: str | None) -> None:
            if key is not None:
                await offered[key].run()

        options = [Option(c.key, c.label, c.help) for c in offered.values()]
        self.push_screen(Pick("Commands", options, search=True), chosen)

    def action_passwords(self) -> None:
        self._hide(shown=True)

    def action_mask(self) -> None:
        self._hide(shown=False)

    def _hide(self, *, shown: bool) -> None:
        self.hidden.shown = shown
        self.draw_again()
        self.screen.refresh_bindings()

    def draw_again(self) -> None:
        """What is hidden has changed, on whatever screen it stands."""
        for screen in dict.fromkeys(s for stack in self._screen_stacks.values() for s in stack):
            for text in screen.query(LineView):
                text.redraw()
            for bar in screen.query(Bar):
                bar.refresh()

    def action_theme(self, name: str) -> None:
        if name in PALETTES:
            self.theme = name

    def copy(self, text: str) -> None:
        """To the clipboard of the terminal; shown too, because not every terminal takes it."""
        text = safe(self.hidden.text(text))
        self.copy_to_clipboard(text)
        self.say(f"Copied: {text}")

    def say(self, text: str, *, severity: str = "information") -> None:
        """A message that goes away by itself."""
        self.notify(
            safe(self.hidden.text(text)),
            severity="error" if severity == "error" else "information",
            markup=False,
            timeout=8 if severity == "error" else 4,
        )

    # --- what is possible ---------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "pause":
                return self.follow.working and self.follow.status is RunStatus.RUNNING
            case "resume":
                return self.follow.working and self.follow.status is RunStatus.PAUSED
            case "stop":
                return self.follow.working
            case "screen":
                return self.follow.source is not None
            case "runs":
                return self.store is not None
            case "passwords" | "mask":
                could = self.hidden.known or isinstance(self.screen, EvidenceScreen)
                return could and self.hidden.shown == (action == "mask")
            case "choose_catalogue":
                return len(self.follow.editions) > 1
        return True

    # --- drawing ------------------------------------------------------------------------------

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), *self._guards]


def run_app(
    source: RunSource | None,
    catalogues: Catalogues,
    checks: Checks,
    *,
    store: RunStore | None = None,
    show_passwords: bool = False,
) -> str:
    """Show the UI until the user leaves: ``detached`` when the run goes on, else ``quit``.

    ``catalogues`` and ``checks`` may be functions, which are called after the first frame. Without a
    ``source`` the runs of ``store`` are offered.
    """
    app = ProbeApp(source, catalogues, checks, store=store, show_passwords=show_passwords)
    return app.run() or "quit"
