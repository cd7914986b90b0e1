"""TUF repositories: signed JSON of the roles root, targets, snapshot and timestamp, in an archive or alone.

Source: The Update Framework specification 1.0, sections 4 and 5. Who may sign a role, and how many must, is
in root; root signs itself, so a key from outside decides whether it is the right root. Whether metadata has
expired depends on the day it is used, so the days are told and nothing is concluded from them.
"""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from firmware_checks.filesystems import tar
from firmware_checks.filesystems.zip import DAMAGE, Window
from firmware_checks.keys import fingerprint, weakness
from firmware_checks.reading import Context, Protection, PublicKey, Reading
from firmware_checks.signatures import Outcome, check, described
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing
from probe.model.text import clean

RANK = 45
LARGEST = 8 << 20
MOST_MEMBERS = 10_000
ROLES = ("root", "timestamp", "snapshot", "targets")
ZIP = b"PK\x03\x04"
DEEPEST = 64


@dataclass(frozen=True, slots=True)
class Role:
    """One metadata file."""

    kind: str
    signed: dict[str, Any]
    signatures: list[dict[str, Any]]

    @property
    def version(self) -> int | None:
        value = self.signed.get("version")
        return value if isinstance(value, int) and 0 <= value < 1 << 63 else None

    @property
    def expires(self) -> str:
        return clean(str(self.signed.get("expires", "")), 40)


@dataclass(frozen=True, slots=True)
class Tuf:
    """The format."""

    name: str = "TUF metadata"
    anchors: tuple[tuple[bytes, int], ...] = ((b"{", 0), (ZIP, 0), (b"ustar", 257))
    at_end: bool = False
    searched: bool = False

    def read(self, view: View, context: Context) -> Reading | None:
        if view.starts_with(b"{"):
            role = _role(view) if len(view) <= LARGEST else None
            return None if role is None else _alone(role, len(view), context.keys.keys)
        roles = _archived(view, context)
        if "root" not in roles or len(roles) < 2:
            return None
        return _repository(view, roles, context)


FORMAT = Tuf()


def _role(view: View) -> Role | None:
    if view.find(b'"signed"') < 0 or view.find(b'"_type"') < 0:
        return None
    try:
        value = json.loads(view.read())
    except (ValueError, RecursionError):
        return None
    signed, signatures = (
        (value.get(n) for n in ("signed", "signatures")) if isinstance(value, dict) else (0, 0)
    )
    if not isinstance(signed, dict) or not isinstance(signatures, list):
        return None
    kind = str(signed.get("_type", "")).lower()
    if kind not in ROLES:
        return None
    return Role(kind, signed, [s for s in signatures[:64] if isinstance(s, dict)])


def _archived(view: View, context: Context) -> dict[str, Role]:
    """The newest metadata of each top role among the members of a zip or tar."""
    found: dict[str, Role] = {}
    for name, data in _members(view):
        stem = name.rsplit("/", 1)[-1].removesuffix(".json").split(".")[-1]
        if stem not in ROLES or not name.endswith(".json"):
            continue
        context.budget.take(len(data))
        role = _role(data)
        if role is None or role.kind != stem:
            continue
        if stem not in found or (found[stem].version or 0) < (role.version or 0):
            found[stem] = role
    return found


def _members(view: View) -> Iterator[tuple[str, View]]:
    if not view.starts_with(ZIP):
        for number, member in enumerate(tar.members(view)):
            if number > MOST_MEMBERS:
                return
            name = member.name.decode("utf-8", "replace")
            if name.endswith(".json") and member.size <= LARGEST:
                yield name, view.part(member.at, member.size)
        return
    try:
        with zipfile.ZipFile(Window(view)) as archive:
            for info in archive.infolist()[:MOST_MEMBERS]:
                if info.filename.endswith(".json") and info.file_size <= LARGEST:
                    with archive.open(info) as file:
                        yield info.filename, View(file.read(LARGEST))
    except DAMAGE as error:
        raise Malformed(f"zip: {clean(str(error), 80)}") from None


