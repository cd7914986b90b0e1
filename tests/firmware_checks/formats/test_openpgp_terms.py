"""Keys and signatures of OpenPGP that do not hold any more: what GnuPG says of them is the measure."""

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from probe.model.firmware import Signing
from tests.firmware_checks.formats.test_swupdate_gpg import TEXT, Gpg, gpg, swu

Examine = Callable[..., Any]
YEAR = ("--faked-system-time", "20200101T000000")
__all__ = ["gpg"]


def says(gpg: Gpg, signature: bytes) -> str:
    """The word of GnuPG on a signature: GOODSIG, EXPSIG, EXPKEYSIG, REVKEYSIG … or ERRSIG."""
    from pathlib import Path

    where = Path(gpg.home, "signature")
    where.write_bytes(signature)
    common = ("gpg", "--homedir", gpg.home, "--batch", "--status-fd", "1", "--verify")
    done = subprocess.run(
        [*common, str(where), "-"], input=TEXT, capture_output=True, check=False, timeout=60
    )
    words = [line.split()[1] for line in done.stdout.decode().splitlines()]
    return next((w for w in words if w.endswith("SIG") and w not in ("NEWSIG", "VALIDSIG")), "")


@pytest.fixture(scope="module")
def revoked(gpg: Gpg) -> tuple[bytes, bytes]:
    """A signature, and its key with the revocation that GnuPG made along with it."""
    from pathlib import Path

    gpg.make("revoked", "ed25519")
    signature = gpg.sign("revoked")
    name = gpg.run("--with-colons", "--list-keys", "revoked").decode()
    finger = next(line for line in name.splitlines() if line.startswith("fpr")).split(":")[9]
    text = (
        Path(gpg.home, "openpgp-revocs.d", f"{finger}.rev").read_text().replace(":-----", "-----")
    )
    gpg.run("--import", data=text.encode())
    return signature, gpg.run("--export", "revoked")


def test_revoked(revoked: tuple[bytes, bytes], gpg: Gpg, examined: Examine) -> None:
    signature, key = revoked
    assert says(gpg, signature) == "REVKEYSIG"
    found = examined(swu(signature), key).protection()
    assert found.signing is Signing.NOT_VERIFIED
    assert "revoked" in found.detail


def test_a_subkey_that_is_revoked_or_not_for_signing(gpg: Gpg, examined: Examine) -> None:
    """Both kinds of subkeys beside a primary key that certifies only."""
    gpg.run("--quick-generate-key", "subkeys", "rsa2048", "cert", "never")
    colons = gpg.run("--with-colons", "--list-keys", "subkeys").decode().splitlines()
    finger = next(line for line in colons if line.startswith("fpr")).split(":")[9]
    gpg.run("--quick-add-key", finger, "rsa2048", "sign", "never")
    signature = gpg.sign("subkeys")
    before = gpg.run("--export", "subkeys")
    assert says(gpg, signature) == "GOODSIG"
    assert examined(swu(signature), before).protection().signing is Signing.VERIFIED
    commands = b"key 1\nrevkey\ny\n0\n\ny\nsave\n"
    gpg.run("--command-fd", "0", "--no-tty", "--edit-key", "subkeys", data=commands)
    after = gpg.run("--export", "subkeys")
    assert says(gpg, signature) == "REVKEYSIG"
    assert examined(swu(signature), after).protection().signing is Signing.NOT_VERIFIED
    # Told of both keys: with the one that certifies only, no document is signed.
    from firmware_checks import openpgp

    first, second = openpgp.keys("k", after)
    assert "not for signing" in first.refused
    assert "revoked" in second.refused


def test_expired(gpg: Gpg, examined: Examine) -> None:
    gpg.run(*YEAR, "--quick-generate-key", "expired", "ed25519", "sign", "1m")
    key = gpg.run("--export", "expired")
    within = gpg.sign("expired", "--faked-system-time", "20200115T000000")
    assert says(gpg, within) == "EXPKEYSIG"
    found = examined(swu(within), key).protection()
    assert found.signing is Signing.VERIFIED
    assert "its key expires on 2020-01-31" in found.detail


def test_a_signature_that_expires(gpg: Gpg, examined: Examine) -> None:
    gpg.run(*YEAR, "--quick-generate-key", "short", "ed25519", "sign", "never")
    key = gpg.run("--export", "short")
    signature = gpg.sign("short", *YEAR, "--default-sig-expire", "2d")
    assert says(gpg, signature) == "EXPSIG"
    found = examined(swu(signature), key).protection()
    assert found.signing is Signing.VERIFIED
    assert "the signature expires on 2020-01-03" in found.detail


def test_older_than_its_key(gpg: Gpg, examined: Examine) -> None:
    """The clock of the one who signs went wrong, or somebody sets an old date."""
    gpg.make("young", "ed25519")
    signature = gpg.sign("young", *YEAR, "--ignore-time-conflict")
    assert says(gpg, signature) == "ERRSIG"
    found = examined(swu(signature), gpg.run("--export", "young")).protection()
    assert found.signing is Signing.NOT_VERIFIED
    assert "before its key" in found.detail


def test_what_has_to_be_understood_and_is_not(gpg: Gpg, examined: Examine) -> None:
    gpg.make("critical", "ed25519")
    note = ("--sig-notation", "!only-for@example.org=tests")
    signature = gpg.sign("critical", *note)
    assert says(gpg, signature) in ("BADSIG", "ERRSIG", "")
    found = examined(swu(signature), gpg.run("--export", "critical")).protection()
    assert found.signing is Signing.NOT_VERIFIED


def test_one_that_fits_beside_one_that_does_not(gpg: Gpg, examined: Examine) -> None:
    gpg.make("twice", "ed25519")
    gpg.make("stranger", "ed25519")
    key, good, other = gpg.run("--export", "twice"), gpg.sign("twice"), gpg.sign("stranger")
    bad = good[:-1] + bytes([good[-1] ^ 1])
    for both in (good + bad, bad + good):
        assert says(gpg, both) != "GOODSIG" or both.startswith(good)
        assert examined(swu(both), key).protection().signing is Signing.NOT_VERIFIED
    # Of somebody whose key was not given: told, for verifiers differ.
    found = examined(swu(good + other), key).protection()
    assert found.signing is Signing.VERIFIED
    assert "some verifiers refuse" in found.detail
