"""The four kinds of TOML file of the probe, each as one model value."""

import datetime
import ipaddress
import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from probe.model.catalogue import Catalogue, Requirement
from probe.model.check import SEVERITIES, CheckInfo
from probe.model.declaration import Declaration
from probe.model.fact import kinds
from probe.model.ids import CheckId
from probe.model.plan import Plan
from probe.model.ports import HIGHEST_PORT, parse_ports
from probe.tomlfile.shape import Rules, Shaper, nearest
from probe.tomlfile.source import Place, Source

PORT_LISTS = ("quick", "standard", "full")
OBSERVED = (*(kind.__name__ for kind in kinds()), "Declaration")
MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")

RULES = Rules(
    renamed={
        "Catalogue.requirements": "requirement",
        "Requirement.checks": "check",
        "Declaration.services": "service",
        "Declaration.accounts": "account",
        "Declaration.labels": "label",
    },
    hidden=frozenset({"Declaration.sha256", "Plan.credentials", "Plan.second_source"}),
    choices={
        "CheckInfo.severity": SEVERITIES,
        "CheckInfo.effort": ("hours", "days", "weeks"),
        "CheckInfo.observes": OBSERVED,
        "DeclaredService.transport": ("tcp", "udp"),
        "DeclaredService.side": ("", "lan", "wan", "both"),
        "DeclaredAccount.service": (
            "http",
            "telnet",
            "ssh",
            "ftp",
            "snmp",
            "mqtt",
            "rtsp",
            "vnc",
            "redis",
            "coaps",
            "any",
        ),
        "DeclaredAccount.origin": ("", "universal", "unique-per-device", "user-defined"),
        "UpdatePolicy.mechanism": ("", "network", "usb", "app", "none"),
        "IcsEntry.support": ("Y", "N", "N/A"),
        "ManualResult.result": ("pass", "fail"),
    },
)


def read_check(path: Path) -> CheckInfo:
    """The metadata of one check; its id is ``folder/file``. Raises FileFault."""
    source = Source(path)
    shaper = Shaper(source, RULES)
    name = CheckId(f"{path.parent.name}/{path.stem}")
    info = shaper.build(CheckInfo, source.values, (), id=name)
    shaper.finish()
    assert isinstance(info, CheckInfo)
    return info


def read_plan(path: Path) -> Plan:
    """A plan; without a ``name`` key it is named after its file. Raises FileFault."""
    source = Source(path)
    shaper = Shaper(source, RULES)
    plan = shaper.build(Plan, {"name": path.stem, **source.values}, ())
    if plan is not None:
        _check_plan(shaper, plan)
    shaper.finish()
    assert isinstance(plan, Plan)
    return plan


def read_catalogue(path: Path) -> Catalogue:
    """One edition of a standard: ``[catalogue]`` and its ``[[requirement]]`` tables. Raises FileFault.

    With ``based_on = "FILE"`` in ``[catalogue]``, a requirement may say ``like = "ID"``: every key that
    it leaves out is then taken from that requirement of the other file.
    """
    source = Source(path)
    shaper = Shaper(source, RULES)
    head, rows = head_and_rows(shaper, "catalogue", "requirement")
    other = _other_edition(shaper, head)
    built = [_requirement(shaper, row, ("requirement", n), other) for n, row in enumerate(rows)]
    requirements = tuple(r for r in built if r is not None)
    catalogue = shaper.build(Catalogue, head, ("catalogue",), requirements=requirements)
    if not rows:
        shaper.complain((), "there is no [[requirement]]", "Add the standard's requirements.")
    _no_twins(shaper, rows, ("requirement",), lambda r: r.get("id"), "requirement")
    for n, row in enumerate(rows):
        mappings = row.get("check", [])
        if isinstance(mappings, list):
            _no_twins(
                shaper, mappings, ("requirement", n, "check"), lambda m: m.get("check"), "check"
            )
    ids = {r.id for r in requirements}
    for n, requirement in enumerate(built):
        if requirement and requirement.part_of is not None and requirement.part_of not in ids:
            place = ("requirement", n, "part_of")
            shaper.complain(place, "unknown requirement", "Name one of this file.")
    shaper.finish()
    assert isinstance(catalogue, Catalogue)
    return catalogue


def read_declaration(path: Path) -> Declaration:
    """What the manufacturer declares, with the SHA-256 of the file's bytes. Raises FileFault."""
    source = Source(path, 1024 * 1024)
    shaper = Shaper(source, RULES)
    declaration = shaper.build(Declaration, source.values, ())
    if declaration is not None:
        _check_declaration(shaper, declaration)
    shaper.finish()
    assert isinstance(declaration, Declaration)
    return replace(
        declaration,
        applies_to=tuple(_address(name) or name for name in declaration.applies_to),
        sha256=source.sha256,
    )


# --- catalogue -----------------------------------------------------------------------------------


