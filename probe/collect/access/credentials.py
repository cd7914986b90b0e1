"""Which credentials are tried on which service: data from ``credentials.toml``, picked by pure functions.

Generic lists are weak (the ten most common pairs cover a fifth of what is published), so what is known of
the device decides: its own documented default first, then its product's, its vendor's, then a few common
ones. The pick fits the plan's login budget, so that the whole list can be shown before anything is sent.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from probe.checks.access.logins import PROTOCOLS, representatives
from probe.errors import ProbeError
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.observation import Announced, HttpPage, Service, UdpSilence
from probe.model.plan import Plan

LIST = Path(__file__).with_name("credentials.toml")
MOST_PER_SERVICE = 6
FEWEST_PER_SERVICE = 2
CONTROLS = 2
"""Login attempts beside the candidates: a random credential before, a random password after a success."""
KEPT = frozenset({"declared", "product"})
"""Tiers that are never dropped to save budget: a default known for this very product must be tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One credential to try, and where it is documented."""

    username: str
    password: str
    tier: str
    """``declared``, ``product``, ``vendor`` or ``generic``."""
    source: str


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
    if unknown := plain.keys() - {"id", "vendor", "model", "on", "user", "pass", "source"}:
        raise ValueError(f"row {name} has the unknown key '{min(unknown)}'")
    source, vendor = sources.get(plain["source"]), plain.get("vendor", "")
    if source is None or (vendor and vendor not in vendors):
        raise ValueError(f"row {name} names a source or vendor that the file does not define")
    if strange := set(plain["on"]) - set(PROTOCOLS):
        raise ValueError(f"row {name} names the unknown protocol '{min(strange)}'")
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


# --- what is known of the device ------------------------------------------------------------------


def _words(dut: Dut) -> Iterator[str]:
    for attribute in dut.device.attributes:
        if attribute.name in ("vendor", "model", "name", "category"):
            yield attribute.value
    if dut.declaration:
        yield from (dut.declaration.manufacturer, dut.declaration.model, dut.declaration.product)
    for seen in dut.all(Service):
        yield f"{seen.fact.product} {seen.fact.banner}"
    for page in dut.all(HttpPage):
        yield page.fact.title
        yield from (v for k, v in page.fact.headers if k.lower() in ("server", "www-authenticate"))
    for announced in dut.all(Announced):
        yield announced.fact.name
        yield from (value for _, value in announced.fact.attributes)


def vendors_of(dut: Dut) -> frozenset[str]:
    """Every vendor of the list that something known of the device points to."""
    text = "\n".join(_words(dut)).casefold()
    return frozenset(
        vendor
        for vendor, signs in read_list().signs.items()
        if any(re.search(rf"(?<![a-z0-9]){re.escape(sign)}(?![a-z0-9])", text) for sign in signs)
    )


def _is_model(dut: Dut, glob: str) -> bool:
    return any(fnmatchcase(word.casefold(), glob.casefold()) for word in _words(dut))


def login_services(dut: Dut) -> list[Service]:
    """Every service that logins are tried on, each once.

    An SNMP v1/v2c agent is silent to every community but its own (RFC 3584 section 5.2.1): where the
    port is silent and no agent is known, one address is asked with the documented communities.
    """
    found = representatives(dut)
    quiet = [s.fact for s in dut.all(UdpSilence) if s.fact.protocol == "snmp"]
    silent = [f for f in quiet if f.state == "silent"]
    if silent and not dut.services("snmp"):
        address, port = silent[0].address, silent[0].port
        found.append(Service(transport="udp", address=address, port=port, protocol="snmp"))
    return found


# --- the pick --------------------------------------------------------------------------------------


def candidates(dut: Dut, service: Service) -> list[Candidate]:
    """Everything known that could open ``service``, the likeliest first, nothing twice."""
    found: dict[tuple[str, str], Candidate] = {}
    for candidate in (*_declared(dut, service), *_listed(dut, service)):
        found.setdefault((candidate.username, candidate.password), candidate)
    return list(found.values())


def _declared(dut: Dut, service: Service) -> Iterator[Candidate]:
    for account in dut.declaration.accounts if dut.declaration else ():
        meant = account.service in (service.protocol, "any")
        # The password of one unit's own label is no default; only a documented one is.
        own = account.origin in ("unique-per-device", "user-defined")
        if meant and account.password is not None and not own:
            yield Candidate(
                username=account.username,
                password=account.password,
                tier="declared",
                source="declaration",
            )


def _listed(dut: Dut, service: Service) -> list[Candidate]:
    vendors = vendors_of(dut)
    tiers: dict[str, list[Candidate]] = {"product": [], "vendor": [], "generic": []}
    for row in read_list().rows:
        if service.protocol not in row.protocols or (row.vendor and row.vendor not in vendors):
            continue
        tier = "vendor" if row.vendor else "generic"
        if row.model != "*":
            if not _is_model(dut, row.model):
                continue
            tier = "product"
        source = f"{row.id}: {row.source} ({row.year})"
        tiers[tier].append(
            Candidate(username=row.username, password=row.password, tier=tier, source=source)
        )
    return [c for tier in tiers.values() for c in tier]


def chosen(dut: Dut, service: Service, plan: Plan) -> list[Candidate]:
    """The candidates that the plan's budget has room for, of all the login services of the device."""
    gentle = plan.gentleness
    services = max(1, len(login_services(dut)))
    room = gentle.logins_per_device // services - CONTROLS
    room = max(FEWEST_PER_SERVICE, min(MOST_PER_SERVICE, room))
    used: dict[str, int] = {}
    pick: list[Candidate] = []
    for candidate in candidates(dut, service):
        account = candidate.username or candidate.password
        fits = len(pick) < room and used.get(account, 0) < gentle.logins_per_account
        if fits or candidate.tier in KEPT:
            used[account] = used.get(account, 0) + 1
            pick.append(candidate)
    return pick


def attempt_list(dut: Dut, plan: Plan) -> list[str]:
    """The exact list of what would be tried, one line each, for the operator to read before the run.

    Services that are not known yet are listed by protocol, as what would be tried if they are found.
    """
    if not plan.logins:
        return [f"{dut.device.label}: no login is tried, the plan '{plan.name}' does not permit it"]
    lines: list[str] = []
    known = login_services(dut)
    for service in known:
        where = endpoint(service.transport, service.address, service.port)
        lines += _lines(dut, service, plan, f"{service.protocol} {where}")
    for protocol in PROTOCOLS:
        if all(service.protocol != protocol for service in known):
            transport = "udp" if protocol == "snmp" else "tcp"
            service = Service(transport=transport, address="", port=0, protocol=protocol)
            lines += _lines(dut, service, plan, f"{protocol} if found")
    return lines


def _lines(dut: Dut, service: Service, plan: Plan, where: str) -> Iterator[str]:
    head = f"{dut.device.label}: {where}:"
    yield f"{head} no credential, then a random one"
    for c in chosen(dut, service, plan):
        what = (
            f"community '{c.password}'"
            if service.protocol == "snmp"
            else (f"user '{c.username}', password '{c.password}'")
        )
        yield f"{head} {what} [{c.tier}; {c.source}]"
