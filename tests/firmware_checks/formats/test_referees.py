"""The makers' own verifiers as referees: after any edit, what is told as verified is what they take as well, and
what they take is never told as tampered."""

import contextlib
import io
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tuf.api.metadata import Metadata

from firmware_checks.budget import Budget
from firmware_checks.formats import esp_image, mcuboot, rauc, swupdate, tuf
from firmware_checks.keys import read_key
from firmware_checks.reading import Context, Format, Keys
from firmware_checks.view import Malformed, View
from probe.model.firmware import Signing
from tests.firmware_checks.formats import esp_samples
from tests.firmware_checks.formats import test_swupdate_gpg as packed
from tests.firmware_checks.formats.test_mcuboot import key, make  # noqa: F401
from tests.firmware_checks.formats.test_rauc import bundle  # noqa: F401
from tests.firmware_checks.formats.test_tuf import Repository

Tool = Callable[..., Any]
EDITS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.one_of(st.floats(0, 1), st.floats(0.9, 1)),
        st.binary(min_size=1, max_size=16),
    ),
    min_size=1,
    max_size=3,
)
"""Kind, place as a fraction of the image, bytes."""
Edits = list[tuple[int, float, bytes]]
FORBIDDEN = (Signing.TAMPERED, Signing.STRIPPED)
slow = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
many = settings(max_examples=400, deadline=None, suppress_health_check=slow)
few = settings(max_examples=80, deadline=None, suppress_health_check=slow)


def edited(image: bytes, edits: Edits, start: int = 0) -> bytes:
    """The image with bits turned, bytes put in place, in between, doubled and left out, not before ``start``."""
    made = bytearray(image)
    for kind, place, data in edits:
        at = start + int(place * (len(made) - start - 1))
        if kind == 0:
            made[at] ^= 1 << data[0] % 8
        elif kind == 1:
            made[at] = data[0]
        elif kind == 2:
            made[at : at + len(data)] = data
        elif kind == 3:
            made[at:at] = data
        elif kind == 4:
            made[at:at] = made[at : at + len(data)]
        else:
            del made[at : at + len(data)]
    return bytes(made)


def told(one: Format, image: bytes, public: bytes) -> tuple[Signing | None, bytes]:
    """The verdict, and the bytes that it is about."""
    context = Context(Budget(), Keys(tuple(read_key("mine", public))))
    try:
        reading = one.read(View(image), context)
    except Malformed:
        return None, image
    if reading is None or reading.protection is None:
        return None, image
    return reading.protection.signing, image[: reading.size]


def compare(signing: Signing | None, *, taken: bool) -> None:
    assert taken or signing is not Signing.VERIFIED
    assert not taken or signing not in FORBIDDEN


@pytest.mark.parametrize("kind", ["ecdsa-p256", "rsa-2048", "ed25519"])
def test_imgtool(kind: str, make: Any, tool: Tool, tmp_path: Path) -> None:  # noqa: F811
    from imgtool import keys
    from imgtool.image import Image, VerifyResult

    public = key(tool, tmp_path, kind, "mine")
    image = make("-k", "mine.pem", "-s", "5", body=os.urandom(300))
    mine, file = keys.load(str(tmp_path / "mine.pem")), tmp_path / "edited.bin"

    def takes(data: bytes) -> bool:
        file.write_bytes(data)
        # It raises whatever comes to pass in what it reads.
        with contextlib.suppress(Exception):
            return bool(Image.verify(str(file), mine)[0] is VerifyResult.OK)
        return False

    @many
    @given(EDITS)
    def agree(edits: Edits) -> None:
        signing, about = told(mcuboot.FORMAT, edited(image, edits), public)
        compare(signing, taken=takes(about))

    assert told(mcuboot.FORMAT, image, public)[0] is Signing.VERIFIED
    assert takes(image)
    agree()


