"""The store as the terminal UI wants to see it."""

from collections import Counter

from probe.store.journal import RunReader
from probe.store.store import Store
from probe.tui.source import RunSummary


class StoredRuns:
    """Implements ``probe.tui.source.RunStore``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def runs(self) -> list[RunSummary]:
        """Newest first; each journal is read for its counts."""
        return [self._head(head.id) for head in self._store.runs()]

    def open(self, run_id: str) -> RunReader:
        """The named run; raises ProbeError when there is none."""
        return RunReader(self._store, self._store.find(run_id))

    def _head(self, run: str) -> RunSummary:
        reader = self.open(run)
        reader.poll()
        state = reader.state
        scope, plan = (state.run.scope, state.run.plan) if state.run else (None, None)
        return RunSummary(
            id=run,
            started_at=state.started_at,
            status=reader.status(),
            interface=scope.interface if scope else "",
            plan=plan.name if plan else "",
            devices=len(state.devices),
            counts=Counter(v.status for v in state.verdicts.values()),
        )
