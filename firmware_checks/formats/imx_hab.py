"""High Assurance Boot of i.MX: the chain from a super root key over the command sequence file to the blocks.

Source: NXP's "HABv4 API Reference Manual", sections 4.3.7 and 4.3.8, and the "Code-Signing Tool User's Guide". The
fuses of the chip hold the hash of the table of super root keys; the image holds the table, so a signature that does
not fit it is tampering, and one that does proves nothing until one of its keys is given.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from firmware_checks import certificates, cms
from firmware_checks.budget import Budget
from firmware_checks.formats import imx_csf as csf
from firmware_checks.formats.imx_cover import Image, uncovered
from firmware_checks.keys import fingerprint, weakness
from firmware_checks.reading import Protection, PublicKey
from firmware_checks.signatures import NAMES, Outcome, check, described, weak_hash
from firmware_checks.view import Malformed, View
from probe.model.firmware import Rollback, Signing

SRK, CSFK = 0, 1
"""The slots of the super root key and of the key that signs the command sequence file."""
MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is told of it: the protection, further lines, where the last byte of its structures stands."""

    protection: Protection
    details: tuple[tuple[str, str], ...] = ()
    end: int = 0


class Stop(Exception):
    """A command that the chip would refuse; the text says why."""

    def __init__(self, signing: Signing, text: str, *, of_data: bool = False) -> None:
        super().__init__(text)
        self.signing = signing
        self.of_data = of_data
        """It is about the program, which may be encrypted; keys and commands never are."""


