"""Which of two versions of a component is newer, by the order of the packages that it comes from."""

from firmware_checks.content.advisories import key
from probe.runner.debversion import deb_key

DEBIAN_ORDER = ("deb", "opkg", "rpm")
"""Types of purl whose versions are in Debian's order: opkg took it over; that of rpm has the same epochs and
tildes, and differs in separators only."""


def newer(kind: str, old: str, new: str) -> int:
    """Below zero when ``new`` is newer, above when it is older, zero when the order does not tell them apart.

    ``kind`` is the type of the purl: https://github.com/package-url/purl-spec.
    """
    if not (old and new):
        return 0
    if kind in DEBIAN_ORDER:
        mine, theirs = deb_key(old), deb_key(new)
        return (mine > theirs) - (mine < theirs)
    one, other = key(old), key(new)
    return (one > other) - (one < other)
