"""What a page says: title, login form, authentication schemes. Pure; hostile input everywhere.

The standard library's HTML parser takes half a minute for 64 KiB of ``<a <a <a``, so the few tags that
matter are found by splitting at ``<``, which is linear. A ``>`` inside an attribute value ends a tag
early; what matters of it stands before that on every page met so far.
"""

import html
import re
from collections.abc import Iterator

from probe.model.text import clean

MAX_TAG = 1_000
"""Characters of one tag that are looked at."""
_ATTRIBUTE = re.compile(r"""([\w-]{1,40})\s*=\s*("[^"]*"|'[^']*'|[^\s"'=<>`]+)""")
_SCHEME = re.compile(r"(?:^|,)\s*([A-Za-z][A-Za-z0-9-]{0,30})(?=\s|$|,)(?!\s*=)")


class Page:
    """The parts of an HTML page that matter here. Any text makes one."""

    def __init__(self, text: str) -> None:
        self.title = ""
        self.password_fields = 0
        for name, attributes, following in tags(text):
            if name == "title" and not self.title:
                self.title = clean(html.unescape(following[:MAX_TAG]), 120)
            elif name == "input" and attributes.get("type", "").strip().lower() == "password":
                self.password_fields += 1

    @property
    def login_form(self) -> bool:
        """One password field asks for a password; two or more set a new one."""
        return self.password_fields == 1


def tags(text: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """Every start tag: its name in lower case, its attributes, and the text up to the next tag."""
    for piece in _without_comments(text).split("<")[1:]:
        inside, _, following = piece.partition(">")
        name = re.match(r"[A-Za-z][A-Za-z0-9-]{0,20}", inside)
        if name is None:
            continue
        attributes: dict[str, str] = {}
        for key, value in _ATTRIBUTE.findall(inside[:MAX_TAG]):
            attributes.setdefault(key.lower(), html.unescape(value.strip("\"'")))
        yield name[0].lower(), attributes, following


def _without_comments(text: str) -> str:
    kept, at = [], 0
    while (start := text.find("<!--", at)) >= 0:
        kept.append(text[at:start])
        end = text.find("-->", start + 4)
        if end < 0:
            return "".join(kept)
        at = end + 3
    return "".join((*kept, text[at:]))


def auth_schemes(challenges: tuple[str, ...]) -> tuple[str, ...]:
    """The schemes named by WWW-Authenticate values (RFC 9110 section 11.6.1), lower case, in order.

    A value may hold several challenges; parameters are told from schemes by their ``=``.
    """
    found: dict[str, None] = {}
    for value in challenges:
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', value)
        for scheme in _SCHEME.findall(bare):
            found.setdefault(scheme.lower())
    return tuple(found)