@pytest.mark.parametrize("scheme", ["rsa3072", "ecdsa256"])
def test_espsecure(scheme: str, tool: Tool, tmp_path: Path) -> None:
    import espsecure

    (tmp_path / "a.elf").write_bytes(esp_samples.elf("esp32c3"))
    tool("espsecure", "generate-signing-key", "--version", "2", "--scheme", scheme, "k.pem")
    tool("esptool", "--chip", "esp32c3", "elf2image", "--secure-pad-v2", "a.elf", "-o", "a.bin")
    sign = ["--version", "2", "--keyfile", "k.pem", "--output", "s.bin", "a.bin"]
    tool("espsecure", "sign-data", *sign)
    tool("openssl", "pkey", "-in", "k.pem", "-pubout", "-out", "p.pem")
    image, public = (tmp_path / "s.bin").read_bytes(), (tmp_path / "p.pem").read_bytes()

    def takes(data: bytes) -> bool:
        files = io.BytesIO(public), io.BytesIO(data)
        for number, file in enumerate(files):
            file.name = f"{number}.pem"
        with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
            espsecure.verify_signature_v2(False, None, *files)
            return True
        return False

    @few
    @given(EDITS)
    def agree(edits: Edits) -> None:
        # The block is not a sector long by far; behind it stands nothing that counts.
        changed = edited(image[: len(image) - 2800], edits)
        signing, about = told(esp_image.FORMAT, changed, public)
        compare(signing, taken=takes(about.ljust(-(-len(about) // 4096) * 4096, b"\xff")))

    assert takes(image)
    agree()


def test_python_tuf() -> None:
    mine = Repository("ecdsa")
    image = mine.files()["root.json"]

    def takes(data: bytes) -> bool:
        with contextlib.suppress(Exception):
            root = Metadata.from_bytes(data)
            root.verify_delegate("root", root)
            return True
        return False

    @many
    @given(EDITS)
    def agree(edits: Edits) -> None:
        data = edited(image, edits)
        compare(told(tuf.FORMAT, data, mine.key("root"))[0], taken=takes(data))

    assert takes(image)
    agree()


@pytest.mark.parametrize("how", [[], ["-noattr"], ["-keyopt", "rsa_padding_mode:pss"]])
def test_openssl(how: list[str], pair: Any, tool: Tool, tmp_path: Path) -> None:
    """The signature of an update of SWUpdate, by a certificate of an authority."""
    root = pair("root")
    mine = pair("mine", issuer=root)
    (tmp_path / "text").write_bytes(packed.TEXT)
    keys = ["-signer", str(mine.cert), "-inkey", str(mine.key), "-out", "text.sig"]
    common = ["-inform", "DER", "-binary", "-content", "text", "-CAfile", str(root.cert)]
    tool("openssl", "cms", "-sign", "-in", "text", "-outform", "DER", "-binary", *keys, *how)
    signature = (tmp_path / "text.sig").read_bytes()

    def takes(data: bytes) -> bool:
        (tmp_path / "edited.sig").write_bytes(data)
        command = ["openssl", "cms", "-verify", *common, "-in", "edited.sig", "-out", "out"]
        return not subprocess.run(command, cwd=tmp_path, capture_output=True).returncode

    @few
    @given(EDITS)
    def agree(edits: Edits) -> None:
        data = edited(signature, edits)
        signing, _ = told(swupdate.FORMAT, packed.swu(data), root.certificate)
        # It reads strictly what is beside the signer too (lists of algorithms): then it takes less, never more.
        if takes(data):
            assert signing not in FORBIDDEN
        elif signing is Signing.VERIFIED:
            assert made_by(data, mine)

    def made_by(data: bytes, holder: Any) -> bool:
        """The text, the signer's attributes and the signature are all as they were."""
        from firmware_checks import cms

        first, now = (cms.read(one).signers[0] for one in (signature, data))
        same = (first.signature, first.covered, first.hash_name)
        return same == (now.signature, now.covered, now.hash_name)

    assert takes(signature)
    agree()


@pytest.mark.parametrize("form", ["plain", "verity"])
def test_rauc(form: str, bundle: Any, pair: Any, tmp_path: Path) -> None:  # noqa: F811
    root = pair("root")
    image = bundle(form, pair("mine", issuer=root))
    # What it tells of a bundle is about the message alone, so the payload stays as it is.
    start = len(image) - 8 - int.from_bytes(image[-8:]) + 1

    def takes(data: bytes) -> bool:
        (tmp_path / "edited.raucb").write_bytes(data)
        command = ["rauc", "--keyring", str(root.cert), "info", "edited.raucb"]
        return not subprocess.run(command, cwd=tmp_path, capture_output=True).returncode

    @few
    @given(EDITS)
    def agree(edits: Edits) -> None:
        data = edited(image, edits, start)
        signing, _ = told(rauc.FORMAT, data, root.certificate)
        if takes(data):
            assert signing is Signing.VERIFIED

    assert takes(image)
    agree()
