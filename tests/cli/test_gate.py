"""Where a report goes, what a build is to fail on, and keys that are none."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from probe.cli import app
from probe.cli.options import SEVERITIES
from probe.cli.output import format_of
from probe.errors import Exit
from probe.model import check
from probe.store.store import Store


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PROBE_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)


def probe(monkeypatch, *argv: str) -> int:
    monkeypatch.setattr("sys.argv", ["probe", *argv])
    return app.run_app()


@pytest.fixture
def tampered(tmp_path: Path) -> Path:
    """A signed MCUboot image in which one byte was changed, and the key beside it."""

    def imgtool(*argv: object) -> None:
        tool = Path(sys.executable).parent / "imgtool"
        subprocess.run([tool, *map(str, argv)], check=True, capture_output=True)

    key, image = tmp_path / "key.pem", tmp_path / "app.bin"
    image.write_bytes(bytes(1 << 13))
    imgtool("keygen", "-t", "ecdsa-p256", "-k", key)
    imgtool("getpub", "-k", key, "-e", "pem", "-o", tmp_path / "public.pem")
    sign = ("--header-size", 32, "--pad-header", "--slot-size", 65536, "--align", 4, "-v", "1.0.0")
    imgtool("sign", "-k", key, *sign, image, tmp_path / "signed.bin")
    data = bytearray((tmp_path / "signed.bin").read_bytes())
    data[300] ^= 1
    (tmp_path / "tampered.bin").write_bytes(data)
    return tmp_path / "tampered.bin"


def totals(path: Path) -> dict[str, int]:
    root = ET.parse(path).getroot()
    return {name: int(root.attrib[name]) for name in ("tests", "failures", "skipped")}


@pytest.mark.parametrize(
    ("least", "code", "fails"),
    [("", Exit.INCONCLUSIVE, False), ("critical", Exit.FAIL, True), ("low", Exit.FAIL, True)],
)
def test_a_build_fails_on_findings_when_it_asks_for_that(
    least: str, code: Exit, fails: bool, tampered: Path, monkeypatch
) -> None:
    gate = ("--fail-on", least) if least else ()
    argv = ("firmware", tampered.name, "--key", "public.pem", *gate, "-o", "all.xml")
    assert probe(monkeypatch, *argv) == code
    counted = totals(Path("all.xml"))
    assert (counted["failures"] > 0) == fails
    failed = [
        c.get("name") for c in ET.parse("all.xml").iter("testcase") if c.find("failure") is not None
    ]
    assert ("firmware/image_signed" in failed) == fails


def test_a_recorded_run_is_held_against_the_same_gate(tampered: Path, monkeypatch, capsys) -> None:
    assert probe(monkeypatch, "firmware", tampered.name, "--key", "public.pem") == 3
    assert probe(monkeypatch, "judge", "last") == Exit.INCONCLUSIVE
    assert probe(monkeypatch, "judge", "last", "--fail-on", "high") == Exit.FAIL
    assert probe(monkeypatch, "report", "last", "--fail-on", "high", "-o", "r.xml") == Exit.PASS
    assert totals(Path("r.xml"))["failures"] > 0
    capsys.readouterr()
    probe(monkeypatch, "report", "last", "-f", "json", "--fail-on", "high")
    assert json.loads(capsys.readouterr().out)["fail_on"] == "high"


def test_a_finding_below_the_gate_fails_nothing(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a.bin").write_bytes(b"MZ" + bytes(range(256)) * 8)
    argv = ("firmware", "a.bin", "--fail-on", "low", "-o", "a.xml")
    assert probe(monkeypatch, *argv) == Exit.INCONCLUSIVE
    assert totals(tmp_path / "a.xml")["failures"] == 0


def test_the_severities_are_those_of_the_checks() -> None:
    assert (*SEVERITIES, "info") == check.SEVERITIES
    assert check.at_least("critical", "high")
    assert not check.at_least("medium", "high")
    assert not check.at_least("critical", "")


@pytest.mark.parametrize(
    ("format", "name", "expected"),
    [
        (None, "a.html", "html"),
        (None, "a.JSON", "json"),
        (None, "a.xml", "junit"),
        (None, "a.txt", "text"),
        (None, "a", "text"),
        ("json", "a.html", "json"),
    ],
)
def test_the_suffix_says_the_format(format, name: str, expected: str) -> None:
    assert format_of(format, Path(name)) == expected


@pytest.mark.parametrize("where", ["nowhere/r.html", "."])
def test_a_place_that_cannot_be_written_is_told_before_the_work(
    where: str, tampered: Path, monkeypatch, capsys
) -> None:
    assert probe(monkeypatch, "firmware", tampered.name, "-o", where) == Exit.USAGE
    assert "cannot be written" in capsys.readouterr().err
    assert not Path("store").exists(), "nothing was done"


@pytest.mark.parametrize("key", ["/dev/zero", "pipe", ".", "large"])
def test_what_is_no_key_file_is_not_read_without_end(
    key: str, tampered: Path, monkeypatch, capsys
) -> None:
    os.mkfifo("pipe")
    with Path("large").open("wb") as file:
        file.truncate(1 << 33)
    assert probe(monkeypatch, "firmware", tampered.name, "--key", key) == Exit.USAGE
    assert key in capsys.readouterr().err
    assert not Path("store").exists() or not Store("store").runs()


def test_the_command_to_ask_again_names_the_keys(tampered: Path, monkeypatch, capsys) -> None:
    probe(monkeypatch, "firmware", tampered.name, "--key", "public.pem", "-f", "json")
    assert f"--key {Path('public.pem').absolute()}" in capsys.readouterr().out
