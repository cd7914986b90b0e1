"""Makes the scripted run importable from the tests of this folder."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import report_sample


@pytest.fixture
def view():  # type: ignore[no-untyped-def]
    """The report of the scripted run; passwords masked."""
    return report_sample.view()
