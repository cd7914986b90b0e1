"""Telnet: wait for the prompts, present the credential, then let the shell compute something."""

import re
import secrets
import time
from enum import StrEnum

from probe.collect.access.attempt import Attempt, Credential, Method, caption, over_tcp
from probe.collect.access.protocols.telnet_codec import TelnetCodec, escape
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.wire import Wire
from probe.model.observation import LoginResult, Service
from probe.model.text import clean

ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07]{0,200}\x07|[@-_])|[\x00\x07\x08]")
LOGIN = re.compile(r"(?:log ?in|log ?on|user ?name|user ?id|user|account|name)\s?[:>]\s*$", re.I)
PASSWORD = re.compile(
    r"(?:pass ?word|passwd|pass ?code|pass|pin|kennwort)[^\n]{0,20}[:>]\s*$", re.I
)
SHELL = re.compile(r"(?:^|\n)[^\n]{0,80}[#$>%]\s*$")
FAILED = re.compile(r"incorrect|invalid|fail|denied|wrong|bad (?:user|pass|login)|refused", re.I)
LOCKED = re.compile(r"locked|too many|try again later|blocked|banned", re.I)
MAX_TEXT = 65_536
SETTLED = 0.3
"""A prompt is one when nothing follows it for this long."""
FIRST_WORD = 6.0
VERDICT = 12.0
"""``login`` programs wait about 3 s before they refuse."""
ENOUGH_HELP = 20


class Prompt(StrEnum):
    """What the end of the text asks for."""

    LOGIN = "a login prompt"
    PASSWORD = "a password prompt"  # noqa: S105 - the name of a state
    SHELL = "a command prompt"
    NONE = "no prompt"


def prompt_at_end(text: str) -> Prompt:
    """Which prompt ``text`` ends with, terminal escapes aside."""
    shown = ESCAPES.sub("", text).replace("\r", "\n")
    for pattern, kind in (
        (PASSWORD, Prompt.PASSWORD),
        (LOGIN, Prompt.LOGIN),
        (SHELL, Prompt.SHELL),
    ):
        if pattern.search(shown[-400:]):
            return kind
    return Prompt.NONE


class Terminal:
    """Lines out, text in, over one connection."""

    def __init__(self, wire: Wire) -> None:
        self._wire, self._codec = wire, TelnetCodec()
        self.ended = False

    async def line(self, text: str) -> None:
        """Send a line as RFC 854 ends it."""
        await self._wire.send(escape(text.encode("utf-8", "replace")) + b"\r\n")

    async def read(self, within: float) -> str:
        """Text until a prompt stands for a moment, the end of the stream, or the deadline."""
        until = time.monotonic() + within
        got = ""
        while not self.ended and len(got) < MAX_TEXT:
            left = until - time.monotonic()
            waiting = prompt_at_end(got) is not Prompt.NONE
            if left <= 0:
                break
            try:
                data = await self._wire.recv(4096, min(left, SETTLED) if waiting else left)
            except NoAnswer as error:
                if error.why is not Why.SILENT:
                    raise
                break
            self.ended = not data
            text, reply = self._codec.feed(data)
            got += text.decode("utf-8", "replace")
            if reply:
                await self._wire.send(reply)
        return got


