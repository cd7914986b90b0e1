"""Images are examined in this process; facts and evidence are collected in a list."""

import hashlib
import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from firmware_checks.budget import Limits
from firmware_checks.examine import Image, examine
from firmware_checks.keys import read_key
from firmware_checks.reading import Keys
from firmware_checks.view import View
from probe.collect.recording import Recording
from probe.model.device import image_device
from probe.model.dut import Dut
from probe.model.evidence import Evidence
from probe.model.firmware import ImageLayer, ImageProtection, ImageSurvey
from probe.model.observation import Observation

F = TypeVar("F")


@dataclass
class Examined:
    """What was recorded of one image."""

    observations: list[Observation] = field(default_factory=list)
    kept: dict[str, bytes] = field(default_factory=dict)

    def keep(self, evidence: Evidence, data: bytes) -> None:
        assert hashlib.sha256(data).hexdigest() == evidence.sha256
        self.kept[evidence.sha256] = data

    def observe(self, observation: Observation) -> None:
        self.observations.append(observation)

    def all(self, kind: type[F]) -> list[F]:
        return [o.fact for o in self.observations if isinstance(o.fact, kind)]

    def formats(self) -> dict[str, str]:
        """Place to format."""
        return {layer.place: layer.format for layer in self.all(ImageLayer)}

    def protection(self, place: str = "0") -> ImageProtection:
        (one,) = [p for p in self.all(ImageProtection) if p.place == place]
        return one

    @property
    def survey(self) -> ImageSurvey:
        (one,) = self.all(ImageSurvey)
        return one


def keep_sample(data: bytes) -> None:
    """For the mutants of test_hostile.py, where somebody wants all of them."""
    if folder := os.environ.get("HOSTILE_SAMPLES"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        Path(folder, hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def examined(
    data: bytes, *keys: bytes, name: str = "image.bin", limits: Limits | None = None
) -> Examined:
    """Everything that is recorded of ``data``; ``keys`` are PEM or DER."""
    sha256 = hashlib.sha256(data).hexdigest()
    keep_sample(data)
    found, clock = Examined(), itertools.count()
    recording = Recording(
        job="firmware",
        collector="firmware",
        recorder=found,
        view=lambda: Dut(image_device(sha256, name), ()),
        clock=lambda: float(next(clock)),
    )
    given = Keys(tuple(k for number, key in enumerate(keys) for k in read_key(f"{number}", key)))
    image = Image(path=Path(name), name=name, size=len(data), sha256=sha256)
    examine(image, View(data), recording, given, limits)
    return found


@pytest.fixture(name="examined")
def examined_fixture() -> Callable[..., Examined]:
    return examined


@pytest.fixture
def tool(tmp_path: Path) -> Callable[..., Any]:
    """Runs a program of this environment or of the system in a folder of its own; fails loudly."""

    def run(*argv: str) -> "subprocess.CompletedProcess[str]":
        mine = Path(sys.executable).with_name(argv[0])
        command = [str(mine) if mine.exists() else argv[0], *argv[1:]]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr + done.stdout
        return done

    return run
