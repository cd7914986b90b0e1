"""Status as word, then glyph, then colour: in that order of trust.

Every glyph is one cell wide. The roles are names of colours in ``theme.py``.
"""

import locale
import os
import unicodedata
from collections.abc import Mapping

from probe.model.finding import Outcome
from probe.model.run import RunStatus
from probe.model.verdict import Status

STATUS_GLYPH = {
    Status.PASS: "✓",
    Status.FAIL: "✗",
    Status.ERROR: "!",
    Status.INCONCLUSIVE: "?",
    Status.NOT_APPLICABLE: "–",  # noqa: RUF001 - an en dash is what is meant
    Status.NOT_TESTED: "·",
}
STATUS_ROLE = {
    Status.PASS: "pass",
    Status.FAIL: "fail",
    Status.ERROR: "error",
    Status.INCONCLUSIVE: "unknown",
    Status.NOT_APPLICABLE: "dim",
    Status.NOT_TESTED: "dim",
}
OUTCOME_STATUS = {
    Outcome.SATISFIED: Status.PASS,
    Outcome.VIOLATED: Status.FAIL,
    Outcome.INCONCLUSIVE: Status.INCONCLUSIVE,
    Outcome.NOT_APPLICABLE: Status.NOT_APPLICABLE,
    Outcome.ERROR: Status.ERROR,
}
"""Only for the choice of glyph and colour: an outcome is not a verdict."""

RUN_GLYPH = {
    RunStatus.RUNNING: (">", "accent"),
    RunStatus.PAUSED: ("‖", "unknown"),
    RunStatus.FINISHED: ("✓", "strong"),
    RunStatus.STOPPED: ("■", "unknown"),
    RunStatus.INTERRUPTED: ("!", "fail"),
    RunStatus.FAILED: ("!", "fail"),
}

ASCII = {
    "✓": "+",
    "✗": "x",
    "–": "-",  # noqa: RUF001
    "—": "-",
    "·": ".",
    "‖": "=",
    "■": "#",
    "›": ">",  # noqa: RUF001
    "▌": ">",
    "▎": ">",
    "│": "|",
    "─": "-",
    "━": "=",
    "┃": "|",
    "…": "~",
    "•": "*",
    "↵": "<",
    "→": ">",
    "←": "<",
    "‘": "'",  # noqa: RUF001
    "’": "'",  # noqa: RUF001
    "“": '"',
    "”": '"',
    "\N{NO-BREAK SPACE}": " ",
}
"""One ASCII character for each cell of what the UI draws; anything else becomes ``?`` or ``+``."""


def needs_ascii(environ: Mapping[str, str] = os.environ) -> bool:
    """True when the terminal cannot be trusted with anything but ASCII."""
    term = environ.get("TERM", "")
    if term == "linux" or term.startswith("vt"):
        return True
    spoken = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    if spoken:
        return "utf8" not in spoken.lower().replace("-", "")
    return "utf" not in locale.getpreferredencoding(do_setlocale=False).lower()


def to_ascii(text: str) -> str:
    """``text`` with every character replaced by ASCII of the same width in cells."""
    if text.isascii():
        return text
    return "".join(c if c.isascii() else _one(c) for c in text)


def _one(char: str) -> str:
    if char in ASCII:
        return ASCII[char]
    if "\u2500" <= char <= "\u259f":  # box drawing and blocks: borders, scroll bars
        return "+" if char < "\u2580" else "#"
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return ""
    plain = unicodedata.normalize("NFKD", char)[0]
    if unicodedata.east_asian_width(char) in "WF":
        return "??"
    return plain if plain.isascii() else "?"
