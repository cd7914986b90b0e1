"""What a client of TUF would refuse: roots nobody vouches for, other targets, delegations; by python-tuf."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from securesystemslib.signer import CryptoSigner, Signature, SSlibKey
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, MetaFile, TargetFile, Targets

from probe.model.firmware import Signing
from tests.firmware_checks.formats.test_tuf import Repository, zipped

Examine = Callable[..., Any]


def packed(files: dict[str, bytes], *more: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in (*files.items(), *more):
            archive.writestr(name, data)
    return out.getvalue()


def folder(name: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{name}/{file}": data for file, data in files.items()}


class Delegating(Repository):
    """Targets hand ``vendor/*`` to a role of another key."""

    def __init__(self) -> None:
        super().__init__()
        self.vendor = CryptoSigner.generate_ed25519()
        top = self.roles["targets"].signed
        role = DelegatedRole("vendor", [], 1, False, paths=["vendor/*"])
        top.delegations = Delegations({}, {"vendor": role})
        top.add_key(self.vendor.public_key, "vendor")
        self.roles["targets"].sign(self.signers["targets"][0])
        below = Targets(expires=top.expires, version=2)
        below.targets["vendor/drv.bin"] = TargetFile.from_data("vendor/drv.bin", b"driver")
        self.below = Metadata(below)
        self.below.sign(self.vendor)
        self.roles["snapshot"].signed.meta["vendor.json"] = MetaFile(version=2)
        self.roles["snapshot"].sign(self.signers["snapshot"][0])

    def files(self) -> dict[str, bytes]:
        return super().files() | {"vendor.json": self.below.to_bytes()}


def test_a_root_that_lists_a_key_without_its_signature_is_not_verified(examined: Examine) -> None:
    """Anybody can write the maker's public key into a root of their own."""
    maker, thief = Repository(), Repository(root_keys=1, threshold=1)
    root = thief.roles["root"]
    root.signed.add_key(maker.signers["root"][0].public_key, "root")
    root.sign(thief.signers["root"][0])
    found = examined(zipped(thief.files()), maker.key("root")).protection()
    assert found.signing is Signing.NOT_VERIFIED
    assert "did not sign it" in found.detail


def test_a_newer_root_is_trusted_through_the_older_one(examined: Examine) -> None:
    old, new = Repository(), Repository()
    files = folder("metadata", new.files())
    old.roles["root"].signed.version = 2
    for signer in old.signers["root"]:
        old.roles["root"].sign(signer, append=signer is not old.signers["root"][0])
    files["metadata/2.root.json"] = old.roles["root"].to_bytes()
    assert examined(packed(files), old.key("root")).protection().signing is Signing.NOT_VERIFIED
    for signer in old.signers["root"]:
        new.roles["root"].sign(signer, append=True)
    files["metadata/root.json"] = new.roles["root"].to_bytes()
    assert examined(packed(files), old.key("root")).protection().signing is Signing.VERIFIED


@pytest.mark.parametrize("name", ["targets/app.bin", "app.bin", "repo/targets/app.bin"])
def test_the_bytes_of_a_target_are_compared(name: str, examined: Examine) -> None:
    mine = Repository()
    files = folder("metadata", mine.files())
    good = examined(packed(files, (name, b"app")), mine.key("root")).protection()
    assert (good.signing, good.binds_payload) == (Signing.VERIFIED, True)
    for keys in ((), (mine.key("root"),)):
        bad = examined(packed(files, (name, b"evil")), *keys).protection()
        assert bad.signing is Signing.TAMPERED
        assert "not what the metadata say" in bad.detail


def test_a_file_that_nobody_describes_and_one_that_is_there_twice(examined: Examine) -> None:
    mine = Repository()
    files = folder("metadata", mine.files())
    loose = examined(packed(files, ("targets/more.bin", b"x")), mine.key("root")).protection()
    assert (loose.signing, loose.binds_payload) == (Signing.VERIFIED, False)
    assert "no role describes targets/more.bin" in loose.detail
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = packed(files, ("targets/app.bin", b"app"), ("targets/app.bin", b"app"))
    assert examined(twice, mine.key("root")).protection().signing is Signing.UNREADABLE
    other = Repository()
    other.roles["targets"].signed.targets["more.bin"] = TargetFile.from_data("more.bin", b"x")
    files["metadata/5.targets.json"] = other.files()["targets.json"]
    assert examined(packed(files), mine.key("root")).protection().signing is Signing.UNREADABLE


def test_delegations_are_followed(examined: Examine) -> None:
    mine = Delegating()
    key, files = mine.key("root"), folder("metadata", mine.files())
    target = ("targets/vendor/drv.bin", b"driver")
    good = examined(packed(files, target), key).protection()
    assert (good.signing, good.binds_payload) == (Signing.VERIFIED, True)
    wrong = examined(packed(files, (target[0], b"other")), key).protection()
    assert wrong.signing is Signing.TAMPERED
    without = {n: d for n, d in files.items() if "vendor" not in n}
    absent = examined(packed(without, target), key).protection()
    assert (absent.signing, absent.binds_payload) == (Signing.VERIFIED, False)
    assert "delegated role vendor is not there" in absent.detail
    thief = Metadata(mine.below.signed)
    thief.sign(CryptoSigner.generate_ed25519())
    forged = files | {"metadata/vendor.json": thief.to_bytes()}
    assert examined(packed(forged, target), key).protection().signing is Signing.TAMPERED


def test_old_targets_under_a_new_snapshot_are_refused(examined: Examine) -> None:
    mine = Repository()
    mine.roles["targets"].signed.version = 4
    mine.roles["targets"].sign(mine.signers["targets"][0])
    found = examined(zipped(mine.files()), mine.key("root")).protection()
    assert found.signing is Signing.TAMPERED
    assert "snapshot speaks of targets 5, which is 4" in found.detail


def test_both_repositories_of_uptane_must_agree(examined: Examine) -> None:
    director, image = Repository(), Repository()
    both = folder("director/metadata", director.files()) | folder("image/metadata", image.files())
    target = ("image/targets/app.bin", b"app")
    keys = director.key("root"), image.key("root")
    found = examined(packed(both, target), *keys).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, True)
    assert "2 repositories" in found.detail
    assert examined(packed(both, target), keys[0]).protection().signing is Signing.NOT_VERIFIED
    other = director.roles["targets"]
    other.signed.targets["app.bin"] = TargetFile.from_data("app.bin", b"evil")
    other.sign(director.signers["targets"][0])
    both |= folder("director/metadata", director.files())
    found = examined(packed(both, target), *keys).protection()
    assert found.signing is Signing.TAMPERED
    assert "do not agree" in found.detail


def test_a_member_without_a_name(examined: Examine) -> None:
    mine = Repository()
    out = io.BytesIO(packed(folder("metadata", mine.files())))
    nameless = zipfile.ZipInfo("x")
    nameless.filename = ""
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(nameless, b"nameless")
    found = examined(out.getvalue(), mine.key("root")).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, False)


@pytest.mark.parametrize("kind", ["ecdsa-sha2-nistp384", "rsa-pkcs1v15-sha512"])
def test_schemes_with_other_hashes(kind: str, examined: Examine) -> None:
    """The scheme of a key says the hash of its signatures; another hash is no tampering."""
    mine = Repository()
    private: Any = ec.generate_private_key(ec.SECP384R1())
    if kind.startswith("rsa"):
        private = rsa.generate_private_key(65537, 2048)
    pem = private.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
    public = SSlibKey("mine", kind.split("-")[0], kind, {"public": pem.decode()})
    signer = CryptoSigner(private, public)
    targets, root = mine.roles["targets"], mine.roles["root"]
    root.signed.revoke_key(mine.signers["targets"][0].public_key.keyid, "targets")
    root.signed.add_key(public, "targets")
    targets.sign(signer)
    for number, one in enumerate(mine.signers["root"]):
        root.sign(one, append=number > 0)
    root.signed.verify_delegate("targets", targets.signed_bytes, targets.signatures)
    found = examined(zipped(mine.files()), mine.key("root")).protection()
    assert (found.signing, found.binds_payload) == (Signing.VERIFIED, True)


def test_keys_of_a_kind_that_is_not_known_are_no_tampering(examined: Examine) -> None:
    mine = Repository()
    root, targets = mine.roles["root"], mine.roles["targets"]
    mine_key = mine.signers["targets"][0].public_key
    root.signed.revoke_key(mine_key.keyid, "targets")
    strange = SSlibKey("strange", "sphincs", "sphincs-shake-128s", {"public": "00" * 32})
    root.signed.add_key(strange, "targets")
    targets.signatures = {"strange": Signature("strange", "00" * 100)}
    for number, one in enumerate(mine.signers["root"]):
        root.sign(one, append=number > 0)
    found = examined(zipped(mine.files()), mine.key("root")).protection()
    assert found.signing is Signing.NOT_VERIFIED
    assert "targets is signed by keys of a kind that is not read" in found.detail
    targets.signatures = {}
    found = examined(zipped(mine.files()), mine.key("root")).protection()
    assert found.signing is Signing.TAMPERED


def test_one_name_twice_in_an_object(examined: Examine) -> None:
    """A reader that takes the first of both installs another target than was signed."""
    mine = Repository()
    files = mine.files()
    evil = b'"targets": {"app.bin": {"length": 4, "hashes": {}}}, "targets":'
    changed = files["targets.json"].replace(b'"targets":', evil, 1)
    assert changed != files["targets.json"]
    found = examined(zipped({**files, "targets.json": changed}), mine.key("root")).protection()
    assert found.signing is Signing.UNREADABLE
    assert "targets is there more than once in a file of targets" in found.detail
    alone = examined(changed, mine.key("targets")).protection()
    assert alone.signing is Signing.UNREADABLE


def test_targets_that_stand_in_the_place_of_a_snapshot(examined: Examine) -> None:
    """Who may sign targets may sign no snapshot."""
    mine = Repository()
    top = mine.roles["targets"].signed
    top.unrecognized_fields["meta"] = {"targets.json": {"version": 5}}
    mine.roles["targets"].sign(mine.signers["targets"][0])
    files = mine.files()
    files["snapshot.json"] = files["targets.json"]
    found = examined(zipped(files), mine.key("root")).protection()
    assert found.signing is Signing.TAMPERED
    assert "snapshot has 0 good signatures" in found.detail
