"""The list of documented defaults, and the operator's own rows: TOML files, read strictly."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from probe.errors import ProbeError
from probe.model.plan import OwnCredential

LIST = Path(__file__).with_name("credentials.toml")
PROTOCOLS = (
    "http", "telnet", "ssh", "ftp", "snmp", "snmpv3", "mqtt", "rtsp", "onvif", "vnc", "redis", "coaps",
    "cwmp",
)  # fmt: skip
"""What a row may be for; for ``snmp`` the password is the community, for ``vnc`` and ``redis`` it is all."""
KEYS = frozenset({"id", "vendor", "model", "on", "user", "pass", "source"})
MOST_BYTES = 1 << 20
ANONYMOUS = ("ftp", "anonymous")
"""User names that FTP servers let in with any password (RFC 1635)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One documented default. ``vendor`` is empty for a generic one; ``model`` is a glob."""

    id: str
    vendor: str
    model: str
    protocols: tuple[str, ...]
    username: str
    password: str
    source: str
    licence: str
    year: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialList:
    """The whole file. ``signs`` are the words that give a vendor away in a banner, title or OUI name."""

    edition: str
    rows: tuple[Row, ...]
    signs: dict[str, tuple[str, ...]]


@cache
def read_list(path: Path = LIST) -> CredentialList:
    """The list in ``path``; raises ProbeError that names the faulty row."""
    try:
        plain = tomllib.loads(path.read_text("utf-8"))
        sources, vendors = plain["sources"], plain["vendors"]
        rows = tuple(_row(row, sources, vendors) for row in plain["rows"])
        signs = {name: tuple(words) for name, words in vendors.items()}
        edition = plain["edition"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProbeError(
            f"the credential list {path} cannot be used: {error!s}", "Correct the named entry."
        ) from None
    ids = [row.id for row in rows]
    if twice := {i for i in ids if ids.count(i) > 1}:
        raise ProbeError(
            f"the credential list {path} has the id {min(twice)} twice",
            "Rename one of the two rows.",
        )
    return CredentialList(edition=edition, rows=rows, signs=signs)


def _row(plain: dict[str, Any], sources: dict[str, Any], vendors: dict[str, Any]) -> Row:
    name = plain.get("id", "without id")
    if unknown := plain.keys() - KEYS:
        raise ValueError(f"row {name} has the unknown key '{min(unknown)}'")
    source, vendor = sources.get(plain["source"]), plain.get("vendor", "")
    if source is None or (vendor and vendor not in vendors):
        raise ValueError(f"row {name} names a source or vendor that the file does not define")
    if strange := set(plain["on"]) - set(PROTOCOLS):
        raise ValueError(f"row {name} names the unknown protocol '{min(strange)}'")
    if "ftp" in plain["on"] and plain["user"] in ANONYMOUS:
        raise ValueError(f"row {name}: '{plain['user']}' is FTP's anonymous login, no account")
    return Row(
        id=plain["id"],
        vendor=vendor,
        model=plain.get("model", "*"),
        protocols=tuple(plain["on"]),
        username=plain["user"],
        password=plain["pass"],
        source=source["title"],
        licence=source["licence"],
        year=source["year"],
    )


def own_rows(path: Path) -> tuple[OwnCredential, ...]:
    """The operator's file: ``rows`` as in the shipped list, ``source`` being free text.

    Raises ProbeError that names the faulty row.
    """
    try:
        with path.open("rb") as file:
            plain = tomllib.loads(file.read(MOST_BYTES).decode("utf-8"))
        if unknown := plain.keys() - {"rows"}:
            raise ValueError(f"the unknown key '{min(unknown)}'")
        rows = tuple(_own(row) for row in plain["rows"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProbeError(
            f"the credential file {path} cannot be used: {error!s}",
            'Write rows = [ { id = "…", on = ["http"], user = "…", pass = "…" } ].',
        ) from None
    return rows


def _own(plain: dict[str, Any]) -> OwnCredential:
    name = plain.get("id", "without id")
    if unknown := plain.keys() - KEYS:
        raise ValueError(f"row {name} has the unknown key '{min(unknown)}'")
    if strange := set(plain["on"]) - set(PROTOCOLS):
        raise ValueError(f"row {name} names the unknown protocol '{min(strange)}'")
    texts = {key: plain.get(key, "") for key in ("id", "vendor", "user", "pass", "source")}
    texts["model"] = plain.get("model", "*")
    if wrong := [key for key, text in texts.items() if not isinstance(text, str)]:
        raise ValueError(f"row {name}: {wrong[0]} is not a text")
    if not texts["id"]:
        raise ValueError("a row has no id")
    return OwnCredential(
        id=texts["id"],
        protocols=tuple(plain["on"]),
        username=texts["user"],
        password=texts["pass"],
        vendor=texts["vendor"],
        model=texts["model"],
        source=texts["source"],
    )


def filtered(rows: Iterable[Row], vendor: str = "", protocol: str = "") -> list[Row]:
    """The rows of a vendor (part of its name) and for a protocol."""
    return [
        row
        for row in rows
        if vendor.casefold() in row.vendor and (not protocol or protocol in row.protocols)
    ]
