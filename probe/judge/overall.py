"""The status of a whole device under one catalogue."""

from collections.abc import Iterable

from probe.model.catalogue import Catalogue
from probe.model.verdict import Status, Verdict, combine


def overall(catalogue: Catalogue, verdicts: Iterable[Verdict]) -> Status:
    """Worst of the mandatory requirements; one without a verdict under this very edition is NOT_TESTED."""
    edition = (catalogue.id, catalogue.edition)
    by_id = {v.requirement: v.status for v in verdicts if (v.catalogue, v.edition) == edition}
    return combine(
        by_id.get(r.id, Status.NOT_TESTED) for r in catalogue.requirements if r.mandatory
    )
