"""Model values to plain JSON values and back. The one place where the journal's format is decided.

Unions of dataclasses carry the class name under ``is``. Unknown keys are refused, so that a journal
written by a newer version is never half understood.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, get_args

from cattrs import Converter
from cattrs.preconf.json import make_converter

from probe.model.event import Event
from probe.model.evidence import Proof
from probe.model.fact import Fact, kinds

TAG = "is"


@cache
def converter() -> Converter:
    """The configured converter; built once, it is costly."""
    made = make_converter(forbid_extra_keys=True, omit_if_default=True)
    # For the mark itself, not for the kinds under it: those are read as they are.
    _tagged(made, Fact, kinds())
    for union in (Proof, Event):
        _tagged(made, union, get_args(union))
    return made


def _tagged(made: Converter, meant: Any, members: Iterable[type[Any]]) -> None:
    """Values of ``meant`` carry the name of their class. What a class needs is made ready at its first value:
    a run has few of the kinds, and making all of them ready takes longer than a small run."""
    named = {member.__name__: member for member in members}

    def read(plain: Any, _: object) -> Any:
        rest = dict(plain)
        return made.structure(rest, named[rest.pop(TAG)])

    def written(value: Any) -> dict[str, Any]:
        return {**made.unstructure(value, named[type(value).__name__]), TAG: type(value).__name__}

    made.register_structure_hook_func(lambda kind: kind == meant, read)
    made.register_unstructure_hook_func(lambda kind: kind == meant, written)


def to_plain(value: Any, kind: Any = None) -> Any:
    """``value`` as dicts, lists, strings and numbers. Name the union type when it is one."""
    return (
        converter().unstructure(value, unstructure_as=kind)
        if kind
        else converter().unstructure(value)
    )


def from_plain(plain: Any, kind: Any) -> Any:
    """The model value that ``plain`` describes; raises a cattrs error that names every fault."""
    return converter().structure(plain, kind)
