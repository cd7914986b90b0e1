"""A TUF repository judged as a client would: from root down to the bytes of the targets.

Source: The Update Framework specification 1.0, sections 4.4 to 4.7 and 5.3 to 5.7; Uptane Standard 2.1, section
5.4.4 (what the director names must be in the image repository too). A key that root itself lists proves
nothing; only a key from outside that signed root does.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any

from firmware_checks.budget import Budget
from firmware_checks.formats.tuf_files import Member, matches
from firmware_checks.formats.tuf_roles import (
    DELEGATIONS,
    Role,
    Scopes,
    fits,
    hash_of,
    holders_of,
    may_name,
    read_role,
    scope_of,
    signed_enough,
    unread,
)
from firmware_checks.reading import PublicKey
from firmware_checks.view import Malformed, View
from probe.model.firmware import Signing
from probe.model.text import clean

MOST_ROLES = 256
MOST_TARGETS, MOST_ASKED = 4096, 20_000
"""Targets, and how often a role is asked whether it may speak of one."""
MOST_VERSIONS = 16
LARGEST_METADATA, ALL_METADATA = 2 << 20, 4 << 20
"""Bytes of one file and of all; JSON takes up to thirty times as much in memory."""


@dataclass(slots=True)
class Metadata:
    """The metadata files of one folder: by role name, all versions."""

    files: dict[str, list[tuple[Role, bytes]]] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)
    """Their names in the archive: nothing else beside them is metadata, whatever folder it is in."""

    def take(self, name: str, version: object = None) -> tuple[Role, bytes] | None:
        """The version that is asked for, else the newest."""
        every = self.files.get(name, [])
        exact = [one for one in every if one[0].version == version]
        return max(exact or every, key=lambda one: one[0].version or 0, default=None)

    def unlike(self) -> str:
        """The name of a role that two files give in one version and not alike; empty when none does."""
        for name, every in self.files.items():
            for one, other in combinations(every[:MOST_VERSIONS], 2):
                if one[0].version == other[0].version and one[0].signed != other[0].signed:
                    return name
        return ""


@dataclass(slots=True)
class Judged:
    """One repository: its roles, and what was found wrong, worst first."""

    roles: dict[str, Role]
    signing: Signing
    detail: list[str]
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Path to the description of every target that a role with enough signatures names."""
    complete: bool = True
    """All metadata that is named is there, so a file without description is bound by nobody."""


def gathered(members: list[Member], budget: Budget) -> tuple[dict[str, Metadata], int]:
    """Metadata by folder, and how many files of it are more than is read; what is no metadata is left out.

    Raises OutOfBudget.
    """
    found: dict[str, Metadata] = {}
    number = total = skipped = 0
    for member in members:
        if not member.name.endswith(".json"):
            continue
        try:
            data = member.load(budget)
        except Malformed:
            continue
        if max(number - MOST_ROLES, total - ALL_METADATA, len(data) - LARGEST_METADATA) >= 0:
            skipped += data.find(b'"signed"') >= 0 and data.find(b'"_type"') >= 0
            continue
        role = read_role(data)
        if role is None:
            continue
        number, total = number + 1, total + len(data)
        stem = member.name.rpartition("/")[2].removesuffix(".json")
        front, dot, rest = stem.partition(".")
        name = rest if dot and front.isdecimal() else stem
        if role.kind != "targets" and name != role.kind:
            continue
        place = found.setdefault(member.folder, Metadata())
        place.files.setdefault(name, []).append((role, data.read()))
        place.members.add(member.name)
    return {folder: one for folder, one in found.items() if "root" in one.files}, skipped


def judged(metadata: Metadata, given: tuple[PublicKey, ...]) -> Judged:
    """What the metadata of one repository is worth."""
    roots = sorted((one[0] for one in metadata.files["root"]), key=lambda r: r.version or 0)
    root = roots[-1]
    signing, said = root_signing(roots, given)
    result = Judged({"root": root}, signing, [said])
    above: Role | None = None
    for name in ("timestamp", "snapshot", "targets"):
        row = meta_of(above, name) if above is not None else {}
        one = metadata.take(name, row.get("version"))
        if one is None:
            result.detail.append(f"{name} is not there")
            result.complete = False
            above = None
            continue
        role, data = one
        result.roles[name] = role
        enough, good, threshold = signed_enough(role, root, name)
        if enough is None and unread(role, root, name):
            _unknown(result, name)
        elif enough is not True:
            _wrong(result, f"{name} has {good} good signatures, {threshold} are needed")
        if above is not None and (fault := fault_of(row, role, data)):
            _wrong(result, f"{above.kind} speaks of {name} {fault}")
        above = role
    if twice := next((r for every in metadata.files.values() for r, _ in every if r.doubled), None):
        result.signing = Signing.UNREADABLE
        said = f"{clean(twice.doubled, 60)} is there more than once in a file of {twice.kind}"
        result.detail.insert(0, f"{said}, and nobody knows which one is taken")
    if name := metadata.unlike():
        result.signing = Signing.UNREADABLE
        result.detail.insert(0, f"two files give {clean(name, 60)} in one version, and not alike")
    if "targets" in result.roles:
        _delegated(result, metadata, result.roles.get("snapshot"))
    return result


def _wrong(result: Judged, said: str) -> None:
    if result.signing not in (Signing.UNSIGNED, Signing.UNREADABLE):
        result.signing = Signing.TAMPERED
    result.detail.insert(0, said)


