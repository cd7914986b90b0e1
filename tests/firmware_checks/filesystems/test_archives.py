"""cpio, tar and zip made by their own tools, and hostile ones made here."""

import io
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware_checks.reading import Kind

Call = Callable[..., Any]


def cpio(root: Path, kind: str = "newc") -> bytes:
    names = "\0".join(sorted(str(p.relative_to(root)) for p in root.rglob("*"))).encode()
    command = ["cpio", "-o", "-0", "-H", kind, "--quiet"]
    return subprocess.run(command, cwd=root, input=names, capture_output=True, check=True).stdout


@pytest.mark.parametrize("kind", ["newc", "crc"])
def test_cpio(kind: str, planted: Path, reading_of: Call, same: Call, examined: Call) -> None:
    data = cpio(planted, kind)
    found = reading_of(data)
    assert (found.format, found.problem) == ("cpio archive", "")
    same(found, planted)
    # Two archives after each other, as initial RAM disks are, are two layers.
    assert list(examined(data + data).formats().values()) == ["cpio archive"] * 2
    cut = examined(data[: len(data) // 2])
    assert "cut short" in cut.survey.unread[0]
    assert cut.survey.files


@pytest.mark.parametrize("kind", ["ustar", "gnu", "pax", "v7"])
def test_tar(
    kind: str, planted: Path, run: Call, tmp_path: Path, reading_of: Call, same: Call
) -> None:
    if kind in ("ustar", "v7"):
        (planted / "etc" / "long link").unlink()
    run("tar", "-C", planted, f"--format={kind}", "-cf", tmp_path / "out.tar", ".")
    data = (tmp_path / "out.tar").read_bytes()
    if kind == "v7":
        with pytest.raises(AssertionError):  # it has no magic, and is said to be unknown
            reading_of(data)
        return
    found = reading_of(data + b"\xa5" * 700)
    assert (found.format, found.problem, found.size) == ("tar archive", "", len(data))
    same(found, planted)


def test_tar_with_sizes_that_lie(reading_of: Call, listed: Call) -> None:
    with io.BytesIO() as out:
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for name in ("../../etc/shadow", "/home/u/.ssh/authorized_keys", "good"):
                info = tarfile.TarInfo(name)
                info.size = 5
                archive.addfile(info, io.BytesIO(b"12345"))
            link = tarfile.TarInfo("escape")
            link.type, link.linkname = tarfile.SYMTYPE, "../../../etc"
            archive.addfile(link)
        data = bytearray(out.getvalue())
    found = listed(reading_of(bytes(data)))
    assert set(found) == {"etc/shadow", "home/u/.ssh/authorized_keys", "good", "escape"}
    assert (found["escape"][0].kind, found["escape"][0].target) == (Kind.LINK, "../../../etc")
    for field in (b"\xff" * 12, b"\x80" + b"\x7f" * 11, b"77777777777\0", b"-0000000001\0"):
        data[124:136] = field
        data[148:156] = b"        "
        data[148:156] = b"%06o\0 " % sum(data[:512])
        assert "damaged" in reading_of(bytes(data)).problem


def test_tar_with_headers_about_headers_ends(reading_of: Call) -> None:
    """Long names of long names: the standard library goes deeper with each."""
    head = bytearray(tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT)[:512])
    head[156:157] = b"L"
    head[148:156] = b"        "
    head[148:156] = b"%06o\0 " % sum(head)
    found = reading_of(bytes(head) * 20_000)
    assert list(found.tree.entries(None)) == []


@pytest.mark.parametrize("options", [["-0"], ["-9"], ["-Z", "bzip2"], ["-9", "-z"]], ids=str)
def test_zip(
    options: list[str], planted: Path, tmp_path: Path, reading_of: Call, same: Call
) -> None:
    out = tmp_path / "out.zip"
    command = ["zip", "-q", "-r", "-y", *options, out, "."]
    subprocess.run(command, cwd=planted, check=True, timeout=60, input=b"a comment\n.\n")
    data = out.read_bytes()
    found = reading_of(data + b"\xa5" * 100_000)
    assert (found.format, found.problem, found.size) == ("zip archive", "", len(data))
    for path in planted.rglob("*"):  # two names, two copies: zip knows no hard links
        if path.is_file() and path.stat().st_nlink > 1:
            body = path.read_bytes()
            path.unlink()
            path.write_bytes(body)
            path.chmod(0o4755)
    same(found, planted, owners=False)


def test_zip_in_zip_encrypted_and_cut(tmp_path: Path, run: Call, examined: Call) -> None:
    (tmp_path / "secret").write_bytes(b"secret" * 100)
    run("zip", "-q", "-P", "word", "locked.zip", "secret")
    locked = (tmp_path / "locked.zip").read_bytes()
    with io.BytesIO() as out:
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("inner.zip", locked)
            archive.writestr("a\\..\\..\\windows", b"x")
        data = out.getvalue()
    found = examined(data)
    assert found.formats() == {"0": "zip archive", "0/0": "zip archive"}
    assert any("encrypted with a password" in line for line in found.survey.unread)
    assert "cut short" in examined(data[:-30]).survey.unread[0]


def test_zip_bomb(examined: Call) -> None:
    with io.BytesIO() as out:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("zeros", bytes(100 << 20))
            archive.writestr("plain", os.urandom(10))
        data = bytearray(out.getvalue())
    found = examined(bytes(data))
    assert any("more than is read of one" in line for line in found.survey.unread)
    assert found.survey.bytes_read < 1 << 20
    # A member that becomes more than its directory says.
    small = data.replace((100 << 20).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    found = examined(bytes(small))
    assert any("zeros" in line for line in found.survey.unread)
