"""RAUC bundles: a squashfs, a CMS message, and its length as the last eight bytes.

Source: RAUC's reference, "Bundle Formats". plain: the message is over the squashfs. verity: the message
holds the manifest, the manifest the root of a dm-verity hash tree that follows the squashfs. crypt: as verity,
the payload encrypted, and with ``rauc encrypt`` the message too. A bundle without its last bytes is a bare
squashfs with ``manifest.raucm`` in it: there the signature was taken away.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from firmware_checks import cms
from firmware_checks.budget import OutOfBudget
from firmware_checks.filesystems import squashfs
from firmware_checks.reading import Context, Format, Part, Protection, Reading
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

MANIFEST = b"manifest.raucm"
SQUASHFS = b"hsqs"
LARGEST_SIGNATURE = 1 << 20
BLOCK = 4096
CMS_OIDS = (
    b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02",
    b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03",
)
WORSE = [Signing.UNREADABLE, Signing.TAMPERED, Signing.UNSIGNED, Signing.NOT_VERIFIED]
WORSE += [Signing.VERIFIED, Signing.ENCRYPTED]
Manifest = Mapping[str, Mapping[str, str]]


class Rauc(Format):
    """The format."""

    name = "RAUC bundle"
    # The size of the signature has eight bytes, and the first five of them can be no others.
    anchors = ((SQUASHFS, 0), (bytes(5), -8))
    at_end = True

    def read(self, view: View, context: Context) -> Reading | None:
        der = _tail(view)
        if der is None:
            return _stripped(view, context)
        payload = view.part(0, len(view) - 8 - len(der))
        try:
            message = cms.read(der)
        except Malformed as error:
            return _stripped(payload, context, f"the signature cannot be read: {error}", len(view))
        inside = None
        if payload.starts_with(SQUASHFS):
            inside = squashfs.FORMAT.read(payload, context)
        text = message.content
        if text is None and inside is not None:
            text = _manifest(inside, context)
        manifest = parsed(text or b"")
        context.budget.take(len(payload))
        return _reading(manifest, message, payload, inside, context, len(view))


FORMAT = Rauc()


def _tail(view: View) -> bytes | None:
    """The CMS message at the end, None when there is none."""
    if len(view) < 128:
        return None
    size = view.u64(len(view) - 8, ">")
    if not 64 <= size <= min(LARGEST_SIGNATURE, len(view) - 72):
        return None
    der = view.read(len(view) - 8 - size, size)
    return der if der[:1] == b"\x30" and any(oid in der[:20] for oid in CMS_OIDS) else None


def _reading(
    manifest: Manifest,
    message: cms.Message,
    payload: View,
    inside: Reading | None,
    context: Context,
    size: int,
) -> Reading:
    update, bundle = manifest.get("update", {}), manifest.get("bundle", {})
    form = "crypt" if message.encrypted else bundle.get("format", "plain")
    protection, who = judged(message, payload, form, bundle, context)
    details = [("bundle format", form), *who]
    images = [name for name in manifest if name.startswith("image.")]
    details += [
        (name.replace(".", " ", 1), ", ".join(f"{k} {v}" for k, v in manifest[name].items()))
        for name in images[:32]
    ]
    opaque = form == "crypt"
    return Reading(
        format=FORMAT.name,
        kind=LayerKind.UPDATE,
        size=size,
        title=update.get("compatible", ""),
        version=update.get("version", ""),
        built=update.get("build", "") or (inside.built if inside else ""),
        details=tuple(details),
        problem=_problem(inside, encrypted=opaque),
        protection=protection,
        parts=(Part(name="payload", view=payload, offset=0, hidden="encrypted"),) if opaque else (),
        tree=inside.tree if inside is not None else None,
    )


def _problem(inside: Reading | None, *, encrypted: bool) -> str:
    if encrypted:
        return "the payload is encrypted"
    return inside.problem if inside is not None else "the payload is no squashfs that can be read"


def judged(
    message: cms.Message, payload: View, form: str, bundle: Mapping[str, str], context: Context
) -> tuple[Protection, tuple[tuple[str, str], ...]]:
    """The message's worth, then whether what it holds binds the payload."""
    inline = message.content
    over = memoryview(inline) if inline is not None else payload.raw
    found = cms.judge(message, cms.of_bytes(over), context.keys.keys)
    signing, detail, covers, binds = found.signing, found.detail, "the whole payload", True
    integrity = ""
    if message.encrypted:
        signing, binds_all, covers = Signing.ENCRYPTED, None, ""
        detail = "manifest and signature are encrypted for the devices"
    elif inline is None:
        binds_all = True
    else:
        covers = "the manifest, which holds the root of a hash tree over the payload"
        binds_all, integrity = _verity(payload, bundle)
        if form == "crypt":
            binds_all, integrity = True, "a hash tree over the payload, which is encrypted"
            if signing is Signing.VERIFIED:
                signing = Signing.ENCRYPTED
                detail = (
                    f"the manifest alone could be verified ({detail}); the payload is encrypted"
                )
            if bundle.get("crypt-key"):
                detail += "; the key to the payload stands readable in the manifest"
        elif binds_all is None:
            # Any message that the maker ever signed could stand here.
            binds_all, signing = False, min(signing, Signing.NOT_VERIFIED, key=WORSE.index)
            detail = f"what was signed holds no hash of the payload; {detail}"
        elif binds_all is False and signing is not Signing.UNREADABLE:
            signing, detail = (
                Signing.TAMPERED,
                "the payload does not fit the hash tree's signed root",
            )
    if binds and binds_all is False and signing is Signing.TAMPERED:
        binds_all = True  # The signature covers it, which is how the change was seen.
    return (
        Protection(
            signing=signing,
            detail=detail,
            covers=covers,
            binds_payload=binds_all,
            scheme=found.scheme,
            key_bits=found.key_bits,
            key_id=found.key_id,
            weak=found.weak,
            public_key=found.public_key,
            rollback=Rollback.UNKNOWN if message.encrypted else Rollback.NONE,
            encrypted=form == "crypt",
            integrity=integrity,
        ),
        found.details,
    )


