"""Messages of ``protocol`` as lines: one JSON object each, strictly typed, bytes as base64.

Both sides read with ``decode_…``, which accepts exactly the fields and types of the dataclasses and
nothing else, so neither side trusts the other.
"""

import base64
import binascii
import json
import math
from dataclasses import fields
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from probe.collect.packet.protocol import Command, Report

MAX_LINE = 256 * 1024
COMMANDS: tuple[type, ...] = get_args(Command)
REPORTS: tuple[type, ...] = get_args(Report)


class ProtocolFault(Exception):
    """A line that is not one of the messages."""


def encode(message: Command | Report) -> bytes:
    """One line, ended by a newline."""
    plain: dict[str, Any] = {"is": type(message).__name__}
    for field in fields(message):
        value = getattr(message, field.name)
        plain[field.name] = base64.b64encode(value).decode() if isinstance(value, bytes) else value
    return json.dumps(plain, separators=(",", ":")).encode() + b"\n"


def decode_command(line: bytes) -> Command:
    """The command on ``line``; raises ProtocolFault for anything else."""
    message: Command = _decode(line, COMMANDS)
    return message


def decode_report(line: bytes) -> Report:
    """The report on ``line``; raises ProtocolFault for anything else."""
    message: Report = _decode(line, REPORTS)
    return message


def _decode(line: bytes, kinds: tuple[type, ...]) -> Any:
    if len(line) > MAX_LINE:
        raise ProtocolFault(f"a line of {len(line)} bytes")
    try:
        plain = json.loads(line, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ProtocolFault(f"not JSON: {error}") from None
    if not isinstance(plain, dict):
        raise ProtocolFault("not an object")
    name = plain.pop("is", None)
    kind = next((k for k in kinds if k.__name__ == name), None)
    if kind is None:
        raise ProtocolFault("unknown message")
    hints = _hints(kind)
    if plain.keys() != hints.keys():
        raise ProtocolFault(f"{name}: fields differ")
    try:
        return kind(**{key: _typed(hints[key], value) for key, value in plain.items()})
    except ValueError as error:
        raise ProtocolFault(f"{name}: {error}") from None


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _typed(hint: Any, value: Any) -> Any:
    """``value`` when it is what ``hint`` says; raises ValueError otherwise."""
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise ValueError("a list was expected")
        return tuple(_typed(get_args(hint)[0], item) for item in value)
    if hint is bytes and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise ValueError(str(error)) from None
    if hint is float and type(value) in (int, float):
        number = float(value)
        if not math.isfinite(number):
            raise ValueError("not finite")
        return number
    allowed = get_args(hint) or (hint,)
    if type(value) not in allowed or hint is bytes:
        raise ValueError(f"{type(value).__name__} in place of {hint}")
    return value
