"""Two members of one name: a device may take the one that was not checked, so nothing can be said for sure."""

from collections import Counter
from collections.abc import Iterable

from probe.model.text import clean


def doubled(names: Iterable[str]) -> str:
    """A sentence that names those that are there more than once; empty when none is."""
    twice = [clean(name, 60) for name, number in Counter(names).items() if number > 1]
    if not twice:
        return ""
    return f"{', '.join(twice[:4])} is there more than once, and nobody knows which one is taken"
