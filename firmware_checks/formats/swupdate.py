"""SWUpdate images: a cpio whose first member is ``sw-description``, its signature the second.

Source: SWUpdate's documentation, "sw-description" and "signed images". The signature is over the description
alone; an image is bound only where the description holds its SHA-256.
"""

import hashlib
import re
from dataclasses import dataclass, field, replace

from firmware_checks import cms, openpgp
from firmware_checks.filesystems import cpio
from firmware_checks.formats.doubled import doubled
from firmware_checks.keys import weakness
from firmware_checks.reading import Context, Format, Protection, PublicKey, Reading
from firmware_checks.signatures import (
    NAMES,
    NO_SIGNATURE,
    Outcome,
    blank,
    check,
    described,
    judged,
    key_id,
    weak_hash,
)
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

RANK = 25
LARGEST_TEXT = 1 << 20
MOST_MEMBERS = 4096
RSA_SIZES = (64, 128, 256, 384, 512)
WORDS = re.compile(
    r'"(?:[^"\\\n]|\\.)*+"?|[A-Za-z0-9_*][\w.*-]*|[-+.\w]+|[{}()\[\]=:;,]|//[^\n]*|#[^\n]*'
    r"|/\*(?>.*?\*/|.*)",
    re.DOTALL,
)
"""Texts and comments that do not end go on to the end: to look for it from each of them takes for ever."""
OPEN, SHUT = "{([", "})]"
NO_DOWNGRADING = ("no-downgrading", "max-version")


@dataclass(slots=True)
class Block:
    """The settings between two braces."""

    settings: dict[str, str] = field(default_factory=dict)

    def on(self, name: str) -> bool:
        return self.settings.get(name, "").lower() in ("true", "1")


class SwUpdate(Format):
    """The format."""

    name = "SWUpdate image"
    anchors = ((b"sw-description\0", cpio.HEADER),)

    def read(self, view: View, context: Context) -> Reading | None:
        members: dict[str, View] = {}
        names: list[str] = []
        problem, end = "", 0
        try:
            for member in cpio.members(view):
                end = (member.at + member.size + 3) // 4 * 4
                if member.name != cpio.LAST:
                    name = member.name.decode("utf-8", "replace")
                    names.append(name)
                    members.setdefault(name, view.part(member.at, member.size))
                if len(names) > MOST_MEMBERS:
                    raise Malformed(f"more than {MOST_MEMBERS} members")
        except Malformed as error:
            problem, end = f"cut short or damaged: {error}", len(view)
        problem = problem or doubled(names)
        text = members.get("sw-description")
        if text is None:
            return None
        if len(text) > LARGEST_TEXT:
            problem = problem or "its sw-description is larger than is read of one"
            text = text.part(0, LARGEST_TEXT)
        blocks = parsed(text.read().decode("utf-8", "replace"))
        context.budget.take(len(view))
        top = next((b.settings for b in blocks if "version" in b.settings), {})
        hidden = [
            b.settings["filename"] for b in blocks if "filename" in b.settings and b.on("encrypted")
        ]
        broken = problem
        if hidden and not problem:
            problem = f"encrypted: {', '.join(hidden[:8])}"
        return Reading(
            format=self.name,
            kind=LayerKind.UPDATE,
            size=min(end, len(view)),
            title=top.get("description", ""),
            version=top.get("version", ""),
            details=tuple(_details(blocks)),
            problem=problem,
            protection=_protection(text, members, blocks, broken, context.keys.keys),
            tree=cpio.CpioTree(view),
        )


FORMAT = SwUpdate()


