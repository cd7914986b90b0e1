"""Bytes that were made to cost time: every pattern of the topics takes a time that grows with the length of what
it is asked, no faster; and a file that is one long line costs no more than another of its size."""

import ast
import importlib
import re
import re._parser as grammar  # type: ignore[import-not-found]
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from firmware_checks import content
from firmware_checks.content import secrets
from firmware_checks.view import View

SHORT, LONG = 750, 3000
MOST = 9.0
"""Four times the length may take so many times as long; the square would be 16."""
FLOOR_S = 0.0003
"""Of the processor; less than this is not compared."""
RUNS = 5
TAILS = ("!", ";", "/", "'x'!")

MATCHED = {
    "accounts._UNIX": "match",
    "accounts._USER": "match",
    "key_material.BLOCK": "match",
    "management._NVRAM": "match",
    "secrets._NO_SECRET": "fullmatch",
    "startup._GIVEN": "match",
    "startup._NO_START": "match",
    "startup._TTY_LOGIN": "match",
    "wifi._EXAMPLE": "fullmatch",
    "wifi._UCI_OPTION": "match",
}
"""Asked at the beginning only; what is not named is searched for."""
ASKED: dict[str, Callable[[str], object]] = {
    "secrets._COMMENT": lambda text: secrets._uncommented(View(text.encode())),
}
"""Never asked but by this function, which bounds what the pattern is given."""


def _held(name: str, value: object) -> Iterator[tuple[str, Any]]:
    """Every pattern that a module holds: itself, in tuples, lists and dicts, and in the fields of its own classes."""
    if isinstance(value, re.Pattern):
        yield name, value
    elif isinstance(value, tuple | list):
        for number, one in enumerate(value):
            yield from _held(f"{name}[{number}]", one)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _held(f"{name}[{key}]", one)
    elif not isinstance(value, type) and type(value).__module__.startswith(content.__name__):
        for field in getattr(value, "__slots__", ()):
            yield from _held(f"{name}.{field}", getattr(value, field))
        if isinstance(exact := getattr(value, "exact", None), re.Pattern):
            yield f"{name}.exact", exact


