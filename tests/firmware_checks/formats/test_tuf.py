"""Repositories that python-tuf, the reference implementation, makes and signs."""

import copy
import datetime
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as s
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from firmware_checks.formats.tuf_roles import canonical
from probe.model.firmware import ImageLayer, Signing

Examine = Callable[..., Any]
MAKERS = {
    "ed25519": CryptoSigner.generate_ed25519,
    "ecdsa": CryptoSigner.generate_ecdsa,
    "rsa": CryptoSigner.generate_rsa,
}
NAMES = ("root", "targets", "snapshot", "timestamp")


class Repository:
    """Metadata of the four roles, signed, with the target ``app.bin``."""

    def __init__(self, kind: str = "ed25519", root_keys: int = 2, threshold: int = 2) -> None:
        later = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(30)
        self.signers = {name: [MAKERS[kind]()] for name in NAMES}
        self.signers["root"] = [MAKERS[kind]() for _ in range(root_keys)]
        root = Root(expires=later, version=3)
        for name, signers in self.signers.items():
            for signer in signers:
                root.add_key(signer.public_key, name)
        root.roles["root"].threshold = threshold
        targets = Targets(expires=later, version=5)
        targets.targets["app.bin"] = TargetFile.from_data("app.bin", b"app", ["sha256"])
        snapshot = Snapshot(expires=later, version=7, meta={"targets.json": MetaFile(version=5)})
        timestamp = Timestamp(expires=later, version=9, snapshot_meta=MetaFile(version=7))
        self.roles = {"root": Metadata(root), "targets": Metadata(targets)}
        self.roles |= {"snapshot": Metadata(snapshot), "timestamp": Metadata(timestamp)}
        for name, role in self.roles.items():
            for signer in self.signers[name]:
                role.sign(signer, append=True)

    def files(self) -> dict[str, bytes]:
        return {f"{name}.json": role.to_bytes() for name, role in self.roles.items()}

    def key(self, name: str) -> bytes:
        public = self.signers[name][0]._private_key.public_key()
        form = s.PublicFormat.SubjectPublicKeyInfo
        return bytes(public.public_bytes(s.Encoding.PEM, form))


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(f"metadata/{name}", data)
        archive.writestr("targets/app.bin", b"app")
    return out.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(f"metadata/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("kind", sorted(MAKERS))
@pytest.mark.parametrize("packed", [zipped, tarred])
def test_a_repository_with_and_without_its_root_key(
    kind: str, packed: Callable[..., bytes], examined: Examine
) -> None:
    mine, other = Repository(kind), Repository(kind)
    image = packed(mine.files())
    found = examined(image)
    assert found.all(ImageLayer)[0].format == "TUF repository"
    assert found.protection().signing is Signing.NOT_VERIFIED
    assert found.protection().rollback_value == 9
    assert examined(image, mine.key("root")).protection().signing is Signing.VERIFIED
    assert examined(image, other.key("root")).protection().signing is Signing.NOT_VERIFIED


def test_metadata_changed_after_it_was_signed(examined: Examine) -> None:
    mine = Repository()
    for name in NAMES:
        files = mine.files()
        value = json.loads(files[f"{name}.json"])
        value["signed"]["expires"] = "2099-01-01T00:00:00Z"
        files[f"{name}.json"] = json.dumps(value).encode()
        found = examined(zipped(files), mine.key("root")).protection()
        assert found.signing is Signing.TAMPERED, name
        assert found.detail.startswith(name)


def test_fewer_signatures_than_the_threshold(examined: Examine) -> None:
    mine = Repository()
    files = mine.files()
    value = json.loads(files["root.json"])
    twice = [value["signatures"][0], copy.deepcopy(value["signatures"][0])]
    for kept in (value["signatures"][:1], twice):
        files["root.json"] = json.dumps({**value, "signatures": kept}).encode()
        assert examined(zipped(files)).protection().signing is Signing.TAMPERED


def test_an_old_snapshot_under_a_new_timestamp(examined: Examine) -> None:
    old, files = Repository(), {}
    files = old.files()
    old.roles["snapshot"].signed.version = 6
    old.roles["snapshot"].sign(old.signers["snapshot"][0])
    files["snapshot.json"] = old.roles["snapshot"].to_bytes()
    assert "speaks of snapshot 7, which is 6" in examined(zipped(files)).protection().detail


def test_one_key_alone_and_a_weak_key(examined: Examine) -> None:
    single = Repository(root_keys=1, threshold=1)
    assert "one key alone" in examined(zipped(single.files())).protection().detail
    assert "one key alone" not in examined(zipped(Repository().files())).protection().detail


def test_single_files(examined: Examine) -> None:
    mine = Repository("rsa")
    for name, data in mine.files().items():
        role = name.removesuffix(".json")
        found = examined(data)
        assert found.formats()["0"] == "TUF metadata"
        assert found.protection().signing is Signing.NOT_VERIFIED
        assert examined(data, mine.key(role)).protection().signing is Signing.VERIFIED
        value = json.loads(data)
        bare = json.dumps({**value, "signatures": []}).encode()
        assert examined(bare).protection().signing is Signing.UNSIGNED
    other = b'{"signed": 1, "_type": "root", "more": "' + b"x" * 100 + b'"}'
    assert "TUF metadata" not in examined(other).formats().values()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_the_canonical_form_is_the_reference_one(value: Any) -> None:
    from securesystemslib.formats import encode_canonical

    assert canonical(value) == encode_canonical(value)
