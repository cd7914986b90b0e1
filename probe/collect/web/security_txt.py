"""The contact for security reports that a host publishes about itself (RFC 9116). Pure."""

import datetime
from dataclasses import dataclass

from probe.model.text import clean

MAX_LINES = 200
MAX_CONTACTS = 8


@dataclass(frozen=True, slots=True)
class Parsed:
    """The fields that RFC 9116 section 2.5 demands, and the policy."""

    contacts: tuple[str, ...]
    expires: str
    expired: bool | None
    policy: str


def parse_security_txt(text: str, now: float) -> Parsed | None:
    """The fields of the file, None when it is not one (a page that is shown for every address).

    ``now`` in seconds since 1970. Field names are compared without case (section 2.3).
    """
    fields: dict[str, list[str]] = {}
    for line in text[:32_768].splitlines()[:MAX_LINES]:
        name, colon, value = line.partition(":")
        if colon and name.strip().lower() in ("contact", "expires", "policy"):
            fields.setdefault(name.strip().lower(), []).append(clean(value, 200))
    if "<html" in text[:2000].lower() or not fields:
        return None
    expires = fields.get("expires", [""])[0]
    return Parsed(
        contacts=tuple(v for v in fields.get("contact", []) if v)[:MAX_CONTACTS],
        expires=expires,
        expired=_expired(expires, now),
        policy=fields.get("policy", [""])[0],
    )


def _expired(text: str, now: float) -> bool | None:
    """None when the text is no date of RFC 3339."""
    try:
        moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00").replace("z", "+00:00"))
        if moment.tzinfo is None:
            return None
        return moment.timestamp() < now
    except (ValueError, OverflowError):
        return None
