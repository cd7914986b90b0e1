"""TUF repositories: signed JSON of the roles root, targets, snapshot and timestamp, in an archive or alone.

Roles that targets delegates to are followed, and files beside the metadata are compared with their hashes.
Two repositories in one archive are told as Uptane's director and image repository.

Source: The Update Framework specification 1.0, sections 4 and 5. Who may sign a role, and how many must, is
in root; root signs itself, so a key from outside decides whether it is the right root. Whether metadata has
expired depends on the day it is used, so the days are told and nothing is concluded from them.
"""

import zipfile
from functools import partial

from firmware_checks.budget import Budget
from firmware_checks.filesystems import tar
from firmware_checks.filesystems.zip import DAMAGE, Window, end
from firmware_checks.formats.doubled import doubled
from firmware_checks.formats.tuf_files import Member, files_of
from firmware_checks.formats.tuf_repository import (
    Judged,
    Metadata,
    gathered,
    judged,
    root_signing,
)
from firmware_checks.formats.tuf_roles import ROLES, Role, fits, holders_of, read_role
from firmware_checks.keys import fingerprint, weakness
from firmware_checks.reading import Context, Format, Protection, PublicKey, Reading, unread
from firmware_checks.signatures import described
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing
from probe.model.text import clean

RANK = 45
LARGEST = 2 << 20
MOST_MEMBERS, MOST_ROW = 10_000, 512
"""Members, and bytes of the directory for each."""
ZIP = b"PK\x03\x04"


class Tuf(Format):
    """The format."""

    name = "TUF metadata"
    anchors = ((b"{", 0), (ZIP, 0), (b"ustar", 257))

    def read(self, view: View, context: Context) -> Reading | None:
        if view.starts_with(b"{"):
            if len(view) > LARGEST:
                return _too_long(self.name, view)
            role = read_role(view)
            return None if role is None else _alone(role, len(view), context.keys.keys)
        members = _members(view, context.budget)
        found, skipped = gathered(members, context.budget)
        found = {folder: one for folder, one in found.items() if len(one.files) > 1}
        return _repository(view, members, found, skipped, context) if found else None


FORMAT = Tuf()


def _too_long(name: str, view: View) -> Reading | None:
    if any(view.find(word) < 0 for word in (b'"signed"', b'"signatures"', b'"_type"')):
        return None
    why = f"metadata of more than {LARGEST >> 20} MiB is not read"
    return unread(name, LayerKind.UPDATE, len(view), why, is_sure=True)


def _members(view: View, budget: Budget) -> list[Member]:
    """The files of the archive. Raises Malformed."""
    if not view.starts_with(ZIP):
        found: list[Member] = []
        for member in tar.members(view):
            if len(found) >= MOST_MEMBERS:
                raise Malformed(f"more than {MOST_MEMBERS} members")
            if member.size:
                part = view.part(member.at, member.size)
                name = member.name.decode("utf-8", "replace")
                found.append(Member(name, partial(_counted, part)))
        return found
    if end(view)[1] > MOST_MEMBERS * MOST_ROW:
        raise Malformed("a directory of more members than are read")
    try:
        archive = zipfile.ZipFile(Window(view))
    except DAMAGE as error:
        raise Malformed(f"zip: {clean(str(error), 80)}") from None
    rows = [info for info in archive.infolist() if not info.filename.endswith("/")]
    if len(rows) > MOST_MEMBERS:
        raise Malformed(f"more than {MOST_MEMBERS} members")
    return [Member(info.filename, partial(_unzipped, archive, info)) for info in rows]


def _counted(part: View, budget: Budget) -> View:
    budget.take(len(part))
    return part


def _unzipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> View:
    if info.file_size > budget.room(info.compress_size):
        raise Malformed("a member that becomes too large")
    budget.take(info.file_size)
    try:
        with archive.open(info) as file:
            data = file.read(info.file_size + 1)
    except DAMAGE as error:
        raise Malformed(f"zip: {clean(str(error), 80)}") from None
    if len(data) != info.file_size:
        raise Malformed("a member is not as long as it says")
    return View(data)


