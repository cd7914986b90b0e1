"""Certificates and TLS contexts, good and bad, made when a device starts: no key lies in the source."""

import datetime
import ipaddress
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def certificate(
    subject: str,
    key: Key,
    *,
    issuer: tuple[str, Key] | None = None,
    address: str = "",
    ca: bool = False,
    begins: datetime.datetime | None = None,
    days: int = 365,
) -> x509.Certificate:
    """A certificate for ``key``; self-signed without ``issuer``, SHA-256 always."""
    start = begins or datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    issuer_name, signer = issuer or (subject, key)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer_name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca:
        names: list[x509.GeneralName] = [x509.DNSName(subject)]
        if address:
            names.append(x509.IPAddress(ipaddress.ip_address(address)))
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signer, hashes.SHA256())


def pem(key: Key, *chain: x509.Certificate) -> bytes:
    """Private key and certificates in one text, as servers read it."""
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + b"".join(c.public_bytes(encoding) for c in chain)


def weak_pem(subject: str) -> bytes:
    """RSA of 1024 bits, self-signed, ten years valid, expired since 2022."""
    key = rsa.generate_private_key(65_537, 1024)  # noqa: S505 - weak on purpose
    begins = datetime.datetime(2012, 1, 1, tzinfo=datetime.UTC)
    return pem(key, certificate(subject, key, begins=begins, days=3652))


def good_pem(subject: str, address: str = "") -> bytes:
    """P-256 under a private root, one year; the chain includes the root, as the device's app knows it."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name = f"{subject} root"
    root = certificate(root_name, root_key, ca=True, days=3652)
    leaf = certificate(subject, key, issuer=(root_name, root_key), address=address)
    return pem(key, leaf, root)


def context(material: bytes, *, legacy: bool) -> ssl.SSLContext:
    """A server context: TLS 1.2 and 1.3 only, or with ``legacy`` everything from TLS 1.0 on."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if legacy:
        made.set_ciphers("ALL:eNULL:@SECLEVEL=0")
        made.minimum_version = ssl.TLSVersion.TLSv1
    else:
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        made.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "server.pem"
        file.write_bytes(material)
        made.load_cert_chain(file)
    return made