def head_and_rows(
    shaper: Shaper, table: str, row: str
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The table and the array of tables that a file consists of."""
    values = shaper.source.values
    for key in values:
        if key not in (table, row):
            shaper.complain((key,), "unknown table", f"Only [{table}] and [[{row}]] exist.")
    shaper.finish()
    head, rows = values.get(table), values.get(row, [])
    if not isinstance(head, dict):
        shaper.complain((table,), f"the table [{table}] is missing", "Add it.")
    if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
        shaper.complain((row,), "not an array of tables", f"Write [[{row}]].")
    shaper.finish()
    assert isinstance(head, dict)
    return dict(head), rows


def _other_edition(shaper: Shaper, head: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The raw requirements of the file named by ``based_on``, by id."""
    name = head.pop("based_on", None)
    if name is None:
        return {}
    if not isinstance(name, str) or Path(name).name != name:
        shaper.complain(
            ("catalogue", "based_on"), "not a file name", "Name a file beside this one."
        )
        return {}
    rows = Source(shaper.source.path.parent / name).values.get("requirement", [])
    return {r["id"]: r for r in rows if isinstance(r, dict) and isinstance(r.get("id"), str)}


def _requirement(
    shaper: Shaper, row: dict[str, Any], place: Place, other: dict[str, dict[str, Any]]
) -> Requirement | None:
    own = dict(row)
    like = own.pop("like", None)
    if like is not None and like not in other:
        shaper.complain((*place, "like"), "unknown requirement", nearest(str(like), other))
        return None
    inherited = {k: v for k, v in other.get(like, {}).items() if k != "like"} if like else {}
    made = shaper.build(Requirement, {**inherited, **own}, place)
    return made if isinstance(made, Requirement) else None


def _no_twins(
    shaper: Shaper,
    rows: Iterable[Any],
    place: Place,
    identity: Callable[[Any], Hashable],
    what: str,
) -> None:
    seen: set[Hashable] = set()
    for n, row in enumerate(rows):
        own = identity(row) if isinstance(row, dict) else None
        if own is None or isinstance(own, list | dict):
            continue
        if own in seen:
            shaper.complain((*place, n), f"this {what} is there twice", "Keep one of the two.")
        seen.add(own)


# --- plan ----------------------------------------------------------------------------------------


def _check_plan(shaper: Shaper, plan: Plan) -> None:
    if plan.tcp_ports not in PORT_LISTS:
        try:
            if not parse_ports(plan.tcp_ports):
                raise ValueError("no port is named")
        except ValueError as problem:
            hint = f"Write {', '.join(PORT_LISTS)}, or ports such as 1-1024,8080."
            shaper.complain(("tcp_ports",), str(problem), hint)
    for key in ("discovery_s", "listen_s"):
        if not 0 <= getattr(plan, key) <= 86_400:
            shaper.complain((key,), "not between 0 and 86400 seconds", "Write a sensible time.")
    limits = {
        "connections_at_once": (1, 64),
        "packets_per_s": (0.1, 10_000),
        "burst": (1, 1_000),
        "logins_per_account": (0, 100),
        "failures_per_name": (0, 1_000),
        "logins_per_device": (0, 10_000),
        "web_connections": (0, 200),
        "login_gap_s": (0, 3_600),
        "seconds": (1, 604_800),
        "guesses": (1, 50),
        "recovery_s": (0, 7_200),
    }
    for key, (least, most) in limits.items():
        if not least <= getattr(plan.gentleness, key) <= most:
            what = f"not between {least} and {most}"
            shaper.complain(("gentleness", key), what, "Write a value within these limits.")


# --- declaration ---------------------------------------------------------------------------------


def _check_declaration(shaper: Shaper, declaration: Declaration) -> None:
    for n, name in enumerate(declaration.applies_to):
        if _address(name) is None:
            hint = "Write an IP address, or a MAC address such as 02:00:5e:10:00:01."
            shaper.complain(("applies_to", n), "neither an IP nor a MAC address", hint)
    for n, service in enumerate(declaration.services):
        if not 0 < service.port <= HIGHEST_PORT:
            what = f"not within 1-{HIGHEST_PORT}"
            shaper.complain(("service", n, "port"), what, "Write the port number.")
    dates: list[tuple[Place, str]] = [
        (("manual", n, "on"), result.on) for n, result in enumerate(declaration.manual)
    ]
    if declaration.support and declaration.support.end:
        dates.append((("support", "end"), declaration.support.end))
    for place, text in dates:
        if not is_date(text):
            shaper.complain(place, f"'{text[:40]}' is not a date", "Write it as YYYY-MM-DD.")
    _check_passwords(shaper, declaration)
    values = shaper.source.values
    for key, identity in (
        ("service", lambda s: (s.get("transport"), s.get("port"))),
        ("account", lambda a: (a.get("service"), a.get("username"))),
        ("ics", lambda e: e.get("requirement")),
        ("not_applicable", lambda d: (d.get("catalogue"), d.get("requirement"))),
    ):
        _no_twins(shaper, values.get(key, []), (key,), identity, "entry")
    for days in ("acknowledge_days", "update_days"):
        _not_negative(shaper, declaration.disclosure, "disclosure", days)
    _not_negative(shaper, declaration.update, "update", "period_days")


def _check_passwords(shaper: Shaper, declaration: Declaration) -> None:
    for n, label in enumerate(declaration.labels):
        if label.mac and not re.fullmatch("[0-9A-Fa-f]{12}", re.sub("[:. -]", "", label.mac)):
            hint = "Write it as on the label, such as 02:00:5e:10:00:01."
            shaper.complain(("label", n, "mac"), "not a MAC address", hint)
    for n, account in enumerate(declaration.accounts):
        if account.changed_from is not None and account.changed_from == account.password:
            hint = "Write the password before the change into changed_from."
            shaper.complain(("account", n, "changed_from"), "the same as password", hint)
    for key in ("most_per_hour", "wrong_passwords", "lock_s"):
        _not_negative(shaper, declaration.guessing, "guessing", key, "a negative number")


def _not_negative(
    shaper: Shaper, table: object, name: str, key: str, what: str = "a negative number of days"
) -> None:
    value = getattr(table, key, None)
    if value is not None and value < 0:
        shaper.complain((name, key), what, f"Write {what.replace('negative ', '')}.")


def _address(name: str) -> str | None:
    """The usual form of a MAC or IP address, None for anything else."""
    mac = name.strip().lower().replace("-", ":")
    if MAC.fullmatch(mac):
        return mac
    try:
        return str(ipaddress.ip_address(name.strip()))
    except ValueError:
        return None


def is_date(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
