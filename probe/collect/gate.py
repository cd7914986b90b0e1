"""The gate that every packet of a run passes: closed while the run is paused, or its link is down."""

import asyncio
import time


def never(since: float) -> bool:
    """For whoever has nobody to ask whether the link was down since a moment (monotonic)."""
    del since
    return False


class Gate:
    """One for the whole run. It is open while nobody has a reason to keep it closed."""

    def __init__(self) -> None:
        self._reasons: set[str] = set()
        self._opened = asyncio.Event()
        self._opened.set()
        self._closed_s = 0.0
        self._since = 0.0

    @property
    def closed(self) -> bool:
        return bool(self._reasons)

    @property
    def closed_s(self) -> float:
        """Seconds that the gate was closed so far, this moment's closure included."""
        return self._closed_s + (time.monotonic() - self._since if self._reasons else 0.0)

    def close(self, reason: str) -> None:
        if not self._reasons:
            self._since = time.monotonic()
            self._opened.clear()
        self._reasons.add(reason)

    def open(self, reason: str) -> None:
        """Take one reason away; the gate opens with the last one."""
        if self._reasons and self._reasons <= {reason}:
            self._closed_s = self.closed_s
            self._opened.set()
        self._reasons.discard(reason)

    async def passed(self) -> bool:
        """Wait until the gate is open; says whether there was anything to wait for."""
        waited = False
        while self._reasons:
            waited = True
            await self._opened.wait()
        return waited
