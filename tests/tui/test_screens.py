"""Every screen walked through with the keyboard alone, and frames of what is seen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fake_run import CATALOGUES, CHECKS, FakeSource, FakeStore
from frames import compare, frame
from textual.pilot import Pilot
from textual.widgets import Input

from probe.model.run import RunStatus
from probe.tui.app import ProbeApp
from probe.tui.screens.base import ProbeScreen
from probe.tui.screens.evidence import EvidenceScreen, EvidenceView
from probe.tui.screens.help import HelpScreen
from probe.tui.screens.pick import Pick
from probe.tui.screens.requirements import RequirementsScreen
from probe.tui.screens.verdict import FindingScreen, RequirementScreen, VerdictScreen
from probe.tui.widgets.bars import MOST_KEYS, KeyBar
from probe.tui.widgets.document import Document
from probe.tui.widgets.records import RecordList

RUNNING, DONE = 52.0, 61.0
SMALL, WIDE = (80, 24), (140, 45)


@asynccontextmanager
async def opened(
    seconds: float = DONE,
    *keys: str,
    size: tuple[int, int] = SMALL,
    ascii_only: bool = False,
    choose: bool = False,
) -> AsyncIterator[tuple[ProbeApp, Pilot[str], FakeSource]]:
    """The app on the scripted run at that moment, after these keys."""
    source = FakeSource(seconds)
    app = ProbeApp(None if choose else source, lambda: CATALOGUES, lambda: CHECKS,
                   store=FakeStore(), now=source.now, ascii_only=ascii_only)  # fmt: skip
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        await press(pilot, *keys)
        yield app, pilot, source


async def press(pilot: Pilot[str], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await pilot.pause()
    await pilot.pause()


# --- frames -------------------------------------------------------------------------------------

EN = ("c", "down", "enter")
TO_FINDING = ("3", *EN, "enter", "enter", "enter")
SEEN = {
    "devices": ((), RUNNING),
    "devices-first-seconds": ((), 2.0),
    "device": (("enter",), DONE),
    "run": (("2",), RUNNING),
    "run-done": (("2",), DONE),
    "requirements": (("3", *EN), DONE),
    "requirements-filtered": (("3", *EN, *"/status:fail", "enter"), DONE),
    "requirement": (("3", *EN, "enter"), DONE),
    "verdict": (("3", *EN, "enter", "enter"), DONE),
    "finding": (TO_FINDING, DONE),
    "evidence": ((*TO_FINDING, "enter"), DONE),
    "evidence-hex": ((*TO_FINDING, "enter", "d"), DONE),
    "log": (("4",), RUNNING),
    "help": (("3", "question_mark"), DONE),
    "palette": (("ctrl+p",), DONE),
    "leave": (("q",), RUNNING),
    "stop": (("s",), RUNNING),
}


@pytest.mark.parametrize("size", [SMALL, WIDE], ids=["80x24", "140x45"])
@pytest.mark.parametrize("name", SEEN)
async def test_frame(name: str, size: tuple[int, int]) -> None:
    keys, seconds = SEEN[name]
    async with opened(seconds, *keys, size=size) as (app, _, _):
        compare(app, f"{name}-{size[0]}x{size[1]}")


@pytest.mark.parametrize(
    "size", [(60, 20), (100, 30), (100, 50)], ids=["60x20", "100x30", "100x50"]
)
@pytest.mark.parametrize("name", ["devices", "run", "requirements"])
async def test_frame_of_other_sizes(name: str, size: tuple[int, int]) -> None:
    keys, seconds = SEEN[name]
    async with opened(seconds, *keys, size=size) as (app, _, _):
        compare(app, f"{name}-{size[0]}x{size[1]}")


async def test_frame_of_the_run_chooser() -> None:
    async with opened(choose=True) as (app, _, _):
        compare(app, "runs-80x24")


# --- what holds everywhere ----------------------------------------------------------------------


@pytest.mark.parametrize("name", SEEN)
async def test_every_footer_has_at_most_eight_keys_and_fits(name: str) -> None:
    keys, seconds = SEEN[name]
    async with opened(seconds, *keys) as (app, _, _):
        screen = next(s for s in reversed(app.screen_stack) if isinstance(s, ProbeScreen))
        last = frame(app).splitlines()[-1]
        assert len(last) <= 80
        bar = screen.query_one(KeyBar)
        shown = [binding.description for _, binding in bar._entries(80)]
        assert len(shown) <= MOST_KEYS
        if app.screen is screen:
            assert shown[-2:] == ["Help", "Leave"]


@pytest.mark.parametrize("keys", [(), ("2",), ("3",), ("4",)])
async def test_twelve_rows_of_content_at_80x24(keys: tuple[str, ...]) -> None:
    async with opened(RUNNING, *keys) as (app, _, _):
        lists = [w for w in app.screen.query(RecordList) if w.display]
        assert sum(w.page_height for w in lists) >= 12


@pytest.mark.parametrize("name", SEEN)
async def test_no_line_is_wider_than_the_terminal(name: str) -> None:
    keys, seconds = SEEN[name]
    async with opened(seconds, *keys) as (app, _, _):
        strips = app.screen._compositor.render_strips(app.size)
        assert [strip.cell_length for strip in strips] == [80] * 24


async def test_every_binding_has_an_id_and_no_key_that_terminals_take() -> None:
    taken = {f"ctrl+{letter}" for letter in "hijmsq"}
    keys = [key for keys, _ in SEEN.values() for key in keys]
    async with opened(RUNNING) as (app, pilot, _):
        for key in ("1", "2", "3", "4", *keys):
            for node, bindings in app.screen._modal_binding_chain:
                for bound, binding in bindings:
                    assert bound not in taken, (node, bound)
                    if type(node).__module__.startswith("probe.") and not _inherited(
                        binding.action
                    ):
                        assert binding.id, (node, binding)
            await press(pilot, key)
            if not app.is_running:
                break


def _inherited(action: str) -> bool:
    return action in ("app.focus_next", "app.focus_previous", "screen.copy_text")


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ((), "enter"), ((), "slash"), ((), "c"), ((), "r"), ((), "y"), ((), "question_mark"), ((), "f1"),
        ((), "ctrl+p"), ((), "colon"), ((), "q"), ((), "ctrl+c"), ((), "s"), ((), "p"), ((), "j"),
        ((), "2"), ((), "3"), ((), "4"), ((), "0"), (("2",), "1"), (("2",), "f"), (("2",), "tab"),
        (("enter",), "escape"), (("enter",), "r"), (("enter",), "enter"), (("enter",), "y"), (("enter",), "G"),
        (("3",), "d"), (("3",), "o"), (("3", *EN), "G"), (("3", *EN), "ctrl+d"), (("3", *EN), "pagedown"),
        (("3", "enter"), "y"), (("4",), "y"), (("4",), "k"), (("4",), "g"), (("4",), "enter"),
        ((*TO_FINDING, "enter"), "d"), ((*TO_FINDING, "enter"), "w"), ((*TO_FINDING, "enter"), "y"),
        ((*TO_FINDING, "enter"), "escape"),
    ],
)  # fmt: skip
async def test_every_key_does_something(keys: tuple[str, ...], key: str) -> None:
    async with opened(RUNNING, *keys) as (app, pilot, source):
        before, screens, commands = frame(app), list(app.screen_stack), list(source.commands)
        said = len(app._notifications)
        await press(pilot, key)
        after = frame(app) if app.is_running else ""
        assert (
            after != before
            or app.screen_stack != screens
            or source.commands != commands
            or len(app._notifications) != said
        )


# --- walking ------------------------------------------------------------------------------------


async def test_from_a_device_to_the_bytes_and_back() -> None:
    async with opened(DONE) as (app, pilot, _):
        walked = [app.screen]
        for key in ("r", "down", "up", "enter", "enter", "enter"):
            await press(pilot, key)
            if app.screen is not walked[-1]:
                walked.append(app.screen)
        kinds = [RequirementsScreen, VerdictScreen, FindingScreen, EvidenceScreen]
        assert [type(s) for s in walked[1:]] == kinds
        for screen in reversed(walked[:-1]):
            await press(pilot, "escape")
            assert app.screen is screen
        await press(pilot, "escape")
        assert app.screen is walked[0]


async def test_all_devices_lead_over_the_list_of_their_verdicts() -> None:
    async with opened(DONE, "3", "enter") as (app, pilot, _):
        assert isinstance(app.screen, RequirementScreen)
        await press(pilot, "enter")
        assert isinstance(app.screen, VerdictScreen)


async def test_devices_appear_live_and_the_cursor_stays_on_its_device() -> None:
    async with opened(1.2) as (app, pilot, source):
        records = app.screen.query_one("#list", RecordList)
        assert len(records.rows) == 1
        key = records.key
        source.seconds = 3.0
        await pilot.pause(0.7)
        assert len(records.rows) == 4
        assert records.key == key


async def test_the_log_follows_its_end_until_one_goes_up() -> None:
    async with opened(20.0, "4") as (app, pilot, source):
        records = app.screen.query_one("#list", RecordList)
        source.seconds = 30.0
        await pilot.pause(0.7)
        assert records.cursor == len(records.rows) - 1
        await press(pilot, "up")
        key = records.key
        source.seconds = 40.0
        await pilot.pause(0.7)
        assert records.key == key
        assert records.cursor < len(records.rows) - 1


async def test_catalogue_and_device_are_chosen_from_lists() -> None:
    async with opened(DONE, "3", *EN) as (app, pilot, _):
        assert app.catalogue is not None
        assert app.catalogue.id == "en303645"
        assert "all devices › EN 303 645" in frame(app)  # noqa: RUF001
        await press(pilot, "d", "down", "enter")
        assert "Garden camera › EN 303 645" in frame(app)  # noqa: RUF001
        await press(pilot, "d")
        assert isinstance(app.screen, Pick)
        await press(pilot, "escape")
        assert "Garden camera › EN 303 645" in frame(app)  # noqa: RUF001


async def test_filter_narrows_and_escape_clears_it() -> None:
    async with opened(DONE, "3", *EN) as (app, pilot, _):
        records = app.screen.query_one("#list", RecordList)
        everything = len(records.rows)
        await press(pilot, "slash", *"status:fail sev:high tls")
        assert 0 < len(records.rows) < everything
        await press(pilot, "enter")
        assert app.focused is records
        assert f"{len(records.rows)} of {everything} match" in frame(app)
        await press(pilot, "escape")
        assert len(records.rows) == everything
        assert not app.screen.query_one("#filter", Input).display


async def test_a_faulty_filter_key_is_named() -> None:
    async with opened(DONE, "3", "slash", *"stauts:fail") as (app, _, _):
        assert "did you mean 'status'?" in frame(app)


async def test_worst_first() -> None:
    async with opened(DONE, "3", *EN, "o") as (app, _, _):
        assert app.screen.query_one("#list", RecordList).rows[0].key == "5.1-1"
        assert app.screen.query_one("#list", RecordList).rows[1].key == "5.5-5"


async def test_help_is_about_what_has_the_focus() -> None:
    async with opened(DONE, *TO_FINDING, "enter", "question_mark") as (app, pilot, _):
        assert isinstance(app.screen, HelpScreen)
        said = frame(app)
        assert "Evidence" in said
        assert "Readable/hex" in said
        await press(pilot, "question_mark")
        assert isinstance(app.screen, EvidenceScreen)


async def test_the_palette_offers_only_what_is_possible() -> None:
    async with opened(RUNNING, "ctrl+p", *"pause") as (app, pilot, source):
        assert "Pause" in frame(app)
        await press(pilot, "enter")
        assert source.commands == ["pause"]
    async with opened(DONE, "ctrl+p", *"pause") as (app, _, _):
        assert "Nothing matches." in frame(app)


async def test_the_palette_leads_to_a_device() -> None:
    async with opened(DONE, "ctrl+p", *"garden", "enter") as (app, _, _):
        assert "Devices › Garden camera" in frame(app)  # noqa: RUF001


# --- the run ------------------------------------------------------------------------------------


async def test_pause_and_resume_share_a_key() -> None:
    async with opened(RUNNING, "p") as (app, pilot, source):
        await pilot.pause(0.7)
        assert app.follow.status is RunStatus.PAUSED
        assert "PAUSED" in frame(app)
        assert "p Resume" in frame(app)
        await press(pilot, "p")
        assert source.commands == ["pause", "resume"]


async def test_stop_asks_first() -> None:
    async with opened(RUNNING, "s", "escape") as (app, pilot, source):
        assert source.commands == []
        await press(pilot, "s", "enter")  # the first answer is to go on
        assert source.commands == []
        await press(pilot, "s")
        assert "What was measured is kept" in frame(app)
        await press(pilot, "down", "enter")
        assert source.commands == ["stop"]
        await pilot.pause(0.7)
        assert "STOPPED" in frame(app)
        await press(pilot, "2")
        assert "probe run --resume" in frame(app)


@pytest.mark.parametrize("again", ["q", "enter"])
async def test_leaving_a_running_run_detaches(again: str) -> None:
    async with opened(RUNNING, "q") as (app, pilot, source):
        assert "goes on without this window" in frame(app)
        await press(pilot, again)
        assert app.return_value == "detached"
        assert source.commands == []


async def test_leaving_and_stopping() -> None:
    async with opened(RUNNING, "q", "down", "down", "enter") as (app, _, source):
        assert app.return_value == "quit"
        assert source.commands == ["stop"]


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_leaving_a_finished_run_is_immediate(key: str) -> None:
    async with opened(DONE, key) as (app, _, _):
        assert app.return_value == "quit"


async def test_a_dead_process_is_told_with_what_to_do() -> None:
    async with opened(RUNNING, "2") as (app, pilot, source):
        source.living = False
        await pilot.pause(0.7)
        said = frame(app)
        assert "! INTERRUPTED" in said
        assert "killed by signal 9" in said
        assert "Pause" not in said


async def test_a_store_that_cannot_be_read_is_told_and_read_again_later() -> None:
    async with opened(RUNNING) as (app, pilot, source):
        source.broken = "The disk is full"
        await pilot.pause(0.7)
        assert "CANNOT READ THE STORE" in frame(app)
        assert "The disk is full" in frame(app)
        source.broken = ""
        await pilot.pause(0.7)
        assert "RUNNING" in frame(app)


async def test_another_run_is_chosen() -> None:
    async with opened(choose=True) as (app, pilot, _):
        await press(pilot, "2")  # no run yet, so there is nothing to show
        assert "Runs" in frame(app)
        await press(pilot, "down", "enter")
        assert "FINISHED" in frame(app)
        await press(pilot, "3", "0", "down", "down", "enter")
        assert "is damaged" in frame(app)
        await press(pilot, "g", "enter")
        assert "RUNNING" in frame(app)


# --- evidence -----------------------------------------------------------------------------------


def list_of(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_evidence_is_saved_once_and_never_over_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened(DONE, *TO_FINDING, "enter", "w", "enter") as (app, pilot, source):
        screen = app.screen
        assert isinstance(screen, EvidenceScreen)
        (written,) = list_of(tmp_path)
        found = source.evidence(screen.sha256)
        assert found is not None
        assert written.read_bytes() == found[1]
        await press(pilot, "w", "enter")
        assert "choose" in frame(app)  # The sentence is wrapped where the path ends.
        assert list_of(tmp_path) == [written]


async def test_hashes_and_commands_are_copied() -> None:
    async with opened(DONE, *TO_FINDING, "y") as (app, pilot, _):
        assert app.clipboard == (
            "probe run -i eth1 --target 198.51.100.11 --plan standard -c psti -c en303645"
            "  # and --authorised-by WHO"
        )
        await press(pilot, "enter", "y")
        screen = app.screen
        assert isinstance(screen, EvidenceScreen)
        assert app.clipboard == screen.sha256


async def test_evidence_that_is_gone_says_so() -> None:
    async with opened(DONE) as (app, pilot, _):
        app.open_target(("evidence", "0" * 64, "0", ""))
        await pilot.pause()
        assert "has no such evidence" in frame(app)
        await press(pilot, "d", "w", "escape")


async def test_the_cited_part_is_scrolled_to() -> None:
    async with opened(DONE, *TO_FINDING, "enter", "d") as (app, _, _):
        shown = app.screen.query_one(EvidenceView)
        assert shown.hex
        assert "▎" in frame(app)


# --- hostile text, colours, signs ---------------------------------------------------------------


@pytest.mark.parametrize("keys", [(), ("2",), ("4",), ("down", "enter"), ("ctrl+p",), ("3", "d")])
async def test_hostile_text_is_shown_as_it_is(keys: tuple[str, ...]) -> None:
    async with opened(RUNNING, *keys) as (app, _, _):
        seen = frame(app)
        assert "[red]Kettle" in seen
        assert all(c.isprintable() or c == "\n" for c in seen)
        for strip in app.screen._compositor.render_strips(app.size):
            for segment in strip:
                assert segment.style is None or "click" not in (segment.style.meta or {}), segment


async def test_hostile_text_in_a_message() -> None:
    async with opened(DONE) as (app, pilot, _):
        app.say("[red]no[/] \x1b[2J")
        await pilot.pause()
        assert "[red]no[/]" in frame(app)
        assert "\x1b" not in frame(app)


@pytest.mark.parametrize("name", ["devices", "run", "requirements", "finding", "evidence", "help"])
async def test_ascii(name: str) -> None:
    keys, seconds = SEEN[name]
    async with opened(seconds, *keys, ascii_only=True) as (app, _, _):
        seen = frame(app)
        assert seen.isascii()
        strips = app.screen._compositor.render_strips(app.size)
        assert [strip.cell_length for strip in strips] == [80] * 24
        if name in ("devices", "requirements"):
            compare(app, f"{name}-ascii-80x24")


@pytest.mark.parametrize("name", ["devices", "requirements", "finding", "help", "leave"])
async def test_no_color(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shades of grey only, everything readable, and the cursor in reverse."""
    monkeypatch.setenv("NO_COLOR", "1")
    keys, seconds = SEEN[name]
    async with opened(seconds, *keys) as (app, _, _):
        assert app.theme == "probe-contrast"
        reverse = 0
        for strip in app.screen._compositor.render_strips(app.size):
            for text, style, _ in strip:
                if (
                    not text.strip()
                    or style is None
                    or style.color is None
                    or style.bgcolor is None
                ):
                    continue
                ink, ground = style.color.get_truecolor(), style.bgcolor.get_truecolor()
                assert ink.red == ink.green == ink.blue
                assert ground.red == ground.green == ground.blue
                if text.strip("─│╭╮╰╯▁▂▃▄▅▆▇█▌ "):
                    assert abs(ink.red - ground.red) > 90, (text, ink, ground)
                reverse += ground.red > ink.red
        assert reverse or name == "help"


