"""Certificates of those who sign updates: their names, and which one issued which.

Source: RFC 5280 sections 4.1 and 6. Days are not asked about: whether a certificate is valid is for the day of the
update to say.
"""

import warnings
from typing import TYPE_CHECKING

from firmware_checks.keys import spki
from firmware_checks.reading import PublicKey
from probe.model.text import clean

if TYPE_CHECKING:
    from cryptography import x509

LONGEST_CHAIN = 6
OTHERS = {
    "1.3.6.1.5.5.7.3.1": "TLS servers",
    "1.3.6.1.5.5.7.3.2": "TLS clients",
    "1.3.6.1.5.5.7.3.8": "time stamps",
    "1.3.6.1.5.5.7.3.9": "OCSP",
}
"""Purposes that are none of an update's signer; makers' own ones may well be."""
TEST_NAMES = (
    "DO NOT TRUST",
    "DO NOT SHIP",
    "SNAKE OIL",
    "SNAKEOIL",
    "TESTROOT",
    "TEST KEY",
    "PK EXAMPLE",
)
"""Words in the names of certificates whose private keys lie in public source trees (edk2, AMI, Debian)."""


def _certificate(der: bytes) -> "x509.Certificate | None":
    from cryptography import x509

    try:
        with warnings.catch_warnings():
            # A certificate against RFC 5280 is the image's fault, and none of the terminal's.
            warnings.simplefilter("ignore")
            return x509.load_der_x509_certificate(der)
    except (ValueError, TypeError, x509.InvalidVersion):
        return None


def chain(first: bytes, pool: tuple[bytes, ...]) -> list[PublicKey]:
    """``first`` and those of ``pool`` that issued it, each the one before it; empty when it cannot be read."""
    links = [one for one in (link(der) for der in pool) if one is not None]
    found = [one for one in (link(first),) if one is not None]
    while found and len(found) < LONGEST_CHAIN:
        above = next(
            (
                one
                for one in links
                if all(one.der != seen.der for seen in found)
                and issued(found[-1].certificate, one.certificate)
                and _allows(one.certificate, len(found) - 1)
            ),
            None,
        )
        if above is None:
            break
        found.append(above)
    return found


def link(der: bytes) -> PublicKey | None:
    """A certificate with its key; None when it cannot be read."""
    from cryptography.exceptions import UnsupportedAlgorithm

    one = _certificate(der)
    try:
        return PublicKey(name="", der=spki(one.public_key()), certificate=der) if one else None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def issued(der: bytes, by: bytes) -> bool:
    """Whether ``by`` signed ``der`` and may sign certificates (RFC 5280 sections 4.2.1.3 and 4.2.1.9)."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    lower, upper = _certificate(der), _certificate(by)
    if lower is None or upper is None:
        return False
    try:
        lower.verify_directly_issued_by(upper)
        if upper.version is x509.Version.v1:
            # Nothing in it says what it is for; OpenSSL takes it for a root only.
            return upper.subject == upper.issuer
        if not upper.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
        return _may_certify(upper)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False


def is_authority(der: bytes) -> bool:
    """Whether a certificate says that its key may sign others."""
    from cryptography import x509

    one = _certificate(der)
    try:
        return one is not None and bool(
            one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        )
    except (ValueError, TypeError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False
    except x509.UnsupportedGeneralNameType:
        return False


def _may_certify(one: "x509.Certificate") -> bool:
    from cryptography import x509

    try:
        return one.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return True


def _allows(der: bytes, below: int) -> bool:
    """Whether a certificate may stand above ``below`` others that issue (path length, section 4.2.1.9)."""
    from cryptography import x509

    one = _certificate(der)
    try:
        said = one.extensions.get_extension_for_class(x509.BasicConstraints).value if one else None
    except (ValueError, TypeError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return True
    return said is None or said.path_length is None or below <= said.path_length


def days(der: bytes) -> str:
    """First and last day of its validity; empty when it cannot be read."""
    one = _certificate(der)
    try:
        if one is None:
            return ""
        return f"{one.not_valid_before_utc:%Y-%m-%d} to {one.not_valid_after_utc:%Y-%m-%d}"
    except (ValueError, TypeError):
        return ""


def not_for_signing(der: bytes) -> str:
    """What a certificate says that it is for, when that is none of the signing of code or messages.

    RFC 5280 section 4.2.1.12. OpenSSL, as RAUC and SWUpdate ask it, refuses such a signer.
    """
    from cryptography import x509

    one = _certificate(der)
    try:
        said = one.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value if one else ()
    except (ValueError, TypeError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return ""
    except x509.UnsupportedGeneralNameType:
        return ""
    names = [OTHERS.get(purpose.dotted_string, "") for purpose in said]
    return ", ".join(names) if all(names) else ""


def subject(der: bytes) -> str:
    """The name of whom it is for; empty when it cannot be read."""
    one = _certificate(der)
    try:
        return clean(one.subject.rfc4514_string(), 200) if one else ""
    except (ValueError, TypeError):
        return ""


def test_name(der: bytes) -> str:
    """The subject of a certificate that calls itself a test key; empty for any other."""
    name = subject(der)
    return name if calls_itself_test(name) else ""


def calls_itself_test(name: str) -> bool:
    """Whether a name has words that the makers of test keys put into it."""
    return any(word in name.upper() for word in TEST_NAMES)


def chain_text(links: list[PublicKey]) -> str:
    """The names from the signer upwards."""
    return " issued by ".join(filter(None, (subject(k.certificate) for k in links)))
