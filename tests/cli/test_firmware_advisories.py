"""Advisories from the file to the reports: the age of each table in all of them, and backports in the bill."""

import html
import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from firmware_checks.content.advisories import table
from probe.cli import app
from probe.errors import Exit


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)


def probe(monkeypatch: pytest.MonkeyPatch, *argv: str) -> int:
    monkeypatch.setattr("sys.argv", ["probe", *argv])
    return app.run_app()


def archive(files: dict[str, str]) -> bytes:
    """A root file system as a cpio archive (newc), written by hand: cpio(5)."""
    out = b""
    for number, (name, text) in enumerate([*files.items(), ("TRAILER!!!", "")]):
        data = text.encode()
        fields = [number + 1, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + name.encode() + b"\0"
        out += head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
    return out + bytes(-len(out) % 512)


DEBIAN = {
    "etc/os-release": 'ID=debian\nVERSION_ID="12"\n',
    "var/lib/dpkg/status": (
        "Package: busybox\nStatus: install ok installed\nArchitecture: armhf\nVersion: 1:1.35.0-4+deb12u1\n\n"
        "Package: libssl3\nStatus: install ok installed\nArchitecture: armhf\nSource: openssl\n"
        "Version: 3.0.13-1~deb12u1\n"
    ),
}
TRACKER = {
    "busybox": {
        "CVE-2099-0002": {
            "scope": "remote",
            "releases": {"bookworm": {"status": "resolved", "fixed_version": "1:1.35.0-4+deb12u1"}},
        }
    },
    "openssl": {
        "CVE-2099-0006": {
            "releases": {"bookworm": {"status": "open", "nodsa": "Minor issue", "nodsa_reason": ""}}
        }
    },
}
OPKG = {
    "usr/lib/opkg/status": "Package: busybox\nVersion: 1.30.1-1\nStatus: install user installed\n"
}
NVD: dict[str, Any] = {
    "timestamp": "2020-01-02T00:00:00",
    "vulnerabilities": [
        {
            "cve": {
                "id": "CVE-2099-0001",
                "configurations": [
                    {"nodes": [{"cpeMatch": [{"vulnerable": True, "criteria": "cpe:2.3:a:busybox:busybox:*:*:*:*:*:*:*:*"}]}]}
                ],
            }
        }
    ],
}  # fmt: skip


def in_words(text: str) -> str:
    return " ".join(html.unescape(text).split())


def test_the_age_of_each_table_is_in_every_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "a.cpio").write_bytes(archive(OPKG))
    (tmp_path / "nvd.json").write_text(json.dumps(NVD))
    assert probe(monkeypatch, "firmware", "advisories", "import", "nvd.json") == Exit.PASS
    capsys.readouterr()
    shipped = (
        f"Components were compared with the table that comes with the probe, of {table().edition}"
    )
    imported = (
        "And with NVD advisories of the file nvd.json: newest entry of 2020-01-02, imported on the same day. "
        "Its data are old: import a newer file."
    )
    probe(monkeypatch, "firmware", "a.cpio", "-f", "text")
    out = in_words(capsys.readouterr().out)
    assert shipped in out
    assert imported in out
    for form in ("html", "json", "text"):
        assert probe(monkeypatch, "report", "last", "--format", form, "-o", "out") in (Exit.PASS, Exit.FAIL, Exit.INCONCLUSIVE)  # fmt: skip
        out = in_words((tmp_path / "out").read_text())
        assert shipped in out, form
        assert imported in out, form
    capsys.readouterr()
    assert probe(monkeypatch, "firmware", "sbom", "last") == Exit.PASS
    bill = json.loads(capsys.readouterr().out)
    told = [p["value"] for p in bill["metadata"]["properties"] if p["name"] == "probe:advisories"]
    assert told[0].startswith(shipped)
    assert told[1] == imported


def test_backports_in_the_bill_of_a_debian_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "a.cpio").write_bytes(archive(DEBIAN))
    (tmp_path / "debian.json").write_text(json.dumps(TRACKER))
    assert probe(monkeypatch, "firmware", "advisories", "import", "debian.json") == Exit.PASS
    probe(monkeypatch, "firmware", "a.cpio", "-f", "text")
    text = in_words(capsys.readouterr().out)
    assert (
        "not affected by CVE-2099-0002: the package's version 1:1.35.0-4+deb12u1 has the fix"
        in text
    )
    assert "libssl3 3.0.13-1~deb12u1: CVE-2099-0006 not fixed" in text
    assert probe(monkeypatch, "firmware", "sbom", "last") == Exit.PASS
    bill = capsys.readouterr().out
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    states = {v["id"]: v["analysis"]["state"] for v in json.loads(bill)["vulnerabilities"]}
    assert states == {"CVE-2099-0002": "not_affected", "CVE-2099-0006": "in_triage"}


def test_a_broken_file_is_one_line_and_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "bad.json").write_bytes(b"[" * 100_000)
    assert probe(monkeypatch, "firmware", "advisories", "import", "bad.json") == Exit.USAGE
    err = capsys.readouterr().err
    assert "nested too deeply" in err
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 2


def test_what_is_not_listed_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """A kernel has thousands; a list that was cut says so."""
    entry = NVD["vulnerabilities"][0]["cve"]
    many = [{"cve": {**entry, "id": f"CVE-2099-{n}"}} for n in range(1000, 1300)]
    (tmp_path / "a.cpio").write_bytes(archive(OPKG))
    (tmp_path / "nvd.json").write_text(json.dumps({**NVD, "vulnerabilities": many}))
    probe(monkeypatch, "firmware", "advisories", "import", "nvd.json")
    probe(monkeypatch, "firmware", "a.cpio", "-f", "text")
    out = in_words(capsys.readouterr().out)
    assert out.count("more than the 100 listed") >= 2, (
        "in the list of components and in the finding"
    )
