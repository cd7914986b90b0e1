"""Certificates as devices present them: whole, broken, strange and hostile."""

import datetime
import hashlib
import random
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.tls.certificates import read_chain

Make = Callable[..., Any]
NO_END = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)


def test_a_chain_in_order(make_certificate: Make) -> None:
    root = make_certificate("Root", ca=True)
    middle = make_certificate("Middle", issuer=root, ca=True)
    leaf = make_certificate("cam.local", issuer=middle)
    for presented in ([leaf, middle, root], [leaf, middle], [leaf], [root]):
        chain = read_chain([c.der for c in presented])
        assert (chain.problem, chain.complete) == ("", True)
        assert len(chain.certificates) == len(presented)
    first = read_chain([leaf.der]).certificates[0]
    assert first.subject == "CN=cam.local"
    assert first.names == ("cam.local",)
    assert (first.key_type, first.key_bits, first.signature_hash) == ("EC", 256, "sha256")
    assert first.sha256 == hashlib.sha256(leaf.der).hexdigest()
    assert not first.self_signed
    assert read_chain([root.der]).certificates[0].self_signed


def test_only_the_first_is_known(make_certificate: Make) -> None:
    assert read_chain([make_certificate().der], whole=False).complete is None


@pytest.mark.parametrize("order", [(0, 2, 1), (0, 2), (0, 1, 0)])
def test_order_and_gaps(make_certificate: Make, order: tuple[int, ...]) -> None:
    root = make_certificate("Root", ca=True)
    middle = make_certificate("Middle", issuer=root, ca=True)
    every = [make_certificate("cam.local", issuer=middle), middle, root]
    chain = read_chain([every[n].der for n in order])
    assert chain.complete is False
    assert "certificate" in chain.problem


def test_a_signature_by_somebody_else_of_the_same_name(make_certificate: Make) -> None:
    true, false = make_certificate("Root", ca=True), make_certificate("Root", ca=True)
    leaf = make_certificate(issuer=true)
    chain = read_chain([leaf.der, false.der])
    assert chain.complete is False
    assert "does not verify" in chain.problem


def test_a_certificate_that_only_names_itself_as_issuer(make_certificate: Make) -> None:
    other = make_certificate("cam.local")
    chain = read_chain([make_certificate("cam.local", issuer=other).der])
    assert chain.complete is False
    assert not chain.certificates[0].self_signed


def test_no_end_date(make_certificate: Make) -> None:
    (certificate,) = read_chain([make_certificate(not_after=NO_END).der]).certificates
    assert certificate.not_after is None
    assert certificate.not_before is not None


@pytest.mark.parametrize("bits", [1024, 2048])
def test_rsa_sizes(make_certificate: Make, bits: int) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    (certificate,) = read_chain([make_certificate(key=key).der]).certificates
    assert (certificate.key_type, certificate.key_bits) == ("RSA", bits)