def _verity(payload: View, bundle: Mapping[str, str]) -> tuple[bool | None, str]:
    """Whether the hash tree's root in the manifest is that of the payload."""
    try:
        size = int(bundle.get("verity-size", ""))
        root, salt = (bytes.fromhex(bundle.get(f"verity-{n}", "")) for n in ("hash", "salt"))
    except ValueError:
        return None, "the manifest holds no hash tree"
    if not root or not 0 < size < len(payload):
        return None, "the manifest holds no hash tree"
    holds = verity_root(payload.part(0, len(payload) - size), salt) == root
    return holds, f"the hash tree of the payload {'holds' if holds else 'does not hold'}"


def verity_root(data: View, salt: bytes) -> bytes:
    """Root of dm-verity's tree, version 1: SHA-256 over salt and block, blocks of 4 KiB, at each level."""
    seed = hashlib.sha256(salt)

    def level(view: View) -> bytes:
        digests = []
        for block in view.windows(BLOCK):
            one = seed.copy()
            one.update(block)
            if len(block) < BLOCK:
                one.update(bytes(BLOCK - len(block)))
            digests.append(one.digest())
        return b"".join(digests)

    hashes = level(data)
    while len(hashes) > 32:
        hashes = level(View(hashes))
    return hashes


def _stripped(
    view: View, context: Context, damaged: str = "", size: int | None = None
) -> Reading | None:
    """A squashfs with a manifest in its root, and no signature behind it or a ``damaged`` one."""
    if not view.starts_with(SQUASHFS):
        return None
    inside = squashfs.FORMAT.read(view, context)
    if inside is None:
        return None
    text = _manifest(inside, context)
    if text is None:
        return None
    update = parsed(text).get("update", {})
    return replace(
        inside,
        format=FORMAT.name,
        kind=LayerKind.UPDATE,
        title=update.get("compatible", ""),
        version=update.get("version", ""),
        size=size or inside.size,
        protection=Protection(
            signing=Signing.UNREADABLE if damaged else Signing.STRIPPED,
            detail=damaged or "a bundle without the signature that every bundle ends with",
            rollback=Rollback.NONE,
        ),
    )


def _manifest(inside: Reading, context: Context) -> bytes | None:
    if not isinstance(inside.tree, squashfs.SquashTree):
        return None
    try:
        view = inside.tree.in_root(MANIFEST, context.budget)
    except (Malformed, OutOfBudget):
        return None
    return view.read(0, min(len(view), 1 << 16)) if view is not None else None


def parsed(text: bytes) -> Manifest:
    """The manifest's sections; what is no manifest has none."""
    import configparser

    parser = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    try:
        parser.read_string(text[: 1 << 16].decode("utf-8", "replace"))
    except (configparser.Error, ValueError):
        return {}
    return {section: dict(parser[section]) for section in parser.sections()[:64]}