def canonical(value: Any, depth: int = 0) -> str:
    """OLPC's canonical JSON, which is what is signed. Raises Malformed for what has no such form."""
    if depth > DEEPEST:
        raise Malformed("JSON too deep")
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(canonical(v, depth + 1) for v in value) + "]"
    if isinstance(value, dict):
        pairs = (f"{canonical(k)}:{canonical(v, depth + 1)}" for k, v in sorted(value.items()))
        return "{" + ",".join(pairs) + "}"
    raise Malformed("a number with a fraction has no canonical form")


def _bytes(role: Role) -> bytes:
    return canonical(role.signed).encode("utf-8", "surrogatepass")


def _public(key: object) -> PublicKey | None:
    """A key of root as ``cryptography`` can load it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from firmware_checks.keys import NotAKey, read_key, spki

    if not isinstance(key, dict) or not isinstance(key.get("keyval"), dict):
        return None
    public = key["keyval"].get("public")
    if not isinstance(public, str):
        return None
    try:
        if key.get("keytype") == "ed25519":
            return PublicKey(
                name="", der=spki(Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)))
            )
        return read_key("", public.encode())[0]
    except (ValueError, NotAKey, UnsupportedAlgorithm, IndexError):
        return None


def _holders(root: Role, name: str) -> tuple[dict[str, PublicKey], int]:
    """Key identifiers that may sign a role, and how many must."""
    role = root.signed.get("roles")
    role = role.get(name) if isinstance(role, dict) else None
    keys = root.signed.get("keys")
    if not isinstance(role, dict) or not isinstance(keys, dict):
        return {}, 0
    found: dict[str, PublicKey] = {}
    names = role.get("keyids")
    for identity in names[:64] if isinstance(names, list) else ():
        key = _public(keys.get(identity)) if isinstance(identity, str) else None
        # One key under two names counts once.
        if key is not None and all(key.der != k.der for k in found.values()):
            found[identity] = key
    threshold = role.get("threshold")
    return found, threshold if isinstance(threshold, int) and threshold > 0 else 0


def _fits(role: Role, identity: str, key: PublicKey) -> bool:
    data = _bytes(role)
    for one in role.signatures:
        if one.get("keyid") != identity:
            continue
        try:
            raw = bytes.fromhex(str(one.get("sig", "")))
        except ValueError:
            continue
        if check(key, raw, data, "sha256") is Outcome.FITS:
            return True
    return False


def _enough(role: Role, root: Role) -> tuple[bool | None, int, int]:
    """Whether enough keys of ``root`` signed ``role``: (answer, good signatures, threshold)."""
    holders, threshold = _holders(root, role.kind)
    good = sum(_fits(role, identity, key) for identity, key in holders.items())
    if not holders or not threshold:
        return None, good, threshold
    return good >= threshold, good, threshold


def _alone(role: Role, size: int, given: tuple[PublicKey, ...]) -> Reading:
    """A single file: root can be checked with itself, the others with given keys only."""
    detail = "its signers are named in root, which is not here"
    signing = Signing.NOT_VERIFIED if role.signatures else Signing.UNSIGNED
    if role.kind == "root":
        signing, detail = _root(role, given)
    elif given and role.signatures:
        fitting = [k for k in given for s in role.signatures if _fits(role, str(s.get("keyid")), k)]
        if fitting:
            signing, detail = Signing.VERIFIED, f"the signature was verified with {fitting[0].name}"
        else:
            detail = "none of the keys that were given made a signature"
    return _reading({role.kind: role}, size, signing, detail, None)


def _root(root: Role, given: tuple[PublicKey, ...]) -> tuple[Signing, str]:
    enough, good, threshold = _enough(root, root)
    if not root.signatures:
        return Signing.UNSIGNED, "root has no signature"
    if enough is None:
        return Signing.NOT_VERIFIED, "root names no keys that can be read here"
    if not enough:
        return (
            Signing.TAMPERED,
            f"root has {good} good signatures of its own, {threshold} are needed",
        )
    holders = _holders(root, "root")[0]
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
        enough, good, threshold = _enough(roles[name], root)
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
            holders, threshold = _holders(root, name)
            kinds = sorted({_words(*described(k)) for k in holders.values()})
            details.append(
                (f"role {name}", f"{threshold} of {len(holders)} keys, {', '.join(kinds)}")
            )
            for key in holders.values():
                weak = weak or weakness(*described(key))
        holders, threshold = _holders(root, "root")
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
