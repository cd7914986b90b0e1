"""The bytes of every format are a contract: ``report_sample.py`` writes them anew when they change."""

import subprocess
import sys
from pathlib import Path

import pytest
import report_sample
from report_sample import GOLDEN

from probe.report import FORMATS, SUFFIXES

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_byte_exact(name: str) -> None:
    assert FORMATS[name](report_sample.view()) == (GOLDEN / f"report{SUFFIXES[name]}").read_bytes()


def test_two_views_of_one_journal_are_equal() -> None:
    assert report_sample.view() == report_sample.view()


def test_the_order_in_which_the_process_hashes_does_not_show() -> None:
    script = (
        "import sys; sys.path[:0] = sys.argv[1:]; import report_sample, hashlib;"
        "from probe.report import FORMATS;"
        "v = report_sample.view();"
        "print([hashlib.sha256(FORMATS[f](v)).hexdigest() for f in FORMATS])"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", script, str(PROJECT), str(Path(__file__).parent)],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1


def test_a_plain_summary_does_not_load_the_template_engine() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import probe.report.text, probe.report.view;"
        "print('jinja2' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(PROJECT)], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "False"
