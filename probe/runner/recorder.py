"""The recorder that collectors write to: straight into the journal."""

import hashlib
import time
from contextlib import AbstractContextManager

from probe.model.event import Event, Observed
from probe.model.evidence import Evidence, EvidenceRef, Proof
from probe.model.ids import DeviceId
from probe.model.observation import Fact, Observation
from probe.model.state import RunState
from probe.store.journal import Journal


class JournalRecorder:
    """Implements ``probe.collect.session.Recorder`` and the call-backs of discovery."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._numbers: dict[str, int] = {}
        self.stopped = False

    @property
    def state(self) -> RunState:
        return self._journal.state

    def together(self) -> AbstractContextManager[object]:
        """One transaction for many small writes."""
        return self._journal.together()

    def append(self, happened: Event) -> None:
        self._journal.append(happened)

    def keep(self, evidence: Evidence, data: bytes) -> None:
        self._journal.keep(evidence, data)

    def observe(self, observation: Observation) -> None:
        """An observation that was there before, from a run that was interrupted, is not repeated."""
        earlier = self.state.observations.get(observation.id)
        if earlier is None or (earlier.fact, earlier.proof) != (
            observation.fact,
            observation.proof,
        ):
            self.append(Observed(observation=observation))

    def keep_bytes(
        self, data: bytes, *, media_type: str, caption: str, collector: str = "discovery"
    ) -> EvidenceRef:
        """Record bytes that do not belong to a job on one device."""
        digest = hashlib.sha256(data).hexdigest()
        self.keep(
            Evidence(
                sha256=digest,
                size=len(data),
                media_type=media_type,
                caption=caption,
                collector=collector,
                captured_at=time.time(),
            ),
            data,
        )
        return EvidenceRef(sha256=digest, caption=caption)

    def keep_text(self, text: str, caption: str) -> EvidenceRef:
        return self.keep_bytes(
            text.encode(), media_type="text/plain", caption=caption, collector="runner"
        )

    def observe_fact(self, source: str, device: DeviceId, fact: Fact, *proof: Proof) -> None:
        """Record a fact outside a job (discovery, traffic); the same fact is recorded once."""
        mine = [
            o for o in self.state.observations.values() if o.id.startswith(f"{source}/{device}#")
        ]
        if any(o.fact == fact for o in mine):
            return
        self.append(
            Observed(
                observation=Observation(
                    id=f"{source}/{device}#{len(mine) + 1}",
                    device=device,
                    collector=source,
                    at=time.time(),
                    fact=fact,
                    proof=proof,
                )
            )
        )
