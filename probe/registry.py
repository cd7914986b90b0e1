"""Finds what the rooms hold: checks, catalogues, plans, policies, collectors. Adding one edits no list."""

import difflib
import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TypeVar, cast

from probe.errors import ProbeError
from probe.model.catalogue import Catalogue
from probe.model.check import CheckInfo
from probe.model.dut import Dut
from probe.model.finding import Answer
from probe.model.ids import CheckId
from probe.model.plan import Plan
from probe.model.policy import Policy
from probe.tomlfile import read_catalogue, read_check, read_plan, read_policy

HERE = Path(__file__).parent
T = TypeVar("T")
DEFAULT_POLICY = "ncsc-nl-2025-05"
CheckFunction = Callable[[Dut], Iterator[Answer]]


@cache
def checks() -> dict[CheckId, CheckInfo]:
    """Every check's metadata, by id, without importing any check."""
    found = (read_check(path) for path in sorted((HERE / "checks").glob("*/*.toml")))
    return {info.id: info for info in found}


@cache
def check_function(check: CheckId) -> CheckFunction:
    """The pure function of one check. A device without a chosen policy is judged by the usual one."""
    module = importlib.import_module("probe.checks." + check.replace("/", "."))
    function = cast(CheckFunction, module.check)

    def under_a_policy(dut: Dut) -> Iterator[Answer]:
        return function(dut if dut.policy else dut.under(chosen_policy(DEFAULT_POLICY)))

    return under_a_policy


@cache
def catalogues() -> dict[str, Catalogue]:
    """Every shipped catalogue, by id."""
    found = (read_catalogue(path) for path in sorted((HERE / "catalogues").glob("*.toml")))
    return {catalogue.id: catalogue for catalogue in found}


@cache
def plans() -> dict[str, Plan]:
    """Every shipped plan, by name."""
    found = (read_plan(path) for path in sorted((HERE / "plans").glob("*.toml")))
    return {plan.name: plan for plan in found}


@cache
def policies() -> dict[str, Policy]:
    """Every shipped policy, by id."""
    found = (read_policy(path) for path in sorted((HERE / "policies").glob("*.toml")))
    return {policy.id: policy for policy in found}


def chosen_catalogues(names: Iterable[str]) -> list[Catalogue]:
    """The named catalogues, in that order; raises ProbeError with the nearest name for an unknown one."""
    return [_named("catalogue", name, catalogues()) for name in names]


def chosen_plan(name: str) -> Plan:
    """The named plan; raises ProbeError with the nearest name when there is none."""
    return _named("plan", name, plans())


def chosen_policy(name: str) -> Policy:
    """The named policy; raises ProbeError with the nearest name when there is none."""
    return _named("policy", name, policies())


def _named(kind: str, name: str, known: Mapping[str, T]) -> T:
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"Did you mean '{near[0]}'? " if near else ""
    raise ProbeError(f"There is no {kind} '{name}'", f"{hint}Known are: {', '.join(known)}.")


def collector_modules() -> Iterator[ModuleType]:
    """Every ``collector.py`` in a room under ``probe/collect/``, or in a room inside one."""
    for path in sorted((HERE / "collect").glob("*/**/collector.py")):
        room = ".".join(path.relative_to(HERE).parts[:-1])
        yield importlib.import_module(f"probe.{room}.collector")
