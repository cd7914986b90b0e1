"""Times as images give them."""

from datetime import UTC, datetime


def day(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC; empty for none and for what no calendar has."""
    if seconds <= 0:
        return ""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return ""
