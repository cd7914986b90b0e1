"""How fast a device may be asked, when hundreds of hellos are wanted of it.

Sixteen connections in five seconds are borne by every device known, also by one that shuts its port after
more than twenty. Such a limit shows in no answer before it strikes, so a device is asked faster only after
it has shown what a device with that limit lacks: room for a second connection while one is open, or a queue
for it. Devices that count connections because they have room for one turn the second away. Where the
second is served, a person's browser that loads a page with ``Connection: close`` brings more than twenty
in five seconds too. The packets of the budget bound what follows.

The look takes two connections at once for some milliseconds. Where the plan allows only one, as it does
when nothing else is said, there is no look, and the pace stays slow. A limit by a packet filter in front of
a server with room would not show; at the first sign of strain the pace is slow again for good.
"""

import asyncio
import statistics

from probe.collect.session import DeviceSession
from probe.collect.tls.codec import ClientHello
from probe.collect.tls.exchange import Met, Reaction, exchange
from probe.collect.tls.interview import Interview

QUICK_ANSWER_S = 0.1
"""Usual time of an answer, above which a device is too slow to be hurried."""
HELD_S, HELD_ANSWERS = 0.05, 4
"""So long, or for the usual time of so many answers, the first connection is held for the second: time for
a device without room to turn it away. A server with a queue does not answer meanwhile."""


class Overlap:
    """Says a hello twice, the second time while the first connection is open."""

    def __init__(self, session: DeviceSession, address: str, port: int) -> None:
        self._where = session, address, port
        self.held = HELD_S
        self.together = False
        """Both connections were open at once. Other work on the device may have kept the place."""

    async def __call__(self, hello: ClientHello, patience: float) -> tuple[Reaction, Reaction]:
        second: list[asyncio.Task[Reaction]] = []
        first_is_open = False

        def opened() -> None:
            self.together = first_is_open

        async def meanwhile() -> None:
            nonlocal first_is_open
            first_is_open = True
            again = exchange(*self._where, hello, patience=patience, opened=opened)
            second.append(asyncio.ensure_future(again))
            await asyncio.wait(second, timeout=self.held)
            first_is_open = False

        try:
            first = await exchange(*self._where, hello, patience=patience, meanwhile=meanwhile)
            return first, await second[0] if second else first
        finally:
            for task in second:
                task.cancel()


def overlap(session: DeviceSession, address: str, port: int) -> Overlap | None:
    """None when the plan allows one connection only."""
    allowed = session.budget.gentleness.connections_at_once
    return Overlap(session, address, port) if allowed > 1 else None


async def bears_more(asked: Interview, say: Overlap) -> bool:
    """Whether the service has served two connections at once, or one after the other, and quickly."""
    answered = [r for r in asked.reactions if r.met in (Met.HELLO, Met.ALERT)]
    if asked.control is None or asked.has_strained:
        return False
    usual = statistics.median(r.seconds for r in answered)
    if usual > QUICK_ANSWER_S:
        return False
    say.held = max(HELD_S, HELD_ANSWERS * usual)
    first, second = await asked.say_twice(asked.control, say)
    return say.together and first.met is second.met is Met.HELLO
