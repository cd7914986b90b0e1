"""Facts about firmware and update images: their layers, who signed what, and what is inside.

``image`` is the SHA-256 of the file that was given; ``place`` is the way to the layer from there:
``0`` is the file itself, ``0/2`` its third part, ``0/2/0`` that one's first.
"""

from dataclasses import dataclass
from enum import StrEnum

from probe.model.fact import Fact
from probe.model.tls import Certificate


class FirmwareFact(Fact):
    """The mark of every fact about an image: ``place`` is ``0`` for what is said of all of it."""

    __slots__ = ()
    image: str
    place: str


class LayerKind(StrEnum):
    """What a layer is for, whatever its format."""

    UPDATE = "update container"
    TRANSPORT = "transport"
    """Carries bytes to a chip or over a wire: HEX, S-record, UF2, DFU."""
    COMPRESSION = "compression"
    ARCHIVE = "archive"
    FILE_SYSTEM = "file system"
    FLASH = "flash layout"
    BOOT = "bootable image"
    """A kernel, boot loader or application that is started as it stands."""
    DATA = "data"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLayer(FirmwareFact):
    """One layer: a run of bytes whose format was recognised, or that nobody recognised."""

    image: str
    place: str
    format: str
    """The format's name; ``unknown`` when none was recognised."""
    kind: LayerKind
    name: str
    """Its role in the layer above, ``kernel`` or a file's path; the file's name for the first."""
    offset: int | None
    """Where it begins in the layer above; None when it is not there as it stands (decompressed)."""
    size: int
    sha256: str
    title: str = ""
    """What it says of itself: product, project, description."""
    version: str = ""
    built: str = ""
    """Build date, as the image gives it."""
    details: tuple[tuple[str, str], ...] = ()
    problem: str = ""
    """Why it could not be read to its end; empty when it could."""


class Signing(StrEnum):
    """What can be said about one layer's protection against change."""

    UNSIGNED = "unsigned"
    NOT_VERIFIED = "signed, not verified"
    """There is a signature, and no key was given that could have made it."""
    VERIFIED = "signed and verified"
    TAMPERED = "tampered"
    """What the signature or its hash covers is not what is there."""
    STRIPPED = "stripped"
    """The format shows that a signature was there and was taken away."""
    ENCRYPTED = "encrypted, cannot judge"
    UNREADABLE = "unreadable"
    """Cut short or malformed before anything could be said."""


class Rollback(StrEnum):
    """Whether the image carries what a device needs to refuse an older one."""

    COUNTER = "signed counter"
    UNSIGNED_COUNTER = "counter that is not signed"
    NONE = "none"
    UNKNOWN = "unknown"
    """Encrypted, cut short, or the format leaves it to the device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """Who signed, and what the signature is worth: as a format says it of the bytes that it reads."""

    signing: Signing
    detail: str
    """The reason in one sentence."""
    can_be_signed: bool = True
    """The format has a place for a signature."""
    covers: str = ""
    """What is under the signature, in words."""
    binds_payload: bool | None = None
    """The signature covers all that is installed, itself or by hashes. None: not known."""
    scheme: str = ""
    """``RSA-2048 PSS SHA-256``, ``Ed25519`` …"""
    key_bits: int | None = None
    key_id: str = ""
    """SHA-256 of the public key or what the format names it by."""
    public_key: str = ""
    """The name of a publicly known test key that it was signed with; empty when none is known."""
    weak: str = ""
    """Why scheme or key is too weak today; empty when it is not."""
    rollback: Rollback = Rollback.UNKNOWN
    rollback_value: int | None = None
    encrypted: bool = False
    integrity: str = ""
    """What its checksums say, in words: ``CRC-32 holds``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageProtection(Protection, FirmwareFact):
    """The protection of one layer. Only of formats that are installed."""

    image: str
    place: str
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSurvey(FirmwareFact):
    """How far one image was examined. Nothing absent may be concluded from what was not read."""

    image: str
    place: str = "0"
    name: str
    size: int
    layers: int
    files: int
    bytes_read: int
    """Of all layers, after decompression."""
    unread: tuple[str, ...]
    """What was not looked into, each with its reason; empty when everything was."""
    keys_given: int = 0
    recorded: tuple[tuple[str, int], ...] = ()
    """How many facts of each kind were recorded of the image, by the name of its class. Where fewer are at
    hand some were lost, and nothing may be concluded from their absence."""


