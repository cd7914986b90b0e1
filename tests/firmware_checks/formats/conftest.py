"""Keys made anew in each run, as files that the vendors' tools take."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID


@dataclass
class Pair:
    """A private key with its certificate; ``public`` and ``certificate`` are PEM."""

    private: Any
    key: Path
    cert: Path
    public: bytes
    certificate: bytes
    made: x509.Certificate


def build(folder: Path, name: str, kind: str = "rsa-2048", issuer: Pair | None = None) -> Pair:
    """A key of ``kind`` (``rsa-BITS`` or ``ec``) with a certificate by ``issuer``, or by itself."""
    private: Any = ec.generate_private_key(ec.SECP256R1())
    if kind.startswith("rsa-"):
        private = rsa.generate_private_key(65537, int(kind[4:]))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.made.subject if issuer else subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(issuer.private if issuer else private, hashes.SHA256())
    )
    key, cert = folder / f"{name}.key", folder / f"{name}.crt"
    form = s.PrivateFormat.TraditionalOpenSSL
    key.write_bytes(private.private_bytes(s.Encoding.PEM, form, s.NoEncryption()))
    certificate = made.public_bytes(s.Encoding.PEM)
    cert.write_bytes(certificate)
    public = private.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
    return Pair(private, key, cert, public, certificate, made)


@pytest.fixture
def pair(tmp_path: Path) -> Callable[..., Pair]:
    def make(name: str = "dev", kind: str = "rsa-2048", issuer: Pair | None = None) -> Pair:
        return build(tmp_path, name, kind, issuer)

    return make