def parsed(text: str) -> list[Block]:
    """The blocks of a description in libconfig's or JSON's form, as far as settings go: no nesting needed."""
    blocks, stack, key, is_value = [Block()], [0], "", False
    for found in WORDS.finditer(text):
        word = found.group(0)
        if word.startswith(("//", "#", "/*")):
            continue
        if word == "{":
            blocks.append(Block())
            stack.append(len(blocks) - 1)
            key, is_value = "", False
        elif word == "}":
            if len(stack) > 1:
                stack.pop()
            key, is_value = "", False
        elif word in ("=", ":"):
            is_value = bool(key)
        elif word in "([)];,":
            key, is_value = "", False
        elif is_value:
            blocks[stack[-1]].settings.setdefault(key, word.strip('"')[:400])
            key, is_value = "", False
        else:
            key = word.strip('"')
    return blocks[:MOST_MEMBERS]


def _details(blocks: list[Block]) -> list[tuple[str, str]]:
    rows = []
    for block in blocks[:64]:
        name = block.settings.get("filename")
        if name:
            words = ["bound by SHA-256" if block.settings.get("sha256") else "not bound"]
            words += [k for k in ("encrypted", "compressed", "installed-directly") if block.on(k)]
            rows.append(
                (f"image {name}", ", ".join([*words, block.settings.get("type", "")]).rstrip(", "))
            )
        if "hardware-compatibility" in block.settings:
            rows.append(("hardware", block.settings["hardware-compatibility"]))
    return rows


def _protection(
    text: View,
    members: dict[str, View],
    blocks: list[Block],
    broken: str,
    keys: tuple[PublicKey, ...],
) -> Protection:
    signature = members.get("sw-description.sig")
    found = _signed(text, signature, keys)
    wrong, unbound, absent, open_ = _images(members, blocks)
    signing, detail = found.signing, found.detail
    signed = signing is not Signing.UNSIGNED
    if wrong:
        signing, detail = Signing.TAMPERED, f"the SHA-256 of {', '.join(wrong[:4])} does not hold"
    elif broken or absent:
        said = broken or f"not there: {', '.join(absent[:4])}"
        signing, detail = Signing.UNREADABLE, said
    if unbound:
        detail += f"; not bound by a SHA-256: {', '.join(unbound[:4])}"
    if open_:
        detail += (
            f"; encrypted, and the SHA-256 of what is there is another: {', '.join(open_[:4])}"
        )
    limits = {f"{n} {b.settings[n]}" for b in blocks for n in NO_DOWNGRADING if n in b.settings}
    rollback = Rollback.NONE
    if limits:
        rollback = Rollback.COUNTER if signed else Rollback.UNSIGNED_COUNTER
        detail += f"; it sets {', '.join(sorted(limits))}"
    return Protection(
        signing=signing,
        detail=detail,
        covers="sw-description, and the images that it holds a SHA-256 of" if signed else "",
        binds_payload=None if not signed or (open_ and not unbound) else not unbound,
        scheme=found.scheme,
        key_bits=found.key_bits,
        key_id=found.key_id,
        weak=found.weak,
        public_key=found.public_key,
        rollback=rollback,
        encrypted=any(b.on("encrypted") for b in blocks),
        integrity=""
        if broken or (open_ and not wrong)
        else f"SHA-256 of images {'does not hold' if wrong else 'holds'}",
    )


def _signed(text: View, signature: View | None, keys: tuple[PublicKey, ...]) -> cms.Judgement:
    if signature is None:
        said = "there is no sw-description.sig"
        return cms.Judgement(signing=Signing.UNSIGNED, detail=said)
    raw = signature.read(0, min(len(signature), 1 << 16))
    if blank(raw):
        return cms.Judgement(signing=Signing.UNSIGNED, detail=NO_SIGNATURE)
    is_number = len(raw) in RSA_SIZES
    if raw[:1] == b"\x30":
        try:
            return cms.judge(cms.read(raw), cms.of_bytes(text.raw), keys)
        except Malformed as error:
            if not is_number:
                return cms.Judgement(signing=Signing.UNREADABLE, detail=str(error))
    if not is_number:
        try:
            return _by_openpgp(text, openpgp.signatures(raw), keys)
        except Malformed as error:
            said = f"signed in a way that is not read here: {error}"
            return cms.Judgement(signing=Signing.NOT_VERIFIED, detail=said)
    verdict = judged(keys, lambda key: check(key, raw, text.raw, "sha256"))
    kind, bits = ("RSA", len(raw) * 8) if verdict.key is None else described(verdict.key)
    return cms.Judgement(
        signing=verdict.signing,
        detail=f"sw-description: {verdict.detail}",
        scheme=f"{kind}-{bits} SHA-256",
        key_bits=bits,
        key_id=key_id(verdict.key),
        weak=weakness(kind, bits),
    )


