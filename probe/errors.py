"""Errors that a person can act on, and the one table of exit codes."""

from enum import IntEnum

from probe.model.finding import Owner


class Exit(IntEnum):
    """What the process returns. Scripts may rely on these numbers."""

    PASS = 0
    """Everything that was asked for was done, and nothing failed or stayed unknown."""
    FAIL = 1
    """At least one requirement failed."""
    USAGE = 2
    """The command line, a file or a name given by the user is wrong."""
    INCONCLUSIVE = 3
    """Nothing failed, but not everything could be answered."""
    ENVIRONMENT = 4
    """This machine lacks something: permission, interface, disk space, a damaged database."""
    TOOL = 5
    """A defect of the probe itself."""
    STOPPED = 6
    """The run was stopped before its end; what was measured is kept."""


class ProbeError(Exception):
    """One clear line: what happened, whose doing it is, what to do next."""

    def __init__(self, what: str, next_step: str, *, owner: Owner = Owner.OPERATOR) -> None:
        super().__init__(what)
        self.what, self.next_step, self.owner = what, next_step, owner

    @property
    def exit_code(self) -> Exit:
        match self.owner:
            case Owner.OPERATOR:
                return Exit.USAGE
            case Owner.TOOL:
                return Exit.TOOL
            case _:
                return Exit.ENVIRONMENT

    def __str__(self) -> str:
        return f"{self.what} (cause: {self.owner}). {self.next_step}"
