"""Mender artifacts: a tar of version, manifest, signature, header and data.

Source: Mender's "Artifact format" documentation, version 3. The signature is over ``manifest``, which holds
the SHA-256 of the other members; of a data archive it holds those of the files in it.
``manifest-augment`` lists what was added later, and nobody signs it.
"""

import base64
import binascii
import hashlib
import json
import lzma
from collections.abc import Callable, Iterator
from typing import Any

from firmware_checks.budget import Budget, OutOfBudget
from firmware_checks.compression import DICTIONARY
from firmware_checks.filesystems import tar
from firmware_checks.formats.doubled import doubled
from firmware_checks.keys import weakness
from firmware_checks.reading import Context, Format, Protection, PublicKey, Reading
from firmware_checks.signatures import (
    NO_SIGNATURE,
    blank,
    check,
    described,
    judged,
    key_id,
)
from firmware_checks.streams import Decoder, Inflater, unrolled
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing

RANK = 25
LARGEST_TEXT = 1 << 20
MOST_MEMBERS = 4096
INSTALLED = ("data/", "header-augment")
OWN = ("manifest", "manifest.sig", "manifest-augment")
PACKED: dict[str, tuple[bytes, Callable[[], Decoder]]] = {
    ".tar.gz": (b"\x1f\x8b\x08", Inflater),
    ".tar.xz": (b"\xfd7zXZ\0", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=DICTIONARY)),
}


class _Packing(Malformed):
    """An archive that another program can read."""


class Mender(Format):
    """The format."""

    name = "Mender artifact"
    anchors = ((b"version\0", 0),)

    def read(self, view: View, context: Context) -> Reading | None:
        names: list[str] = []
        members, problem, end = _members(view, names)
        problem = problem or doubled(names)
        version = _json(members.get("version"))
        if version.get("format") != "mender":
            return None
        header, said = _header(members, context.budget)
        problem = problem or said
        listed = sums(members.get("manifest"))
        augmented = sums(members.get("manifest-augment"))
        wrong, missing, unseen, said = _compare(members, {**augmented, **listed}, context.budget)
        problem = problem or said
        # The files of a payload that only the second manifest lists are installed, and nobody signed them.
        # A second header says anew what the update's own script is told.
        missing += [n for n in augmented if n.startswith(INSTALLED) and n not in listed]
        protection = _protection(
            members, listed, wrong, missing, unseen, problem, context.keys.keys
        )
        provides, depends = (_part(header, f"artifact_{n}") for n in ("provides", "depends"))
        payloads = [str(_dict(p).get("type")) for p in _list(header.get("payloads"))[:16]]
        details = [
            ("artifact format", str(version.get("version"))),
            ("payload", ", ".join(payloads)),
        ]
        if augmented:
            details.append(("added without signature", ", ".join(sorted(augmented)[:16])))
        return Reading(
            format=self.name,
            kind=LayerKind.UPDATE,
            size=end,
            title=", ".join(str(d) for d in _list(depends.get("device_type"))[:8]),
            version=str(provides.get("artifact_name", "")),
            details=tuple(details),
            problem=problem,
            protection=protection,
            tree=tar.TarTree(view.part(0, end)),
        )


FORMAT = Mender()


def _members(view: View, names: list[str]) -> tuple[dict[str, View], str, int]:
    found: dict[str, View] = {}
    end = 0
    try:
        for member in tar.members(view):
            names.append(member.name.decode("utf-8", "replace"))
            found.setdefault(names[-1], view.part(member.at, member.size))
            end = member.following
            if len(names) > MOST_MEMBERS:
                raise Malformed(f"more than {MOST_MEMBERS} members")
    except Malformed as error:
        return found, f"cut short or damaged: {error}", len(view)
    if "manifest" not in found or not any(n.startswith("data/") for n in found):
        return found, "cut short: manifest or data are not there", len(view)
    while end + tar.BLOCK <= len(view) and tar.empty(view, end):
        end += tar.BLOCK
    return found, "", min(end, len(view))


def _json(view: View | None) -> dict[str, Any]:
    if view is None or len(view) > LARGEST_TEXT:
        return {}
    try:
        return _dict(json.loads(view.read()))
    except (ValueError, RecursionError):
        return {}


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _part(header: dict[str, Any], name: str) -> dict[str, Any]:
    return _dict(header.get(name))


def _header(members: dict[str, View], budget: Budget) -> tuple[dict[str, Any], str]:
    """``header-info`` of the header's archive, and what is wrong with the archive."""
    name = next((n for n in members if n.startswith("header.tar")), "")
    try:
        for inner, view in _packed(name, members[name], budget) if name else ():
            if inner == "header-info":
                return _json(view), ""
    except (Malformed, OutOfBudget) as error:
        return {}, f"its header cannot be read: {error}"
    return {}, ""


