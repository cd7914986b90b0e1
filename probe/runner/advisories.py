"""Advisories that the user fetched: OSV, NVD (JSON 2.0) and the Debian tracker, kept beside the results.

Matched by name and version alone, never confirmed. A package of a distribution is compared with that
distribution's advisories only, by its own version: its fixes are older than the version they are in.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmware_checks.content.advisories import key, table
from probe.errors import ProbeError
from probe.model.firmware import ImageComponent
from probe.model.text import clean
from probe.runner.debversion import deb_key

if TYPE_CHECKING:
    from sqlite3 import Connection

FILE = "advisories.db"
DAY = 86_400
OLD_DAYS = 90
NVD_NAMES = {"linux": "linux_kernel"}
ECOSYSTEMS = {"deb": ("Debian", "Ubuntu"), "apk": ("Alpine",)}
"""Of a purl's type; every other component is compared with advisories of no distribution."""
DISTRIBUTIONS = ("Debian", "Ubuntu", "Alpine", "Red Hat", "SUSE", "Rocky", "AlmaLinux", "openSUSE")
TABLES = """
create table if not exists source (id integer primary key, name text, format text, sha256 text unique,
  imported real, newest text);
create table if not exists advisory (source integer, scheme text, name text, id text, since text, before text,
  last text, versions text);
create index if not exists by_name on advisory (name, scheme);
"""
NEXT_STEP = "Give a file of OSV (JSON), NVD (JSON 2.0) or the Debian security tracker (JSON)."


@dataclass(frozen=True, slots=True)
class Row:
    """One component that one advisory speaks of. ``before``: the first version without the weakness."""

    scheme: str
    """``nvd``, ``deb``, or the ecosystem of OSV."""
    name: str
    id: str
    since: str = ""
    before: str = ""
    last: str = ""
    """The last version that has it, where no fixed one is named."""
    versions: tuple[str, ...] = ()