# --- what is inside ------------------------------------------------------------------------------


class AccountState(StrEnum):
    """How an account in the image can be entered."""

    EMPTY = "no password"
    KNOWN = "known default password"
    HASHED = "password hash"
    LOCKED = "locked"
    ELSEWHERE = "password not in the image"
    """``passwd`` points to a ``shadow`` that is not there: made when the device starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageAccount(FirmwareFact):
    """A line of ``passwd`` and ``shadow``, or of a server's own password file."""

    image: str
    place: str
    path: str
    username: str
    uid: int | None
    state: AccountState
    hash_type: str = ""
    weak_hash: bool = False
    password: str = ""
    """The password when it is known. Masked in reports."""
    shell: str = ""
    tried: str = ""
    """How many known passwords were tried, or why none was; empty when there was nothing to try."""
    line: int = 0
    """Where it stands in the file, from 1; 0 when that is not known."""
    secret: str = ""
    """Its hash, or password in clear, as it stands in the evidence. Masked in reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageKey(FirmwareFact):
    """A private key, or a public one that lets somebody in (``authorized_keys``)."""

    image: str
    place: str
    path: str
    use: str
    """``private key``, ``authorised key``, ``verification key``; ``example key`` for a private key in
    documentation and tests, which no program of the device uses."""
    algorithm: str
    bits: int | None
    fingerprint: str
    """SHA-256 of the SubjectPublicKeyInfo; empty when the key is encrypted."""
    encrypted: bool = False
    public_name: str = ""
    """The name of a publicly known key; empty when it is none."""
    line: int = 0
    """Where it begins in a text file, from 1; 0 in a file that is no text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCertificate(FirmwareFact):
    image: str
    place: str
    path: str
    certificate: Certificate
    with_key: bool = False
    """Its private key is in the image too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSecret(FirmwareFact):
    """A password, token or key in a file that is no key file."""

    image: str
    place: str
    path: str
    kind: str
    line: int
    excerpt: str
    """Where it stands; the secret itself is masked."""
    secret: str = ""
    """As it stands in the evidence. Masked in reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageUrl(FirmwareFact):
    """Where the device fetches its updates."""

    image: str
    place: str
    path: str
    url: str
    encrypted: bool
    line: int = 0
    """0 in a program, whose doings are not seen."""
    pinned: str = ""
    """The option or setting by which the command or the file that has the address names an authority,
    certificate or key of its own; empty when none does, and in a program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageWeakness(FirmwareFact):
    """A line of a script or setting that takes a protection away."""

    image: str
    place: str
    path: str
    kind: str
    """``verification skipped``, ``console without login``, ``debug service``, ``remote management``,
    ``signature not required``, ``open Wi-Fi``, ``world-writable``, ``setuid``, ``package manager`` …
    ``debug service, not started`` and ``setuid, usual`` are shown and fail nothing."""
    what: str
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageHardening(FirmwareFact):
    """How the native programs of one file system were built: numbers of files."""

    image: str
    place: str
    programs: int
    without_nx: int
    without_pie: int
    without_relro: int
    without_canary: int
    without_fortify: int
    examples: tuple[str, ...] = ()
    """Programs that lack most, with what they lack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageKernel(FirmwareFact):
    """The configuration of a Linux kernel, when the image holds it."""

    image: str
    place: str
    path: str
    version: str
    options: tuple[tuple[str, str], ...]
    """Only the options that checks ask about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageComponent(FirmwareFact):
    """A component of other makers with its version and what shows it."""

    image: str
    place: str
    path: str
    name: str
    version: str
    evidence: str
    """``package database``, ``banner`` or ``string``, best first."""
    text: str
    """The words that show it."""
    purl: str = ""
    advisories: tuple[str, ...] = ()
    """``CVE-… fixed in …``, ``end of life since …``: by version alone, not confirmed."""
