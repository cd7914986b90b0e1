"""Database trouble in words: a full disk, a read-only folder and a damaged file are three things."""

import re

from probe.errors import ProbeError
from probe.model.finding import Owner


class StoreError(ProbeError):
    """The store cannot be read or written."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(what, next_step, owner=Owner.ENVIRONMENT)


_CAUSES = (
    (
        ("disk is full", "no space left", "disk i/o error"),
        "The disk is full, the result store {where} cannot grow",
        "Free some space, then continue with 'probe run --resume RUN'; nothing recorded is lost.",
    ),
    (
        ("readonly database", "read-only", "permission denied"),
        "The result store {where} is read-only for this user",
        "Make the folder writable, or choose another one with --store.",
    ),
    (
        ("unable to open database",),
        "The result store {where} cannot be opened",
        "Check that the folder exists and is yours, or choose another one with --store.",
    ),
    (
        ("malformed", "not a database", "no such table", "no such column"),
        "The result store {where} is damaged or is not a store of the probe",
        "Move the file away and keep it (evidence may be recovered with sqlite3 .recover); a new "
        "store is made at the next run.",
    ),
    (
        ("database is locked", "lock timeout"),
        "The result store {where} is locked by another program",
        "Close what holds it open, then try again.",
    ),
    (
        ("connection refused", "could not translate host", "connection timeout", "no route"),
        "The database server of {where} does not answer",
        "Check that it runs and can be reached from here, or name a folder with --store.",
    ),
    (
        ("password authentication failed", "no password supplied", "role", "no pg_hba.conf entry"),
        "The database server of {where} refuses this user",
        "Check the user and the password in the URL, or in the file ~/.pgpass.",
    ),
    (
        (
            *("server closed the connection", "terminating connection", "connection is lost"),
            "the connection is closed",
        ),
        "The database server of {where} ended the connection",
        "When it is back: 'probe run --resume RUN'; nothing recorded is lost.",
    ),
)


def shown(location: str) -> str:
    """What messages call a store: its folder or URL, without the password."""
    named = re.sub(r"(?<=://)([^:/@]*):[^/]*@", r"\1:***@", location)
    return re.sub(r"([?&](?:ssl)?password=)[^&]*", r"\1***", named)


def explained(where: str, message: str) -> StoreError:
    """The StoreError for a database's own message."""
    for signs, what, next_step in _CAUSES:
        if any(sign in message.lower() for sign in signs):
            return StoreError(what.format(where=where), next_step)
    return StoreError(
        f"The result store {where} failed: {' '.join(message.split())[:200]}",
        "Check the path or URL given with --store.",
    )
