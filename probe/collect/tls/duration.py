"""How long the questions to one service will take, told when its own pace is known."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from probe.collect.tls.learned import Learned
from probe.collect.tls.questions import VERDICT_HELLOS
from probe.model.tls import Reply

USUAL_IN_INVENTORY = 60
"""Hellos of an inventory, for some twenty suites, a dozen groups and as many signatures."""
WORTH_TELLING_S = 15.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """Says once, through ``tell``, how long it takes, if that is worth a person's while."""

    tell: Callable[[str], None]
    where: str
    whole: bool
    """The inventory."""
    clock: Callable[[], float] = time.monotonic
    began: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "began", self.clock())

    def __call__(self, found: Learned) -> None:
        """To be called after the first answers: each further hello will take as long, pauses with it."""
        asked = len(found.interview.reactions)
        if not asked or found.interview.control is None:
            return
        spent = self.clock() - self.began
        total = USUAL_IN_INVENTORY if self.whole else VERDICT_HELLOS
        left = spent / asked * max(0, total - asked)
        if left < WORTH_TELLING_S:
            return
        open_ended = any(s.reply is Reply.NO_ANSWER for s in found.answers.values())
        why = "it leaves questions without an answer" if open_ended else "it answers slowly"
        self.tell(
            f"The questions to {self.where} will take about {_about(left)} more: {why}, "
            f"{spent:.0f} s for the first {asked}."
        )


def _about(seconds: float) -> str:
    """Rounded to what can be known: ten seconds, or minutes."""
    return f"{round(seconds, -1):.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"
