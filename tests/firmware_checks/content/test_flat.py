"""Images without a file system: what is in an application or a kernel is looked at all the same."""

import gzip
import struct
import zlib
from collections.abc import Callable
from typing import Any

from probe.model.firmware import ImageComponent, ImageKey, ImageWeakness

Examine = Callable[..., Any]


def uimage(payload: bytes, name: bytes) -> bytes:
    """A legacy U-Boot image, after the header of U-Boot's ``image.h``."""
    data = zlib.crc32(payload)
    fields = (0x27051956, 0, 1_700_000_000, len(payload), 0, 0, data, 5, 2, 2, 1)
    header = struct.pack(">7I4B32s", *fields, name)
    return header[:4] + struct.pack(">I", zlib.crc32(header)) + header[8:] + payload


def test_a_key_and_components_inside_an_application(
    examined: Examine, tool: Callable[..., Any], tmp_path: Any
) -> None:
    tool("openssl", "genrsa", "-out", "k", "1024")
    (tmp_path / "body.bin").write_bytes(
        bytes(range(64)) * 200 + (tmp_path / "k").read_bytes() + b"\0FreeRTOS Kernel V10.4.1\0" * 2
    )
    common = ["--header-size", "0x200", "--pad-header", "-S", "0x20000", "--align", "4"]
    tool("imgtool", "sign", *common, "--version", "1.0.0", "body.bin", "out.bin")
    found = examined((tmp_path / "out.bin").read_bytes())
    (key,) = found.all(ImageKey)
    assert (key.use, key.bits, key.path) == ("private key", 1024, "payload")
    (component,) = found.all(ImageComponent)
    assert (component.name, component.version, component.evidence) == (
        "freertos",
        "10.4.1",
        "string",
    )
    assert found.survey.unread, "an application is not read to its end"


def test_a_kernel_in_a_container(examined: Examine) -> None:
    kernel = (
        bytes(range(64)) * 900
        + b"\0Linux version 4.14.90 (b@h) (gcc version 7.3) #0 SMP\0"
        + bytes(5000)
    )
    found = examined(uimage(gzip.compress(kernel), b"MIPS OpenWrt Linux"))
    assert ("linux", "4.14.90") in {(c.name, c.version) for c in found.all(ImageComponent)}


def test_what_a_topic_does_not_read_is_in_the_survey(
    examined: Examine, tool: Callable[..., Any], tmp_path: Any
) -> None:
    folder = tmp_path / "root" / "var" / "lib" / "rpm"
    folder.mkdir(parents=True)
    (folder / "rpmdb.sqlite").write_bytes(b"SQLite format 3\0" + bytes(300))
    tool("tar", "-C", "root", "-cf", "root.tar", "var")
    found = examined((tmp_path / "root.tar").read_bytes())
    assert any("rpm database" in text for text in found.survey.unread)
    assert not found.all(ImageWeakness)