def _written_in(file: Path) -> Iterator[tuple[str, Any]]:
    """The patterns that stand where they are used: ``re.match(r"...", line)``."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="re"), attr=way)
                | ast.Name(id="compiled" as way),
                args=[ast.Constant(value=str() | bytes() as source), *_],
            ) if way != "compile":
                begins = way if way in ("match", "fullmatch") else "search"
                yield f"{file.stem}:{node.lineno}:{begins}", re.compile(source)


@cache
def patterns() -> dict[str, Any]:
    """By name. One that stands in several places is there once."""
    found: dict[tuple[Any, int], tuple[str, Any]] = {}
    for file in sorted(Path(content.__path__[0]).glob("[a-z]*.py")):
        module = importlib.import_module(f"{content.__name__}.{file.stem}")
        for key, value in vars(module).items():
            for name, one in _held(f"{file.stem}.{key}", value):
                found.setdefault((one.pattern, one.flags), (name, one))
        for name, one in _written_in(file):
            found.setdefault((one.pattern, one.flags), (name, one))
    return dict(found.values())


def sample(tree: Any, pick: int) -> str:
    """A text that fits the parts of a pattern; ``pick`` chooses among alternatives."""
    said = ""
    for operation, value in tree:
        match str(operation):
            case "LITERAL":
                said += chr(value)
            case "NOT_LITERAL" | "ANY":
                said += "x"
            case "IN":
                said += _one_of(value, pick)
            case "BRANCH":
                said += sample(value[1][pick % len(value[1])], pick)
            case "SUBPATTERN":
                said += sample(value[3], pick)
            case "ATOMIC_GROUP":
                said += sample(value, pick)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                said += sample(value[2], pick) * max(1, min(value[0], 50))
    return said


def _one_of(choices: Any, pick: int) -> str:
    if str(choices[0][0]) == "NEGATE":
        return "x"
    operation, value = choices[pick % len(choices)]
    match str(operation):
        case "LITERAL":
            return chr(value)
        case "RANGE":
            return chr(value[0])
    return {"CATEGORY_SPACE": " ", "CATEGORY_DIGIT": "0"}.get(str(value), "w")


def literals(tree: Any) -> set[str]:
    """The words of a pattern: runs of characters that stand as they are."""
    found, run = set(), ""
    for operation, value in [*tree, ("END", None)]:
        name = str(operation)
        if name == "LITERAL":
            run += chr(value)
            continue
        found.add(run)
        run = ""
        if name == "BRANCH":
            found |= {word for one in value[1] for word in literals(one)}
        elif name == "SUBPATTERN":
            found |= literals(value[3])
        elif name == "ATOMIC_GROUP":
            found |= literals(value)
        elif "REPEAT" in name:
            found |= literals(value[2])
    return found - {""}


def near_misses(pattern: Any) -> Iterator[Callable[[int], str]]:
    """Long texts, by their length: runs of what the pattern is made of, alone and behind its beginnings."""
    items = list(grammar.parse(pattern.pattern, pattern.flags))
    ends = [n for n in range(1, len(items)) if str(items[n][0]) != "LITERAL"]
    begins = {sample(items[:n], pick) for n in [*ends, len(items)] for pick in range(3)} - {""}
    words = sorted(literals(items), key=len)[-8:]
    units = {"a", "0", " ", "/", "-", "a.", "a/"} | begins | set(words)
    units |= {f"-{word} " for word in words} | {f"{word} " for word in words}
    units = {u for u in units if 0 < len(u) < 200}
    for unit in sorted(units):
        yield lambda n, u=unit: u * (n // len(u))  # type: ignore[misc]
    firsts = sorted(begins, key=len)
    for first in {*firsts[:6], *firsts[-6:], *words}:
        for unit in ("a", " ", "0", first[-1:]):
            yield lambda n, f=first, u=unit: f + u * n  # type: ignore[misc]


def seconds(ask: Callable[[Any], object], text: Any) -> float:
    """Of the processor, the least of several runs; one run when that is little."""
    least = 9e9
    for _ in range(RUNS):
        before = time.thread_time()
        ask(text)
        least = min(least, time.thread_time() - before)
        if least < FLOOR_S:
            break
    return least


def way_to_ask(name: str, pattern: Any) -> Callable[[Any], object]:
    if name in ASKED:
        return ASKED[name]
    if name.startswith("passwords.TYPES"):
        return pattern.match  # type: ignore[no-any-return]
    way = MATCHED.get(name) or (name.rsplit(":", 1)[1] if ":" in name else "search")
    return getattr(pattern, way)  # type: ignore[no-any-return]


def grows_too_fast(pattern: Any, ask: Callable[[Any], object]) -> str:
    """The beginning of a text that costs more than its length; empty when there is none."""
    for miss in near_misses(pattern):
        for tail in TAILS:
            texts: list[Any] = [miss(n) + tail for n in (SHORT, LONG)]
            if isinstance(pattern.pattern, bytes):
                texts = [text.encode("latin-1", "replace") for text in texts]
            long = seconds(ask, texts[1])
            if long >= FLOOR_S and long > MOST * seconds(ask, texts[0]):
                return repr(texts[1][:80])
    return ""


@pytest.mark.parametrize("name", patterns())
def test_a_pattern_costs_no_more_than_the_length(name: str) -> None:
    pattern = patterns()[name]
    assert grows_too_fast(pattern, way_to_ask(name, pattern)) == ""


@pytest.mark.parametrize(
    "source",
    [
        r"(?:^|/)[^/]*hostapd[^/]*\.conf$",
        r"\beval\b.*\$QUERY",
        r"<!--(?s:.*?)-->",
        r"option\s+(\w+)\s+['\"]?([^'\"]*)['\"]?\s*$",
        r"ca_file(?:\s*=\s*|\s+)\[?\s*[^\s;]+",
        r"\bnc\b.*\s-\w*[le]\w*\b.*-\w*e\s*/bin/sh",
    ],
)
def test_one_that_takes_the_square_is_found(source: str) -> None:
    pattern = re.compile(source)
    assert grows_too_fast(pattern, pattern.search)


def test_named_patterns_are_there() -> None:
    assert {*MATCHED, *ASKED} <= {*patterns()}
