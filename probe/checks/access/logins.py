"""What the checks of this family ask about: login services, each once however many addresses it has."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from probe.model.device import address_order, endpoint
from probe.model.dut import Dut, Seen
from probe.model.observation import HttpPage, LoginTest, Service

PROTOCOLS = ("http", "telnet", "ssh", "ftp", "snmp", "mqtt")


@dataclass(frozen=True)
class Surface:
    """One login service of the device, on one or several addresses, with the tests made of it."""

    subject: str
    protocol: str
    services: tuple[Seen[Service], ...]
    tests: tuple[Seen[LoginTest], ...]


def _groups(dut: Dut, protocols: Iterable[str]) -> list[list[Seen[Service]]]:
    groups: dict[tuple[object, ...], list[Seen[Service]]] = {}
    for seen in dut.services(*protocols):
        s = seen.fact
        # What differs in product or version is another service, wherever it listens.
        key = (s.transport, s.port, s.protocol, s.tls, s.product, s.version)
        groups.setdefault(key, []).append(seen)
    for group in groups.values():
        group.sort(key=lambda seen: address_order(seen.fact.address))
    return list(groups.values())


def representatives(dut: Dut) -> list[Service]:
    """The services that logins are tried on: the same service on further addresses is not tried again."""
    return [group[0].fact for group in _groups(dut, PROTOCOLS)]


def surfaces(dut: Dut, *protocols: str) -> list[Surface]:
    """Every login service of ``protocols``, and every test whose service is not known any more."""
    tests: dict[tuple[str, str, int], list[Seen[LoginTest]]] = {}
    for seen in dut.all(LoginTest):
        if seen.fact.protocol in protocols:
            where = (seen.fact.transport, seen.fact.address, seen.fact.port)
            tests.setdefault(where, []).append(seen)
    found: list[Surface] = []
    for group in _groups(dut, protocols):
        members = [(s.fact.transport, s.fact.address, s.fact.port) for s in group]
        made = [test for where in members for test in tests.pop(where, [])]
        if not made and _only_redirects(dut, group):
            continue
        tested = made[0].fact if made else group[0].fact
        subject = endpoint(tested.transport, tested.address, tested.port)
        found.append(Surface(subject, tested.protocol, tuple(group), tuple(made)))
    for where, made in tests.items():
        found.append(Surface(endpoint(*where), made[0].fact.protocol, (), tuple(made)))
    return found


def _only_redirects(dut: Dut, group: list[Seen[Service]]) -> bool:
    """Whether an HTTP port does nothing but send people to another HTTP port of the same device."""
    service = group[0].fact
    here = {(s.fact.address, s.fact.port) for s in group}
    pages = [p.fact for p in dut.all(HttpPage) if (p.fact.address, p.fact.port) in here]
    others = {s.fact.port for s in dut.services("http")} - {service.port}
    return bool(pages) and all(_target_port(p) in others for p in pages)


def _target_port(page: HttpPage) -> int | None:
    if not 300 < page.status < 309 or not page.redirect_in_scope or "://" not in page.redirect:
        return None
    scheme, _, rest = page.redirect.partition("://")
    netloc = urlsplit(f"//{rest}").netloc
    port = netloc.rpartition("]")[2].rpartition(":")[2] if ":" in netloc.rpartition("]")[2] else ""
    if port.isdecimal() and len(port) < 6:
        return int(port)
    return {"https": 443, "http": 80}.get(scheme.lower())