@dataclass(slots=True)
class Run:
    """The chip's way through the commands."""

    image: Image
    script: csf.Script
    budget: Budget
    used: csf.Used = field(default_factory=csf.Used)
    keys: dict[int, PublicKey] = field(default_factory=dict)
    issues: dict[int, bool] = field(default_factory=dict)
    """Whether the key of a slot may sign others."""
    table: csf.Table | None = None
    signed: bool = False
    """The command sequence file was verified."""
    covered: list[tuple[int, int]] = field(default_factory=list)
    weak: str = ""
    hash_name: str = ""
    hashed: int = 0

    def install(self, command: csf.Install) -> None:
        if command.target in self.keys:
            raise Stop(Signing.NOT_VERIFIED, f"slot {command.target} gets two keys")
        if command.protocol == csf.SRK_TABLE:
            self._install_root(command)
            return
        early = command.target == CSFK
        if command.protocol != csf.X509 or command.target == SRK or early == self.signed:
            raise Stop(Signing.NOT_VERIFIED, "it installs a key as the chip does not allow")
        if (source := self.keys.get(command.source)) is None or (early and command.source != SRK):
            raise Stop(Signing.NOT_VERIFIED, "it verifies a key with one that is not there")
        whole = self.used.structure(self.image.view, command.where, csf.CERTIFICATE)
        if command.flags & csf.WITH_HASH:
            if command.algorithm != csf.SHA256:
                raise Stop(Signing.NOT_VERIFIED, "a hash of a key that is not known here")
            if hashlib.sha256(whole.raw).digest() != command.digest:
                raise Stop(Signing.TAMPERED, "a key is not the one that the commands name")
        if not self.issues.get(command.source):
            # A key that signs commands or data must not make others.
            raise Stop(Signing.NOT_VERIFIED, "it verifies a key with one that may not sign keys")
        self.keys[command.target] = self._certified(whole.read(4), source, command)
        self.issues[command.target] = certificates.is_authority(whole.read(4))

    def _install_root(self, command: csf.Install) -> None:
        if command.target != SRK or self.signed or self.table is not None:
            raise Stop(Signing.NOT_VERIFIED, "it installs a key as the chip does not allow")
        self.table = csf.table(self.used.structure(self.image.view, command.where, csf.CERTIFICATE))
        if command.algorithm != csf.SHA256:
            raise Stop(Signing.NOT_VERIFIED, "its table of keys has a hash that is not known here")
        if command.source >= len(self.table.keys):
            raise Stop(Signing.NOT_VERIFIED, "the super root key that it chooses is not there")
        root = self.table.keys[command.source]
        if root is None:
            raise Stop(Signing.NOT_VERIFIED, "its super root key cannot be read")
        self.keys[SRK] = root
        self.issues[SRK] = command.source in self.table.authorities
        self._note(root)

    def _certified(self, der: bytes, source: PublicKey, command: csf.Install) -> PublicKey:
        """The key of a certificate that ``source`` signed."""
        key, name = certificates.link(der), f"the key of slot {command.target}"
        signature, covered, hash_name = _signature(der)
        if key is None or hash_name not in NAMES:
            raise Stop(Signing.NOT_VERIFIED, f"the certificate of {name} cannot be read")
        if check(source, signature, covered, hash_name) is not Outcome.FITS:
            text = f"the certificate of {name} is not signed by the key of slot {command.source}"
            raise Stop(Signing.TAMPERED, text)
        self._note(key)
        self.weak = self.weak or weak_hash(hash_name)
        return key

    def _note(self, key: PublicKey) -> None:
        self.weak = self.weak or weakness(*described(key))

    def authenticate(self, command: csf.Authenticate) -> None:
        if command.protocol != csf.CMS:
            raise Stop(Signing.NOT_VERIFIED, "a signature of a kind that is not known here")
        # Without a key of its own for the commands, the super root key signs all ("fast authentication").
        fast = CSFK not in self.keys
        slot = SRK if fast and command.key == CSFK else command.key
        itself = command.key == CSFK
        allowed = not self.signed and not command.blocks if itself else self.signed and (
            slot != SRK or fast
        )  # fmt: skip
        key = self.keys.get(slot)
        if not allowed or key is None or (not itself and not command.blocks):
            raise Stop(Signing.NOT_VERIFIED, "it verifies something as the chip does not allow")
        blocks = command.blocks or ((self.script.at, self.script.size),)
        what = "the command sequence file" if itself else "the data blocks"
        self._verify(key, command.where, blocks, what)
        if itself:
            self.signed = True
        else:
            self.covered += [(at, at + size) for at, size in blocks]

    def _verify(
        self, key: PublicKey, where: int, blocks: tuple[tuple[int, int], ...], what: str
    ) -> None:
        view = self.image.view
        der = self.used.structure(view, where, csf.SIGNATURE).read(4)
        message = cms.read(der)
        # The length of the structure is not signed: what stands behind the message belongs to nothing.
        self.used.ranges[-1] = (where, where + 4 + cms.length(der))
        if len(message.signers) != 1:
            raise Stop(Signing.NOT_VERIFIED, f"a signature by {len(message.signers)} signers")
        # The chip asks the key of the slot, and none that the message brings along.
        bare = tuple(replace(signer, certificate=b"") for signer in message.signers)
        if any(not 0 <= at <= at + size <= len(view) for at, size in blocks):
            # In front of the header, or a device configuration where a loader over USB puts it.
            raise Stop(Signing.NOT_VERIFIED, "it covers bytes of memory that are not in this image")
        parts = [view.part(at, size) for at, size in blocks]
        self.hashed += sum(map(len, parts))
        if self.hashed > 4 * len(view):
            raise Malformed("the blocks are the same bytes over and over")
        self.budget.take(sum(map(len, parts)))
        judged = cms.judge(replace(message, certificates=(), signers=bare), _digest(parts), (key,))
        self.weak = self.weak or judged.weak
        self.hash_name = bare[0].hash_name if bare else ""
        if judged.signing is Signing.VERIFIED:
            return
        # The table of the image leads to this key: what does not fit it, its holder did not sign.
        known = bool(bare) and all(signer.hash_name in NAMES for signer in bare)
        signing = Signing.TAMPERED if known else Signing.NOT_VERIFIED
        text = f"the signature over {what} does not fit the key that is installed"
        raise Stop(signing, text, of_data=self.signed)


