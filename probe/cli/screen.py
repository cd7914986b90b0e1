"""The store as the terminal UI wants to see it."""

from probe.model.summary import RunSummary
from probe.store.journal import RunReader
from probe.store.store import Store
from probe.store.summaries import summaries


class StoredRuns:
    """Implements ``probe.tui.source.RunStore``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def runs(self) -> list[RunSummary]:
        """Newest first."""
        return summaries(self._store)

    def open(self, run_id: str) -> RunReader:
        """The named run; raises ProbeError when there is none."""
        return RunReader(self._store, self._store.find(run_id))