@pytest.mark.parametrize("theme", ["probe-dark", "probe-light", "probe-contrast"])
async def test_every_theme_is_readable(theme: str) -> None:
    """A contrast of at least 4.5 to 1 between ink and ground (WCAG 2 AA)."""
    from probe.tui.theme import ROLES, style

    for role in ("", *ROLES):
        for ground in ("", "panel", "cursor", "cursor_away"):
            one = style(theme, role, ground)
            assert one.color is not None
            assert one.bgcolor is not None
            ratio = _contrast(one.color.get_truecolor(), one.bgcolor.get_truecolor())
            assert ratio >= 4.5, (role, ground, ratio)


def _contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: tuple[int, int, int]) -> float:
    parts = [
        c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4
        for c in colour
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


async def test_too_small_says_what_is_needed_and_comes_back() -> None:
    async with opened(DONE, "3") as (app, pilot, _):
        await pilot.resize_terminal(50, 18)
        await pilot.pause(0.2)
        assert "have 50x18, need 60x20" in frame(app)
        assert "Requirement" not in frame(app)
        await pilot.resize_terminal(80, 24)
        await pilot.pause(0.2)
        assert "UK PSTI" in frame(app)
        await press(pilot, "down")
        assert app.screen.query_one("#list", RecordList).cursor == 1


async def test_a_page_goes_item_by_item_and_scrolls_between() -> None:
    async with opened(DONE, "enter") as (app, pilot, _):
        page = app.screen.query_one("#page", Document)
        first = page.target
        await press(pilot, "j")
        assert page.target != first
        await press(pilot, *["j"] * 40)
        assert page.target == page.items[-1].target
        assert page.scroll_offset.y > 0
        await press(pilot, "g")
        assert page.target == first
        assert page.scroll_offset.y == 0
