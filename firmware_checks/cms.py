"""Signed messages of CMS and PKCS #7: RAUC, SWUpdate, UEFI capsules, Authenticode.

Source: RFC 5652 sections 5.3 to 5.6. The parsing is asn1crypto's, the arithmetic is cryptography's; who
signed is decided here: the certificate that the message names, up to a key that the user gave.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from firmware_checks import certificates
from firmware_checks.keys import fingerprint, weakness
from firmware_checks.reading import PublicKey
from firmware_checks.signatures import NAMES, Outcome, check, described, weak_hash
from firmware_checks.view import Malformed
from probe.model.firmware import Signing
from probe.model.text import clean

if TYPE_CHECKING:
    from asn1crypto import cms, core  # type: ignore[import-untyped]


FAULTS: tuple[type[Exception], ...] = (ValueError, TypeError, KeyError, IndexError, AttributeError)
FAULTS += (OverflowError, RecursionError)
"""What asn1crypto raises for bytes that are no ASN.1 of the kind it was told, or too deep."""
LARGEST = 4 << 20
MOST_SIGNERS = 8
MOST_CERTIFICATES = 64


@dataclass(frozen=True, slots=True)
class Signer:
    """One SignerInfo."""

    hash_name: str
    signature: bytes
    covered: bytes
    """The signed attributes as a SET; empty when the signature is over the content itself."""
    message_digest: bytes
    certificate: bytes
    """The signer's certificate, empty when the message does not carry it."""
    named: str
    """Issuer and serial number, or key identifier: how the message names the signer."""


@dataclass(frozen=True, slots=True)
class Message:
    """A signed message, or an encrypted one (``encrypted``) in which nothing can be seen."""

    content_type: str
    content: bytes | None = None
    certificates: tuple[bytes, ...] = ()
    signers: tuple[Signer, ...] = ()
    encrypted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the message is worth, over the content that it is said to be over."""

    signing: Signing
    detail: str
    scheme: str = ""
    key_bits: int | None = None
    key_id: str = ""
    weak: str = ""
    public_key: str = ""
    details: tuple[tuple[str, str], ...] = field(default_factory=tuple)


def read(der: bytes) -> Message:
    """A ContentInfo, or a bare SignedData. Raises Malformed."""
    from asn1crypto import cms

    if len(der) > LARGEST:
        raise Malformed("a signature of more than 4 MiB")
    try:
        info = cms.ContentInfo.load(der)
        kind = str(info["content_type"].native)
        if kind in ("enveloped_data", "authenticated_enveloped_data", "encrypted_data"):
            return Message(kind, encrypted=True)
        if kind != "signed_data":
            raise Malformed(f"a CMS message of the kind {clean(kind, 60)}")
        return _signed(info["content"])
    except FAULTS as error:
        raise Malformed(f"no CMS message: {clean(str(error), 120)}") from None


def length(der: bytes) -> int:
    """Bytes of a message that was read, without what stands behind it. Raises Malformed."""
    from asn1crypto import parser

    try:
        return int(parser.peek(der))
    except FAULTS:
        raise Malformed("no CMS message") from None


def _signed(data: "cms.SignedData") -> Message:
    from asn1crypto import core

    inner = data["encap_content_info"]
    choices, infos = data["certificates"] or (), data["signer_infos"]
    # Counted before any is read: each costs many times its bytes.
    if len(infos) > MOST_SIGNERS or len(choices) > MOST_CERTIFICATES:
        raise Malformed(f"{len(infos)} signers and {len(choices)} certificates in one message")
    certificates = [c.chosen.dump() for c in choices if c.name == "certificate"]
    signers = []
    for info in infos:
        attributes = info["signed_attrs"]
        covered = digest = b""
        if attributes:
            # Signed as the SET they are, not with the tag that they have inside (section 5.4).
            covered = b"\x31" + attributes.dump()[1:]
            for attribute in attributes:
                if attribute["type"].native == "message_digest":
                    digest = attribute["values"][0].native
        holder, named = _holder(info["sid"], certificates)
        algorithm = str(info["digest_algorithm"]["algorithm"].native).lower().replace("-", "")
        signature = bytes(info["signature"].native)
        signers.append(Signer(algorithm, signature, covered, digest, holder, named))
    content: bytes | None = None
    value = inner["content"]
    if not isinstance(value, core.Void) and value.contents is not None:
        content = _content(value)
    return Message(str(inner["content_type"].native), content, tuple(certificates), tuple(signers))


def _content(value: "core.Asn1Value") -> bytes:
    """The content's own octets: without the tag of the OCTET STRING or, in PKCS #7, of the SEQUENCE."""
    from asn1crypto import core

    if isinstance(value, core.OctetString):
        return bytes(value)
    return bytes(value.contents)


def _holder(sid: "cms.SignerIdentifier", certificates: list[bytes]) -> tuple[bytes, str]:
    from asn1crypto import x509

    if sid.name == "issuer_and_serial_number":
        issuer, serial = sid.chosen["issuer"], sid.chosen["serial_number"].native
        named = clean(f"{issuer.human_friendly} number {serial:x}", 200)
        for der in certificates:
            one = x509.Certificate.load(der)
            if one.serial_number == serial and one.issuer == issuer:
                return der, named
        return b"", named
    wanted = bytes(sid.chosen.native)
    for der in certificates:
        if x509.Certificate.load(der).key_identifier == wanted:
            return der, f"key identifier {wanted.hex()}"
    return b"", f"key identifier {wanted.hex()}"


