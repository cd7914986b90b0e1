"""Plain TOML values into model dataclasses, strictly, with every fault named where it is."""

import datetime
import math
import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, NewType, Union, cast, get_args, get_origin, get_type_hints

from probe.model.text import clean
from probe.tomlfile.source import Fault, FileFault, Place, Source

LONGEST_TEXT = 20_000
MOST_ENTRIES = 5_000
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters and direction overrides: a terminal or a reader could be fooled by them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the model's types cannot say. Keys are ``Class.field``."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    """TOML key instead of the field name: arrays of tables are named in the singular."""
    hidden: frozenset[str] = frozenset()
    """Fields that do not come from the file."""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Shaper:
    """Builds dataclasses from one source and collects the faults on the way."""

    def __init__(self, source: Source, rules: Rules) -> None:
        self.source, self.rules = source, rules
        self.faults: list[Fault] = []

    def complain(self, place: Place, what: str, hint: str) -> None:
        self.faults.append(self.source.fault(place, clean(what), hint))

    def finish(self) -> None:
        """Raises FileFault when there was any fault, first line first."""
        if self.faults:
            found = tuple(sorted(self.faults, key=lambda f: f.line))
            raise FileFault(found, self.source.owner)

    def build(self, kind: type[Any], plain: object, place: Place, **given: object) -> Any:
        """An instance of the dataclass ``kind``, or None after a fault. ``given`` wins over the file."""
        if not isinstance(plain, dict):
            self.complain(place, f"{_said(plain)} where a table belongs", "Make it a table.")
            return None
        keys = {
            self.rules.renamed.get(f"{kind.__name__}.{f.name}", f.name): f
            for f in fields(kind)
            if f.name not in given and f"{kind.__name__}.{f.name}" not in self.rules.hidden
        }
        before = len(self.faults)
        meant: set[str] = set()
        for key in plain:
            if key not in keys:
                hint = nearest(key, keys)
                meant.update(k for k in keys if f"'{k}'" in hint)
                self.complain((*place, key), "unknown key", hint)
        values = dict(given)
        hints = _hints(cast(Hashable, kind))
        for key, member in keys.items():
            rule = f"{kind.__name__}.{member.name}"
            if key in plain:
                values[member.name] = self.value(
                    hints[member.name], plain[key], (*place, key), rule
                )
            elif key in meant:
                pass  # a misspelt key is one fault, not two
            elif member.default is MISSING and member.default_factory is MISSING:
                self.complain(place, f"the key '{key}' is missing", f"Add {key} = … here.")
        return kind(**values) if len(self.faults) == before else None

    def value(self, kind: Any, plain: object, place: Place, rule: str) -> Any:
        """``plain`` as the annotated type ``kind``, or None after a fault."""
        if kind is str:
            return self._text(plain, place, self.rules.choices.get(rule, ()))
        if get_origin(kind) is tuple:
            return self._list(_plain_type(get_args(kind)[0]), plain, place, rule)
        if get_origin(kind) is not None:
            return self._numbers_by_name(plain, place, rule)
        if is_dataclass(kind):
            return self.build(cast(type[Any], kind), plain, place)
        if issubclass(kind, StrEnum):
            text = self._text(plain, place, tuple(kind))
            return None if text is None else kind(text)
        return self._scalar(kind, plain, place)

    def _list(self, kind: Any, plain: object, place: Place, rule: str) -> tuple[Any, ...]:
        if not isinstance(plain, list):
            self.complain(place, f"{_said(plain)} where a list belongs", "Write it as [ … ].")
            return ()
        if len(plain) > MOST_ENTRIES:
            self.complain(
                place, f"more than {MOST_ENTRIES} entries", "Leave out what is not needed."
            )
            return ()
        return tuple(self.value(kind, item, (*place, n), rule) for n, item in enumerate(plain))

    def _numbers_by_name(self, plain: object, place: Place, rule: str) -> dict[str, int]:
        if not isinstance(plain, dict):
            self.complain(
                place, f"{_said(plain)} where a table belongs", "Write { name = number }."
            )
            return {}
        return {k: self.value(int, v, (*place, k), rule) for k, v in plain.items()}

    def _text(self, plain: object, place: Place, choices: tuple[str, ...]) -> str | None:
        if type(plain) is datetime.date:
            plain = (
                plain.isoformat()
            )  # people write dates without quotes, and TOML has a type for it
        if not isinstance(plain, str):
            self.complain(place, f"{_said(plain)} where text belongs", "Put it in quotes.")
        elif len(plain) > LONGEST_TEXT:
            self.complain(place, f"text of more than {LONGEST_TEXT} characters", "Shorten it.")
        elif HARMFUL.search(plain):
            self.complain(place, "a control character in the text", "Remove the character.")
        elif choices and plain not in choices:
            self.complain(place, f"'{plain[:40]}' is not possible here", nearest(plain, choices))
        else:
            return plain.strip()
        return None

    def _scalar(self, kind: type, plain: object, place: Place) -> object:
        if kind is bool and isinstance(plain, bool):
            return plain
        if kind is int and isinstance(plain, int) and not isinstance(plain, bool):
            return plain
        if kind is float and isinstance(plain, int | float) and not isinstance(plain, bool):
            if math.isfinite(plain):
                return float(plain)
            self.complain(place, "not a finite number", "Write a number.")
            return None
        wanted, how = {
            bool: ("true or false", "Write true or false, without quotes."),
            int: ("a whole number", "Write a whole number, without quotes."),
            float: ("a number", "Write a number, without quotes."),
        }[kind]
        self.complain(place, f"{_said(plain)} where {wanted} belongs", how)
        return None


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return {name: _plain_type(hint) for name, hint in get_type_hints(kind).items()}


def _plain_type(kind: Any) -> Any:
    """What stands in the file: of a name for a type the type, of ``X | None`` the X."""
    if isinstance(kind, NewType):
        return kind.__supertype__
    if get_origin(kind) in (Union, UnionType):
        return _plain_type(next(a for a in get_args(kind) if a is not NoneType))
    return kind


def nearest(wrong: str, valid: Iterable[str]) -> str:
    """``Did you mean …?``, or the valid names when nothing is near and they are few."""
    from difflib import get_close_matches  # only needed when something is wrong

    names = sorted(valid)
    close = get_close_matches(wrong[:100], names, n=1, cutoff=0.6)
    if close:
        return f"Did you mean '{close[0]}'?"
    if len(names) > 16:
        return "No valid name is near it."
    return f"Possible: {', '.join(n or '(empty)' for n in names)}."


def _said(plain: object) -> str:
    match plain:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"
