"""The link watch: while the probe's own interface is down, nothing is sent and nobody is blamed."""

import asyncio
import math
import time
from collections.abc import Callable

from probe.collect.gate import Gate
from probe.collect.packet.interface import InterfaceFacts, interface_facts
from probe.errors import ProbeError
from probe.model.finding import Owner

REASON = "no link"
EVERY_S = 1.0
PATIENCE_S = 600.0
"""How long a run waits for its link; then it ends, and can be resumed."""


class LinkWatch:
    """Looks at one interface, and keeps the gate closed while it has no link."""

    def __init__(
        self,
        interface: str,
        gate: Gate,
        note: Callable[[str, Owner], None],
        facts: Callable[[str], InterfaceFacts] = interface_facts,
    ) -> None:
        self._interface, self._gate, self._note, self._facts = interface, gate, note, facts
        self._down_at = -math.inf
        """When the link was last known to be down."""
        self._lost_at: float | None = None
        self._away_s = 0.0

    @property
    def away_s(self) -> float:
        """Seconds without a link so far: nothing could be heard in them."""
        now = time.monotonic()
        return self._away_s + (now - self._lost_at if self._lost_at is not None else 0.0)

    def look(self) -> bool:
        """Whether the link is up at this moment."""
        now, trouble = time.monotonic(), self._trouble()
        if trouble:
            self._down_at = now
            if self._lost_at is None:
                self._lost_at = now
                self._gate.close(REASON)
                self._note(
                    f"the probe's own interface {trouble}; nothing is sent until it has a link again",
                    Owner.ENVIRONMENT,
                )
        elif self._lost_at is not None:
            lasted = now - self._lost_at
            self._lost_at, self._down_at = None, now
            self._away_s += lasted
            self._gate.open(REASON)
            self._note(
                f"the interface {self._interface} has a link again, after {lasted:.0f} s",
                Owner.ENVIRONMENT,
            )
        return not trouble

    def disturbed(self, since: float) -> bool:
        """Whether the link was down at any time since then (monotonic): silence proves nothing then."""
        return not self.look() or self._down_at >= since

    async def run(self) -> None:
        """Look again and again. Raises ProbeError when the link stays away."""
        while True:
            up = self.look()
            if not up and self._lost_at is not None:
                away = time.monotonic() - self._lost_at
                if away > PATIENCE_S:
                    raise ProbeError(
                        f"The interface {self._interface} has had no link for {away / 60:.0f} minutes",
                        "Mend the cable or the switch, then continue with 'probe run --resume'.",
                        owner=Owner.ENVIRONMENT,
                    )
            await asyncio.sleep(EVERY_S)

    def _trouble(self) -> str:
        try:
            facts = self._facts(self._interface)
        except ProbeError as error:
            return f"{self._interface} cannot be used: {error.what}"
        if not facts.up:
            return f"{self._interface} is switched off"
        return "" if facts.carrier else f"{self._interface} has no link"
