"""What a terminal can be made to do without changing anything: a sum, its own help, its menu again."""

import secrets
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from probe.collect.access.protocols.telnet_text import ESCAPES, Prompt, menu, prompt_at_end

WITHIN = 5.0
ENOUGH_HELP = 20


class Lines(Protocol):
    """Lines out, text in."""

    def line(self, text: str) -> Awaitable[None]: ...
    def read(self, within: float) -> Awaitable[str]: ...


@dataclass(frozen=True, slots=True)
class Done:
    """``seen`` is what worked twice, empty when nothing did; ``last`` is the last text."""

    seen: str
    last: str


async def command_line(terminal: Lines) -> Done:
    """A sum done twice by a shell, or the help of a command line listed twice."""
    last = nonsense = ""
    for times in range(2):
        one, other, mark = (
            secrets.randbelow(90) + 10,
            secrets.randbelow(90) + 10,
            secrets.token_hex(3),
        )
        # An echoed command line never contains the product, only a shell that computed it does.
        await terminal.line(f"echo {mark}x$(({one}*{other}))")
        last = await terminal.read(WITHIN)
        if f"{mark}x{one * other}" not in last:
            if times:
                return Done("", last)
            nonsense = _content(last, mark)
            break
    else:
        return Done("a shell", last)
    if prompt_at_end(last) is not Prompt.SHELL:
        return Done("", last)
    helps = []
    for _ in range(2):
        await terminal.line("?")
        last = await terminal.read(WITHIN)
        helps.append(_content(last, "?"))
    # A command line that is no shell lists its commands, and says something else to nonsense.
    same = helps[0] == helps[1] and prompt_at_end(last) is Prompt.SHELL
    done = same and len(helps[0]) >= ENOUGH_HELP and helps[0] != nonsense
    return Done("a command line" if done else "", last)


def _content(text: str, sent: str) -> str:
    """What is left of an answer without the echo of what was sent and without the prompt."""
    lines = ESCAPES.sub("", text).replace("\r", "\n").split("\n")
    kept = [line.strip() for line in lines[:-1] if line.strip() and sent not in line]
    return "\n".join(kept)


async def menu_again(terminal: Lines, first: str) -> Done:
    """The same menu twice after an empty line, which chooses nothing."""
    choices, last = menu(first), first
    for _ in range(2):
        await terminal.line("")
        last = await terminal.read(WITHIN)
        again = menu(last)
        if prompt_at_end(last) in (Prompt.LOGIN, Prompt.PASSWORD) or again != choices:
            return Done("", last)
    return Done(f"a menu of {len(choices.splitlines())} choices", last)
