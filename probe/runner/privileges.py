"""The run's process and the front end need no privilege once the packet helper is started."""

from probe.collect.packet.privileges import give_up


def drop() -> str:
    """Give up privileges for good; says in a few words what the process is now."""
    return give_up()
