"""How the operator wants to see what comes out; apart from the commands, which import more."""

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """How the operator wants to see it."""

    format: str | None = None
    output: Path | None = None
    plain: bool = False
    detach: bool = False
    show_passwords: bool = False
    slow_link: bool = False
    fail_on: str = ""
    """The least severity of a finding that fails by itself; empty: only requirements do."""

    @property
    def wants_tui(self) -> bool:
        """At a terminal, unless something else was asked for."""
        return (
            not (self.plain or self.detach or self.format or self.output)
            and sys.stdin.isatty()
            and sys.stdout.isatty()
        )