def _signature(der: bytes) -> tuple[bytes, bytes, str]:
    """A certificate's signature, what it is over, and the name of its hash, which is empty for an unknown one."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        one = x509.load_der_x509_certificate(der)
        algorithm = one.signature_hash_algorithm
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        return b"", b"", ""
    return one.signature, one.tbs_certificate_bytes, algorithm.name if algorithm else ""


def _digest(parts: list[View]) -> Callable[[str], bytes]:
    def made(name: str) -> bytes:
        digest = hashlib.new(name)
        for part in parts:
            for window in part.windows(1 << 20):
                digest.update(window)
        return digest.digest()

    return made


def judged(image: Image, keys: tuple[PublicKey, ...], budget: Budget) -> Verdict:
    """What the command sequence file is worth."""
    run, of_data = None, True
    try:
        script = csf.script(image.view, image.csf, image.own)
        run = Run(image, script, budget)
        run.used.ranges.append((script.at, script.at + script.size))
        for command in script.commands:
            if command.protocol in (csf.BLOB, csf.AEAD):
                continue
            if isinstance(command, csf.Install):
                run.install(command)
            else:
                run.authenticate(command)
        signing, detail = _outcome(run, keys)
    except Malformed as error:
        of_data = False
        signing, detail = Signing.UNREADABLE, f"its command sequence file cannot be read: {error}"
    except Stop as stop:
        signing, detail = stop.signing, f"its command sequence file: {stop}"
        of_data = stop.of_data
    if run is None:
        return Verdict(Protection(signing=signing, detail=detail, scheme="HAB"))
    # Whoever adds a command that decrypts hides no signature that does not fit.
    if run.script.encrypts and run.signed and of_data:
        signing = Signing.ENCRYPTED
        detail = "its program is encrypted with a key that only the chip can open"
    return _told(run, signing, detail)


def _outcome(run: Run, keys: tuple[PublicKey, ...]) -> tuple[Signing, str]:
    root = run.keys.get(SRK)
    if root is None or run.table is None or not run.signed:
        return Signing.NOT_VERIFIED, "its command sequence file is not signed by a super root key"
    if not run.covered:
        return Signing.NOT_VERIFIED, "its command sequence file is signed, and nothing else is"
    for key in keys:
        if key.der == root.der:
            return (
                Signing.VERIFIED,
                f"the signature was verified with {key.name or 'its super root key'}",
            )
    said = "signed by the super root key that the image holds"
    if any(one is not None and one.der == key.der for one in run.table.keys for key in keys):
        return Signing.NOT_VERIFIED, f"{said}; the key given is another one of its table"
    given = "none of the keys that were given is it" if keys else "no key was given to compare it with"  # fmt: skip
    return Signing.NOT_VERIFIED, f"{said}; {given}"


def _told(run: Run, signing: Signing, detail: str) -> Verdict:
    encrypted = run.script.encrypts
    left, padding = uncovered(run.image, run.covered, run.used.ranges)
    if left and run.covered and not encrypted:
        more = f" and {len(left) - MOST_NAMED} more" if len(left) > MOST_NAMED else ""
        detail += "; not under a signature: " + ", ".join(left[:MOST_NAMED]) + more
    root = run.keys.get(SRK)
    kind, bits = described(root) if root else ("", None)
    scheme = f"HAB {kind}-{bits} {NAMES.get(run.hash_name, '')}".strip() if root else "HAB"
    size = sum(end - at for at, end in run.covered)
    blocks = f"{len(run.covered)} block{'' if len(run.covered) == 1 else 's'} of {size} bytes"
    protection = Protection(
        signing=signing,
        detail=detail,
        covers=f"the command sequence file, {blocks}" if run.signed else "",
        binds_payload=None if encrypted else not left,
        scheme=scheme,
        key_bits=bits,
        key_id=fingerprint(root.der) if root else "",
        weak=run.weak,
        rollback=Rollback.UNKNOWN,
        encrypted=encrypted,
    )
    details = [("hash of the super root keys (fuses)", run.table.fuses)] if run.table else []
    if padding and run.covered and not encrypted:
        details.append(("padding that is not under the signature", f"{padding} bytes"))
    return Verdict(protection, tuple(details), max(end for _, end in run.used.ranges))
