"""Images that mean harm: bombs, names that climb, folders inside themselves, lengths that lie, endless nesting.

Each is a function that makes the bytes. ``TOKEN`` is in every name that should never appear on a disk.
"""

import bz2
import gzip
import io
import lzma
import os
import struct
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from tests.firmware_checks.filesystems.test_jffs2 import crc as jffs2_crc
from tests.firmware_checks.filesystems.yaffs2_writer import FILE, FIRST, FOLDER, ROOT, Writer
from tests.firmware_checks.hostile_quine import quine

TOKEN = "climbed-out-of-the-image"
MIB = 1 << 20
ZEROS = bytes(16 * MIB)
CLIMBING = (
    f"../../../../../../../../tmp/{TOKEN}",
    f"/tmp/{TOKEN}-absolute",
    f"/etc/{TOKEN}",
    f"..\\..\\{TOKEN}",
    f"C:\\{TOKEN}",
    f"a/../../../{TOKEN}",
    f"~/{TOKEN}",
    f"$(touch /tmp/{TOKEN})",
    f"\x1b]0;{TOKEN}\x07",
)
Make = Callable[[Path], bytes]
IMAGES: dict[str, Make] = {}


def image(make: Make) -> Make:
    """A maker of the set, under the name of its function."""
    IMAGES[make.__name__] = make
    return make


def program(folder: Path, *argv: str | Path) -> None:
    """A program of the system; fails loudly."""
    path = "/usr/sbin:/usr/bin:/sbin:/bin"
    subprocess.run(
        argv, check=True, capture_output=True, timeout=60, env={"PATH": path}, cwd=folder
    )


# --- bombs -----------------------------------------------------------------------------------------


@image
def gzip_of_zeros(_: Path) -> bytes:
    """1 GiB in 1 MiB, one member after the other."""
    return gzip.compress(ZEROS, 9) * 64


@image
def gzip_of_zeros_in_one(_: Path) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(ZEROS) for _ in range(64)) + packer.flush()


@image
def xz_of_zeros(_: Path) -> bytes:
    return lzma.compress(ZEROS) * 256


@image
def lzma_of_zeros(_: Path) -> bytes:
    packer = lzma.LZMACompressor(lzma.FORMAT_ALONE)
    return b"".join(packer.compress(ZEROS) for _ in range(32)) + packer.flush()


@image
def lzma_that_wants_memory(_: Path) -> bytes:
    """A dictionary of 4 GiB and a size of 2^60."""
    return (
        b"\x5d"
        + struct.pack("<IQ", 0xFFFFFFFF, 1 << 60)
        + lzma.compress(b"x" * 999)[13:]
        + bytes(99)
    )


@image
def bzip2_of_zeros(_: Path) -> bytes:
    return bz2.compress(ZEROS) * 256


@image
def zstd_of_zeros(_: Path) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=19).compress(ZEROS) * 256


@image
def lz4_of_zeros(_: Path) -> bytes:
    import lz4.frame  # type: ignore[import-untyped]

    return bytes(lz4.frame.compress(ZEROS)) * 64


@image
def gzip_40_deep(_: Path) -> bytes:
    data = os.urandom(100)
    for _ in range(40):
        data = gzip.compress(data)
    return data


@image
def zip_40_deep(_: Path) -> bytes:
    data = b"the innermost"
    for _ in range(40):
        data = zipped({"inner.zip": data})
    return data


@image
def zip_that_holds_itself(_: Path) -> bytes:
    return quine()


@image
def zip_of_zips_of_zips(_: Path) -> bytes:
    """Sixteen to the power of five zeros of 16 MiB: 16 PiB."""
    data = zipped({"zeros": ZEROS})
    for _ in range(5):
        data = zipped({f"{number}.zip": data for number in range(16)})
    return data


@image
def zip_whose_members_are_one(_: Path) -> bytes:
    """5000 names in the table for the same compressed bytes."""
    small = zipped({"zeros": ZEROS})
    at = small.index(b"PK\x01\x02")
    end = small.index(b"PK\x05\x06")
    row, number = small[at:end], 5000
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, number, number, len(row) * number, at, 0)
    return small[:at] + row * number + tail


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, 9)
    return out.getvalue()


