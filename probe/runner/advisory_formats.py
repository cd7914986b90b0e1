"""What the files of OSV, the NVD and the Debian security tracker say of versions, entry by entry.

An entry of another shape is left out. What is withdrawn or rejected is left out too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from firmware_checks.content.advisories import key
from probe.runner.debversion import deb_key
from probe.runner.json_stream import members

NVD = "nvd"
TRACKER = "deb"
DEBIAN = {
    "buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13", "forky": "14",
}  # fmt: skip
"""The tracker's names of releases, and the numbers that an image knows itself by; others keep their name."""
OPEN, CLEAR, UNDETERMINED = "open", "clear", "undetermined"
MOST_NAMES = 50
_CVE = re.compile(r"CVE-\d{4}-\d{1,12}")
_FOREIGN = (
    "windows",
    "macos",
    "mac_os",
    "iphone_os",
    "ipados",
    "ios",
    "android",
    "wordpress",
    "node.js",
)
"""Target software of an NVD entry that no image of a device is."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one advisory says of one component."""

    scheme: str
    """``nvd``, ``deb`` (the tracker), or the ecosystem of OSV, such as ``Debian:12``."""
    name: str
    id: str
    vendor: str = ""
    release: str = ""
    since: str = ""
    after: str = ""
    """The last version before the first that has it, where that is how it is told."""
    before: str = ""
    """The first version without it."""
    last: str = ""
    """The last version that has it, where no mended one is named."""
    versions: tuple[str, ...] = ()
    """Single versions that have it; with ``=`` before it, of that version no update has it."""
    state: str = ""
    """Of the tracker: ``open``, ``clear`` (the release never had it), ``undetermined``."""
    note: str = ""


@dataclass(slots=True)
class Told:
    """What is said of the whole file, known when its rows were read."""

    format: str = ""
    newest: str = ""
    """Day of the newest entry, ``2026-01-02``; empty where the format has none."""
    _parts: dict[str, Any] = field(default_factory=dict)


def rows(file: BinaryIO, told: Told) -> Iterator[Row]:
    """The rows of a file, while it is read. Raises ``json_stream.NotJson``."""
    for name, value in members(file, unfold="vulnerabilities"):
        if name == "vulnerabilities":
            told.format = "NVD"
            told.newest = max(told.newest, _day(_dict(_dict(value).get("cve")).get("lastModified")))
            yield from nvd(value)
        elif not name:
            told.format = told.format or ("OSV" if "affected" in _dict(value) else "")
            told.newest = max(told.newest, _day(_dict(value).get("modified")))
            yield from osv(value)
        elif found := list(debian(name, value)):
            told.format = "Debian"
            yield from found
        elif name in (
            "id",
            "aliases",
            "upstream",
            "modified",
            "withdrawn",
            "affected",
            "timestamp",
        ):
            told._parts[name] = value
    if told.format == "NVD":
        told.newest = _day(told._parts.get("timestamp")) or told.newest
    elif "affected" in told._parts:
        told.format, told.newest = "OSV", _day(told._parts.get("modified"))
        yield from osv(told._parts)


# --- NVD -------------------------------------------------------------------------------------------


def nvd(entry: Any) -> Iterator[Row]:
    """JSON 2.0. Only what is vulnerable itself counts, never the platform that it runs on."""
    cve = _dict(_dict(entry).get("cve"))
    if cve.get("vulnStatus") == "Rejected":
        return
    for configuration in map(_dict, _list(cve.get("configurations"))):
        nodes = [_dict(n) for n in _list(configuration.get("nodes"))]
        found = [
            (n, row)
            for n, node in enumerate(nodes)
            if node.get("negate") is not True
            for match in map(_dict, _list(node.get("cpeMatch")))
            if (row := _match(match, str(cve.get("id", "")))) is not None
        ]
        joined = configuration.get("operator") == "AND"
        for n, row in found:
            others = {other.name for m, other in found if m != n}
            if joined and row.name == "linux_kernel" and others - {row.name}:
                continue  # of two that must come together the kernel is what the other runs on
            yield row


def _match(match: dict[str, Any], name: str) -> Row | None:
    cpe = _parts(str(match.get("criteria", "")))
    if match.get("vulnerable") is not True or len(cpe) < 6 or cpe[2] == "h" or cpe[5] == "-":
        return None
    _, _, _, vendor, product, version, update, edition, _, soft, target, *_ = (*cpe, *("*",) * 13)
    if target.startswith(_FOREIGN):
        return None
    exact: tuple[str, ...] = ()
    if version != "*":
        exact = (version if update == "*" else f"={version}{'' if update == '-' else update}",)
    editions = " ".join(x for x in (edition, soft) if x not in ("*", "-"))
    return Row(
        NVD,
        product.lower(),
        name,
        vendor=vendor.lower(),
        since=_text(match.get("versionStartIncluding")),
        after=_text(match.get("versionStartExcluding")),
        before=_text(match.get("versionEndExcluding")),
        last=_text(match.get("versionEndIncluding")),
        versions=exact,
        note=f"edition {editions}" if editions else "",
    )


