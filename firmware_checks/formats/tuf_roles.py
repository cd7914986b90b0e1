"""Metadata files of TUF: their canonical form, the keys that root gives a role, and how many signed it.

Source: The Update Framework specification 1.0, sections 4.2 to 4.4 and 5.
"""

import fnmatch
import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from firmware_checks.keys import NotAKey, read_key, spki
from firmware_checks.reading import PublicKey
from firmware_checks.signatures import Outcome, check
from firmware_checks.view import Malformed, View
from probe.model.text import clean

ROLES = ("root", "timestamp", "snapshot", "targets")
DELEGATIONS = "delegations"
MOST_KEYS, LONGEST_KEY = 64, 16_384
Scopes = tuple[tuple[object, str], ...]
"""What each role above said of the one below it, with that one's name."""
MOST_TRIED = 4
"""Signatures of one name; the specification has one of each."""
DEEPEST = 64


@dataclass(frozen=True, slots=True)
class Role:
    """One metadata file."""

    kind: str
    signed: dict[str, Any]
    signatures: list[dict[str, Any]]
    doubled: str = ""
    """A name that one of its objects has more than once: readers differ in which one they take."""
    _covered: list[bytes] = field(default_factory=list, repr=False, compare=False)

    @property
    def covered(self) -> bytes:
        """What is signed, made once. Raises Malformed for what has no canonical form."""
        if not self._covered:
            self._covered.append(canonical(self.signed).encode("utf-8", "surrogatepass"))
        return self._covered[0]

    @property
    def version(self) -> int | None:
        value = self.signed.get("version")
        return value if isinstance(value, int) and 0 <= value < 1 << 63 else None

    @property
    def expires(self) -> str:
        return clean(str(self.signed.get("expires", "")), 40)


def read_role(view: View) -> Role | None:
    if view.find(b'"signed"') < 0 or view.find(b'"_type"') < 0:
        return None
    twice: list[str] = []
    try:
        value = json.loads(view.read(), object_pairs_hook=lambda rows: _object(rows, twice))
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
    listed = [s for s in signatures[:64] if isinstance(s, dict)]
    return Role(kind, signed, listed, next(iter(twice), ""))


def _object(rows: list[tuple[str, Any]], twice: list[str]) -> dict[str, Any]:
    value = dict(rows)
    if len(value) != len(rows) and not twice:
        twice += [n for n, number in Counter(name for name, _ in rows).items() if number > 1][:1]
    return value


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


