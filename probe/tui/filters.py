"""The filter language of every list: words, and ``key:value`` for what a record says in a column.

``status:fail sev:high,critical tls -wan "default password"`` shows the records for which all of it
holds. A value needs to be the beginning of the field only; a minus in front turns a term round.
"""

import difflib
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    key: str
    """Empty for a word."""
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that was understood. ``problem`` is what the user should know about it."""

    terms: tuple[Term, ...] = ()
    problem: str = ""

    def __bool__(self) -> bool:
        return bool(self.terms)

    def accepts(self, words: str, fields: Mapping[str, str]) -> bool:
        """Whether a record with this lower-case text and these lower-case fields is shown."""
        return all(self._holds(t, words, fields) is not t.negated for t in self.terms)

    @staticmethod
    def _holds(term: Term, words: str, fields: Mapping[str, str]) -> bool:
        if term.key:
            has = fields.get(term.key, "").split("\n")
            return any(one.startswith(value) for value in term.values for one in has)
        return all(value in words for value in term.values)


def parse(text: str, keys: Iterable[str]) -> Filter:
    """The filter that ``text`` describes. A faulty key is looked for as a word, and named."""
    known = tuple(keys)
    try:
        pieces = shlex.split(text.lower(), posix=True)
    except ValueError:  # an open quote, while somebody is still typing
        pieces = text.lower().replace('"', " ").replace("'", " ").split()
    terms: list[Term] = []
    problem = ""
    for piece in pieces:
        negated = len(piece) > 1 and piece.startswith("-")
        body = piece[1:] if negated else piece
        key, colon, value = body.partition(":")
        if colon and key in known:
            if value:
                terms.append(Term(key, tuple(filter(None, value.split(","))), negated))
            continue
        if colon and key.isalpha():
            near = difflib.get_close_matches(key, known, 1)
            hint = f", did you mean '{near[0]}'?" if near else f"; keys are {', '.join(known)}"
            problem = f"no key '{key}' here{hint}"
        terms.append(Term("", (body,), negated))
    return Filter(tuple(terms), problem)
