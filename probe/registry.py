"""Finds what the rooms hold: checks, catalogues, plans, policies, collectors. Adding one edits no list."""

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
K = TypeVar("K")
T = TypeVar("T")
DEFAULT_POLICY = "ncsc-nl-2025-05"
CheckFunction = Callable[[Dut], Iterator[Answer]]


class Shelf(Mapping[K, T]):
    """Shipped files by the name of each; one is read when it is asked for."""

    def __init__(self, files: Iterable[Path], name: Callable[[Path], K], read: Callable[[Path], T]):
        self._files = {name(path): path for path in sorted(files)}
        self._read = read
        self._known: dict[K, T] = {}

    def __getitem__(self, name: K) -> T:
        if name not in self._known:
            self._known[name] = self._read(self._files[name])
        return self._known[name]

    def __iter__(self) -> Iterator[K]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _stem(path: Path) -> str:
    return path.stem


@cache
def checks() -> Mapping[CheckId, CheckInfo]:
    """Every check's metadata, by id, without importing any check."""
    files = (HERE / "checks").glob("*/*.toml")
    return Shelf(files, lambda path: CheckId(f"{path.parent.name}/{path.stem}"), read_check)


@cache
def check_function(check: CheckId) -> CheckFunction:
    """The pure function of one check. A device without a chosen policy is judged by the usual one."""
    module = importlib.import_module("probe.checks." + check.replace("/", "."))
    function = cast(CheckFunction, module.check)

    def under_a_policy(dut: Dut) -> Iterator[Answer]:
        return function(dut if dut.policy else dut.under(chosen_policy(DEFAULT_POLICY)))

    return under_a_policy


@cache
def catalogues() -> Mapping[str, Catalogue]:
    """Every shipped catalogue, by id."""
    return Shelf((HERE / "catalogues").glob("*.toml"), _stem, read_catalogue)


@cache
def plans() -> Mapping[str, Plan]:
    """Every shipped plan, by name."""
    return Shelf((HERE / "plans").glob("*.toml"), _stem, read_plan)


@cache
def policies() -> Mapping[str, Policy]:
    """Every shipped policy, by id."""
    return Shelf((HERE / "policies").glob("*.toml"), _stem, read_policy)


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
    import difflib

    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"Did you mean '{near[0]}'? " if near else ""
    raise ProbeError(f"There is no {kind} '{name}'", f"{hint}Known are: {', '.join(known)}.")


def collector_modules() -> Iterator[ModuleType]:
    """Every ``collector.py`` in a room under ``probe/collect/``, or in a room inside one."""
    for path in sorted((HERE / "collect").glob("*/**/collector.py")):
        room = ".".join(path.relative_to(HERE).parts[:-1])
        yield importlib.import_module(f"probe.{room}.collector")
