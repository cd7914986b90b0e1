"""Every kind of fact and event survives the journal's format."""

import dataclasses
import types
import typing
from enum import Enum
from typing import Any

import pytest
from cattrs import ClassValidationError
from hypothesis import given
from hypothesis import strategies as st

from probe.codec import from_plain, to_plain
from probe.model.event import Event
from probe.model.fact import Fact, kinds
from probe.model.run import Run


def of(kind: Any) -> st.SearchStrategy[Any]:  # noqa: C901 - one flat case for each kind of hint
    """A strategy from a type hint, all the way down."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return st.one_of(*(of(a) for a in args))
    if origin is tuple:
        if args[1:] == (Ellipsis,):
            return st.lists(of(args[0]), max_size=2).map(tuple)
        return st.tuples(*(of(a) for a in args))
    if origin is not None and issubclass(origin, typing.Mapping):  # type: ignore[arg-type]
        return st.dictionaries(of(args[0]), of(args[1]), max_size=2)
    if kind is Fact:
        return st.one_of(*(of(one) for one in kinds()))
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        # Answer demands proof and owner for some outcomes; give it all it could ask for.
        fields = {f.name: of(hints[f.name]) for f in dataclasses.fields(kind)}
        made = st.fixed_dictionaries(fields)

        def build(values: dict[str, Any]) -> Any:
            try:
                return kind(**values)
            except ValueError:
                return None

        return made.map(build).filter(lambda v: v is not None)
    if hasattr(kind, "__supertype__"):
        return of(kind.__supertype__)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: st.text(max_size=8),
        int: st.integers(-1000, 100_000),
        float: st.floats(0, 2e9).map(lambda f: round(f, 3)),
        bool: st.booleans(),
        type(None): st.none(),
    }
    return simple[kind]


def test_every_kind_of_fact_is_found_once() -> None:
    names = [kind.__name__ for kind in kinds()]
    assert {"Service", "TlsService", "LoginTest", "ImageLayer", "HttpPage"} <= set(names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("union", "members"),
    [(Fact, kinds()), (Event, typing.get_args(Event))],
    ids=["Fact", "Event"],
)
def test_everything_in_the_unions_comes_back_equal(union: Any, members: Any) -> None:
    for member in members:

        @given(of(member))
        def check(value: Any) -> None:
            assert from_plain(to_plain(value, union), union) == value

        check()


@given(of(Run))
def test_a_run_comes_back_equal(run: Run) -> None:
    assert from_plain(to_plain(run), Run) == run


def test_a_key_of_a_newer_version_is_refused() -> None:
    with pytest.raises(ClassValidationError):
        from_plain({"is": "Noted", "level": "info", "text": "x", "newer": 1}, Event)
