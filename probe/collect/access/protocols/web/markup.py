"""HTML cut into tags and text, in time that grows with the page's length only. Any text can be cut.

The standard library's HTML parser starts again at every ``<`` of a tag that does not end: 32 KiB of
``<a <a <a`` take it ten seconds, in which the probe would do nothing else.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_ATTRIBUTES = 64
"""Kept of one tag."""
_NAME = re.compile(r"/?[A-Za-z][^\s/>]*")
_KEY = re.compile(r"[\s/]*([^\s/>=][^\s/>=]*|=)")
_EQUALS = re.compile(r"\s*=\s*")
_BARE = re.compile(r"[^\s>]*")
_RAW = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style")}
"""Elements whose content is no markup, and what ends them."""


@dataclass(frozen=True, slots=True)
class Tag:
    """``name`` in lower case, with a leading ``/`` for an end tag."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)


def tokens(text: str) -> Iterator[Tag | str]:
    """Tags and the text between them, in order.

    As in a browser, what is not closed (a comment, a quote, a script) lasts to the end of the page.
    """
    at = 0
    while at < len(text):
        start = text.find("<", at)
        if start < 0:
            yield unescape(text[at:])
            return
        if start > at:
            yield unescape(text[at:start])
        name = _NAME.match(text, start + 1)
        if name is not None:
            attributes, at = _attributes(text, name.end())
            if at < 0:
                return
            tag = name[0].lower()
            yield Tag(tag, attributes)
            if tag in _RAW:
                found = _RAW[tag].search(text, at)
                end = found.start() if found else len(text)
                yield text[at:end]
                at = end
        elif text.startswith(("<!", "<?"), start):
            closing = "-->" if text.startswith("<!--", start) else ">"
            end = text.find(closing, start + 2)
            if end < 0:
                return
            at = end + len(closing)
        else:
            yield "<"
            at = start + 1


def unescape(text: str) -> str:
    """Character references resolved."""
    try:
        return html.unescape(text) if "&" in text else text
    except ValueError:
        return text  # a number of thousands of digits


def _attributes(text: str, at: int) -> tuple[dict[str, str], int]:
    """The attributes from ``at`` on, the first of each name, and where the tag ends; -1 if nowhere."""
    found: dict[str, str] = {}
    while (key := _KEY.match(text, at)) is not None:
        at, value = key.end(), ""
        equals = _EQUALS.match(text, at)
        if equals is not None:
            at = equals.end()
            quote = text[at : at + 1]
            if quote in ('"', "'") and quote:
                end = text.find(quote, at + 1)
                if end < 0:
                    return {}, -1
                value, at = text[at + 1 : end], end + 1
            else:
                bare = _BARE.match(text, at)
                assert bare is not None
                value, at = bare[0], bare.end()
        if len(found) < MAX_ATTRIBUTES:
            found.setdefault(key[1].lower(), unescape(value))
    end = text.find(">", at)
    return found, end + 1 if end >= 0 else -1