def _alone(role: Role, size: int, given: tuple[PublicKey, ...]) -> Reading:
    """A single file: root can be checked with itself, the others with given keys only."""
    detail = "its signers are named in root, which is not here"
    signing = Signing.NOT_VERIFIED if role.signatures else Signing.UNSIGNED
    if role.kind == "root":
        signing, detail = root_signing([role], given)
    elif given and role.signatures:
        fitting = [k for k in given for s in role.signatures if fits(role, str(s.get("keyid")), k)]
        if fitting:
            signing, detail = Signing.VERIFIED, f"the signature was verified with {fitting[0].name}"
        else:
            detail = "none of the keys that were given made a signature"
    if role.doubled:
        signing, detail = Signing.UNREADABLE, f"{clean(role.doubled, 60)} is there more than once"
    return _reading({role.kind: role}, size, signing, detail, None, None)


def _repository(
    view: View, members: list[Member], found: dict[str, Metadata], skipped: int, context: Context
) -> Reading:
    """One repository, or two of them as Uptane has it: then the worse of both."""
    every = {folder: judged(one, context.keys.keys) for folder, one in found.items()}
    order = (
        Signing.UNREADABLE,
        Signing.TAMPERED,
        Signing.UNSIGNED,
        Signing.NOT_VERIFIED,
        Signing.VERIFIED,
    )
    worst = min(every.values(), key=lambda one: order.index(one.signing))
    detail = list(worst.detail)
    signing, binds = worst.signing, True
    metadata = {name for one in found.values() for name in one.members}
    for folder, one in every.items():
        # The metadata stand in a folder of the repository, or in its root.
        base = folder.removesuffix("metadata").rstrip("/") if len(every) > 1 else ""
        wrong, loose, unseen = files_of(members, metadata, one.targets, base, context.budget)
        if wrong:
            signing = Signing.TAMPERED
            said = ", ".join(clean(n, 60) for n in wrong[:4])
            detail.insert(0, f"{said} is not what the metadata say")
        if loose or unseen or not one.complete:
            binds = False
        if loose:
            said = ", ".join(clean(n, 60) for n in loose[:4])
            detail.append(f"no role describes {said}")
        if unseen:
            detail.append(f"{len(unseen)} files were not compared")
    if len(every) > 1:
        detail.append(f"{len(every)} repositories: {', '.join(clean(f, 60) for f in every)}")
        if told := _apart(every):
            signing = Signing.TAMPERED
            detail.insert(0, told)
    if skipped:
        signing = Signing.UNREADABLE
        detail.insert(0, f"{skipped} files of metadata are more than is read of one repository")
    if names := doubled(member.name for member in members):
        signing = Signing.UNREADABLE
        detail.insert(0, names)
    return _reading(worst.roles, len(view), signing, "; ".join(detail), _tree(view, context), binds)


def _apart(every: dict[str, Judged]) -> str:
    """What Uptane's director names and the image repository knows otherwise (Uptane 2.1, 5.4.4.2)."""
    director = next((one for folder, one in every.items() if "director" in folder), None)
    others = [one for one in every.values() if one is not director]
    for path, row in director.targets.items() if director else ():
        for other in others:
            said = other.targets.get(path, {})
            if any(said.get(name) != row.get(name) for name in ("hashes", "length")):
                return f"director and image repository do not agree on {clean(path, 60)}"
    return ""


def _tree(view: View, context: Context) -> Reading | None:
    """The archive as the archive formats read it, for the files in it."""
    from firmware_checks.filesystems import zip as zips

    return (zips.FORMAT if view.starts_with(ZIP) else tar.FORMAT).read(view, context)


def _reading(
    roles: dict[str, Role],
    size: int,
    signing: Signing,
    detail: str,
    inside: Reading | None,
    binds: bool | None,
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
            binds_payload=binds,
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
