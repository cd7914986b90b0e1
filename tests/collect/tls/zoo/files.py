"""Certificates of the zoo, made afresh: a leaf with RSA 2048 and one with P-256, each below its own root."""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from probe.demo.devices.certs import Key, certificate, pem

NAME = "device.local"


@dataclass(frozen=True, slots=True)
class Files:
    """The folder with ``rsa.pem``, ``ec.pem`` (chain with root), their keys and their roots."""

    folder: Path

    def chain(self, kind: str) -> Path:
        return self.folder / f"{kind}.pem"

    def key(self, kind: str) -> Path:
        return self.folder / f"{kind}-key.pem"

    def root(self, kind: str) -> Path:
        return self.folder / f"{kind}-root.pem"


def make_files(folder: Path) -> Files:
    files = Files(folder)
    keys: dict[str, Key] = {
        "rsa": rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "ec": ec.generate_private_key(ec.SECP256R1()),
    }
    for kind, key in keys.items():
        root_key = ec.generate_private_key(ec.SECP256R1())
        root = certificate(f"{kind} root", root_key, ca=True)
        leaf = certificate(NAME, key, issuer=(f"{kind} root", root_key))
        both = pem(key, leaf, root)
        end = both.index(b"-----BEGIN CERTIFICATE")
        files.key(kind).write_bytes(both[:end])
        files.chain(kind).write_bytes(both[end:])
        files.root(kind).write_bytes(
            pem(root_key, root).partition(b"-----END PRIVATE KEY-----\n")[2]
        )
    (folder / "psk.txt").write_text("probe:00112233445566778899aabbccddeeff\n")
    return files
