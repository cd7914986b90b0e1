"""SWUpdate images: packed by cpio, signed by openssl, as SWUpdate's documentation says to do it."""

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_checks.formats.swupdate import parsed
from probe.model.firmware import ImageLayer, Rollback, Signing

Examine = Callable[..., Any]
TEXT = """software = {{
  version = "1.0.7"; description = "sample"; // a comment with "quotes"
  hardware-compatibility: [ "1.0", "1.2" ];
  images: (
    {{ filename = "rootfs.ext4"; device = "/dev/mmcblk0p2"; {bound} {more} properties: {{ a = "b"; }}; }}
  );
  {limit}
}}
"""
BODY = os.urandom(40_000)
BOUND = f'sha256 = "{hashlib.sha256(BODY).hexdigest()}";'


@pytest.fixture
def swu(tmp_path: Path, tool: Callable[..., Any]) -> Callable[..., bytes]:
    def make(
        holder: Any = None,
        how: str = "raw",
        bound: str = BOUND,
        limit: str = "",
        more: str = "",
        after: Callable[[bytes], bytes] = bytes,
        body: bytes = BODY,
    ) -> bytes:
        text = TEXT.format(bound=bound, limit=limit, more=more).encode()
        (tmp_path / "sw-description").write_bytes(text)
        (tmp_path / "rootfs.ext4").write_bytes(body)
        names = ["sw-description", "rootfs.ext4"]
        if holder is not None:
            key, cert = str(holder.key), str(holder.cert)
            padding = ["-sigopt", "rsa_padding_mode:pss"] if how == "pss" else []
            sign = ["dgst", "-sha256", *padding, "-sign", key, "-out", "sw-description.sig"]
            if how == "cms":
                common = ["-outform", "DER", "-nosmimecap", "-binary"]
                sign = ["cms", "-sign", "-in", "sw-description", "-out", "sw-description.sig"]
                sign += ["-signer", cert, "-inkey", key, *common]
            if how != "cms":
                sign.append("sw-description")
            tool("openssl", *sign)
            names.insert(1, "sw-description.sig")
        (tmp_path / "sw-description").write_bytes(after(text))
        packed = subprocess.run(
            ["cpio", "-o", "-H", "crc"],
            input="\n".join(names).encode(),
            cwd=tmp_path,
            capture_output=True,
            check=True,
        )
        return packed.stdout

    return make


@pytest.mark.parametrize("how", ["raw", "pss", "cms"])
def test_signed_with_and_without_the_key(how: str, swu: Any, pair: Any, examined: Examine) -> None:
    mine, other = pair(), pair("other")
    image = swu(mine, how)
    assert examined(image).protection().signing is Signing.NOT_VERIFIED
    assert examined(image, other.certificate).protection().signing is Signing.NOT_VERIFIED
    found = examined(image, mine.certificate)
    assert found.protection().signing is Signing.VERIFIED
    assert found.protection().binds_payload is True
    assert found.protection().rollback is Rollback.NONE
    layer = found.all(ImageLayer)[0]
    assert (layer.format, layer.version, layer.title) == ("SWUpdate image", "1.0.7", "sample")
    assert ("image rootfs.ext4", "bound by SHA-256") in layer.details


@pytest.mark.parametrize("how", ["raw", "pss", "cms"])
def test_a_description_changed_after_it_was_signed(
    how: str, swu: Any, pair: Any, examined: Examine
) -> None:
    mine = pair()
    image = swu(mine, how, after=lambda text: text.replace(b"1.0.7", b"1.0.8"))
    assert examined(image, mine.certificate).protection().signing is (
        Signing.NOT_VERIFIED if how == "pss" else Signing.TAMPERED
    )
    if how != "cms":
        assert examined(image).protection().signing is Signing.NOT_VERIFIED


def test_an_image_that_its_digest_does_not_fit(swu: Any, pair: Any, examined: Examine) -> None:
    mine = pair()
    found = examined(swu(mine, body=b"evil" + BODY[4:]), mine.certificate).protection()
    assert found.signing is Signing.TAMPERED
    assert "rootfs.ext4" in found.detail


def test_an_image_without_digest_is_not_bound_though_the_description_is_signed(
    swu: Any, pair: Any, examined: Examine
) -> None:
    mine = pair()
    found = examined(swu(mine, bound=""), mine.certificate).protection()
    assert found.signing is Signing.VERIFIED
    assert found.binds_payload is False
    assert "not bound by a SHA-256: rootfs.ext4" in found.detail


def test_without_signature_and_with_limits(swu: Any, pair: Any, examined: Examine) -> None:
    found = examined(swu(limit='no-downgrading = "1.0.0";')).protection()
    assert (found.signing, found.rollback) == (Signing.UNSIGNED, Rollback.UNSIGNED_COUNTER)
    found = examined(swu(pair(), limit='no-downgrading = "1.0.0";')).protection()
    assert found.rollback is Rollback.COUNTER


def test_an_encrypted_image_is_said_to_be_unread(swu: Any, pair: Any, examined: Examine) -> None:
    mine = pair()
    found = examined(swu(mine, more="encrypted = true;", body=os.urandom(40_000)), mine.certificate)
    assert found.protection().signing is Signing.VERIFIED
    assert found.protection().encrypted
    assert "encrypted" in found.survey.unread[0]


def test_cut_in_half(swu: Any, pair: Any, examined: Examine) -> None:
    image = swu(pair())
    assert examined(image[: len(image) // 2]).protection().signing is Signing.UNREADABLE


def test_a_weak_key(swu: Any, pair: Any, examined: Examine) -> None:
    assert "1024" in examined(swu(pair("small", "rsa-1024"))).protection().weak


def test_a_description_in_json() -> None:
    blocks = parsed('{"software": {"version": "2", "images": [{"filename": "a", "sha256": "00"}]}}')
    assert {"filename": "a", "sha256": "00"} in [b.settings for b in blocks]


@given(st.text(alphabet='{}()[]=:;,"\\/*#ab \n', max_size=300))
def test_a_description_is_never_a_trap(text: str) -> None:
    assert parsed(text)
