"""What the text of a terminal says: which prompt it ends with, a menu, a refusal, a wish for a new password."""

import re
from enum import StrEnum

ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07]{0,200}\x07|[@-_])|[\x00\x07\x08]")
LOGIN = re.compile(r"(?:log ?in|log ?on|user ?name|user ?id|user|account|name)\s?[:>]\s*$", re.I)
PASSWORD = re.compile(
    r"(?:pass ?word|passwd|pass ?code|pass|pin|kennwort)[^\n]{0,20}[:>]\s*$", re.I
)
SHELL = re.compile(r"(?:^|\n)[^\n]{0,80}[#$>%]\s*$")
FAILED = re.compile(r"incorrect|invalid|fail|denied|wrong|bad (?:user|pass|login)|refused", re.I)
LOCKED = re.compile(r"locked|too many|try again later|blocked|banned", re.I)
NEW = re.compile(
    r"(?:new|current|retype|old) (?:unix )?password\b|(?:must|have to|required to) change"
    r"|change your password|password (?:has )?expired|set a password",
    re.I,
)
"""A new password is wanted before anything else: PAM's words, and the usual ones of set-up dialogues."""
CHOICE = re.compile(r"^\s{0,20}[\[(]?(?:\d{1,2}|[A-Za-z])[\])]?\s?[.):=\-]\s{0,10}\S.{0,80}$")
ASKS = re.compile(r"[:>?\])]\s*$")
FEWEST_CHOICES = 2
MOST_LINES = 200


class Prompt(StrEnum):
    """What the end of the text asks for."""

    LOGIN = "a login prompt"
    PASSWORD = "a password prompt"  # noqa: S105 - the name of a state
    SHELL = "a command prompt"
    NONE = "no prompt"


def shown(text: str) -> str:
    """The text as a person sees it: no escapes, line feeds only."""
    return ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


def prompt_at_end(text: str) -> Prompt:
    """Which prompt ``text`` ends with, terminal escapes aside."""
    seen = ESCAPES.sub("", text).replace("\r", "\n")
    for pattern, kind in (
        (PASSWORD, Prompt.PASSWORD),
        (LOGIN, Prompt.LOGIN),
        (SHELL, Prompt.SHELL),
    ):
        if pattern.search(seen[-400:]):
            return kind
    return Prompt.NONE


def menu(text: str) -> str:
    """The choices of a menu that the text ends with, one a line; empty when it ends with none."""
    lines = [line for line in shown(text).split("\n")[-MOST_LINES:] if line.strip()]
    choices = [line.strip() for line in lines if CHOICE.match(line)]
    asks = bool(lines) and bool(ASKS.search(lines[-1]) or CHOICE.match(lines[-1]))
    return "\n".join(choices) if asks and len(choices) >= FEWEST_CHOICES else ""


def alike(text: str, *given: str) -> str:
    """The words of a text without what was typed, numbers and spaces: to compare two refusals."""
    seen = shown(text).casefold()
    for word in given:
        seen = seen.replace(word.casefold(), " ") if word else seen
    return " ".join(re.sub(r"[\d:.,]+", " ", seen).split())
