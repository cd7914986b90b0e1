"""Device-supplied text made harmless: bounded, one line, no control characters, no escapes."""

import unicodedata

REPLACEMENT = "\N{MIDDLE DOT}"


def clean(raw: bytes | str, limit: int = 200) -> str:
    """``raw`` as printable text of at most ``limit`` characters.

    Bytes are read as UTF-8. Control, format (bidirectional marks among them), surrogate and
    unassigned characters become a middle dot; runs of white space become one blank.
    """
    text = (
        raw[: limit * 4].decode("utf-8", "replace") if isinstance(raw, bytes) else raw[: limit * 4]
    )
    shown = "".join(
        " " if c.isspace() else REPLACEMENT if unicodedata.category(c)[0] == "C" else c
        for c in text
    )
    shown = " ".join(shown.split())
    return shown if len(shown) <= limit else shown[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"