def _parts(name: str) -> list[str]:
    """The fields of a CPE 2.3 name (NISTIR 7695, 6.2): a backslash takes the next character as it is."""
    if "\\" not in name:
        return name.split(":")
    return [re.sub(r"\\(.)", r"\1", part) for part in re.split(r"(?<!\\):", name)]


# --- OSV -------------------------------------------------------------------------------------------


def osv(entry: Any) -> Iterator[Row]:
    """https://ossf.github.io/osv-schema/: ranges of commits are left out, they name no version."""
    entry = _dict(entry)
    if entry.get("withdrawn"):
        return
    others = [str(n) for f in ("aliases", "upstream") for n in _list(entry.get(f))[:MOST_NAMES]]
    name = str(entry.get("id", ""))
    names = list(dict.fromkeys(n for n in (name, *others) if _CVE.fullmatch(n))) or [name]
    for affected in map(_dict, _list(entry.get("affected"))):
        package = _dict(affected.get("package"))
        scheme, of = str(package.get("ecosystem", "")), str(package.get("name", "")).lower()
        if not (scheme and of):
            continue
        release = scheme.partition(":")[2]
        versions = tuple(str(v) for v in _list(affected.get("versions")) if isinstance(v, str))
        found = [Row(scheme, of, "", release=release, versions=versions)] if versions else []
        for one in map(_dict, _list(affected.get("ranges"))):
            if one.get("type") in ("SEMVER", "ECOSYSTEM"):
                found += _range(scheme, of, release, _list(one.get("events")))
        for row in found:
            for shown in names:
                yield Row(
                    row.scheme, row.name, shown, release=row.release, since=row.since,
                    before=row.before, last=row.last, versions=row.versions,
                )  # fmt: skip


def _range(scheme: str, name: str, release: str, events: list[Any]) -> Iterator[Row]:
    """The events may stand in any order; their versions tell it (OSV schema, evaluation)."""
    order = deb_key if is_debian(scheme) else key
    kinds = {"introduced": 1, "fixed": 0, "last_affected": 2}
    known = [
        (str(version), kind)
        for event in map(_dict, events)
        for kind, version in event.items()
        if kind in kinds and isinstance(version, str)
    ]
    known.sort(key=lambda e: (e[0] != "0", order(e[0]), kinds[e[1]]))
    since: str | None = None
    for version, kind in known:
        if kind == "introduced":
            since = version if since is None else since
        elif since is not None:
            before, last = (version, "") if kind == "fixed" else ("", version)
            yield Row(scheme, name, "", release=release, since=since, before=before, last=last)
            since = None
    if since is not None:
        yield Row(scheme, name, "", release=release, since=since)


def is_debian(scheme: str) -> bool:
    """Whether versions are in Debian's order."""
    return scheme == TRACKER or scheme.partition(":")[0] in ("Debian", "Ubuntu")


# --- Debian security tracker -----------------------------------------------------------------------


def debian(name: str, entry: Any) -> Iterator[Row]:
    """https://security-tracker.debian.org/tracker/data/json: source package, CVE, release."""
    for cve, told in _dict(entry).items():
        for codename, release in _dict(_dict(told).get("releases")).items():
            release = _dict(release)
            fixed, status = _text(release.get("fixed_version")), release.get("status")
            note = ", ".join(
                word
                for word in (
                    "unimportant to Debian" if release.get("urgency") == "unimportant" else "",
                    _text(release.get("nodsa")),
                    _text(release.get("nodsa_reason")),
                )
                if word
            )
            if status == "undetermined" or fixed == "undetermined":
                state, fixed = UNDETERMINED, ""
            elif status == "resolved" and fixed:
                state, fixed = (CLEAR, "") if fixed == "0" else ("", fixed)
            elif status == "open":
                state, fixed = OPEN, ""
            else:
                continue
            number = DEBIAN.get(codename, codename)
            yield Row(
                TRACKER, name.lower(), str(cve), release=number, before=fixed, state=state, note=note
            )  # fmt: skip


def _day(value: Any) -> str:
    found = re.match(r"(?:19|20)\d\d-\d\d-\d\d", _text(value))
    return found.group() if found else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
