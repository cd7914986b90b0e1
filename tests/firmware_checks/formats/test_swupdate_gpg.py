"""SWUpdate images that GnuPG signs, as SWUpdate's documentation says to do it; keys made anew in each run."""

import hashlib
import io
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_checks import openpgp
from firmware_checks.keys import NotAKey, read_key
from firmware_checks.view import Malformed
from probe.model.firmware import Signing

Examine = Callable[..., Any]
BODY = os.urandom(5000)
TEXT = f"""software = {{ version = "2.0"; images: (
 {{ filename = "rootfs"; sha256 = "{hashlib.sha256(BODY).hexdigest()}"; }} ); }}
""".encode()
KINDS = {
    "rsa2048": ("OpenPGP RSA-2048 SHA-512", 2048),
    "rsa1024": ("OpenPGP RSA-1024", 1024),
    "ed25519": ("OpenPGP Ed25519", 256),
    "nistp256": ("OpenPGP EC-256", 256),
    "nistp384": ("OpenPGP EC-384", 384),
}


class Gpg:
    """A home folder of GnuPG with a short name, for its sockets."""

    def __init__(self, home: str) -> None:
        self.home = home

    def run(self, *argv: str, data: bytes = b"") -> bytes:
        common = ["gpg", "--homedir", self.home, "--batch", "--quiet", "--passphrase", ""]
        common += ["--pinentry-mode", "loopback", "--allow-weak-key-signatures"]
        return subprocess.run(
            [*common, *argv], input=data, capture_output=True, check=True, timeout=60
        ).stdout

    def make(self, name: str, kind: str) -> bytes:
        self.run("--quick-generate-key", name, kind, "sign", "never")
        return self.run("--armor", "--export", name)

    def sign(self, name: str, *more: str) -> bytes:
        return self.run("--local-user", name, *more, "--output", "-", "--detach-sign", data=TEXT)


@pytest.fixture(scope="module")
def gpg() -> Iterator[Gpg]:
    home = tempfile.mkdtemp(prefix="gpg")
    Path(home).chmod(0o700)
    yield Gpg(home)
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=True, timeout=60)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def publics(gpg: Gpg) -> dict[str, bytes]:
    return {kind: gpg.make(kind, kind) for kind in KINDS} | {"other": gpg.make("other", "ed25519")}


def swu(
    signature: bytes,
    text: bytes = TEXT,
    body: bytes = BODY,
    extra: bytes = b"",
    name: str = "rootfs",
) -> bytes:
    """A cpio of the new form with checksums left out: members in the order that SWUpdate wants."""
    out = io.BytesIO()
    members = [("sw-description", text), ("sw-description.sig", signature), (name, body)]
    members += [(name, extra)] if extra else []
    for member, data in [*members, ("TRAILER!!!", b"")]:
        fields = [0, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(member) + 1, 0]
        out.write(b"070701" + b"".join(b"%08X" % f for f in fields) + member.encode() + b"\0")
        out.write(bytes(-out.tell() % 4) + data)
        out.write(bytes(-out.tell() % 4))
    return out.getvalue()


@pytest.mark.parametrize("armoured", [True, False])
@pytest.mark.parametrize("kind", list(KINDS))
def test_signed_with_and_without_the_key(
    kind: str, armoured: bool, gpg: Gpg, publics: dict[str, bytes], examined: Examine
) -> None:
    scheme, bits = KINDS[kind]
    image = swu(gpg.sign(kind, *(["--armor"] if armoured else [])))
    alone = examined(image).protection()
    assert alone.signing is Signing.NOT_VERIFIED
    assert alone.key_id
    assert alone.key_id in alone.detail
    assert examined(image, publics["other"]).protection().signing is Signing.NOT_VERIFIED
    found = examined(image, publics["other"], publics[kind]).protection()
    assert (found.signing, found.key_bits) == (Signing.VERIFIED, bits)
    assert found.scheme.startswith(scheme)
    assert found.binds_payload
    assert bool(found.weak) == (kind == "rsa1024")


@pytest.mark.parametrize("kind", list(KINDS))
def test_changed_after_it_was_signed(
    kind: str, gpg: Gpg, publics: dict[str, bytes], examined: Examine
) -> None:
    signature = gpg.sign(kind)
    text = examined(swu(signature, TEXT.replace(b"2.0", b"2.1")), publics[kind]).protection()
    # With elliptic curves nobody can tell a wrong key from a changed text.
    told = Signing.TAMPERED if kind.startswith("rsa") else Signing.NOT_VERIFIED
    assert text.signing is told
    for keys in ((), (publics[kind],)):
        body = examined(swu(signature, body=b"evil" + BODY[4:]), *keys).protection()
        assert body.signing is Signing.TAMPERED


def test_sha1_is_weak_and_two_signatures_are_counted(
    gpg: Gpg, publics: dict[str, bytes], examined: Examine
) -> None:
    old = gpg.sign("rsa2048", "--digest-algo", "SHA1", "--allow-weak-digest-algos")
    found = examined(swu(old), publics["rsa2048"]).protection()
    assert (found.signing, found.weak[:5]) == (Signing.VERIFIED, "SHA-1")
    both = gpg.sign("other") + gpg.sign("rsa2048")
    found = examined(swu(both), publics["rsa2048"]).protection()
    assert found.signing is Signing.VERIFIED
    assert "2 signatures" in found.detail


def test_two_members_of_one_name(gpg: Gpg, publics: dict[str, bytes], examined: Examine) -> None:
    image = swu(gpg.sign("ed25519"), extra=BODY)
    found = examined(image, publics["ed25519"]).protection()
    assert found.signing is Signing.UNREADABLE
    assert "more than once" in found.detail


def test_private_keys_are_not_taken(gpg: Gpg, publics: dict[str, bytes]) -> None:
    assert publics
    secret = gpg.run("--armor", "--export-secret-keys", "ed25519")
    with pytest.raises(NotAKey, match="private"):
        read_key("k", secret)


def test_nothing_but_malformed_is_raised(gpg: Gpg, publics: dict[str, bytes]) -> None:
    samples = [gpg.sign(kind) for kind in KINDS] + [gpg.sign("ed25519", "--armor")]
    keys = [gpg.run("--export", kind) for kind in KINDS]
    assert publics

    @settings(max_examples=300, deadline=1000)
    @given(st.data())
    def mutated(data: st.DataObject) -> None:
        changed = bytearray(data.draw(st.sampled_from(samples + keys)))
        where = st.tuples(st.integers(0, len(changed) - 1), st.integers(0, 255))
        for at, value in data.draw(st.lists(where, max_size=5)):
            changed[at] = value
        try:
            for one in openpgp.signatures(bytes(changed)):
                one.digest(memoryview(TEXT))
        except Malformed:
            pass
        openpgp.keys("k", bytes(changed))

    mutated()