class Advisories:
    """The imported advisories of one store; there may be none."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self._db: Connection | None = None

    def __bool__(self) -> bool:
        return self.path.exists()

    def ages(self, now: float) -> Iterator[str]:
        """A sentence for each table that components are compared with, for the report."""
        edition = table().edition
        days = int((now - time.mktime(time.strptime(edition, "%Y-%m-%d"))) // DAY)
        yield f"Components were compared with the table that comes with the probe, of {edition}, {max(0, days)} days old."
        if not self:
            return
        for name, form, imported, newest in self._open().execute(
            "select name, format, imported, newest from source order by imported"
        ):
            age = int((now - imported) // DAY)
            old = "; import a newer file" if age > OLD_DAYS else ""
            data = f"newest entry of {newest}, " if newest else ""
            yield f"And with {form} advisories of the file {name}: {data}imported {max(0, age)} days before{old}."

    def said_of(self, fact: ImageComponent) -> tuple[str, ...]:
        """What the advisories say of this version, by version alone."""
        kind = fact.purl.partition(":")[2].partition("/")[0]
        names = {fact.name.lower(), NVD_NAMES.get(fact.name.lower(), "")}
        marks = ",".join("?" * len(names))
        rows = self._open().execute(
            f"select scheme, name, id, since, before, last, versions from advisory where name in ({marks})",  # noqa: S608 - question marks only
            tuple(names),
        )
        found: dict[str, str] = {}
        for fields in rows:
            scheme, name, cve, since, before, last, versions = fields
            row = Row(scheme, name, cve, since, before, last, tuple(json.loads(versions)))
            if _speaks_of(row.scheme, kind) and _affects(row, fact.version):
                known = f" fixed in {row.before}" if row.before else ""
                found.setdefault(row.id, clean(f"{row.id}{known} ({row.scheme})", 200))
        return tuple(found[name] for name in sorted(found))

    def take_in(self, path: Path, now: float) -> int:
        """Import a file, instead of an earlier import of the same name; returns the number of rows."""
        try:
            data = path.read_bytes()
            plain = json.loads(data)
        except OSError as error:
            raise ProbeError(f"{path} cannot be read: {error.strerror}", NEXT_STEP) from None
        except ValueError:
            raise ProbeError(f"{path} is no JSON", NEXT_STEP) from None
        form, newest, rows = read(plain)
        if not rows:
            raise ProbeError(f"{path} holds no advisory that could be read", NEXT_STEP)
        db = self._open()
        with db:
            for (old,) in db.execute(
                "select id from source where name = ?", (path.name,)
            ).fetchall():
                db.execute("delete from advisory where source = ?", (old,))
                db.execute("delete from source where id = ?", (old,))
            digest = hashlib.sha256(data).hexdigest()
            source = db.execute(
                "insert or replace into source (name, format, sha256, imported, newest) values (?, ?, ?, ?, ?)",
                (clean(path.name, 100), form, digest, now, newest),
            ).lastrowid
            db.executemany(
                "insert into advisory values (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        source,
                        r.scheme,
                        r.name,
                        r.id,
                        r.since,
                        r.before,
                        r.last,
                        json.dumps(r.versions),
                    )
                    for r in rows
                ),
            )
        return len(rows)

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _open(self) -> "Connection":
        import sqlite3

        if self._db is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path)
            with closing(self._db.cursor()) as cursor:
                cursor.executescript(TABLES)
        return self._db


def _speaks_of(scheme: str, kind: str) -> bool:
    family = scheme.partition(":")[0]
    if kind in ECOSYSTEMS:
        return scheme == kind or family in ECOSYSTEMS[kind]
    return scheme == "nvd" or (scheme != "deb" and family not in DISTRIBUTIONS)


def _affects(row: Row, version: str) -> bool:
    if version in row.versions:
        return True
    order = deb_key if row.scheme == "deb" or row.scheme.startswith(("Debian", "Ubuntu")) else key
    mine: Any = order(version)
    if row.since and row.since != "0" and mine < order(row.since):
        return False
    if row.before:
        return bool(mine < order(row.before))
    if row.last:
        return bool(mine <= order(row.last))
    return not row.versions


# --- formats ---------------------------------------------------------------------------------------


def read(plain: Any) -> tuple[str, str, list[Row]]:
    """Format, day of the newest entry, rows. What is of another shape is left out, entry by entry."""
    if isinstance(plain, dict) and isinstance(plain.get("vulnerabilities"), list):
        newest = str(plain.get("timestamp", ""))[:10]
        return "NVD", newest, [row for one in plain["vulnerabilities"] for row in _nvd(one)]
    entries = plain if isinstance(plain, list) else [plain]
    if any(isinstance(e, dict) and "affected" in e for e in entries):
        newest = max(
            (str(e.get("modified", ""))[:10] for e in entries if isinstance(e, dict)), default=""
        )
        return "OSV", newest, [row for one in entries for row in _osv(one)]
    if isinstance(plain, dict):
        return "Debian", "", [row for name, one in plain.items() for row in _debian(str(name), one)]
    return "", "", []


def _nvd(entry: Any) -> Iterator[Row]:
    """Only what is vulnerable itself counts, never the platform that it runs on."""
    cve = _dict(_dict(entry).get("cve"))
    for configuration in _list(cve.get("configurations")):
        for node in _list(_dict(configuration).get("nodes")):
            for match in map(_dict, _list(_dict(node).get("cpeMatch"))):
                parts = str(match.get("criteria", "")).split(":")
                if match.get("vulnerable") is not True or len(parts) < 6 or parts[2] == "h":
                    continue
                exact = (parts[5],) if parts[5] not in ("*", "-") else ()
                yield Row(
                    "nvd",
                    parts[4].lower(),
                    str(cve.get("id", "")),
                    str(match.get("versionStartIncluding", "")),
                    str(match.get("versionEndExcluding", "")),
                    str(match.get("versionEndIncluding", "")),
                    exact,
                )


def _osv(entry: Any) -> Iterator[Row]:
    """https://ossf.github.io/osv-schema/: ranges of commits are left out, they name no version."""
    names = (
        [str(entry.get("id", "")), *map(str, _list(entry.get("aliases")))]
        if isinstance(entry, dict)
        else []
    )
    for affected in map(_dict, _list(_dict(entry).get("affected"))):
        package = _dict(affected.get("package"))
        scheme, name = str(package.get("ecosystem", "")), str(package.get("name", "")).lower()
        shown = next((n for n in names if n.startswith("CVE-")), names[0])
        ranges = [r for r in map(_dict, _list(affected.get("ranges"))) if r.get("type") != "GIT"]
        versions = tuple(map(str, _list(affected.get("versions"))))
        if versions and not ranges:
            yield Row(scheme, name, shown, versions=versions)
        for one in ranges:
            since = ""
            for event in map(_dict, _list(one.get("events"))):
                if "introduced" in event:
                    since = str(event["introduced"])
                elif "fixed" in event:
                    yield Row(scheme, name, shown, since, str(event["fixed"]))
                    since = ""
                elif "last_affected" in event:
                    yield Row(scheme, name, shown, since, "", str(event["last_affected"]))
                    since = ""
            if since:
                yield Row(scheme, name, shown, since)


def _debian(name: str, entry: Any) -> Iterator[Row]:
    """The lowest mended version of all releases: which release an image is of, it does not always say."""
    for cve, told in _dict(entry).items():
        releases = [_dict(r) for r in _dict(_dict(told).get("releases")).values()]
        fixed = [
            str(r["fixed_version"])
            for r in releases
            if r.get("fixed_version") not in (None, "", "0")
        ]
        if fixed:
            yield Row("deb", name.lower(), str(cve), "", min(fixed, key=deb_key))
        elif releases and all(r.get("status") == "open" for r in releases):
            yield Row("deb", name.lower(), str(cve))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
