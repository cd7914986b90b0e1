"""TUF repositories: signed JSON of the roles root, targets, snapshot and timestamp, in an archive or alone.

Source: The Update Framework specification 1.0, sections 4 and 5. Who may sign a role, and how many must, is
in root; root signs itself, so a key from outside decides whether it is the right root. Whether metadata has
expired depends on the day it is used, so the days are told and nothing is concluded from them.
"""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from firmware_checks.filesystems import tar
from firmware_checks.filesystems.zip import DAMAGE, Window
from firmware_checks.formats.tuf_roles import (
    ROLES,
    Role,
    fits,
    holders_of,
    read_role,
    signed_enough,
)
from firmware_checks.keys import fingerprint, weakness
from firmware_checks.reading import Context, Protection, PublicKey, Reading
from firmware_checks.signatures import described
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing
from probe.model.text import clean

RANK = 45
LARGEST = 8 << 20
MOST_MEMBERS = 10_000
ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Tuf:
    """The format."""

    name: str = "TUF metadata"
    anchors: tuple[tuple[bytes, int], ...] = ((b"{", 0), (ZIP, 0), (b"ustar", 257))
    at_end: bool = False
    searched: bool = False

    def read(self, view: View, context: Context) -> Reading | None:
        if view.starts_with(b"{"):
            role = read_role(view) if len(view) <= LARGEST else None
            return None if role is None else _alone(role, len(view), context.keys.keys)
        roles = _archived(view, context)
        if "root" not in roles or len(roles) < 2:
            return None
        return _repository(view, roles, context)


FORMAT = Tuf()


def _archived(view: View, context: Context) -> dict[str, Role]:
    """The newest metadata of each top role among the members of a zip or tar."""
    found: dict[str, Role] = {}
    for name, data in _members(view):
        stem = _stem(name)
        context.budget.take(len(data))
        role = read_role(data)
        if role is None or role.kind != stem:
            continue
        if stem not in found or (found[stem].version or 0) < (role.version or 0):
            found[stem] = role
    return found


def _stem(name: str) -> str:
    """``root`` for ``metadata/3.root.json``; empty for what is no metadata of a top role."""
    last = name.rsplit("/", 1)[-1]
    stem = last.removesuffix(".json").split(".")[-1]
    return stem if stem in ROLES and last.endswith(".json") else ""


def _members(view: View) -> Iterator[tuple[str, View]]:
    if not view.starts_with(ZIP):
        for number, member in enumerate(tar.members(view)):
            if number > MOST_MEMBERS:
                return
            name = member.name.decode("utf-8", "replace")
            if _stem(name) and member.size <= LARGEST:
                yield name, view.part(member.at, member.size)
        return
    try:
        with zipfile.ZipFile(Window(view)) as archive:
            for info in archive.infolist()[:MOST_MEMBERS]:
                if _stem(info.filename) and info.file_size <= LARGEST:
                    with archive.open(info) as file:
                        yield info.filename, View(file.read(LARGEST))
    except DAMAGE as error:
        raise Malformed(f"zip: {clean(str(error), 80)}") from None


def _alone(role: Role, size: int, given: tuple[PublicKey, ...]) -> Reading:
    """A single file: root can be checked with itself, the others with given keys only."""
    detail = "its signers are named in root, which is not here"
    signing = Signing.NOT_VERIFIED if role.signatures else Signing.UNSIGNED
    if role.kind == "root":
        signing, detail = _root(role, given)
    elif given and role.signatures:
        fitting = [k for k in given for s in role.signatures if fits(role, str(s.get("keyid")), k)]
        if fitting:
            signing, detail = Signing.VERIFIED, f"the signature was verified with {fitting[0].name}"
        else:
            detail = "none of the keys that were given made a signature"
    return _reading({role.kind: role}, size, signing, detail, None)


