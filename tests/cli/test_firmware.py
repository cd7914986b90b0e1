"""``probe firmware`` on small images: the screen, the exit codes, folders, resume, and what is told of two."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from probe.cli import app
from probe.errors import Exit
from probe.store.store import Store

CLEAN = b"MZ" + bytes(range(256)) * 8
"""Of no known format."""


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PROBE_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)


def probe(monkeypatch, *argv: str) -> int:
    monkeypatch.setattr("sys.argv", ["probe", *argv])
    return app.run_app()


def tree(
    folder: Path, *, shadow: str = "root:*:1::::::\n", version: str = "1.36.1", key: bytes = b""
) -> bytes:
    """A root file system as a cpio archive (newc), written by hand: cpio(5)."""
    files = {
        "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
        "etc/shadow": shadow.encode(),
        "usr/lib/opkg/status": f"Package: busybox\nVersion: {version}-1\nStatus: install user installed\n".encode(),
    }
    files |= {"etc/ssl/server.key": key} if key else {}
    out = b""
    for number, (name, data) in enumerate([*files.items(), ("TRAILER!!!", b"")]):
        fields = [number + 1, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + name.encode() + b"\0"
        out += head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
    return out + bytes(-len(out) % 512)


def test_the_result_fits_one_screen_and_the_exit_code_is_that_of_a_failure(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    (tmp_path / "a.cpio").write_bytes(tree(tmp_path, shadow="root::1::::::\n"))
    assert probe(monkeypatch, "firmware", "a.cpio") == Exit.FAIL
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert "No password is needed for 'root'" in out
    assert not list(tmp_path.glob("*.html")), "nobody asked for a file"


def test_what_is_not_known_is_no_pass(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "a.bin").write_bytes(CLEAN)
    assert probe(monkeypatch, "firmware", "a.bin") == Exit.INCONCLUSIVE
    out = capsys.readouterr().out
    assert "PASS" not in out
    assert "in what could be read" in out


@pytest.mark.parametrize("content", [b"", None])
def test_what_is_no_image_is_one_line(content, tmp_path: Path, monkeypatch, capsys) -> None:
    path = tmp_path / "a.bin"
    if content is None:
        path = Path("/dev/null")
    else:
        path.write_bytes(content)
    assert probe(monkeypatch, "firmware", str(path)) == Exit.USAGE
    err = capsys.readouterr().err
    assert "cannot be examined" in err
    assert "Traceback" not in err


def test_a_folder_survives_a_bad_image_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "empty.bin").write_bytes(b"")
    (folder / "good.cpio").write_bytes(tree(tmp_path))
    (folder / "same.cpio").write_bytes(tree(tmp_path))
    (folder / "zeros.bin").write_bytes(bytes(5000))
    probe(monkeypatch, "firmware", str(folder))
    told = capsys.readouterr()
    assert "empty.bin: it is empty" in told.out + told.err
    assert "good.cpio" in told.out
    assert "zeros.bin" in told.out
    assert "4 of 4" in told.err
    (folder / "third.cpio").write_bytes(tree(tmp_path, version="1.19.4"))
    probe(monkeypatch, "firmware", str(folder), "--resume", "last")
    again = capsys.readouterr().err
    assert "good.cpio: done before" in again
    assert "third.cpio: examined" in again


def test_reports_have_the_tree_and_the_accounts_without_the_password(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    (tmp_path / "a.cpio").write_bytes(tree(tmp_path, shadow="root::1::::::\n"))
    probe(monkeypatch, "firmware", "a.cpio", "-f", "json")
    (device,) = json.loads(capsys.readouterr().out)["devices"]
    tables = {t["id"]: t["rows"] for t in device["inventory"]}
    assert any("etc/shadow" in row[1] and "no password" in row[5] for row in tables["layers"])
    assert [row[0] for row in tables["components"]] == ["busybox"]
    mapped = {
        m["check"]: m["outcome"]
        for c in device["catalogues"]
        for r in c["requirements"]
        for m in r["mappings"]
    }
    assert mapped["exposure/telnet"] == "no device was measured"
    assert mapped["firmware/default_accounts"] == "violated"
    for wanted in ("html", "junit", "text"):
        probe(monkeypatch, "report", "last", "-f", wanted)
        out = capsys.readouterr().out
        assert "etc/shadow" in out, wanted


def test_two_images_differ_by_what_got_worse(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "old.cpio").write_bytes(tree(tmp_path))
    (tmp_path / "new.cpio").write_bytes(tree(tmp_path, shadow="root::1::::::\n", version="1.37.0"))
    assert probe(monkeypatch, "firmware", "diff", "old.cpio", "new.cpio") == Exit.FAIL
    out = capsys.readouterr().out
    assert "busybox: 1.36.1-1 -> 1.37.0-1" in out
    assert "New findings: 1" in out
    (tmp_path / "newest.cpio").write_bytes(tree(tmp_path, version="1.37.0"))
    argv = ("firmware", "diff", "new.cpio", "newest.cpio", "-f", "json")
    assert probe(monkeypatch, *argv) == Exit.PASS
    told = json.loads(capsys.readouterr().out)
    assert not told["worse"]
    assert list(told["gone"]) == ["firmware/default_accounts etc/shadow"]
    assert probe(monkeypatch, "firmware", "diff", "newest.cpio", "old.cpio") == Exit.FAIL
    assert "older than before: busybox" in capsys.readouterr().out
    assert probe(monkeypatch, "firmware", "diff", "old.cpio", "old.cpio") == Exit.PASS
    assert "Nothing is worse." in capsys.readouterr().out


def test_what_was_cut_off_is_not_gone(tmp_path: Path, monkeypatch, capsys) -> None:
    whole = tree(tmp_path, shadow="root::1::::::\n")
    (tmp_path / "old.cpio").write_bytes(whole)
    (tmp_path / "cut.cpio").write_bytes(whole[:200])
    argv = ("firmware", "diff", "old.cpio", "cut.cpio", "-f", "json")
    assert probe(monkeypatch, *argv) == Exit.INCONCLUSIVE
    told = json.loads(capsys.readouterr().out)
    assert not told["gone"]
    assert "firmware/default_accounts etc/shadow" in told["not_shown"]
    assert told["components"]["busybox"]["how"] == "not seen"


def test_the_bill_of_materials_is_that_of_the_run(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "a.cpio").write_bytes(tree(tmp_path))
    probe(monkeypatch, "firmware", "a.cpio")
    capsys.readouterr()
    assert probe(monkeypatch, "firmware", "sbom", "last") == Exit.PASS
    bill = json.loads(capsys.readouterr().out)
    assert bill["bomFormat"] == "CycloneDX"
    assert [c["name"] for c in bill["components"]] == ["busybox"]


def test_imported_advisories_are_said_of_versions_and_their_age_is_in_the_report(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    (tmp_path / "a.cpio").write_bytes(tree(tmp_path, version="1.36.1"))
    criteria = "cpe:2.3:a:busybox:busybox:*:*:*:*:*:*:*:*"
    match = {"vulnerable": True, "criteria": criteria, "versionEndExcluding": "1.37.0"}
    cve = {"id": "CVE-2099-0001", "configurations": [{"nodes": [{"cpeMatch": [match]}]}]}
    nvd = {"timestamp": "2026-01-02T00:00:00", "vulnerabilities": [{"cve": cve}]}
    (tmp_path / "nvd.json").write_text(json.dumps(nvd))
    assert probe(monkeypatch, "firmware", "advisories", "import", "nvd.json") == Exit.PASS
    assert "nvd.json" in capsys.readouterr().out
    probe(monkeypatch, "firmware", "a.cpio", "-f", "text")
    out = " ".join(capsys.readouterr().out.split())
    assert "CVE-2099-0001 fixed in 1.37.0" in out
    assert "newest entry of 2026-01-02" in out
    (tmp_path / "bad.json").write_text("[1, 2")
    assert probe(monkeypatch, "firmware", "advisories", "import", "bad.json") == Exit.USAGE


def pem() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def test_a_key_in_two_images_is_told_of_both_and_of_no_other(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    folder, shared = tmp_path / "many", pem()
    (folder / "sub").mkdir(parents=True)
    (folder / "a.cpio").write_bytes(tree(tmp_path, key=shared))
    (folder / "sub" / "b.cpio").write_bytes(tree(tmp_path, key=shared, version="1.35.0"))
    (folder / "c.cpio").write_bytes(tree(tmp_path, key=pem()))
    probe(monkeypatch, "firmware", str(folder), "-f", "json")
    said = {
        d["label"]: [f["summary"] for f in d["findings"] if f["check"] == "firmware/private_keys"]
        for d in json.loads(capsys.readouterr().out)["devices"]
    }
    assert "The same key is in sub/b.cpio" in " ".join(said["a.cpio"])
    assert "The same key is in a.cpio" in " ".join(said["sub/b.cpio"])
    assert "same key" not in " ".join(said["c.cpio"])
    assert said["c.cpio"]


def test_what_a_folder_holds_and_cannot_be_examined_is_told(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "nowhere").symlink_to("gone.bin")
    (folder / "loop").symlink_to(".")
    (folder / "out").symlink_to(tmp_path / "a.cpio")
    (tmp_path / "a.cpio").write_bytes(tree(tmp_path))
    (folder / "b.cpio").write_bytes(tree(tmp_path, version="3"))
    (folder / "latest").symlink_to("b.cpio")
    Path(os.fsdecode(bytes(folder) + b"/\xff\x1b[2J.cpio")).write_bytes(tree(tmp_path, version="2"))
    probe(monkeypatch, "firmware", str(folder))
    err = capsys.readouterr().err
    assert "pipe: it is no regular file" in err
    assert "nowhere: it cannot be opened" in err
    assert "out: a link that leads out of the folder" in err
    assert "a.cpio" not in err, "what it leads to is not read"
    assert "b.cpio: examined" in err
    assert "latest" not in err, "it is read under its own name"
    assert "5 of 5" not in err
    assert "4 of 4" in err
    assert "\x1b" not in err


def started(*argv: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "probe", "firmware", *argv],
        stdout=subprocess.DEVNULL,
        stderr=Path("told").open("ab"),
        start_new_session=True,
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_a_batch_that_was_ended_goes_on_and_does_nothing_twice(
    how: signal.Signals, tmp_path: Path, monkeypatch, capsys
) -> None:
    folder, shared = tmp_path / "many", pem()
    folder.mkdir()
    for number in range(40):
        image = tree(tmp_path, version=f"1.{number}.0", key=shared)
        (folder / f"{number}.cpio").write_bytes(image)
    monkeypatch.setenv("PYTHONPATH", str(Path(app.__file__).parents[2]))
    run, told = started(str(folder)), tmp_path / "told"
    until = time.monotonic() + 30
    while told.read_text().count("examined") < 3 and time.monotonic() < until:
        time.sleep(0.01)
    # At a terminal Ctrl-C reaches every process of the group.
    os.killpg(run.pid, how) if how is signal.SIGINT else run.kill()
    code = run.wait(10)
    first = told.read_text()
    if how is signal.SIGINT:
        assert code == Exit.STOPPED
        assert "go on with --resume" in first
    assert first.count("examined") < 40
    assert started(str(folder), "--resume", "last").wait(60) in (Exit.FAIL, Exit.INCONCLUSIVE)
    told_in_all = told.read_text()
    assert "Traceback" not in told_in_all
    for number in range(40):
        assert told_in_all.count(f"  {number}.cpio: examined") == 1, number
    assert "40 of 40" in told_in_all
    capsys.readouterr()
    probe(monkeypatch, "report", "last", "-f", "json")
    said = [
        [f["summary"] for f in d["findings"] if f["check"] == "firmware/private_keys"]
        for d in json.loads(capsys.readouterr().out)["devices"]
    ]
    assert len(said) == 40
    assert all("The same key is in" in " ".join(told) for told in said), "compared at the end"


def test_a_batch_is_stopped_from_another_terminal(tmp_path: Path, monkeypatch) -> None:
    folder, told = tmp_path / "many", tmp_path / "told"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number}.cpio").write_bytes(tree(tmp_path, version=f"1.{number}.0"))
    monkeypatch.setenv("PYTHONPATH", str(Path(app.__file__).parents[2]))
    run = started(str(folder))
    until = time.monotonic() + 30
    while told.read_text().count("examined") < 2 and time.monotonic() < until:
        time.sleep(0.01)
    Store(str(tmp_path / "store")).command(Store(str(tmp_path / "store")).find("last"), "stop")
    assert run.wait(20) == Exit.STOPPED
    assert "go on with --resume" in told.read_text()
    assert told.read_text().count("examined") < 40
