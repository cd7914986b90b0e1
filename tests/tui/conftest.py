"""An app on the scripted run, with the clock held still."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from probe.tui.launch import prepare

prepare()  # before Textual is imported by anything
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times in UTC, a UTF-8 terminal with colours."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    yield
    os.environ.pop("TZ", None)
    time.tzset()
