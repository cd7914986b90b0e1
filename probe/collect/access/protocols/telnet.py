"""Telnet: wait for the prompts, present the credential, then let the shell compute something."""

import time

from probe.collect.access.attempt import Attempt, Credential, Method, caption, over_tcp
from probe.collect.access.protocols.telnet_codec import TelnetCodec, escape
from probe.collect.access.protocols.telnet_proof import Done, command_line, menu_again
from probe.collect.access.protocols.telnet_text import (
    ESCAPES,
    FAILED,
    LOCKED,
    NEW,
    Prompt,
    alike,
    menu,
    prompt_at_end,
)
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.wire import Wire
from probe.model.observation import LoginResult, Service
from probe.model.text import clean

FIRST_WORD = 6.0
MAX_TEXT = 65_536
SETTLED = 0.3
"""A prompt is one when nothing follows it for this long."""
MENU_SETTLED = 1.0
"""A menu is one when nothing follows it for this long: its last line need not look like a prompt."""
VERDICT = 12.0
"""``login`` programs wait about 3 s before they refuse."""


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
            if left <= 0:
                break
            if prompt_at_end(got) is not Prompt.NONE:
                left = min(left, SETTLED)
            elif menu(got):
                left = min(left, MENU_SETTLED)
            try:
                data = await self._wire.recv(4096, left)
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
        self._refusal = ""
        """What a random credential met, to compare the others with."""

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
        if prompt_at_end(text) is Prompt.NONE and not menu(text) and not terminal.ended:
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
        if kind is Prompt.NONE and not menu(text):
            raise NoAnswer(Why.GARBAGE, f"neither a login nor a command prompt: {shown}")
        done = await _prove(terminal, kind, text)
        if done.seen:
            return Attempt(
                result=LoginResult.ACCEPTED,
                detail="commands work at once",
                proved=True,
                seen=done.seen,
            )
        if prompt_at_end(done.last) in (Prompt.LOGIN, Prompt.PASSWORD):
            return Attempt(result=LoginResult.REFUSED, detail=f"asks, after '{shown}'")
        raise NoAnswer(Why.GARBAGE, f"'{shown}' looks like a command prompt but runs no command")

    async def _with(self, terminal: Terminal, kind: Prompt, who: Credential) -> Attempt:
        began = time.monotonic()
        text = ""
        if kind is not Prompt.PASSWORD:
            await terminal.line(who.username)
            text = await terminal.read(VERDICT)
            kind = prompt_at_end(text)
        asked = kind is Prompt.PASSWORD and not NEW.search(text)
        if asked:
            began = time.monotonic()
            await terminal.line(who.password)
            text = await terminal.read(VERDICT)
            kind = prompt_at_end(text)
        seconds = time.monotonic() - began
        shown = clean(ESCAPES.sub("", text), 100)
        if LOCKED.search(text):
            return Attempt(result=LoginResult.REFUSED, detail=shown, seconds=seconds, lockout=shown)
        if kind is Prompt.SHELL or menu(text):
            return await self._inside(terminal, kind, text, asked, seconds)
        if NEW.search(text) and not FAILED.search(text):
            detail = f"a new password is asked for: {shown}"
            return Attempt(
                result=LoginResult.NO_ANSWER, detail=detail, seconds=seconds, must_change=True
            )
        if kind in (Prompt.LOGIN, Prompt.PASSWORD):
            return self._asked_again(who, text, shown, seconds)
        if FAILED.search(text):
            return Attempt(result=LoginResult.REFUSED, detail=shown, seconds=seconds)
        if terminal.ended:
            raise NoAnswer(Why.ENDED, f"closed after the credential: {shown}")
        raise NoAnswer(Why.GARBAGE if text.strip() else Why.SILENT, f"no verdict came: {shown}")

    async def _inside(
        self, terminal: Terminal, kind: Prompt, text: str, asked: bool, seconds: float
    ) -> Attempt:
        done = await _prove(terminal, kind, text)
        shown = clean(ESCAPES.sub("", text), 100)
        detail = "logged in" + ("" if asked else "; no password was asked for")
        if done.seen in ("a shell", "a command line"):
            await terminal.line("exit")  # a menu has no common word for it: the connection ends it
        return Attempt(
            result=LoginResult.ACCEPTED,
            detail=detail if done.seen else f"'{shown}' came, but no command ran",
            seconds=seconds,
            proved=bool(done.seen),
            seen=done.seen,
        )

    def _asked_again(self, who: Credential, text: str, shown: str, seconds: float) -> Attempt:
        """A prompt after the credential: a refusal, or the second of two logins.

        Some devices refuse without a word. What a random credential met tells the two apart.
        """
        words = alike(text, who.username, who.password)
        self._refusal = self._refusal or words
        if words != self._refusal and not FAILED.search(text):
            detail = f"it asks again, otherwise than after a wrong credential: {shown}"
            return Attempt(result=LoginResult.NO_ANSWER, detail=detail, seconds=seconds)
        return Attempt(result=LoginResult.REFUSED, detail=shown, seconds=seconds)


async def _prove(terminal: Terminal, kind: Prompt, text: str) -> Done:
    return await (command_line(terminal) if kind is Prompt.SHELL else menu_again(terminal, text))


async def methods(session: DeviceSession, service: Service) -> list[Method]:
    """The one way."""
    del session
    return [Password(service)]
