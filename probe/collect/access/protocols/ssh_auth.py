"""What an SSH server asks for, answered with one password, once (RFC 4252, RFC 4256)."""

import re
from collections.abc import Sequence
from typing import Any

import asyncssh

from probe.collect.wire import Transcript
from probe.model.text import clean

MAX_PROMPTS = 8
USER = re.compile(r"user|login|account|name", re.IGNORECASE)
PASSWORD = re.compile(r"pass|pin\b|kennwort", re.IGNORECASE)
NEW = re.compile(
    r"(?:new|retype|change|current|old) (?:\w+ )?pass|must change|required to change|expired",
    re.IGNORECASE,
)
"""A new password is wanted: PAM's words (pam_unix), and those of OpenSSH."""


class OnePassword(asyncssh.SSHClient):
    """Presents one password, once, and notes what the server asked for before and after it."""

    def __init__(self, user: str, password: str | None, transcript: Transcript) -> None:
        self._user, self._password, self._transcript = user, password, transcript
        self.presented = ""
        self.offered: list[str] = []
        """The methods that were offered before the password was presented."""
        self.asked_again = False
        """The method by which it was presented was offered again: it was refused, and not taken as the
        first of several steps (RFC 4252 section 5.1, partial success)."""
        self.must_change = False
        self.further = ""
        """What was asked for beside or after the password."""

    def _present(self, how: str) -> str | None:
        if self._password is None or self.presented:
            return None
        self.presented = how
        self._transcript.remark(f"password '{self._password}' presented by {how}")
        return self._password

    def _offered(self, method: str) -> None:
        if self.presented:
            self.asked_again |= method == self.presented
        elif method not in self.offered:
            self.offered.append(method)

    def auth_banner_received(self, msg: str, lang: str) -> None:
        self._transcript.remark(f"banner: {clean(msg)}")
        self.must_change |= bool(self.presented and NEW.search(msg))

    def public_key_auth_requested(self) -> Any:
        self._offered("publickey")
        return None

    def password_auth_requested(self) -> str | None:
        self._offered("password")
        return self._present("password")

    def password_change_requested(self, prompt: str, lang: str) -> Any:
        self.must_change = True
        self._transcript.remark(f"the device asks for a new password: {clean(prompt)}")
        return NotImplemented

    def kbdint_auth_requested(self) -> str | None:
        self._offered("keyboard-interactive")
        return "" if self._password is not None and not self.presented else None

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> Sequence[str] | None:
        """Answers for a user name and one password; anything else is left unanswered."""
        said = clean(f"{name} {instructions}", 200)
        asked = ", ".join(clean(text, 60) for text, _ in prompts[:MAX_PROMPTS])
        self._transcript.remark(
            f"keyboard-interactive says '{said}' and asks: {asked or 'nothing'}"
        )
        if self.presented:
            new = NEW.search(f"{said} {asked}")
            self.must_change |= bool(new)
            if prompts and not new:
                # The same prompt once more is the second try that PAM grants; another is another step.
                self.asked_again |= asked == self._first_asked
                self.further = "" if asked == self._first_asked else asked
        if not prompts:
            return []
        self._first_asked = asked if not self.presented else self._first_asked
        roles = [_role(text, echo) for text, echo in prompts]
        if self.presented or len(prompts) > MAX_PROMPTS or roles.count("password") != 1:
            self.further = self.further or ("" if self.presented else asked)
            return None
        if "other" in roles:
            self.further = ", ".join(
                clean(text, 60) for (text, _), r in zip(prompts, roles, strict=True) if r == "other"
            )
            return None
        password = self._present("keyboard-interactive")
        if password is None:
            return None
        return [self._user if role == "user" else password for role in roles]

    _first_asked = ""


def _role(prompt: str, echo: bool) -> str:
    if not echo:
        # A one-time code is often not shown either; a lone nameless prompt is the password's.
        named = PASSWORD.search(prompt) and not re.search(r"one.?time|otp|token|code", prompt, re.I)
        return "password" if named or not prompt.strip() else "other"
    return "user" if USER.search(prompt) else "other"
