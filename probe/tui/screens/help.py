"""Help for what has the focus: what it is, and every key that does something there now."""

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding
from textual.containers import Vertical
from textual.dom import DOMNode
from textual.screen import ModalScreen

from probe.tui.blocks import Block, Field, Gap, Heading, Page, Para, Title
from probe.tui.widgets.bars import key_name
from probe.tui.widgets.document import Document


def help_page(nodes: Iterable[DOMNode], bindings: Iterable[ActiveBinding]) -> Page:
    """``nodes`` are what has the focus and what it is part of; those with a help text are told."""
    page: list[Block] = []
    for node in reversed(list(nodes)):
        text = getattr(node, "help_text", "")
        if text:
            page += [Title(getattr(node, "help_title", "")), Para(text), Gap()]
    keys: dict[tuple[str, str], list[str]] = {}
    for active in bindings:
        if active.enabled and active.binding.id:
            said = (active.binding.action, active.binding.description)
            keys.setdefault(said, []).append(key_name(active.binding.key))
    page.append(Heading("Keys that work here now"))
    page += [Field(" ".join(names), said) for (_, said), names in keys.items()]
    page += [
        Heading("Signs"),
        Para("✓ PASS   ✗ FAIL   ! ERROR   ? INCONCLUSIVE   – N/A   · NOT TESTED   > running"),  # noqa: RUF001
    ]
    return tuple(page)


class HelpScreen(ModalScreen[None]):
    BINDINGS = [
        Binding("escape,q,question_mark,f1,ctrl+c", "close", "Close", id="help.close", show=True),
    ]

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page

    def compose(self) -> ComposeResult:
        with Vertical(id="window", classes="tall"):
            yield Document(id="page")

    def on_mount(self) -> None:
        self.query_one("#page", Document).set_page(self.page)

    def action_close(self) -> None:
        self.dismiss(None)
