"""Sections of UEFI firmware that are signed: the key stands before the content, and the device knows its hash.

Sources: UEFI Platform Initialization specification 1.8, volume 3, section 3.2.5.7 (sections with a GUID), UEFI
specification 2.10, section 32.2.4 (``EFI_CERT_BLOCK_RSA_2048_SHA256``: GUID of the hash, modulus, signature). The
exponent is 65537, as edk2's reader has it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from firmware_checks.budget import Budget
from firmware_checks.formats.uefi_codings import SIGNED, SIGNED_CERTIFICATE
from firmware_checks.formats.uefi_files import is_volume
from firmware_checks.formats.uefi_sections import Sections
from firmware_checks.keys import spki
from firmware_checks.reading import Context, Entry, Format, Protection, PublicKey, Reading
from firmware_checks.signatures import Outcome, blank, check, judged, key_id
from firmware_checks.view import View
from probe.model.firmware import LayerKind, Rollback, Signing

GUIDED = 0x02
SHA256 = UUID("51aa59de-fdf2-4ea3-bc63-875fb7842ee9")
BLOCK = 16 + 256 + 256
EXPONENT = 65_537
SCHEME = "RSA-2048 PKCS#1 SHA-256"
KNOWN = {
    "9129c4bdea6ddab3aa6f5016fcdb4b7e3cd6dca47a0edde6158c7396a2d4a64d": "the test key of edk2's BaseTools"
}
"""SHA-256 of the modulus of keys whose other half is public: ``TestSigningPublicKey.txt`` in edk2."""


@dataclass(frozen=True, slots=True)
class Content:
    """What was signed, as a tree."""

    view: View

    def entries(self, budget: Budget) -> Iterator[tuple[Entry, View]]:
        """Each section."""
        yield from Sections(budget, is_volume).entries(self.view, "signed")


class SignedSection(Format):
    """The format: a whole section, with its header."""

    name = "UEFI signed section"
    anchors = tuple((guid.bytes_le, at) for guid in (SIGNED, SIGNED_CERTIFICATE) for at in (4, 8))

    def read(self, view: View, context: Context) -> Reading | None:
        word = view.u32(0)
        size, head = (view.u32(4), 8) if word & 0xFFFFFF == 0xFFFFFF else (word & 0xFFFFFF, 4)
        if word >> 24 != GUIDED or size < head + 20:
            return None
        kind = UUID(bytes_le=view.read(head, 16))
        if kind not in (SIGNED, SIGNED_CERTIFICATE):
            return None
        start, problem = view.u16(head + 16), ""
        if size > len(view):
            problem = f"cut short: {len(view)} of {size} bytes are there"
        elif not head + 20 <= start <= size:
            problem = "its content begins outside of it"
        if problem:
            protection = Protection(signing=Signing.UNREADABLE, detail=problem)
            return Reading(
                format=self.name,
                kind=LayerKind.FLASH,
                size=min(size, len(view)),
                problem=problem,
                protection=protection,
            )
        body, block = view.part(start, size - start), view.part(head + 20, start - head - 20)
        context.budget.take(len(body))
        return Reading(
            format=self.name,
            kind=LayerKind.FLASH,
            size=size,
            details=(("kind", str(kind)),),
            protection=_protection(kind, block, body, context.keys.keys),
            tree=Content(body),
        )


FORMAT = SignedSection()


def _protection(kind: UUID, block: View, body: View, keys: tuple[PublicKey, ...]) -> Protection:
    if kind == SIGNED_CERTIFICATE:
        return Protection(
            signing=Signing.NOT_VERIFIED,
            detail="the certificate before the content was not looked into",
        )
    if len(block) < BLOCK or not block.starts_with(SHA256.bytes_le):
        return Protection(
            signing=Signing.UNREADABLE, detail="what stands in the place of the key is none"
        )
    modulus, signature = block.read(16, 256), block.read(272, 256)
    if blank(signature) or blank(modulus):
        said = "the place for the signature is empty"
        return Protection(signing=Signing.UNSIGNED, detail=said, rollback=Rollback.NONE)
    own = _key(modulus)
    if own is None:
        return Protection(
            signing=Signing.UNREADABLE, detail="what stands in the place of the key is none"
        )
    digest = hashlib.sha256(body.raw).digest()
    known = KNOWN.get(hashlib.sha256(modulus).hexdigest(), "")

    def ask(key: PublicKey) -> Outcome:
        return check(key, signature, digest, "sha256", prehashed=True)

    verdict = judged(keys, ask, f"the RSA key {key_id(own)[:16]}, which stands in the section")
    signing, detail, holds = verdict.signing, verdict.detail, ask(own) is Outcome.FITS
    if not holds and signing is not Signing.VERIFIED:
        signing, detail = Signing.TAMPERED, "the signature is not that of the key before it over this content"  # fmt: skip
    return Protection(
        signing=signing,
        detail=detail,
        covers="the content of the section",
        binds_payload=True,
        scheme=SCHEME,
        key_bits=2048,
        key_id=key_id(own),
        public_key=known,
        rollback=Rollback.NONE,
        integrity=f"signature {'holds' if holds else 'does not hold'} by the key in the section",
    )


def _key(modulus: bytes) -> PublicKey | None:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    try:
        made = RSAPublicNumbers(EXPONENT, int.from_bytes(modulus)).public_key()
    except ValueError:
        return None
    return PublicKey(name="the key in the section", der=spki(made))