def _packed(name: str, view: View, budget: Budget) -> Iterator[tuple[str, View]]:
    """The files of an inner archive. Raises Malformed, OutOfBudget."""
    for suffix, (magic, make) in PACKED.items():
        if name.endswith(suffix):
            stream = unrolled(view, magic, make, budget)
            if stream.problem:
                raise Malformed(stream.problem)
            view = stream.data
            break
    else:
        if not name.endswith(".tar"):
            raise _Packing("packed in a way that is not read here")
    for member in tar.members(view):
        yield member.name.decode("utf-8", "replace"), view.part(member.at, member.size)


def sums(view: View | None) -> dict[str, str]:
    """Name to SHA-256 of a manifest's lines."""
    found = {}
    if view is not None and len(view) <= LARGEST_TEXT:
        for line in view.read().decode("utf-8", "replace").splitlines()[:MOST_MEMBERS]:
            digest, _, name = line.partition("  ")
            if len(digest) == 64 and name:
                found[name] = digest.lower()
    return found


def _compare(
    members: dict[str, View], listed: dict[str, str], budget: Budget
) -> tuple[list[str], list[str], list[str], str]:
    """Names whose bytes differ, names that no manifest holds, archives that were not read, and what is wrong
    with one of them."""
    there: list[tuple[str, str]] = []
    unseen, damaged = [], ""
    for name, view in members.items():
        if not name.startswith("data/"):
            if name not in OWN:
                there.append((name, _sha256(view, budget)))
            continue
        folder = name.split(".")[0]
        try:
            # One after the other, and only their digests kept: each becomes as large as a root file system.
            there += [(f"{folder}/{n}", _sha256(v, budget)) for n, v in _packed(name, view, budget)]
        except (_Packing, OutOfBudget):
            unseen.append(name)
        except Malformed as error:
            unseen.append(name)
            damaged = damaged or f"{name} cannot be read: {error}"
    names = {n for n, _ in there}
    wrong = [n for n, digest in there if n in listed and digest != listed[n]]
    # A header added later is named by its own archive, which the second manifest lists.
    missing = [n for n in names if n not in listed]
    missing += [n for n in listed if n not in names and not unseen]
    return wrong, missing, unseen, damaged


def _sha256(view: View, budget: Budget) -> str:
    budget.take(len(view))
    return hashlib.sha256(view.raw).hexdigest()


def _protection(
    members: dict[str, View],
    listed: dict[str, str],
    wrong: list[str],
    missing: list[str],
    unseen: list[str],
    problem: str,
    keys: tuple[PublicKey, ...],
) -> Protection:
    signature = members.get("manifest.sig")
    raw = _base64(signature.read(0, min(len(signature), 8192))) if signature is not None else b""
    scheme, bits, identity, weak = "", None, "", ""
    if signature is None:
        signing, detail = Signing.UNSIGNED, "there is no manifest.sig, only checksums"
    elif blank(raw):
        signing, detail = Signing.UNSIGNED, NO_SIGNATURE
    else:
        manifest = members["manifest"].raw if "manifest" in members else memoryview(b"")
        verdict = judged(keys, lambda key: check(key, raw, manifest, "sha256"))
        signing, detail = verdict.signing, f"the manifest: {verdict.detail}"
        kind, bits = ("EC", None) if len(raw) < 128 else ("RSA", len(raw) * 8)
        if verdict.key is not None:
            kind, bits = described(verdict.key)
        scheme = f"{kind}{f'-{bits}' if bits else ''} SHA-256"
        identity, weak = key_id(verdict.key), weakness(kind, bits)
    if wrong:
        signing, detail = Signing.TAMPERED, f"{', '.join(wrong[:4])} is not what the manifest says"
    elif problem:
        signing, detail = Signing.UNREADABLE, problem
    if missing:
        detail += f"; in no signed manifest or not there: {', '.join(sorted(missing)[:4])}"
    if unseen:
        detail += f"; not read, so not compared with the manifest: {', '.join(unseen[:4])}"
    integrity = f"SHA-256 of {len(listed)} members " + ("does not hold" if wrong else "holds")
    return Protection(
        signing=signing,
        detail=detail,
        covers="the manifest, and all members by their SHA-256" if scheme else "",
        binds_payload=None if not scheme or unseen else not missing,
        scheme=scheme,
        key_bits=bits,
        key_id=identity,
        weak=weak,
        rollback=Rollback.NONE,
        integrity="" if problem or unseen else integrity,
    )


def _base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""
