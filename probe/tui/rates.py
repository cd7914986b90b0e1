"""Packets per second towards each device, from the running totals in the journal: a safety display."""

from collections import deque

from probe.model.event import BudgetSpent
from probe.model.ids import DeviceId

KEPT = 8
STALE_S = 12.0
"""Without a newer total the rate is not known any more."""
BLOCKS = "▁▂▃▄▅▆▇█"
ASCII_BLOCKS = "_.,-=+*#"


class Rates:
    """The last ``KEPT`` rates of every device."""

    def __init__(self) -> None:
        self._last: dict[DeviceId, tuple[float, int]] = {}
        self._rates: dict[DeviceId, deque[float]] = {}

    def add(self, at: float, spent: BudgetSpent) -> None:
        """Take in the totals written at time ``at``."""
        before = self._last.get(spent.device)
        if before is not None and at - before[0] < 0.2:
            return  # too close together to divide by
        self._last[spent.device] = (at, spent.packets)
        if before is not None:
            rate = max(0, spent.packets - before[1]) / (at - before[0])
            self._rates.setdefault(spent.device, deque(maxlen=KEPT)).append(rate)

    def latest(self, device: DeviceId, now: float) -> float | None:
        """Packets per second, or None when nothing is known about the last seconds."""
        last = self._last.get(device)
        rates = self._rates.get(device)
        return rates[-1] if rates and last and now - last[0] <= STALE_S else None

    def lately(self, device: DeviceId) -> list[float]:
        return list(self._rates.get(device, ()))


def sparkline(values: list[float], *, ascii_only: bool = False) -> str:
    """One character for each value, the highest one full."""
    blocks = ASCII_BLOCKS if ascii_only else BLOCKS
    most = max(values, default=0.0) or 1.0
    return "".join(blocks[min(7, int(7 * value / most + 0.5))] for value in values)
