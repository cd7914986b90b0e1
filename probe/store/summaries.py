"""The list of runs, made of the few entries of each journal that it tells of."""

import json
from collections import Counter
from typing import Any

from probe.model.run import RunStatus
from probe.model.summary import RunSummary
from probe.model.verdict import Status
from probe.store.journal import seen_from_outside
from probe.store.store import RunHead, Store

KINDS = ("StatusChanged", "DeviceSeen", "Judged")


def summaries(store: Store) -> list[RunSummary]:
    """Every run of the store, newest first. Observations and findings are not read."""
    return [_summary(store, head) for head in store.runs()]


def _summary(store: Store, head: RunHead) -> RunSummary:
    # Asked first: what a process wrote before its end is read below.
    alive = store.lock(head.id).held()
    status = RunStatus.RUNNING
    devices: set[str] = set()
    verdicts: dict[tuple[str, ...], Status] = {}
    for kind, event in _events(store, head):
        # Plain JSON: turning thousands of verdicts into values would take most of the time.
        match kind:
            case "StatusChanged":
                status = RunStatus(event["status"])
            case "DeviceSeen":
                devices.add(event["device"]["id"])
            case "Judged":
                verdict = event["verdict"]
                key = ("catalogue", "edition", "requirement", "device")
                verdicts[tuple(verdict[part] for part in key)] = Status(verdict["status"])
    return RunSummary(
        id=head.id,
        started_at=head.started_at,
        status=seen_from_outside(status, alive=alive),
        interface=head.interface,
        plan=head.plan,
        devices=len(devices),
        counts=Counter(verdicts.values()),
    )


def _events(store: Store, head: RunHead) -> list[tuple[str, Any]]:
    rows = store.database.execute(
        "SELECT kind, payload FROM event WHERE run = ? AND kind IN (?, ?, ?) ORDER BY seq",
        *(head.id, *KINDS),
    )
    return [(kind, json.loads(payload)) for kind, payload in rows]
