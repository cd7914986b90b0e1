"""``probe credentials list``, and what of credentials a dry run shows."""

import json
import subprocess
import sys
from pathlib import Path

from probe.errors import Exit

NOBODY = "run", "-i", "lo", "-t", "127.0.0.5", "--dry-run"


def probe(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "probe", *words], capture_output=True, text=True, check=False
    )


def test_the_list_is_printed_filtered_and_as_json() -> None:
    text = probe("credentials", "list", "--vendor", "axis", "--protocol", "http")
    assert text.returncode == Exit.PASS
    assert "root" in text.stdout
    assert "manual" in text.stdout
    assert " of " in text.stderr
    plain = json.loads(probe("credentials", "list", "--format", "json").stdout)
    assert len(plain["rows"]) >= 300
    assert all(row["source"] and row["licence"] and row["year"] for row in plain["rows"])
    wrong = probe("credentials", "list", "--protocol", "gopher")
    assert wrong.returncode == Exit.USAGE
    assert "rtsp" in wrong.stderr


def test_a_dry_run_shows_guesses_old_passwords_and_own_rows(tmp_path: Path) -> None:
    own, declared = tmp_path / "own.toml", tmp_path / "declared.toml"
    own.write_text('rows = [ { id = "mine", on = ["ssh"], user = "maint", pass = "f4c" } ]')
    declared.write_text(
        'product = "p"\n[[account]]\nservice = "any"\nusername = "boss"\nchanged_from = "before"\n'
    )
    more = "--credentials", str(own), "--declaration", str(declared)
    plain = probe(*NOBODY, *more).stdout
    assert "user 'maint', password 'f4c' [operator; mine: the operator]" in plain
    assert plain.count("user 'boss', password 'before' [old;") >= 4
    assert "wrong passwords" not in plain
    guessing = probe(*NOBODY, *more, "--permit", "brute-force").stdout
    assert "account 'boss' (declared" in guessing
    assert "no right credential is known" in guessing
    assert "20 random passwords of 16 hex digits, side by side" in guessing
    assert "at most 40 wrong passwords for an account" in guessing
    assert "Before it starts, have at hand what unlocks the device" in guessing
    second = probe(*NOBODY, "--permit", "brute-force", "--second-source", "127.0.0.1").stdout
    assert "from 127.0.0.1" in second
    assert "at most 60 wrong passwords" in second


def test_a_second_address_has_to_be_ours() -> None:
    for address in ("192.0.2.9", "not-one"):
        done = probe(*NOBODY, "--second-source", address)
        assert done.returncode == Exit.USAGE
        assert "is no address of lo" in done.stderr
