"""What looks signed and is not, or not all of it: each of these was once near to be told as good."""

import hashlib
import io
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware_checks.formats.avb_footer import tree_root
from firmware_checks.formats.rauc import verity_root
from firmware_checks.view import View
from probe.model.firmware import ImageLayer, Signing
from tests.firmware_checks.formats import test_nordic_dfu as nordic
from tests.firmware_checks.formats import test_swupdate as swupdate
from tests.firmware_checks.formats import test_vbmeta as avb
from tests.firmware_checks.formats.test_fit import fit  # noqa: F401
from tests.firmware_checks.formats.test_mender import artifact  # noqa: F401
from tests.firmware_checks.formats.test_rauc import bundle, payload_size  # noqa: F401
from tests.firmware_checks.formats.test_swupdate import swu  # noqa: F401
from tests.firmware_checks.formats.test_swupdate_gpg import swu as packed_swu

Examine = Callable[..., Any]
Tool = Callable[..., Any]


def test_a_bundle_with_some_other_message_of_its_maker(
    bundle: Any,  # noqa: F811
    pair: Any,
    tool: Tool,
    tmp_path: Path,
    examined: Examine,
) -> None:
    """Anything that the maker ever signed with its text inside, behind a payload of one's own."""
    mine = pair()
    image = bundle("plain", mine)
    (tmp_path / "mail.txt").write_bytes(b"[update]\ncompatible=Board One\n")
    common = ["-outform", "DER", "-nosmimecap", "-binary", "-nodetach"]
    keys = ["-signer", str(mine.cert), "-inkey", str(mine.key)]
    tool("openssl", "cms", "-sign", "-in", "mail.txt", "-out", "mail.cms", *keys, *common)
    message = (tmp_path / "mail.cms").read_bytes()
    forged = image[: payload_size(image)] + message + len(message).to_bytes(8)
    found = examined(forged, mine.certificate).protection()
    assert (found.signing, found.binds_payload) == (Signing.NOT_VERIFIED, False)
    assert "no hash of the payload" in found.detail
    assert examined(image, mine.certificate).protection().binds_payload is True


def tarred(image: bytes, *more: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(image)) as old, tarfile.open(fileobj=out, mode="w") as new:
        for info in old:
            new.addfile(info, old.extractfile(info))
            for name, data in more if info.name == "manifest.sig" else ():
                added = tarfile.TarInfo(name)
                added.size = len(data)
                new.addfile(added, io.BytesIO(data))
    return out.getvalue()


def test_an_artifact_with_files_that_only_the_unsigned_manifest_lists(
    artifact: Any,  # noqa: F811
    pair: Any,
    examined: Examine,
) -> None:
    mine = pair()
    image = artifact("-k", str(mine.key))
    line = f"{hashlib.sha256(b'evil').hexdigest()}  data/0000/evil.sh\n".encode()
    found = examined(tarred(image, ("manifest-augment", line)), mine.public).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, False)
    assert "data/0000/evil.sh" in found.detail
    twice = examined(tarred(image, ("manifest", line)), mine.public).protection()
    assert twice.signing is Signing.UNREADABLE
    assert "manifest is there more than once" in twice.detail


def test_a_package_with_two_members_of_one_name(examined: Examine) -> None:
    good = nordic.BODY
    image = io.BytesIO()
    with zipfile.ZipFile(image, "w") as archive:
        archive.writestr(
            "manifest.json",
            '{"manifest": {"application": {"bin_file": "a.bin", "dat_file": "a.dat"}}}',
        )
        archive.writestr("a.dat", nordic.packet())
        archive.writestr("a.bin", b"evil" + good)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.bin", good)
    for keys in ((), (nordic.pem(nordic.KEY),)):
        found = examined(image.getvalue(), *keys).protection()
        assert found.signing is Signing.UNREADABLE
        assert "a.bin is there more than once" in found.detail


def test_two_nodes_that_answer_to_one_name(tool: Tool, tmp_path: Path, examined: Examine) -> None:
    names = ("kernel@1", "kernel")
    nodes = "".join(f'{name} {{ data = "{name}"; type = "kernel"; }};' for name in names)
    text = f'/dts-v1/; / {{ images {{ {nodes} }}; configurations {{ c {{ kernel = "kernel"; }}; }}; }};'
    (tmp_path / "twins.dts").write_text(text)
    tool("dtc", "-f", "-q", "-I", "dts", "-O", "dtb", "-o", "twins.itb", "twins.dts")
    found = examined((tmp_path / "twins.itb").read_bytes())
    assert found.protection().signing is Signing.UNREADABLE
    assert "may hide the other" in found.survey.unread[0]