def _public(key: object) -> PublicKey | None:
    """A key of root as ``cryptography`` can load it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if not isinstance(key, dict) or not isinstance(key.get("keyval"), dict):
        return None
    public = key["keyval"].get("public")
    if not isinstance(public, str) or len(public) > LONGEST_KEY:
        return None
    try:
        if key.get("keytype") == "ed25519":
            return PublicKey(
                name="", der=spki(Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)))
            )
        return read_key("", public.encode())[0]
    except (ValueError, NotAKey, UnsupportedAlgorithm, IndexError):
        return None


def holders_of(above: Role, name: str) -> tuple[dict[str, PublicKey], int]:
    """Key identifiers that may sign a role, and how many must: from root, or from targets that delegate."""
    keys, role = keys_of(above), _listed(above, name)
    if not isinstance(role, dict) or not isinstance(keys, dict):
        return {}, 0
    found: dict[str, PublicKey] = {}
    names = role.get("keyids")
    for identity in names[:MOST_KEYS] if isinstance(names, list) else ():
        key = _public(keys.get(identity)) if isinstance(identity, str) else None
        # One key under two names counts once.
        if key is not None and all(key.der != k.der for k in found.values()):
            found[identity] = key
    threshold = role.get("threshold")
    if not isinstance(threshold, int) or isinstance(threshold, bool):
        return found, 0
    return found, max(threshold, 0)


def may_name(scope: tuple[object, str], path: str) -> bool:
    """Whether a role may speak of a target: by patterns of paths, or by the first digits of the path's SHA-256
    (sections 4.5 and 5.6.7.2; TAP 15 for hash bins)."""
    said, name = scope
    if not isinstance(said, dict):
        return False
    digits = hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()
    bits = said.get("bit_length")
    if isinstance(bits, int) and 0 < bits <= 32:
        width = (bits + 3) // 4
        return name.endswith(f"-{int(digits[:8], 16) >> (32 - bits):0{width}x}")
    prefixes, patterns = said.get("path_hash_prefixes"), said.get("paths")
    if isinstance(prefixes, list):
        return any(isinstance(p, str) and digits.startswith(p) for p in prefixes[:1024])
    return any(_like(path, p) for p in (patterns[:MOST_KEYS] if isinstance(patterns, list) else ()))


def _like(path: str, pattern: object) -> bool:
    """Shell patterns, of which none goes beyond a slash."""
    parts, wanted = path.split("/"), pattern.split("/") if isinstance(pattern, str) else []
    return len(parts) == len(wanted) and all(
        fnmatch.fnmatchcase(part, one) for part, one in zip(parts, wanted, strict=True)
    )


def scope_of(above: Role, name: str) -> object:
    """What ``above`` says of a role that it delegates to."""
    return _listed(above, name)


def _listed(above: Role, name: str) -> object:
    """The entry for a role: by name in root, in a list in targets, or one for all hash bins."""
    if above.kind != "targets":
        roles = above.signed.get("roles")
        return roles.get(name) if isinstance(roles, dict) else None
    delegations = above.signed.get(DELEGATIONS)
    if not isinstance(delegations, dict):
        return None
    roles = delegations.get("roles")
    for one in roles if isinstance(roles, list) else ():
        if isinstance(one, dict) and one.get("name") == name:
            return one
    bins = delegations.get("succinct_roles")
    if isinstance(bins, dict) and name.startswith(f"{bins.get('name_prefix')}-"):
        return bins
    return None


def fits(role: Role, identity: str, key: PublicKey, hash_name: str = "sha256") -> bool:
    for one in [s for s in role.signatures if s.get("keyid") == identity][:MOST_TRIED]:
        try:
            raw = bytes.fromhex(str(one.get("sig", "")))
        except ValueError:
            continue
        if check(key, raw, role.covered, hash_name) is Outcome.FITS:
            return True
    return False


def hash_of(above: Role, identity: str) -> str:
    """The hash of a key's signatures, by the end of its scheme (``rsassa-pss-sha512``, ``ecdsa-sha2-nistp384``)."""
    entry = (keys_of(above) or {}).get(identity)
    scheme = str(entry.get("scheme", "")) if isinstance(entry, dict) else ""
    if scheme.endswith("nistp384"):
        return "sha384"
    return next((n for n in ("sha224", "sha384", "sha512") if scheme.endswith(n)), "sha256")


def keys_of(above: Role) -> dict[str, Any] | None:
    """The keys that root or a role that delegates describes."""
    keys = above.signed.get("keys")
    if above.kind == "targets":
        delegations = above.signed.get(DELEGATIONS)
        keys = delegations.get("keys") if isinstance(delegations, dict) else None
    return keys if isinstance(keys, dict) else None


def unread(role: Role, above: Role, name: str) -> int:
    """How many signatures are by keys that may sign and that nothing here can use."""
    listed, keys = _listed(above, name), keys_of(above) or {}
    names = listed.get("keyids") if isinstance(listed, dict) else None
    allowed = (
        {n for n in names[:MOST_KEYS] if isinstance(n, str)} if isinstance(names, list) else set()
    )
    made = {str(s.get("keyid")) for s in role.signatures if s.get("sig")}
    return sum(n in keys and _public(keys[n]) is None for n in allowed & made)


def signed_enough(role: Role, above: Role, name: str = "") -> tuple[bool | None, int, int]:
    """Whether enough keys that ``above`` lists signed ``role``: (answer, good signatures, threshold)."""
    holders, threshold = holders_of(above, name or role.kind)
    good = sum(fits(role, i, key, hash_of(above, i)) for i, key in holders.items())
    if (
        not holders
        or not threshold
        or good < threshold <= good + unread(role, above, name or role.kind)
    ):
        return None, good, threshold
    return good >= threshold, good, threshold
