"""What a report shows of the bytes of an image: the lines themselves, with what opens something hidden."""

import re
from pathlib import Path

import pytest
from passlib.hash import sha512_crypt

from probe.cli import app
from probe.errors import Exit

HASH = sha512_crypt.using(rounds=5000).hash("admin")
PASSWD, SHADOW = "admin:x:0:0:root:/root:/bin/sh", f"admin:{HASH}:19000:0:99999:7:::"
PASSPHRASE = "Sonnenblume-2291"
KEY = "glpat-Zx81Kq02Lm93Vt74Rb55"


def archive(files: dict[str, str]) -> bytes:
    """A cpio archive (newc), written by hand: cpio(5)."""
    out = b""
    rows = [*((name, text.encode()) for name, text in files.items()), ("TRAILER!!!", b"")]
    for number, (name, data) in enumerate(rows):
        fields = [number + 1, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + name.encode() + b"\0"
        out += head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
    return out + bytes(-len(out) % 512)


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROBE_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    files = {
        "etc/passwd": f"root:*:1:1::/:/bin/false\n{PASSWD}\n",
        "etc/shadow": f"{SHADOW}\n",
        "etc/hostapd.conf": f"ssid=Home\nwpa=2\nwpa_passphrase={PASSPHRASE}\n",
        "usr/bin/update.sh": f"#!/bin/sh\nTOKEN={KEY}\n",
    }
    path = tmp_path / "a.cpio"
    path.write_bytes(archive(files))
    return path


def probe(monkeypatch: pytest.MonkeyPatch, *argv: str) -> int:
    monkeypatch.setattr("sys.argv", ["probe", *argv])
    return app.run_app()


def run_of(out: bytes) -> str:
    found = re.search(rb"probe show (\S+)", out)
    assert found is not None
    return found[1].decode()


def test_the_evidence_of_an_account_is_its_lines(
    image: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert probe(monkeypatch, "firmware", image.name) == Exit.FAIL
    run = run_of(capsysbinary.readouterr().out)
    assert probe(monkeypatch, "evidence", run) == Exit.PASS
    listed = capsysbinary.readouterr().out.decode()
    for wanted, bytes_ in (
        ("etc/shadow, line 1", SHADOW),
        ("etc/passwd, line 2", PASSWD),
        ("etc/hostapd.conf, line 3", f"wpa_passphrase={PASSPHRASE}"),
        ("usr/bin/update.sh, line 2", f"TOKEN={KEY}"),
    ):
        shas = re.findall(rf"^(\w{{64}}) .*: {wanted}$", listed, re.MULTILINE)
        told = set[str]()
        for sha256 in shas:
            probe(monkeypatch, "evidence", run, sha256)
            told.add(capsysbinary.readouterr().out.decode())
        assert bytes_ in told, (wanted, listed)


@pytest.mark.parametrize("format_", ["html", "json", "text"])
def test_no_report_gives_away_what_opens_something_unless_it_is_told_to(
    format_: str,
    image: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    probe(monkeypatch, "firmware", image.name)
    run = run_of(capsysbinary.readouterr().out)
    probe(monkeypatch, "report", run, "--format", format_)
    out = capsysbinary.readouterr().out
    for secret in (HASH, PASSPHRASE, KEY.removeprefix("glpat-")):
        assert secret.encode() not in out
    if format_ == "text":
        return
    assert b"admin:$***:19000:0:99999:7:::" in out
    probe(monkeypatch, "report", run, "--format", format_, "--show-passwords")
    shown = capsysbinary.readouterr().out
    assert HASH[:80].encode() in shown
    assert PASSPHRASE.encode() in shown


def test_files_of_the_same_content_and_of_the_same_name_are_all_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    monkeypatch.setenv("PROBE_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    for place, text in (("a/v1", "one"), ("a/v2", "two"), ("copy", "one")):
        folder = tmp_path / "images" / place
        folder.mkdir(parents=True)
        (folder / "fw.cpio").write_bytes(archive({"etc/motd": text}))
    probe(monkeypatch, "firmware", "images")
    captured = capsysbinary.readouterr()
    assert b"copy/fw.cpio: the same as a/v1/fw.cpio" in captured.err
    lines = captured.out.decode().splitlines()
    (one,) = [n for n, line in enumerate(lines) if line.startswith("a/v1/fw.cpio: ")]
    assert any(line == "  The same content: copy/fw.cpio" for line in lines[one : one + 4])
    assert any(line.startswith("a/v2/fw.cpio: ") for line in lines)
    run = run_of(captured.out)
    for format_ in ("text", "json", "html", "junit"):
        probe(monkeypatch, "report", run, "--format", format_)
        out = capsysbinary.readouterr().out.decode()
        assert all(f"{name}/fw.cpio" in out for name in ("a/v1", "a/v2", "copy")), format_