def test_two_nodes_of_one_name_in_the_bytes(fit: Any, examined: Examine) -> None:  # noqa: F811
    image = fit()
    assert examined(image).protection().signing is Signing.UNSIGNED
    twins = image.replace(b"kernel-1\0\0\0\0\0\0\0\3", b"fdt-1\0\0\0\0\0\0\4\0\0\0\3")
    assert twins != image
    found = examined(twins).protection()
    assert found.signing is Signing.UNREADABLE
    assert "two nodes answer to /images fdt-1" in found.detail


def tree(name: bytes, body: bytes, size: int, root: bytes, algorithm: bytes = b"sha256") -> bytes:
    head = struct.pack(
        ">IQQQIIIQQ32sIIII60x",
        *(1, size, len(body), 0, 4096, 4096, 0, 0, 0),
        *(algorithm, len(name), len(avb.SALT), len(root), 0),
    )
    return avb.descriptor(1, head + name + avb.SALT + root)


@pytest.mark.parametrize("size", [100, 4096, 4097, 40_960, 1_000_000])
def test_the_tree_is_that_of_a_second_reader(size: int) -> None:
    """RAUC's reader was held against rauc itself."""
    data = os.urandom(size)
    if size > 4096:
        assert tree_root(View(data), "sha256", avb.SALT, 4096) == verity_root(View(data), avb.SALT)
    assert len(tree_root(View(data), "sha1", avb.SALT, 1024)) == 20


def test_a_partition_with_a_hash_tree(
    pair: Any, examined: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, body = pair(), os.urandom(20_480)
    root = tree_root(View(body), "sha256", avb.SALT, 4096)
    monkeypatch.setattr(avb, "hashed", lambda name, data: tree(name, data, len(data), root))
    image = avb.footed(avb.vbmeta(mine, body=body), body)
    found = examined(image, mine.public).protection()
    assert (found.signing, found.integrity) == (Signing.VERIFIED, "digest holds")
    assert found.binds_payload
    changed = b"evil" + image[4:]
    for keys in ((), (mine.public,)):
        assert examined(changed, *keys).protection().signing is Signing.TAMPERED


def test_a_digest_over_less_than_the_partition(
    pair: Any, examined: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, body = pair(), avb.BODY + b"not covered" * 100
    original = avb.hashed
    monkeypatch.setattr(avb, "hashed", lambda name, data: original(name, avb.BODY))
    found = examined(avb.footed(avb.vbmeta(mine, body=body), body), mine.public).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, False)
    assert f"covers {len(avb.BODY)} of {len(body)} bytes" in found.detail


def test_a_date_that_is_none(tool: Tool, tmp_path: Path, examined: Examine) -> None:
    stamp = "timestamp = <0x7fffffff 0xffffffff>;"
    text = f'/dts-v1/; / {{ {stamp} images {{ k {{ data = "kernel"; }}; }}; }};'
    (tmp_path / "far.dts").write_text(text)
    tool("dtc", "-q", "-I", "dts", "-O", "dtb", "-o", "far.itb", "far.dts")
    found = examined((tmp_path / "far.itb").read_bytes())
    assert found.protection().signing is Signing.UNSIGNED
    assert found.all(ImageLayer)[0].built == ""


def test_two_signers_of_which_one_is_wrong(
    swu: Any,  # noqa: F811
    pair: Any,
    tool: Tool,
    tmp_path: Path,
    examined: Examine,
) -> None:
    """OpenSSL refuses the message: so is it told, though the other signer's key was given."""
    one, two = pair("one"), pair("two")
    swu(one, "cms")
    common = ["-outform", "DER", "-nosmimecap", "-binary", "-in", "sw-description"]
    keys = [x for p in (one, two) for x in ("-signer", str(p.cert), "-inkey", str(p.key))]
    tool("openssl", "cms", "-sign", *common, *keys, "-out", "both.sig")
    message = (tmp_path / "both.sig").read_bytes()
    text = (tmp_path / "sw-description").read_bytes()
    good = packed_swu(message, text, swupdate.BODY, name="rootfs.ext4")
    found = examined(good, one.certificate).protection()
    assert found.signing is Signing.VERIFIED
    assert "2 signers" in found.detail
    wrong = message[:-1] + bytes([message[-1] ^ 1])
    image = packed_swu(wrong, text, swupdate.BODY, name="rootfs.ext4")
    for given in ((one.certificate,), (two.certificate,), ()):
        assert examined(image, *given).protection().signing is Signing.TAMPERED
