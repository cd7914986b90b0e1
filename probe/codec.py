"""Model values to plain JSON values and back. The one place where the journal's format is decided.

Unions of dataclasses carry the class name under ``is``. Unknown keys are refused, so that a journal
written by a newer version is never half understood.
"""

from functools import cache
from typing import Any, Union

from cattrs import Converter
from cattrs.preconf.json import make_converter
from cattrs.strategies import configure_tagged_union

from probe.model.event import Event
from probe.model.evidence import Proof
from probe.model.fact import Fact, kinds


@cache
def converter() -> Converter:
    """The configured converter; built once, it is costly."""
    made = make_converter(forbid_extra_keys=True, omit_if_default=True)
    facts: Any = Union[kinds()]  # noqa: UP007 - of kinds that are found, not written here
    configure_tagged_union(facts, made, tag_name="is")
    # For the mark itself, not for the kinds under it: those are read as they are.
    made.register_structure_hook_func(lambda t: t is Fact, lambda v, _: made.structure(v, facts))
    made.register_unstructure_hook_func(lambda t: t is Fact, lambda v: made.unstructure(v, facts))
    for union in (Proof, Event):
        configure_tagged_union(union, made, tag_name="is")
    return made


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