def judge(
    message: Message, digest: Callable[[str], bytes], keys: tuple[PublicKey, ...]
) -> Judgement:
    """Judge a signer that is wrong, else the first whose key was given, else the first of all.

    ``digest``: the content's digest by the name of a hash (``sha256``); it is asked for known names only.
    """
    if message.encrypted:
        return Judgement(signing=Signing.ENCRYPTED, detail="the CMS message is encrypted")
    if not message.signers:
        return Judgement(signing=Signing.UNSIGNED, detail="the CMS message has no signer")
    found = [_one(message, signer, digest, keys) for signer in message.signers]
    # OpenSSL, which the devices verify with, wants every signer to be good.
    best = (Signing.TAMPERED, Signing.VERIFIED, Signing.NOT_VERIFIED, Signing.UNREADABLE)
    one = min(found, key=lambda one: best.index(one.signing))
    more = f" ({len(found)} signers)" if len(found) > 1 else ""
    return replace(one, detail=one.detail + more)


def _one(
    message: Message, signer: Signer, digest: Callable[[str], bytes], keys: tuple[PublicKey, ...]
) -> Judgement:
    if signer.hash_name not in NAMES:
        said = f"the hash {clean(signer.hash_name, 40)} is not known here"
        return Judgement(signing=Signing.NOT_VERIFIED, detail=said)
    chain = _chain(message, signer, keys)
    key = chain[0] if chain else None
    kind, bits = described(key) if key else ("", None)
    names = [name for name in (certificates.subject(k.certificate) for k in chain) if name]
    scheme = f"CMS {kind + (f'-{bits}' if bits else '')} {NAMES[signer.hash_name]}".replace(
        "  ", " "
    )
    signing, detail = _signing(signer, digest, keys, chain)
    valid = [certificates.days(signer.certificate)]
    if other := certificates.not_for_signing(signer.certificate):
        detail += f"; its certificate is for other things ({other}), so most devices refuse it"
    return Judgement(
        signing=signing,
        detail=detail,
        scheme=scheme,
        key_bits=bits,
        key_id=fingerprint(key.der) if key else signer.named,
        weak=weakness(kind, bits) or weak_hash(signer.hash_name),
        public_key=next((n for n in names if certificates.calls_itself_test(n)), ""),
        details=(
            ("signer", names[0] if names else signer.named),
            *(("issued by", name) for name in names[1:]),
            *(("signer's certificate valid", text) for text in valid if text),
        ),
    )


def _signing(
    signer: Signer,
    digest: Callable[[str], bytes],
    keys: tuple[PublicKey, ...],
    chain: list[PublicKey],
) -> tuple[Signing, str]:
    content = digest(signer.hash_name)
    if signer.covered and signer.message_digest != content:
        return Signing.TAMPERED, "the digest that was signed is not that of the content"
    candidates = chain[:1] if signer.certificate else list(keys)
    for key in candidates:
        if not _can_ask(key, signer):
            said = f"signed by {signer.named} with a kind of key that is not verified here"
            return Signing.NOT_VERIFIED, said
        outcome = _asked(key, signer, content)
        if outcome is Outcome.FITS and _trusted(chain or [key], keys):
            name = next(k.name for k in keys if any(k.der == c.der for c in chain or [key]))
            return Signing.VERIFIED, f"the signature was verified with {name or 'its key'}"
        if outcome is Outcome.FITS:
            said = f"the signature fits the certificate inside, {certificates.chain_text(chain)}"
            return Signing.NOT_VERIFIED, said + (
                "; none of the keys that were given stands behind it" if keys else ""
            )
        if signer.certificate or outcome is Outcome.OTHER_CONTENT:
            return Signing.TAMPERED, "the key that the message names did not sign this content"
    why = "cannot be read" if signer.certificate else "is not there"
    return Signing.NOT_VERIFIED, f"signed by {signer.named}, whose certificate {why}"


def _can_ask(key: PublicKey, signer: Signer) -> bool:
    """Ed25519 signs the content itself, which is not at hand without signed attributes (RFC 8419 section 3)."""
    kind = described(key)[0]
    return kind in ("RSA", "EC") or (kind == "Ed25519" and bool(signer.covered))


def _asked(key: PublicKey, signer: Signer, content: bytes) -> Outcome:
    if signer.covered:
        return check(key, signer.signature, signer.covered, signer.hash_name)
    return check(key, signer.signature, content, signer.hash_name, prehashed=True)


def _trusted(chain: list[PublicKey], keys: tuple[PublicKey, ...]) -> bool:
    return any(key.der == link.der for link in chain for key in keys)


def _chain(message: Message, signer: Signer, keys: tuple[PublicKey, ...]) -> list[PublicKey]:
    """The signer's certificate and those that issued it, from the message and from those given."""
    given = [k.certificate for k in keys if k.certificate]
    pool = (*given, *message.certificates)[:MOST_CERTIFICATES]
    return certificates.chain(signer.certificate, pool) if signer.certificate else []


def of_bytes(data: memoryview) -> Callable[[str], bytes]:
    """The ``digest`` of a content that is at hand."""
    return lambda name: hashlib.new(name, data).digest()