class Password:
    """User and password at the prompts, or the password alone where no user is asked for."""

    name = "password"
    silence_refuses = False
    doubt = ""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.asks_for_user = True

    async def attempt(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """Raises nothing; what goes wrong is in the attempt."""

        async def talk(wire: Wire) -> Attempt:
            terminal = Terminal(wire)
            kind, text = await self._first_prompt(terminal)
            if credential is None:
                self.asks_for_user = kind is not Prompt.PASSWORD
                return await self._without(terminal, kind, text)
            return await self._with(terminal, kind, credential)

        return await over_tcp(session, self.service, caption(credential, self.service), talk)

    async def _first_prompt(self, terminal: Terminal) -> tuple[Prompt, str]:
        text = await terminal.read(FIRST_WORD)
        if prompt_at_end(text) is Prompt.NONE and not terminal.ended:
            await terminal.line("")  # some wait for a key before they ask
            text += await terminal.read(FIRST_WORD)
        if terminal.ended:
            raise NoAnswer(Why.ENDED, f"closed before a prompt, after '{clean(text, 80)}'")
        if not text:
            raise NoAnswer(Why.SILENT, "no prompt came")
        return prompt_at_end(text), text

    async def _without(self, terminal: Terminal, kind: Prompt, text: str) -> Attempt:
        shown = clean(ESCAPES.sub("", text)[-60:], 60)
        if kind in (Prompt.LOGIN, Prompt.PASSWORD):
            return Attempt(result=LoginResult.REFUSED, detail=f"asks: {shown}")
        if kind is Prompt.NONE:
            raise NoAnswer(Why.GARBAGE, f"neither a login nor a command prompt: {shown}")
        proved, seen, last = await prove(terminal)
        if proved:
            return Attempt(
                result=LoginResult.ACCEPTED, detail="commands work at once", proved=True, seen=seen
            )
        if prompt_at_end(last) in (Prompt.LOGIN, Prompt.PASSWORD):
            return Attempt(result=LoginResult.REFUSED, detail=f"asks, after '{shown}'")
        raise NoAnswer(Why.GARBAGE, f"'{shown}' looks like a command prompt but runs no command")

    async def _with(self, terminal: Terminal, kind: Prompt, who: Credential) -> Attempt:
        began = time.monotonic()
        text = ""
        if kind is not Prompt.PASSWORD:
            await terminal.line(who.username)
            text = await terminal.read(VERDICT)
            kind = prompt_at_end(text)
        asked = kind is Prompt.PASSWORD
        if asked:
            began = time.monotonic()
            await terminal.line(who.password)
            text = await terminal.read(VERDICT)
            kind = prompt_at_end(text)
        seconds = time.monotonic() - began
        shown = clean(ESCAPES.sub("", text), 100)
        if LOCKED.search(text):
            return Attempt(result=LoginResult.REFUSED, detail=shown, seconds=seconds, lockout=shown)
        if kind in (Prompt.LOGIN, Prompt.PASSWORD):
            return Attempt(result=LoginResult.REFUSED, detail=shown, seconds=seconds)
        if kind is Prompt.SHELL:
            proved, seen, _ = await prove(terminal)
            detail = "logged in" + ("" if asked else "; no password was asked for")
            if proved:
                await terminal.line("exit")
            return Attempt(
                result=LoginResult.ACCEPTED,
                detail=detail if proved else f"'{shown}' came, but no command ran",
                seconds=seconds,
                proved=proved,
                seen=seen,
            )
        if FAILED.search(text):
            return Attempt(result=LoginResult.REFUSED, detail=shown, seconds=seconds)
        if terminal.ended:
            raise NoAnswer(Why.ENDED, f"closed after the credential: {shown}")
        raise NoAnswer(Why.GARBAGE if text.strip() else Why.SILENT, f"no verdict came: {shown}")


async def prove(terminal: Terminal) -> tuple[bool, str, str]:
    """Have a harmless action done twice: ``(done, what, last text)``. Nothing on the device changes."""
    last = nonsense = ""
    for times in range(2):
        one, other, mark = (
            secrets.randbelow(90) + 10,
            secrets.randbelow(90) + 10,
            secrets.token_hex(3),
        )
        # An echoed command line never contains the product, only a shell that computed it does.
        await terminal.line(f"echo {mark}x$(({one}*{other}))")
        last = await terminal.read(5.0)
        if f"{mark}x{one * other}" not in last:
            if times:
                return False, "", last
            nonsense = _content(last, mark)
            break
    else:
        return True, "a shell", last
    if prompt_at_end(last) is not Prompt.SHELL:
        return False, "", last
    helps = []
    for _ in range(2):
        await terminal.line("?")
        last = await terminal.read(5.0)
        helps.append(_content(last, "?"))
    # A command line that is no shell lists its commands, and says something else to nonsense.
    alike = helps[0] == helps[1] and prompt_at_end(last) is Prompt.SHELL
    done = alike and len(helps[0]) >= ENOUGH_HELP and helps[0] != nonsense
    return done, "a command line" if done else "", last


def _content(text: str, sent: str) -> str:
    """What is left of an answer without the echo of what was sent and without the prompt."""
    lines = ESCAPES.sub("", text).replace("\r", "\n").split("\n")
    kept = [line.strip() for line in lines[:-1] if line.strip() and sent not in line]
    return "\n".join(kept)


async def methods(session: DeviceSession, service: Service) -> list[Method]:
    """The one way."""
    del session
    return [Password(service)]