def _unknown(result: Judged, name: str) -> None:
    """Keys that nothing here can use may have made the signatures: neither good nor wrong."""
    if result.signing is Signing.VERIFIED:
        result.signing = Signing.NOT_VERIFIED
    result.detail.insert(0, f"{name} is signed by keys of a kind that is not read here")


def root_signing(roots: list[Role], given: tuple[PublicKey, ...]) -> tuple[Signing, str]:
    """Of the newest root: signed by itself, by the one before it, and by a key from outside."""
    root = roots[-1]
    enough, good, threshold = signed_enough(root, root)
    if not root.signatures:
        return Signing.UNSIGNED, "root has no signature"
    if enough is None:
        return Signing.NOT_VERIFIED, "root names no keys that can be read here, or not enough"
    if not enough:
        said = f"root has {good} good signatures of its own, {threshold} are needed"
        return Signing.TAMPERED, said
    trusted = roots
    for older, newer in pairwise(roots):
        if older.version == newer.version or signed_enough(newer, older)[0] is not True:
            trusted = roots[roots.index(newer) :]
    for one in trusted:
        holders = holders_of(one, "root")[0]
        known = [
            key.name
            for key in given
            for identity, holder in holders.items()
            if holder.der == key.der and fits(one, identity, key, hash_of(one, identity))
        ]
        if known:
            return Signing.VERIFIED, f"root was signed with {known[0]}"
    listed = any(k.der == h.der for k in given for h in holders_of(root, "root")[0].values())
    other = "; none of the keys that were given signed it" if given else ""
    if listed:
        other = "; a key that was given is listed in it, but did not sign it"
    return Signing.NOT_VERIFIED, f"root is signed by its own keys{other}"


def meta_of(above: Role, name: str) -> dict[str, Any]:
    """What a snapshot or timestamp says of another file."""
    meta = above.signed.get("meta")
    row = meta.get(f"{name}.json") if isinstance(meta, dict) else None
    return row if isinstance(row, dict) else {}


def fault_of(row: dict[str, Any], role: Role, data: bytes) -> str:
    """How a file differs from what is said of it; empty when it does not."""
    said = row.get("version")
    if isinstance(said, int) and said != role.version:
        return f"{said}, which is {role.version}"
    if row and matches(row, View(data)) is False:
        return "with another hash or length"
    return "" if row else "not at all"


def _delegated(result: Judged, metadata: Metadata, snapshot: Role | None) -> None:
    """Targets and the roles that it hands parts of them to, each asked once (section 5.6.7)."""
    waiting: deque[tuple[Role, Scopes]] = deque([(result.roles["targets"], ())])
    seen, asked = {"targets"}, 0
    while waiting:
        role, scopes = waiting.popleft()
        asked += _named(result, role, scopes)
        if asked > MOST_ASKED or len(result.targets) >= MOST_TARGETS:
            result.detail.append("it names more targets than are read of one repository")
            result.complete = False
            return
        for name in delegates(role):
            if name in seen or len(seen) > MOST_ROLES:
                continue
            seen.add(name)
            shown = clean(name, 60)
            row = meta_of(snapshot, name) if snapshot is not None else {}
            one = metadata.take(name, row.get("version"))
            if one is None:
                result.complete = False
                result.detail.append(f"the delegated role {shown} is not there")
                continue
            below, data = one
            result.roles[name] = below
            enough, good, threshold = signed_enough(below, role, name)
            if enough is None and unread(below, role, name):
                _unknown(result, f"the delegated role {shown}")
                result.complete = False
                continue
            if enough is not True:
                _wrong(
                    result,
                    f"the delegated role {shown} has {good} good signatures, {threshold} are needed",
                )
                continue
            if snapshot is not None and (fault := fault_of(row, below, data)):
                _wrong(result, f"snapshot speaks of {shown} {fault}")
            waiting.append((below, (*scopes, (scope_of(role, name), name))))


def _named(result: Judged, role: Role, scopes: Scopes) -> int:
    """Take over the targets that a role may name; how often a role was asked whether it may."""
    asked, targets = 0, role.signed.get("targets")
    for path, row in targets.items() if isinstance(targets, dict) else ():
        asked += len(scopes)
        if asked > MOST_ASKED or len(result.targets) >= MOST_TARGETS:
            break
        # A client does not ask a role about other paths than those it was given.
        if isinstance(row, dict) and all(may_name(scope, str(path)) for scope in scopes):
            result.targets.setdefault(str(path), row)
    return asked


def delegates(role: Role) -> Iterator[str]:
    """Names of the roles that ``role`` delegates to, those of hash bins among them."""
    said = role.signed.get(DELEGATIONS)
    if not isinstance(said, dict):
        return
    roles = said.get("roles")
    for one in roles[:MOST_ROLES] if isinstance(roles, list) else ():
        if isinstance(one, dict) and isinstance(one.get("name"), str):
            yield one["name"]
    bins = said.get("succinct_roles")
    if isinstance(bins, dict) and isinstance(bins.get("bit_length"), int):
        bits = min(max(bins["bit_length"], 0), 8)
        width = (max(bins["bit_length"], 1) + 3) // 4
        for number in range(1 << bits):
            yield f"{bins.get('name_prefix')}-{number:0{width}x}"