def _root(root: Role, given: tuple[PublicKey, ...]) -> tuple[Signing, str]:
    enough, good, threshold = signed_enough(root, root)
    if not root.signatures:
        return Signing.UNSIGNED, "root has no signature"
    if enough is None:
        return Signing.NOT_VERIFIED, "root names no keys that can be read here"
    if not enough:
        return (
            Signing.TAMPERED,
            f"root has {good} good signatures of its own, {threshold} are needed",
        )
    holders = holders_of(root, "root")[0]
    known = [k.name for k in given if any(k.der == h.der for h in holders.values())]
    if known:
        return Signing.VERIFIED, f"root is signed by its own keys, {known[0]} among them"
    other = "; none of the keys that were given is among them" if given else ""
    return Signing.NOT_VERIFIED, f"root is signed by its own keys{other}"


def _repository(view: View, roles: dict[str, Role], context: Context) -> Reading:
    root = roles["root"]
    signing, detail = _root(root, context.keys.keys)
    for name in ROLES[1:]:
        if name not in roles:
            detail += f"; {name} is not there"
            continue
        enough, good, threshold = signed_enough(roles[name], root)
        if enough is False:
            signing = Signing.TAMPERED
            detail = f"{name} has {good} good signatures, {threshold} are needed"
    if told := _versions(roles):
        detail += f"; {told}"
    return _reading(roles, len(view), signing, detail, _tree(view, context))


def _versions(roles: dict[str, Role]) -> str:
    """Where one role says another has a version that is not the one that is there."""
    for above, below in (("timestamp", "snapshot"), ("snapshot", "targets")):
        meta = roles[above].signed.get("meta") if above in roles and below in roles else None
        row = meta.get(f"{below}.json") if isinstance(meta, dict) else None
        said = row.get("version") if isinstance(row, dict) else None
        if isinstance(said, int) and said != roles[below].version:
            return f"{above} speaks of {below} {said}, which is {roles[below].version}"
    return ""


def _tree(view: View, context: Context) -> Reading | None:
    """The archive as the archive formats read it, for the files in it."""
    from firmware_checks.filesystems import zip as zips

    return (zips.FORMAT if view.starts_with(ZIP) else tar.FORMAT).read(view, context)


def _reading(
    roles: dict[str, Role], size: int, signing: Signing, detail: str, inside: Reading | None
) -> Reading:
    root, top = roles.get("root"), roles.get("timestamp") or next(iter(roles.values()))
    details = []
    for name, role in roles.items():
        details.append(
            (
                name,
                f"version {role.version}, expires {role.expires}, {len(role.signatures)} signatures",
            )
        )
    weak, bits, scheme, identity = "", None, "", ""
    if root is not None:
        for name in ROLES:
            holders, threshold = holders_of(root, name)
            kinds = sorted({_words(*described(k)) for k in holders.values()})
            details.append(
                (f"role {name}", f"{threshold} of {len(holders)} keys, {', '.join(kinds)}")
            )
            for key in holders.values():
                weak = weak or weakness(*described(key))
        holders, threshold = holders_of(root, "root")
        if holders:
            first = next(iter(holders.values()))
            kind, bits = described(first)
            scheme, identity = _words(kind, bits), fingerprint(first.der)
        if threshold == 1:
            detail += "; one key alone can replace root"
    return Reading(
        format=FORMAT.name if inside is None else "TUF repository",
        kind=LayerKind.UPDATE,
        size=inside.size if inside is not None else size,
        version=str(top.version),
        details=tuple(details),
        problem=inside.problem if inside is not None else "",
        protection=Protection(
            signing=signing,
            detail=detail,
            covers="metadata; targets by the hashes in it",
            binds_payload=True if "targets" in roles and inside is not None else None,
            scheme=scheme,
            key_bits=bits,
            key_id=identity,
            weak=weak,
            rollback=Rollback.COUNTER if top.signatures else Rollback.UNSIGNED_COUNTER,
            rollback_value=top.version,
        ),
        tree=inside.tree if inside is not None else None,
    )


def _words(kind: str, bits: int | None) -> str:
    return f"{kind}-{bits}" if bits else kind
