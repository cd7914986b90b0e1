"""Section 6: what was seen on the device, as tables of texts. One function for each kind of fact."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from probe.model import observation as obs
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.given import given_of
from probe.model.ports import parse_ports
from probe.report.firmware_tables import TABLES as FIRMWARE_TABLES
from probe.report.guessing_table import guessing
from probe.report.secrets import masked
from probe.report.viewmodel import TableView

MAX_ROWS = 300
"""Rows of one table in a report. A device cannot make the report endless."""

Row = tuple[str, ...]


def when(at: float) -> str:
    """A time as every report writes it."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return "not a date"


def inventory(dut: Dut, *, secrets: bool) -> tuple[TableView, ...]:
    """The tables that have rows, in the order in which a reader wants them."""
    return tuple(
        TableView(id=name, title=title, columns=columns, rows=rows[:MAX_ROWS], left_off=left)
        for name, title, columns, rows in (
            (name, title, columns, _unique(rows(dut, secrets)))
            for name, title, columns, rows in _TABLES
        )
        if rows
        for left in [max(0, len(rows) - MAX_ROWS)]
    )


def _unique(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(dict.fromkeys(rows))


def _facts(dut: Dut, kind: type[Any]) -> list[Any]:
    return [seen.fact for seen in dut.all(kind)]


def _yes(value: bool | None) -> str:
    return "not known" if value is None else "yes" if value else "no"


def _size(ports: str) -> str:
    try:
        return str(len(parse_ports(ports)))
    except ValueError:
        return ports


def _addresses(dut: Dut, _: bool) -> Iterable[Row]:
    formed: dict[str, obs.AddressFormed] = {a.address: a for a in _facts(dut, obs.AddressFormed)}
    for address in dict.fromkeys((*dut.device.addresses, *formed)):
        known = formed.get(address)
        kind = known.iid_class.value if known and known.iid_class else ""
        family = "IPv6" if ":" in address else "IPv4"
        yield (
            address,
            family,
            kind or ("not known" if family == "IPv6" else ""),
            ", ".join(known.methods) if known else ", ".join(dut.device.seen_by),
            known.reason if known else "",
        )


def _identity(dut: Dut, _: bool) -> Iterable[Row]:
    for attribute in dut.device.attributes:
        yield (attribute.name, attribute.value, attribute.source)


def _services(dut: Dut, _: bool) -> Iterable[Row]:
    for seen in sorted(
        dut.services(), key=lambda s: (s.fact.address, s.fact.transport, s.fact.port)
    ):
        service = seen.fact
        yield (
            endpoint(service.transport, service.address, service.port),
            service.protocol,
            _yes(service.tls),
            f"{service.product} {service.version}".strip(),
            service.banner,
            service.reason,
        )


def _ports(dut: Dut, _: bool) -> Iterable[Row]:
    for scan in _facts(dut, obs.PortScan):
        yield (
            f"{scan.transport} {scan.address}",
            scan.list_name,
            _size(scan.tested),
            ", ".join(str(p) for p in scan.open) or "none",
            _size(scan.filtered),
            _size(scan.silent),
            _yes(scan.complete),
        )
    quiet: dict[str, dict[str, list[str]]] = {}
    for silence in _facts(dut, obs.UdpSilence):
        quiet.setdefault(silence.address, {}).setdefault(silence.state, []).append(
            f"{silence.protocol} {silence.port}"
        )
    for address, states in quiet.items():
        asked = sum(len(ports) for ports in states.values())
        filtered, silent = (", ".join(states.get(s, ())) or "0" for s in ("filtered", "silent"))
        closed = len(states.get("closed", ()))
        asked_text = f"{asked} without an answer, {closed} of them closed"
        opened = "see Services"
        yield (f"udp {address}", "typed questions", asked_text, opened, filtered, silent, "")


def _tls(table: str) -> Callable[[Dut, bool], Iterable[Row]]:
    """A table about TLS. What grades TLS is imported for a device on a network only."""

    def rows(dut: Dut, secrets: bool) -> Iterable[Row]:
        if not given_of(dut.device).network:
            return ()
        made: Iterable[Row] = vars(import_module("probe.report.tls_tables"))[table](dut, secrets)
        return made

    return rows


def _logins(dut: Dut, secrets: bool) -> Iterable[Row]:
    for test in _facts(dut, obs.LoginTest):
        good = [
            f"{c.username or '(no user)'} / {c.password if secrets else masked(c.password)}"
            f" ({c.tier}{', proved' if c.proved else ''})"
            for c in test.candidates
            if c.result is obs.LoginResult.ACCEPTED
        ]
        attempts = sum(c.result is not obs.LoginResult.NOT_TRIED for c in test.candidates)
        yield (
            endpoint(test.transport, test.address, test.port),
            f"{test.protocol} {test.method}" + (" over TLS" if test.tls else ""),
            test.without_credential.value,
            test.random_credential.value,
            f"{attempts} of {len(test.candidates)}",
            "; ".join(good) or "none",
            test.problem or test.lockout_sign,
        )


def _open(dut: Dut, _: bool) -> Iterable[Row]:
    for seen in _facts(dut, obs.OpenAccess):
        where = endpoint(seen.transport, seen.address, seen.port)
        yield (where, seen.protocol, seen.what, _yes(seen.write_possible))


def _pages(dut: Dut, _: bool) -> Iterable[Row]:
    for page in _facts(dut, obs.HttpPage):
        server = next((v for k, v in page.headers if k.lower() == "server"), "")
        scheme = "https" if page.tls else "http"
        login = [*page.auth_schemes, *(["form"] if page.login_form else [])]
        yield (
            f"{scheme} {endpoint('tcp', page.address, page.port)[4:]}{page.path}",
            str(page.status),
            page.title,
            server,
            ", ".join(login) or "none",
            page.redirect,
        )


def _announced(dut: Dut, _: bool) -> Iterable[Row]:
    for said in _facts(dut, obs.Announced):
        details = ", ".join(f"{k}={v}" for k, v in said.attributes)
        yield (said.via, said.kind, said.name, str(said.port or ""), details)


def _traffic(dut: Dut, _: bool) -> Iterable[Row]:
    for view in _facts(dut, obs.TrafficView):
        seen = f"{view.frames_of_others} frames, {view.bytes_of_others} bytes of others"
        if view.unread:
            seen += f"; {view.unread} conversations not read to their end"
        if view.lost_frames:
            seen += f"; {view.lost_frames} frames on the link came too fast to be looked at"
        yield (f"position: {view.position}", f"watched for {view.seconds:.0f} s", seen, "")
    for move in _facts(dut, obs.PlainTransfer):
        size = "size unknown" if move.size is None else f"{move.size} bytes"
        what = ", ".join(filter(None, (move.content_type, move.magic, size, move.version_text)))
        kind = "looks like an update" if move.update_like else "plain HTTP"
        yield (kind, f"{move.host or move.server}{move.path}", what, move.user_agent)


def _health(dut: Dut, _: bool) -> Iterable[Row]:
    for observation in dut.observations:
        if isinstance(observation.fact, obs.Health):
            health = observation.fact
            yield (when(observation.at), health.state, health.during, health.method)


_TABLES: tuple[tuple[str, str, Row, Callable[[Dut, bool], Iterable[Row]]], ...] = (
    (
        "addresses",
        "Addresses",
        ("Address", "Family", "Interface identifier", "Seen by", "Why"),
        _addresses,
    ),
    ("identity", "Identity", ("What", "Value", "Said by"), _identity),
    *FIRMWARE_TABLES,
    (
        "services",
        "Services",
        ("Where", "Protocol", "TLS", "Product", "First bytes", "Recognised by"),
        _services,
    ),
    (
        "tls",
        "TLS",
        ("Where", "Offered", "Offered but weak", "Not offered", "Certificate", "No answer"),
        _tls("overview"),
    ),
    ("tls_lists", "TLS in detail", ("Where", "What", "Accepted", "Remarks"), _tls("details")),
    (
        "certificates",
        "Certificates",
        ("Where", "Subject", "Issued by", "Valid", "Key", "SHA-256"),
        _tls("certificates"),
    ),
    (
        "logins",
        "Login tests",
        (
            "Where",
            "Method",
            "Without credential",
            "Random credential",
            "Tried",
            "Accepted",
            "Stopped because",
        ),
        _logins,
    ),
    (
        "guessing",
        "Guessing tests",
        (
            "Where",
            "Account",
            "Way",
            "Judged",
            "An hour",
            "Right credential after it",
            "Held back by",
        ),
        guessing,
    ),
    ("open", "Open without a credential", ("Where", "Protocol", "What", "Writable"), _open),
    (
        "pages",
        "Web pages",
        ("Page", "Status", "Title", "Server", "Asks for login", "Redirects to"),
        _pages,
    ),
    ("announced", "Announcements", ("Via", "Kind", "Name", "Port", "Details"), _announced),
    (
        "ports",
        "Ports tested",
        (
            "Address",
            "List",
            "Tested",
            "Open",
            "Filtered",
            "Silent",
            "Complete",
        ),
        _ports,
    ),
    ("traffic", "Traffic", ("What", "Where", "Details", "By"), _traffic),
    ("health", "Health of the device", ("When", "State", "During", "Method"), _health),
)
