"""The file mode of Unix, as images hold it."""

import stat

from firmware_checks.reading import Kind

KINDS = {stat.S_IFREG: Kind.FILE, stat.S_IFDIR: Kind.DIRECTORY, stat.S_IFLNK: Kind.LINK}


def kind_of(mode: int) -> Kind:
    """The kind that the upper bits of a mode say."""
    return KINDS.get(stat.S_IFMT(mode & 0xFFFF), Kind.OTHER)
