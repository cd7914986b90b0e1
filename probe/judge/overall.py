"""The status of a whole device under one catalogue, and counts that add up to the catalogue total."""

from collections import Counter
from collections.abc import Iterable

from probe.model.catalogue import Catalogue
from probe.model.verdict import Status, Verdict, combine


def overall(catalogue: Catalogue, verdicts: Iterable[Verdict]) -> Status:
    """Worst of the mandatory requirements; a requirement without verdict counts as NOT_TESTED."""
    by_id = {v.requirement: v.status for v in verdicts if v.catalogue == catalogue.id}
    return combine(
        by_id.get(r.id, Status.NOT_TESTED) for r in catalogue.requirements if r.mandatory
    )


def counts(catalogue: Catalogue, verdicts: Iterable[Verdict]) -> dict[Status, int]:
    """How many requirements have each status; every status is listed, the sum is the catalogue's size."""
    by_id = {v.requirement: v.status for v in verdicts if v.catalogue == catalogue.id}
    counted = Counter(by_id.get(r.id, Status.NOT_TESTED) for r in catalogue.requirements)
    return {status: counted.get(status, 0) for status in Status}
