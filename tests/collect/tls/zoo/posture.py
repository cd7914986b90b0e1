"""What each server of the zoo is declared to be: ``zoo.toml``, parsed once."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class Expect(StrEnum):
    """How near to the declaration a measurement must come."""

    EXACT = "exact"
    """Everything is answered, and so."""
    NEVER_FALSE = "never false"
    """What is answered is so; the device's manners may leave something open."""
    NOTHING = "nothing"
    """There is nothing to measure: one reason, and no service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posture:
    """One server: how it is started, and what is true of it."""

    name: str
    program: str
    options: tuple[str, ...] = ()
    config: str = ""
    stub: Mapping[str, Any]
    transport: str = "tcp"
    certificate: str = "rsa"
    """``rsa``, ``ec``, ``rsa+ec`` or ``none``."""
    expect: Expect = Expect.EXACT
    versions: tuple[str, ...]
    suites: Mapping[str, tuple[str, ...]]
    """IANA names by version, where the server's whole list is known."""
    weak: bool
    phase_out: bool
    open: tuple[str, ...] = ()
    """Versions and kinds of suites about which the server gives no answer that counts."""
    traits: Mapping[str, bool]
    repeat: bool = False
    """Measured three times over."""
    note: str = ""

    @property
    def psk(self) -> bool:
        """Whether only pre-shared keys are accepted."""
        return bool(self.suites) and all(
            "PSK" in name for names in self.suites.values() for name in names
        )


def postures() -> tuple[Posture, ...]:
    """The whole zoo, in the order of the file."""
    data = tomllib.loads((Path(__file__).parent / "zoo.toml").read_text("utf-8"))
    return tuple(_posture(dict(one), data["list"]) for one in data["server"])


def _posture(one: dict[str, Any], lists: Mapping[str, list[str]]) -> Posture:
    suites = {
        version: tuple(name for part in names for name in lists.get(part, (part,)))
        for versions, names in one.pop("suites", {}).items()
        for version in versions.split()
    }
    versions = tuple(one.pop("versions", suites))
    return Posture(
        suites=suites,
        versions=versions,
        expect=Expect(one.pop("expect", "exact")),
        options=tuple(one.pop("options", ())),
        open=tuple(one.pop("open", ())),
        stub=one.pop("stub", {}),
        traits=one.pop("traits", {}),
        weak=one.pop("weak", False),
        phase_out=one.pop("phase_out", False),
        **one,
    )
