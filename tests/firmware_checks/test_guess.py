"""Bytes without a format: text is told from noise, and what is compressed in a file system is a file."""

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from typing import Any

from firmware_checks.guess import entropy, is_text, without_suffix
from firmware_checks.view import View

TEXT = "# gr\u00fc\u00dfe\nCONFIG_MODULES=y\n".encode() * 5000


def test_text_and_noise() -> None:
    for shift in range(30):  # a character of two bytes is cut at the sample's end now and then
        assert is_text(View(b"a" * shift + TEXT))
    assert is_text(View(b"plain"))
    for noise in (b"\0" * 100, os.urandom(1000), b"text\0" * 30, b"\xff\xfe" * 40):
        assert not is_text(View(noise))
    assert without_suffix("etc/config.GZ") == "etc/config"
    assert without_suffix("content") == ""


def test_entropy() -> None:
    assert entropy(View(bytes(1 << 20))) == 0
    assert entropy(View(os.urandom(1 << 20))) > 7.9
    assert entropy(View(bytes(1000) + os.urandom(3 << 20))) > 7.5
    assert entropy(View(b"a")) == 0


def test_a_compressed_file_of_a_file_system_is_a_file(examined: Callable[..., Any]) -> None:
    with io.BytesIO() as out:
        with tarfile.open(fileobj=out, mode="w") as archive:
            for name, body in (("etc/text.gz", TEXT), ("lib/binary.gz", b"\0\1\2\xfe" * 500)):
                info = tarfile.TarInfo(name)
                packed = gzip.compress(body)
                info.size = len(packed)
                archive.addfile(info, io.BytesIO(packed))
        data = out.getvalue()
    found = examined(data)
    assert found.survey.unread == ()
    assert list(found.formats().values()) == ["tar archive"]
    # By itself, what nobody knows stays unread.
    assert examined(gzip.compress(b"\0\1\2\xfe" * 500)).survey.unread
    assert not examined(gzip.compress(TEXT)).survey.unread