@image
def squashfs_with_a_hole_of_3_gib(folder: Path) -> bytes:
    return squashfs(folder, 3 << 30)


def squashfs(folder: Path, hole: int = 0, *options: str) -> bytes:
    """A small squashfs, with a sparse file of ``hole`` bytes."""
    (folder / "tree" / "etc").mkdir(parents=True, exist_ok=True)
    (folder / "tree" / "etc" / "passwd").write_bytes(b"root::0:0::/:/bin/sh\n" * 500)
    if hole:
        with (folder / "tree" / "hole").open("wb") as file:
            file.truncate(hole)
    program(folder, "mksquashfs", "tree", "s", "-noappend", "-quiet", "-no-progress", *options)
    return (folder / "s").read_bytes()


@image
def zeros_in_squashfs_in_gzip_in_zip(folder: Path) -> bytes:
    (folder / "tree").mkdir()
    for number in range(40):
        (folder / "tree" / f"zeros{number}").write_bytes(ZEROS)
    return zipped({"s.gz": gzip.compress(squashfs(folder, 0, "-no-duplicates"))})


# --- lengths that lie ------------------------------------------------------------------------------


def _lying(folder: Path, at: int, layout: str, value: int) -> bytes:
    data = bytearray(squashfs(folder, 0, "-noI", "-noD", "-noF", "-noId", "-noX"))
    struct.pack_into(layout, data, at, value)
    return bytes(data)


for _name, _at, _layout in (
    ("inodes", 4, "<I"),
    ("fragments", 16, "<I"),
    ("ids", 26, "<H"),
    ("root", 32, "<Q"),
    ("size", 40, "<Q"),
    ("id_table", 48, "<Q"),
    ("inode_table", 64, "<Q"),
    ("folder_table", 72, "<Q"),
    ("fragment_table", 80, "<Q"),
):

    def _make(folder: Path, at: int = _at, layout: str = _layout) -> bytes:
        most = (1 << 8 * struct.calcsize(layout)) - 1
        return _lying(folder, at, layout, most if layout != "<Q" else most >> 1)

    IMAGES[f"squashfs_with_lying_{_name}"] = _make


@image
def tar_with_a_lying_size(_: Path) -> bytes:
    head = bytearray(tarfile.TarInfo("file").tobuf())
    head[124:136] = b"\x80" + (1 << 62).to_bytes(11, "big")
    head[148:156] = b"        "
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + b"body" * 1000


@image
def cpio_with_lying_sizes(_: Path) -> bytes:
    head = b"070701" + b"00000001" * 6 + b"FFFFFFFF" + b"0" * 32 + b"FFFFFFFF" + b"0" * 8
    return head + b"name\0" + bytes(5000)


@image
def zip_that_lies_about_its_members(_: Path) -> bytes:
    data = bytearray(zipped({"file": b"body" * 1000}))
    for magic, at in ((b"PK\x03\x04", 18), (b"PK\x01\x02", 20)):
        struct.pack_into("<II", data, data.index(magic) + at, 0xFFFFFFF0, 0xFFFFFFF0)
    return bytes(data)


@image
def device_tree_100000_deep(_: Path) -> bytes:
    body = struct.pack(">I", 1) + b"a\0\0\0"
    body = body * 100_000 + struct.pack(">I", 2) * 100_000 + struct.pack(">I", 9)
    head = struct.pack(
        ">10I", 0xD00DFEED, 56 + len(body), 56, 56 + len(body), 40, 17, 16, 0, 0, len(body)
    )
    return head + bytes(16) + body


@image
def cbor_100000_deep(_: Path) -> bytes:
    return b"\xd8\x6b\xa2\x02" + b"\x81" * 100_000 + b"\x03\x41\x00"


@image
def json_100000_deep(_: Path) -> bytes:
    return b'{"signed": ' + b"[" * 100_000 + b"]" * 100_000 + b', "signatures": []}'


@image
def json_with_a_number_of_a_million_digits(_: Path) -> bytes:
    return b'{"signatures": [], "signed": {"_type": "root", "version": ' + b"9" * MIB + b"}}"


