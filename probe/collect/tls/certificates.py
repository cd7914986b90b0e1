"""Certificates that a device presented, read with every mistrust: a faulty one is a finding, no error.

Imports ``cryptography`` where it is used: it costs 60-100 ms and 26 MiB, and a scan that meets no
certificate needs none.
"""

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from probe.model.text import clean
from probe.model.tls import Certificate

if TYPE_CHECKING:
    from cryptography import x509

MAX_NAMES = 20
# OIDs that cryptography does not give a hash for, or not any more.
_HASH_BY_OID = {
    "1.2.840.113549.1.1.2": "md2",
    "1.2.840.113549.1.1.3": "md4",
    "1.2.840.113549.1.1.4": "md5",
    "1.2.840.113549.1.1.5": "sha1",
    "1.2.840.10040.4.3": "sha1",
    "1.2.840.10045.4.1": "sha1",
}
_RSA_OID = "1.2.840.113549.1.1.1"
_USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}
_PURPOSES = {
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.3": "codeSigning",
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.5.5.7.3.8": "timeStamping",
    "1.3.6.1.5.5.7.3.9": "OCSPSigning",
    "2.5.29.37.0": "anyExtendedKeyUsage",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """``problem`` and ``complete`` as in ``TlsService.chain_problem`` and ``chain_complete``."""

    certificates: tuple[Certificate, ...] = ()
    problem: str = ""
    complete: bool | None = None


def read_chain(ders: Sequence[bytes], *, whole: bool = True) -> Chain:
    """The chain as presented, the device's own certificate first. Never raises.

    ``whole`` is False when only the first certificate could be had, so that nothing can be said about
    the others.
    """
    from cryptography import x509

    read: list[Certificate] = []
    parsed: list[x509.Certificate] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for place, der in enumerate(ders, 1):
            try:
                certificate = x509.load_der_x509_certificate(der)
                read.append(_facts(certificate, der))
                parsed.append(certificate)
            except Exception as error:  # noqa: BLE001 - hostile DER: whatever is wrong, it is a fact
                text = f"certificate {place} of {len(ders)} cannot be read: {clean(str(error))}"
                return Chain(certificates=tuple(read), problem=text)
        if not parsed:
            return Chain(problem="the device presented an empty chain")
        problem, complete = _links(parsed, read)
    if complete and not whole:
        return Chain(certificates=tuple(read), problem=problem, complete=None)
    return Chain(certificates=tuple(read), problem=problem, complete=complete)


def _links(chain: list["x509.Certificate"], read: list[Certificate]) -> tuple[str, bool | None]:
    """Is each certificate signed by the next (RFC 5246 section 7.4.2)?"""
    for place, (child, parent) in enumerate(pairwise(chain), 1):
        if child.issuer != parent.subject:
            later = any(child.issuer == other.subject for other in chain)
            how = "is out of order" if later else "has a gap"
            text = (
                f"the chain {how}: certificate {place + 1} is not the issuer of certificate {place}"
            )
            return text, False
        signed = _signed_by(child, parent)
        if not signed:
            text = (
                f"the signature of certificate {place} does not verify with certificate {place + 1}"
            )
            unknown = (
                f"the signature of certificate {place} is of a kind that cannot be verified here"
            )
            return (unknown, None) if signed is None else (text, False)
    last = chain[-1]
    if last.issuer == last.subject and not read[-1].self_signed:
        if _signed_by(last, last) is None:
            return "the signature of the last certificate cannot be verified here", None
        return "the last certificate names itself as issuer, but its own key did not sign it", False
    return "", True


def _signed_by(child: "x509.Certificate", parent: "x509.Certificate") -> bool | None:
    """None when the algorithm is not one that can be verified here."""
    from cryptography.exceptions import InvalidSignature

    try:
        child.verify_directly_issued_by(parent)
    except InvalidSignature:
        return False
    except Exception:  # noqa: BLE001 - unsupported key or algorithm, or DER that only now shows its fault
        return None
    return True


def _facts(certificate: "x509.Certificate", der: bytes) -> Certificate:
    key_type, key_bits = _key(certificate)
    return Certificate(
        subject=clean(certificate.subject.rfc4514_string()),
        issuer=clean(certificate.issuer.rfc4514_string()),
        serial=f"{certificate.serial_number:x}"[:64],
        not_before=_seconds(certificate.not_valid_before_utc),
        not_after=_seconds(certificate.not_valid_after_utc),
        key_type=key_type,
        key_bits=key_bits,
        signature_hash=_signature_hash(certificate),
        self_signed=certificate.issuer == certificate.subject
        and _signed_by(certificate, certificate) is True,
        is_ca=_is_ca(certificate),
        names=_names(certificate),
        sha256=hashlib.sha256(der).hexdigest(),
        curve=_curve(certificate),
        key_sha256=_key_sha256(certificate),
        key_usage=_key_usage(certificate),
        extended_key_usage=_extended_key_usage(certificate),
        serial_bits=max(0, certificate.serial_number).bit_length(),
        x509_version=certificate.version.value + 1,
        extensions_problem=_extensions_problem(certificate),
    )


def _seconds(when: datetime) -> float | None:
    """None for 99991231235959Z: no end date (RFC 5280 section 4.1.2.5, IEEE 802.1AR IDevID)."""
    if (when.year, when.month, when.day) == (9999, 12, 31):
        return None
    return when.timestamp()


def _key(certificate: "x509.Certificate") -> tuple[str, int]:
    """Kind and size in bits; size 0 when it cannot be told."""
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

    oid = certificate.public_key_algorithm_oid.dotted_string
    try:
        key = certificate.public_key()
    except Exception:  # noqa: BLE001 - a key that the library refuses is still a key to report
        bits = _rsa_bits(certificate.tbs_certificate_bytes) if oid == _RSA_OID else 0
        return ("RSA", bits) if bits else (f"unknown ({oid})", 0)
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "EC", key.key_size
    if isinstance(key, dsa.DSAPublicKey):
        return "DSA", key.key_size
    name = type(key).__name__.removesuffix("PublicKey").lstrip("_")
    return name, {"Ed25519": 256, "Ed448": 456}.get(name, 0)


def _curve(certificate: "x509.Certificate") -> str:
    """Name of the curve as IANA registers it for TLS; empty when the key is no EC key or is refused."""
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        key = certificate.public_key()
    except Exception:  # noqa: BLE001 - a key or curve that the library refuses has no name here
        return ""
    return key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else ""


def _key_sha256(certificate: "x509.Certificate") -> str:
    """SHA-256 of the SubjectPublicKeyInfo, also of a key that the library refuses to load."""
    return hashlib.sha256(_public_key_info(certificate.tbs_certificate_bytes)).hexdigest()


def _public_key_info(tbs: bytes) -> bytes:
    """The seventh element of a TBSCertificate, the sixth when the version is left out (RFC 5280)."""
    rest = _der_value(tbs)
    place = 6 if rest[:1] == b"\xa0" else 5
    for _ in range(place):
        rest = rest[_der_size(rest) :]
    return rest[: _der_size(rest)]


def _der_size(data: bytes) -> int:
    """Bytes of the first DER element, its header included."""
    if len(data) < 2:
        return len(data)
    length, start = data[1], 2
    if length & 0x80:
        width = length & 0x7F
        length, start = int.from_bytes(data[2 : 2 + width], "big"), 2 + width
    return start + length


def _key_usage(certificate: "x509.Certificate") -> tuple[str, ...] | None:
    """Names of RFC 5280 section 4.2.1.3; None when the extension is absent or faulty."""
    from cryptography import x509

    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except Exception:  # noqa: BLE001 - absent or faulty
        return None
    return tuple(name for attribute, name in _USAGES.items() if getattr(usage, attribute))


def _extended_key_usage(certificate: "x509.Certificate") -> tuple[str, ...] | None:
    """Names of RFC 5280 section 4.2.1.12, or dotted numbers; None when absent or faulty."""
    from cryptography import x509

    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except Exception:  # noqa: BLE001 - absent or faulty
        return None
    dotted = [oid.dotted_string for oid in usage][:MAX_NAMES]
    return tuple(clean(_PURPOSES.get(oid, oid)) for oid in dotted)


def _extensions_problem(certificate: "x509.Certificate") -> str:
    try:
        _ = certificate.extensions
    except Exception as error:  # noqa: BLE001 - one faulty extension hides all of them
        return clean(f"{type(error).__name__}: {error}")
    return ""


def _rsa_bits(tbs: bytes) -> int:
    """Length of the modulus of an RSA key that the library refuses to load; 0 when not found.

    Looks for the key's algorithm identifier and reads the bit string after it: a SEQUENCE of INTEGERs
    (RFC 8017 appendix A.1.1).
    """
    marker = bytes.fromhex("06092a864886f70d010101")
    at = tbs.find(marker)
    at = tbs.find(b"\x03", at + len(marker), at + len(marker) + 4) if at >= 0 else -1
    if at < 0:
        return 0
    bit_string = _der_value(tbs[at:])
    sequence = _der_value(bit_string[1:])
    return int.from_bytes(_der_value(sequence), "big").bit_length()


def _der_value(data: bytes) -> bytes:
    """The content of the first DER element, cut at the end of the data."""
    if len(data) < 2:
        return b""
    length, start = data[1], 2
    if length & 0x80:
        width = length & 0x7F
        length, start = int.from_bytes(data[2 : 2 + width], "big"), 2 + width
    return data[start : start + length]


def _signature_hash(certificate: "x509.Certificate") -> str:
    """Empty for signature algorithms that have none of their own (Ed25519)."""
    oid = certificate.signature_algorithm_oid.dotted_string
    if oid in _HASH_BY_OID:
        return _HASH_BY_OID[oid]
    try:
        found = certificate.signature_hash_algorithm
    except Exception:  # noqa: BLE001 - an algorithm that the library does not know
        return f"unknown ({oid})"
    return found.name if found else ""


def _is_ca(certificate: "x509.Certificate") -> bool:
    from cryptography import x509

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except Exception:  # noqa: BLE001 - absent or faulty
        return False


def _names(certificate: "x509.Certificate") -> tuple[str, ...]:
    """Subject alternative names, else common names; cleaned, at most MAX_NAMES."""
    from cryptography import x509

    try:
        kind = x509.SubjectAlternativeName
        found = [str(n.value) for n in certificate.extensions.get_extension_for_class(kind).value]
    except Exception:  # noqa: BLE001 - absent or faulty
        common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        found = [str(n.value) for n in common]
    return tuple(clean(name) for name in found[:MAX_NAMES])