def _by_openpgp(
    text: View, found: list[openpgp.Signature], keys: tuple[PublicKey, ...]
) -> cms.Judgement:
    """The signature that says most; SWUpdate asks GPGME for one that is good."""
    order = (Signing.VERIFIED, Signing.TAMPERED, Signing.NOT_VERIFIED)
    every = []
    for one in found:
        digest = one.digest(text.raw)

        def ask(key: PublicKey, one: openpgp.Signature = one, digest: bytes = digest) -> Outcome:
            return check(key, one.value, digest, one.hash_name, prehashed=True)

        verdict = judged(keys, ask, f"the OpenPGP key {one.signer}")
        if verdict.signing is Signing.VERIFIED and verdict.key is not None:
            detail = verdict.detail + openpgp.terms(one, verdict.key)
            if why := openpgp.refusal(one, verdict.key):
                verdict = replace(verdict, signing=Signing.NOT_VERIFIED, detail=why)
            else:
                verdict = replace(verdict, detail=detail)
        every.append((verdict, one))
    verdict, best = min(every, key=lambda row: order.index(row[0].signing))
    kind, bits = (best.algorithm, best.bits) if verdict.key is None else described(verdict.key)
    more = f" ({len(found)} signatures)" if len(found) > 1 else ""
    others = [one for other, one in every if other.signing is not Signing.VERIFIED]
    if verdict.signing is Signing.VERIFIED and others:
        more += (
            f"; {len(others)} of the signatures did not fit, for which some verifiers refuse all"
        )
        if any(one.signer == best.signer for one in others):
            # GnuPG calls it bad; nobody makes two of which one does not fit.
            said = "its signer's other signature does not fit"
            verdict = replace(verdict, signing=Signing.NOT_VERIFIED, detail=said)
    return cms.Judgement(
        signing=verdict.signing,
        detail=f"sw-description: {verdict.detail}{more}",
        scheme=f"OpenPGP {kind}{f'-{bits}' if bits else ''} {NAMES[best.hash_name]}",
        key_bits=bits or (256 if kind == "Ed25519" else None),
        key_id=best.signer,
        weak=weakness(kind, bits) or weak_hash(best.hash_name),
    )


def _images(
    members: dict[str, View], blocks: list[Block]
) -> tuple[list[str], list[str], list[str], list[str]]:
    """Images whose SHA-256 is another, that have none, that are not there, and that cannot be compared."""
    wrong: list[str] = []
    open_: list[str] = []
    unbound, absent = [], []
    digests: dict[str, str] = {}
    for block in blocks:
        name = block.settings.get("filename")
        if not name:
            continue
        digest, view = block.settings.get("sha256", "").lower(), members.get(name)
        if not digest:
            unbound.append(name)
        if view is None:
            absent.append(name)
        elif digest.startswith("@"):
            unbound.append(name)
        elif digest:
            if name not in digests:
                digests[name] = hashlib.sha256(view.raw).hexdigest()
            if digests[name] != digest:
                # Whether the digest of an encrypted image is that of its plaintext depends on the version.
                (open_ if block.on("encrypted") else wrong).append(name)
    listed = {b.settings.get("filename") for b in blocks}
    listed |= {"sw-description", "sw-description.sig"}
    unbound += [n for n in members if n not in listed]
    return wrong, unbound, absent, open_
