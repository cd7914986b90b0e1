"""One folder with everything a file system may hold, through the tool of each: every name, byte, mode and owner.

Extended attributes are passed over, and must not disturb: a tree with them is read like one without.
"""

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.firmware_checks.filesystems.conftest import content
from tests.firmware_checks.filesystems.yaffs2_writer import Writer

Call = Callable[..., Any]
SIZES = (0, 1, 4095, 4096, 4097, 8192, 65_536, 131_071, 131_072, 131_073, 300_000)
UBIFS = ("-m", "2048", "-e", "126976", "-c", "200")
SQUASH = ("-noappend", "-quiet", "-no-progress")
TOOLS: dict[str, tuple[str, ...]] = {
    **{
        f"squashfs, {name}": ("mksquashfs", "in", "out", "-comp", name, *SQUASH)
        for name in ("gzip", "lzma", "lzo", "xz", "lz4", "zstd")
    },
    "squashfs, fragments of all": ("mksquashfs", "in", "out", "-always-use-fragments", *SQUASH),
    "squashfs, blocks of 4 KiB": ("mksquashfs", "in", "out", "-b", "4096", *SQUASH),
    "JFFS2, little endian": ("mkfs.jffs2", "-l", "-d", "in", "-o", "out", "--with-xattr"),
    "JFFS2, big endian": ("mkfs.jffs2", "-b", "-d", "in", "-o", "out"),
    "JFFS2, rtime": (
        "mkfs.jffs2",
        "-d",
        "in",
        "-o",
        "out",
        "-m",
        "size",
        "-x",
        "zlib",
        "-x",
        "lzo",
    ),
    **{
        f"UBIFS, {name}": ("mkfs.ubifs", "-r", "in", "-o", "out", "-x", name, *UBIFS)
        for name in ("lzo", "zlib", "zstd", "none")
    },
    "ext4": ("mkfs.ext4", "-q", "-F", "-d", "in", "out", "16M"),
    "ext4, blocks of 1 KiB": ("mkfs.ext4", "-q", "-F", "-b", "1024", "-d", "in", "out", "16M"),
    "ext3": ("mkfs.ext3", "-q", "-F", "-d", "in", "out", "16M"),
    "ext2": ("mkfs.ext2", "-q", "-F", "-d", "in", "out", "16M"),
    "EROFS": ("mkfs.erofs", "out", "in"),
    "EROFS, LZ4": ("mkfs.erofs", "-zlz4hc", "out", "in"),
    "EROFS, large clusters": ("mkfs.erofs", "-zlz4hc", "-C65536", "out", "in"),
    "cramfs, little endian": ("mkfs.cramfs", "-N", "little", "in", "out"),
    "cramfs, big endian": ("mkfs.cramfs", "-N", "big", "in", "out"),
    "romfs": ("genromfs", "-d", "in", "-f", "out"),
    "tar, pax": ("tar", "-C", "in", "--format=pax", "--xattrs", "-cf", "out", "."),
    "tar, GNU": ("tar", "-C", "in", "--format=gnu", "-cf", "out", "."),
    "tar, ustar": ("tar", "-C", "in", "--format=ustar", "-cf", "out", "."),
}


def tree(root: Path, *, longest: int = 200) -> Path:
    """Sizes around a block's, links, devices, pipes, a sparse file, long names, odd modes and owners."""
    (root / "deep" / "er" / "and" / "deeper").mkdir(parents=True)
    for number, size in enumerate(SIZES):
        path = root / "deep" / f"{size} bytes"
        path.write_bytes(content(size, number))
        path.chmod((0o644, 0o600, 0o755, 0o4755, 0o2755, 0o1777)[number % 6])
    with (root / "sparse").open("wb") as file:
        file.truncate(1 << 20)
        file.seek(500_000)
        file.write(b"in the middle")
    (root / ("n" * longest)).write_bytes(b"a long name")
    (root / "deep" / "\u00e4\u00f6 \u4f60 name").write_bytes(b"not ASCII")
    os.link(root / "deep" / "4097 bytes", root / "deep" / "er" / "again")
    (root / "deep" / "link").symlink_to("../../" + "x" * 80)
    (root / "deep" / "hanging").symlink_to("/nowhere")
    (root / "deep" / "er" / "sticky").mkdir(mode=0o1777)
    (root / "deep" / "er" / "sticky").chmod(0o1777)
    os.mkfifo(root / "pipe", 0o622)
    if os.geteuid() == 0:
        os.mknod(root / "console", stat.S_IFCHR | 0o600, os.makedev(5, 1))
        os.mknod(root / "disk", stat.S_IFBLK | 0o660, os.makedev(8, 17))
        os.chown(root / "deep" / "1 bytes", 1000, 100)
    return root


@pytest.mark.parametrize("kind", TOOLS)
def test_everything_is_as_it_was(
    kind: str, run: Call, tmp_path: Path, reading_of: Call, same: Call
) -> None:
    (tmp_path / "in").mkdir()
    root = tree(tmp_path / "in", longest=98 if "ustar" in kind else 200)
    if kind.startswith("romfs"):
        (root / "deep" / "er" / "again").unlink()  # its hard links are names without bytes
    else:
        _attributes(root)
    run(*TOOLS[kind])
    found = reading_of((tmp_path / "out").read_bytes())
    assert found.problem == ""
    assert kind.startswith(found.format.split()[0])
    plain = kind == "romfs"  # it has neither modes nor owners
    same(found, root, modes=not plain, owners=not plain)


def _attributes(root: Path) -> None:
    """Where this system has them."""
    try:
        os.setxattr(root / "deep" / "1 bytes", "user.note", b"an attribute")
        os.setxattr(root / "deep", "user.long", b"v" * 300)
    except OSError:
        return


@pytest.mark.parametrize("kind", ["newc", "crc"])
def test_cpio(kind: str, tmp_path: Path, reading_of: Call, same: Call) -> None:
    (tmp_path / "in").mkdir()
    root = tree(tmp_path / "in")
    names = "\0".join(sorted(str(p.relative_to(root)) for p in root.rglob("*"))).encode()
    command = ["cpio", "-o", "-0", "-H", kind, "--quiet"]
    done = subprocess.run(command, cwd=root, input=names, capture_output=True, check=True)
    same(reading_of(done.stdout), root)


def test_yaffs2_of_an_own_writer(tmp_path: Path, reading_of: Call, same: Call) -> None:
    """No package makes it; ``test_yaffs2`` has Debian's unyaffs confirm the writer."""
    (tmp_path / "in").mkdir()
    root = tree(tmp_path / "in")
    for name in ("pipe", "console", "disk"):
        (root / name).unlink(missing_ok=True)
    writer = Writer()
    writer.folder(root)
    same(reading_of(bytes(writer.out)), root)
