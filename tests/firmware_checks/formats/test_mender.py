"""Artifacts that mender-artifact makes; for changed ones the tar is packed again by Python."""

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probe.model.firmware import ImageLayer, Signing

Examine = Callable[..., Any]


@pytest.fixture
def artifact(tool: Callable[..., Any], tmp_path: Path) -> Callable[..., bytes]:
    def make(*options: str) -> bytes:
        (tmp_path / "rootfs.img").write_bytes(os.urandom(30_000))
        common = ["-t", "board", "-n", "release-2", "-f", "rootfs.img", "-o", "out.mender"]
        tool("mender-artifact", "write", "rootfs-image", *common, *options)
        return (tmp_path / "out.mender").read_bytes()

    return make


def repacked(image: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """The same archive, each member as ``change`` says; None leaves it out."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(image)) as old, tarfile.open(fileobj=out, mode="w") as new:
        for info in old:
            file = old.extractfile(info)
            assert file is not None
            data = change(info.name, file.read())
            if data is not None:
                info.size = len(data)
                new.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("kind", ["rsa-2048", "rsa-3072", "ec"])
def test_signed_with_and_without_the_key(
    kind: str, artifact: Any, pair: Any, examined: Examine
) -> None:
    mine, other = pair("dev", kind), pair("other", kind)
    image = artifact("-k", str(mine.key))
    assert examined(image).protection().signing is Signing.NOT_VERIFIED
    assert examined(image, other.public).protection().signing is Signing.NOT_VERIFIED
    found = examined(image, mine.public)
    assert found.protection().signing is Signing.VERIFIED
    assert found.protection().binds_payload is True
    assert found.protection().integrity == "SHA-256 of 3 members holds"
    layer = found.all(ImageLayer)[0]
    assert (layer.format, layer.title, layer.version) == ("Mender artifact", "board", "release-2")


def test_unsigned_and_stripped_of_its_signature_look_the_same(
    artifact: Any, pair: Any, examined: Examine
) -> None:
    assert examined(artifact()).protection().signing is Signing.UNSIGNED
    image = repacked(
        artifact("-k", str(pair().key)), lambda n, d: None if n == "manifest.sig" else d
    )
    assert examined(image).protection().signing is Signing.UNSIGNED


def test_other_data_under_the_same_manifest(artifact: Any, pair: Any, examined: Examine) -> None:
    mine = pair()
    first, second = artifact("-k", str(mine.key)), artifact("-k", str(mine.key))
    data: dict[str, bytes] = {}
    repacked(second, lambda n, d: data.setdefault(n, d))
    forged = repacked(first, lambda n, d: data[n] if n.startswith("data/") else d)
    for keys in ((), (mine.public,)):
        found = examined(forged, *keys).protection()
        assert found.signing is Signing.TAMPERED
        assert "data/0000/rootfs.img" in found.detail
    whole = repacked(first, lambda n, d: d if n == "manifest.sig" else data[n])
    assert examined(whole).protection().signing is Signing.NOT_VERIFIED
    assert examined(whole, mine.public).protection().signing is Signing.TAMPERED


def test_a_member_that_no_manifest_names(artifact: Any, pair: Any, examined: Examine) -> None:
    mine = pair()

    def without_header(name: str, data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        return b"".join(x for x in lines if b"version" not in x) if name == "manifest" else data

    found = examined(repacked(artifact("-k", str(mine.key)), without_header)).protection()
    assert found.binds_payload is False


def test_cut_in_half(artifact: Any, pair: Any, examined: Examine) -> None:
    image = artifact("-k", str(pair().key))
    assert examined(image[: len(image) // 2]).protection().signing is Signing.UNREADABLE