@image
def hex_of_far_regions(_: Path) -> bytes:
    """A record in each of 20,000 places, 64 KiB from each other."""
    lines = []
    for number in range(20_000):
        both = (struct.pack(">BHBH", 2, 0, 4, number), struct.pack(">BHBI", 4, 0, 0, number))
        lines += [b":" + (r + bytes([-sum(r) & 0xFF])).hex().upper().encode() for r in both]
    return b"\n".join([*lines, b":00000001FF", b""])


@image
def uf2_of_four_billion_blocks(_: Path) -> bytes:
    block = struct.pack(
        "<8I", 0x0A324655, 0x9E5D5157, 0x2000, 0xFFFFFF00, 256, 0xFFFFFFFE, 0xFFFFFFFF, 1
    )
    return (block.ljust(508, b"x") + struct.pack("<I", 0x0AB16F30)) * 100


@image
def magics_of_everything(_: Path) -> bytes:
    """Every magic of every format, thousands of times, with nothing behind it."""
    from firmware_checks.formats import found

    magics = sorted({magic for one in found() for magic, _ in one.anchors})
    return b"\x13" * 77 + b"".join(m + b"\x13" * 5 for m in magics) * 3000


def _magic_many_times(magic: bytes, fill: bytes) -> bytes:
    return b"\x13" * 77 + (magic + fill) * (2 * MIB // len(magic + fill))


@image
def gzip_headers_2_mib(_: Path) -> bytes:
    return _magic_many_times(b"\x1f\x8b\x08\x00\0\0\0\0\0\x03", b"\x4b\x04\x00")


@image
def jffs2_headers_2_mib(_: Path) -> bytes:
    head = struct.pack("<HHI", 0x1985, 0xE001, 0x7FFFFFFF)
    return _magic_many_times(head + struct.pack("<I", jffs2_crc(head)), b"")


@image
def ubi_headers_2_mib(_: Path) -> bytes:
    head = struct.pack(">4sBxxxQIII32x", b"UBI#", 1, 0, 64, 128, 7)
    return _magic_many_times(head + struct.pack(">I", zlib.crc32(head) ^ 0xFFFFFFFF), b"")


# --- names and folders -----------------------------------------------------------------------------


@image
def tar_that_climbs(_: Path) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in CLIMBING:
            one = tarfile.TarInfo(name)
            one.size = 5
            archive.addfile(one, io.BytesIO(b"climb"))
        for number, aim in enumerate(("/etc/passwd", "../../..", f"/tmp/{TOKEN}")):
            link = tarfile.TarInfo(f"link{number}")
            link.type, link.linkname = tarfile.SYMTYPE, aim
            archive.addfile(link)
            behind = tarfile.TarInfo(f"link{number}/{TOKEN}")
            behind.size = 5
            archive.addfile(behind, io.BytesIO(b"climb"))
        device = tarfile.TarInfo(f"/dev/{TOKEN}")
        device.type, device.devmajor, device.devminor = tarfile.CHRTYPE, 1, 3
        archive.addfile(device)
    return out.getvalue()


@image
def zip_that_climbs(_: Path) -> bytes:
    return zipped(dict.fromkeys(CLIMBING, b"climb" * 20))


@image
def cpio_that_climbs(_: Path) -> bytes:
    out = b""
    for number, name in enumerate([*CLIMBING, "TRAILER!!!"]):
        raw, body = name.encode() + b"\0", b"climb" * 20 if number < len(CLIMBING) else b""
        fields = (number, 0o104755, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(raw), 0)
        head = b"070701" + b"".join(b"%08X" % value for value in fields) + raw
        out += head + bytes(-len(head) % 4) + body + bytes(-len(body) % 4)
    return out


@image
def yaffs2_that_climbs_and_loops(_: Path) -> bytes:
    writer = Writer()
    writer.header(FIRST, FOLDER, ROOT, b"a", 0o40755)
    writer.header(FIRST + 1, FOLDER, FIRST, b"b", 0o40755)
    writer.header(FIRST + 2, 4, FIRST + 1, b"up", same=FIRST)
    for number, name in enumerate(CLIMBING, 3):
        writer.header(FIRST + number, FILE, FIRST, name.encode(), size=5)
        writer.file(FIRST + number, b"climb")
    return bytes(writer.out)


@image
def squashfs_that_climbs(folder: Path) -> bytes:
    (folder / "tree").mkdir()
    (folder / "tree" / ("x" * len(CLIMBING[0]))).write_bytes(b"climb" * 100)
    options = ("-noI", "-noD", "-noF", "-noId", "-noX")
    return squashfs(folder, 0, *options).replace(b"x" * len(CLIMBING[0]), CLIMBING[0].encode())


@image
def tar_of_300000_files(_: Path) -> bytes:
    return b"".join(_empty(f"{number}") for number in range(300_000)) + bytes(1024)


@image
def tar_of_20000_compressed_texts(_: Path) -> bytes:
    """Each becomes 1 MiB of text, 20 GiB together."""
    return _many_times(gzip.compress(b"this is a line of a page\n" * 40_000, mtime=0))


@image
def tar_of_20000_slow_texts(_: Path) -> bytes:
    """bzip2 needs ten times as long to decompress."""
    return _many_times(bz2.compress(b"this is a line of a page\n" * 40_000))


def _many_times(text: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as made:
        for number in range(20_000):
            one = tarfile.TarInfo(f"usr/lib/x/{number}.txt.gz")
            one.size = len(text)
            made.addfile(one, io.BytesIO(text))
    return out.getvalue()


@image
def tar_with_a_folder_50000_deep(_: Path) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("d/" * 50_000 + "file"))
    return out.getvalue()


def _empty(name: str) -> bytes:
    head = b"%-100s0000644\0000000000\0000000000\00000000000000\00000000000000\0" % name.encode()
    head = head.replace(b" ", b"\0")
    total = sum(head) + 8 * 32 + ord("0") + sum(b"ustar\00000")
    return (head + b"%06o\0 " % total + b"0" + bytes(100) + b"ustar\00000").ljust(512, b"\0")


# --- files that are slow to look at ----------------------------------------------------------------


@image
def files_for_slow_patterns(_: Path) -> bytes:
    """What makes careless patterns go back and forth for hours."""
    pieces = {
        "etc/passwd": b"a:" * MIB,
        "etc/shadow": b"root:$6$" + b"a" * MIB + b"\n" + b"u:$1$a$b:\n" * 50_000,
        "etc/inittab": b"::respawn:" * 300_000,
        "etc/rc.local": b"curl " + b"-k " * 500_000,
        "etc/opkg.conf": b"http://" * 300_000,
        "etc/config/wireless": b"option key '" * 200_000,
        "etc/ssl/key.pem": b"-----BEGIN RSA PRIVATE KEY-----\n" * 50_000,
        "etc/ssl/long.pem": b"-----BEGIN CERTIFICATE-----\n" + b"A" * (4 * MIB),
        "root/.ssh/authorized_keys": b"ssh-rsa " + b"AAAA" * 500_000,
        "usr/lib/opkg/status": b"Package: a\nVersion: 1\n\n" * 100_000,
        "bin/busybox": b"\x7fELF" + b"BusyBox v1." * 300_000,
        "etc/tokens": b"ghp_" * 500_000 + b"AKIA" * 500_000,
        "lib/libc.so": b"\x7fELF\x01\x01\x01" + bytes(9) + b"\xff" * MIB,
        "boot/config-6.1": b"CONFIG_" * 500_000,
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in pieces.items():
            one = tarfile.TarInfo(name)
            one.size = len(data)
            archive.addfile(one, io.BytesIO(data))
    return out.getvalue()


# --- what is no image ------------------------------------------------------------------------------


@image
def a_pdf(_: Path) -> bytes:
    return b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n" * 50 + b"%%EOF\n"


@image
def noise(_: Path) -> bytes:
    return os.urandom(4 * MIB)


@image
def one_byte(_: Path) -> bytes:
    return b"x"


BOMBS = frozenset(
    name for name in IMAGES if "zeros" in name or "hole" in name or "40_deep" in name
) | {"zip_that_holds_itself"}
"""Those of which the survey has to say that something was not read."""