def test_a_key_that_the_library_refuses_is_measured(make_certificate: Make) -> None:
    """512 bits: nobody makes such keys today, so one is put where a good one was."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    der = make_certificate(key=key).der
    modulus = key.public_key().public_numbers().n.to_bytes(128, "big")
    assert modulus in der
    short = random.Random(1).getrandbits(512) | 1 << 511 | 1
    (certificate,) = read_chain([der.replace(modulus, short.to_bytes(128, "big"))]).certificates
    assert (certificate.key_type, certificate.key_bits) == ("RSA", 512)


@pytest.mark.parametrize(
    ("curve", "bits"), [(ec.SECP192R1(), 192), (ec.SECP224R1(), 224), (ec.SECP521R1(), 521)]
)
def test_curves(make_certificate: Make, curve: ec.EllipticCurve, bits: int) -> None:
    try:
        key = ec.generate_private_key(curve)
    except Exception:  # noqa: BLE001 - not every OpenSSL has the old curves
        pytest.skip(f"{curve.name} is not supported by this OpenSSL")
    (certificate,) = read_chain([make_certificate(key=key).der]).certificates
    assert (certificate.key_type, certificate.key_bits) == ("EC", bits)


def test_ed25519(make_certificate: Make) -> None:
    """A signature algorithm with a hash of its own."""
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "thing")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, None)
    )
    from cryptography.hazmat.primitives.serialization import Encoding

    chain = read_chain([made.public_bytes(Encoding.DER)])
    (certificate,) = chain.certificates
    assert (certificate.key_type, certificate.key_bits) == ("Ed25519", 256)
    assert (certificate.signature_hash, certificate.self_signed) == ("", True)
    assert chain.complete is True


def test_sha1_and_md5_are_named(make_certificate: Make) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    der = make_certificate(key=key, digest=hashes.SHA256()).der
    sha256, sha1, md5 = (bytes.fromhex("2a864886f70d0101" + n) for n in ("0b", "05", "04"))
    for oid, name in ((sha1, "sha1"), (md5, "md5"), (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x63", "")):
        (certificate,) = read_chain([der.replace(sha256, oid)]).certificates
        assert certificate.signature_hash == name or certificate.signature_hash.startswith(
            "unknown"
        )
        assert bool(name) == (certificate.signature_hash == name)


def test_what_a_certificate_says_about_its_key(make_certificate: Make) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    made = make_certificate()
    (certificate,) = read_chain([made.der]).certificates
    info = made.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert certificate.key_sha256 == hashlib.sha256(info).hexdigest()
    assert (certificate.curve, certificate.x509_version) == ("secp256r1", 3)
    assert certificate.serial_bits == made.certificate.serial_number.bit_length() > 64
    assert certificate.key_usage is None
    assert certificate.extended_key_usage is None
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert read_chain([make_certificate(key=rsa_key).der]).certificates[0].curve == ""


def test_usages_are_named() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    usage = dict.fromkeys(
        ("content_commitment", "data_encipherment", "key_agreement", "key_encipherment"), False
    )
    usage |= dict.fromkeys(("crl_sign", "encipher_only", "decipher_only"), False)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "thing")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.datetime(2026, 1, 1))  # noqa: DTZ001 - the library takes UTC
        .not_valid_after(datetime.datetime(2027, 1, 1))  # noqa: DTZ001
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=True, **usage), critical=True
        )
        .add_extension(
            x509.ExtendedKeyUsage(
                [x509.OID_SERVER_AUTH, x509.OID_CLIENT_AUTH, x509.ObjectIdentifier("1.2.3.4")]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA384())
    )
    from cryptography.hazmat.primitives.serialization import Encoding

    (certificate,) = read_chain([made.public_bytes(Encoding.DER)]).certificates
    assert certificate.key_usage == ("digitalSignature", "keyCertSign")
    assert certificate.extended_key_usage == ("serverAuth", "clientAuth", "1.2.3.4")
    assert (certificate.curve, certificate.serial_bits) == ("secp384r1", 1)


def test_a_certificate_of_version_1_is_read(make_certificate: Make) -> None:
    """Made by OpenSSL 3.0: x509 -req without extensions."""
    (certificate,) = read_chain([V1]).certificates
    assert certificate.x509_version == 1
    assert certificate.key_sha256 == V1_KEY
    assert not certificate.is_ca


def test_hostile_text_is_cleaned(make_certificate: Make) -> None:
    (certificate,) = read_chain([make_certificate("cam\x1b[31m<b>x").der]).certificates
    assert "\x1b" not in certificate.subject
    assert all("\x1b" not in n for n in certificate.names)


def test_a_faulty_extension_is_told_and_not_taken_for_an_absent_one() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cam")])
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

    def made(*faulty: x509.UnrecognizedExtension) -> bytes:
        builder = x509.CertificateBuilder(
            issuer_name=name,
            subject_name=name,
            public_key=key.public_key(),
            serial_number=1,
            not_valid_before=begin,
            not_valid_after=begin + datetime.timedelta(days=9),
        ).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        for extension in faulty:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    whole, broken = made(), made(x509.UnrecognizedExtension(x509.ExtensionOID.KEY_USAGE, b"\x05"))
    (good,) = read_chain([whole]).certificates
    (bad,) = read_chain([broken]).certificates
    assert (good.is_ca, good.extensions_problem) == (True, "")
    assert not bad.is_ca
    assert "ValueError" in bad.extensions_problem
    assert bad.key_sha256 == good.key_sha256


def test_what_is_no_certificate(make_certificate: Make) -> None:
    good = make_certificate().der
    for ders in ([b"\x30\x03\x02\x01\x01"], [b""], [good, b"\xff" * 100], [good[:-3]], []):
        chain = read_chain(ders)
        assert chain.problem
        assert chain.complete is None
        assert len(chain.certificates) == (1 if len(ders) == 2 else 0)


@given(st.data())
def test_any_change_to_a_certificate(make_certificate: Make, data: st.DataObject) -> None:
    der = bytearray(BASE[0] if BASE else make_certificate().der)
    BASE[:] = BASE or [bytes(der)]
    for _ in range(data.draw(st.integers(1, 3))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    chain = read_chain([bytes(der), BASE[0]])
    for certificate in chain.certificates:
        assert certificate.subject.isprintable()
        assert certificate.key_bits >= 0


BASE: list[bytes] = []

V1 = bytes.fromhex(
    "308201173081bd0214048cb28fbf98b7453f06ab4565f83a865b4dea2a300a06082a8648ce3d040302300e31"
    "0c300a06035504030c036f6c64301e170d3236313132313137303032305a170d333631313138313730303230"
    "5a300e310c300a06035504030c036f6c643059301306072a8648ce3d020106082a8648ce3d03010703420004"
    "521fb2a7c3075bc008dc786ec76c800d6afaa7768f5a0e10ce874f3dec4755694384995934da06e0b0dfcd7a"
    "28298a84108863aa69ec1a63d98a2b600672df9f300a06082a8648ce3d0403020349003046022100e8ac757e"
    "f513f4fa602e6368e7c33a515538bd6d99a9cf91121e20bbd0cb4bfe022100bb80ff2af8d1d9f32e9596fcac"
    "562e420a77da31c7781fe65366692dc74db775"
)
V1_KEY = "f65d11424747943f039f2469bfc3e117df77f8317769f7f5e97354f163b50eb0"
