"""Which credentials are tried on which service: data from ``credentials.toml``, picked by pure functions.

Generic lists are weak (the ten most common pairs cover a fifth of what is published), so what is known of
the device decides: its own documented default first, then its product's, its vendor's, then a few common
ones. The pick fits the plan's login budget, so that the whole list can be shown before anything is sent.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from probe.checks.access.logins import PROTOCOLS, representatives
from probe.collect.access.listed import read_list
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.observation import Announced, HttpPage, Service, UdpSilence
from probe.model.plan import OwnCredential, Plan

MOST_PER_SERVICE = 6
FEWEST_PER_SERVICE = 2
FEW = {"vnc": 2}
"""Candidates for servers that shut an address out after a few wrong passwords, whatever the plan allows."""
OWN_ACCOUNTS = frozenset({"snmp", "snmpv3", "vnc", "redis", "coaps"})
"""Communities, keys and passwords of these are no other service's accounts."""
CONTROLS = 2
"""Login attempts beside the candidates: a random credential before, a random password after a success."""
KEPT = frozenset({"declared", "operator", "product"})
"""Tiers that are never dropped to save budget: a default known for this very product must be tried."""
TIERS = ("declared", "operator", "product", "vendor", "generic")
"""In the order of trying; ``old`` passwords come before all of them, and stand apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One credential to try, and where it is documented."""

    username: str
    password: str
    tier: str
    """One of ``TIERS``, or ``old``."""
    source: str


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
    return frozenset(v for v, signs in read_list().signs.items() if _points_to(text, signs))


def _points_to(text: str, signs: Iterable[str]) -> bool:
    """Whether one of the signs stands in the text as a word of its own."""
    return any(re.search(rf"(?<![a-z0-9]){re.escape(s)}(?![a-z0-9])", text) for s in signs)


def _is_model(dut: Dut, glob: str) -> bool:
    return any(fnmatchcase(word.casefold(), glob.casefold()) for word in _words(dut))


def login_services(dut: Dut) -> list[Service]:
    """Every service that logins are tried on, each once.

    An SNMP v1/v2c agent is silent to every community but its own (RFC 3584 section 5.2.1): where the
    port is silent and no agent is known, one address is asked with the documented communities; not the
    outside of a gateway, where a filter is silent, too.
    """
    found = representatives(dut)
    quiet = [s.fact for s in dut.all(UdpSilence) if s.fact.protocol == "snmp"]
    silent = [f for f in quiet if f.state == "silent" and f.address not in dut.device.wan]
    if silent and not dut.services("snmp"):
        address, port = silent[0].address, silent[0].port
        found.append(Service(transport="udp", address=address, port=port, protocol="snmp"))
    return found


# --- the pick --------------------------------------------------------------------------------------


def candidates(dut: Dut, service: Service, own: Iterable[OwnCredential] = ()) -> list[Candidate]:
    """Everything known that could open ``service``, the likeliest first, nothing twice."""
    found: dict[tuple[str, str], Candidate] = {}
    ordered = [*_declared(dut, service), *_own(dut, service, own), *_listed(dut, service)]
    for candidate in sorted(ordered, key=lambda c: TIERS.index(c.tier)):
        found.setdefault((candidate.username, candidate.password), candidate)
    return list(found.values())


def old_passwords(dut: Dut) -> list[Candidate]:
    """Every password that was declared as changed: it must be dead on each service, not on its own only."""
    return [
        Candidate(
            username=account.username,
            password=account.changed_from,
            tier="old",
            source="declaration: the password before it was changed",
        )
        for account in (dut.declaration.accounts if dut.declaration else ())
        if account.changed_from is not None
    ]


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


def _own(dut: Dut, service: Service, rows: Iterable[OwnCredential]) -> Iterator[Candidate]:
    """The operator's rows that fit: tried whatever is known, unless they name a vendor or model."""
    text = "\n".join(_words(dut)).casefold()
    for row in rows:
        signs = read_list().signs.get(row.vendor, (row.vendor.casefold(),))
        fits = service.protocol in row.protocols and (not row.vendor or _points_to(text, signs))
        if fits and (row.model == "*" or _is_model(dut, row.model)):
            yield Candidate(
                username=row.username,
                password=row.password,
                tier="operator",
                source=f"{row.id}: {row.source or 'the operator'}",
            )


def _listed(dut: Dut, service: Service) -> list[Candidate]:
    vendors = vendors_of(dut)
    found: list[Candidate] = []
    for row in read_list().rows:
        if service.protocol not in row.protocols or (row.vendor and row.vendor not in vendors):
            continue
        tier = "vendor" if row.vendor else "generic"
        if row.model != "*":
            if not _is_model(dut, row.model):
                continue
            tier = "product"
        source = f"{row.id}: {row.source} ({row.year})"
        found.append(
            Candidate(username=row.username, password=row.password, tier=tier, source=source)
        )
    return found


def chosen(dut: Dut, service: Service, plan: Plan) -> list[Candidate]:
    """The candidates that the plan's budget has room for, of all the login services of the device."""
    services = login_services(dut)
    for known in list(services):
        if known.protocol == "snmp":
            # Version 3 has users of its own, on the same port.
            services.append(replace(known, protocol="snmpv3"))
    if service not in services:
        services.append(service)
    return _Shares(dut, services, plan).picks[services.index(service)]


class _Shares:
    """The picks of all services. One user name may be one account on all of them, so they share it.

    What must be tried comes first; then each service takes its likeliest in turn. None takes a second of
    one name while that would leave a service, which knows the name too, without its first.
    """

    def __init__(self, dut: Dut, services: list[Service], plan: Plan) -> None:
        self.gentle, self.services, old = plan.gentleness, services, old_passwords(dut)
        room = self.gentle.logins_per_device // max(1, len(services)) - CONTROLS - len(old)
        self.room = max(FEWEST_PER_SERVICE, min(MOST_PER_SERVICE, room))
        self.accounts: Counter[tuple[int, str]] = Counter()
        self.names: Counter[str] = Counter()
        self.picks: list[list[Candidate]] = [[] for _ in services]
        self.queues: list[list[Candidate]] = []
        for n, service in enumerate(services):
            for candidate in old:
                self._count(n, candidate)
            known = candidates(dut, service, plan.credentials)
            for candidate in known:
                if candidate.tier in KEPT:
                    self._take(n, candidate)
            self.queues.append([c for c in known if c.tier not in KEPT])
        while any(self.queues):
            for n, queue in enumerate(self.queues):
                taken = next((c for c in queue if self._fits(n, c)), None)
                del queue[: queue.index(taken) + 1 if taken else len(queue)]
                if taken:
                    self._take(n, taken)

    def _alone(self, n: int) -> bool:
        return self.services[n].protocol in OWN_ACCOUNTS

    def _take(self, n: int, candidate: Candidate) -> None:
        self.picks[n].append(candidate)
        self._count(n, candidate)

    def _count(self, n: int, candidate: Candidate) -> None:
        self.accounts[n, candidate.username or candidate.password] += 1
        if not self._alone(n):
            self.names[candidate.username] += 1

    def _fits(self, n: int, candidate: Candidate) -> bool:
        account = n, candidate.username or candidate.password
        name_left = self.gentle.failures_per_name - self.names[candidate.username]
        if self._has(n, candidate.username):
            name_left -= self._still_without(candidate.username)
        return (
            len(self.picks[n]) < FEW.get(self.services[n].protocol, self.room)
            and self.accounts[account] < self.gentle.logins_per_account
            and (name_left > 0 or self._alone(n))
        )

    def _has(self, n: int, name: str) -> bool:
        return any(c.username == name for c in self.picks[n])

    def _still_without(self, name: str) -> int:
        """How many services know the name, have room, and have not taken any of it yet."""
        return sum(
            any(c.username == name for c in queue)
            and not (self._alone(n) or self._has(n, name))
            and len(self.picks[n]) < FEW.get(self.services[n].protocol, self.room)
            for n, queue in enumerate(self.queues)
        )


def attempt_list(dut: Dut, plan: Plan) -> list[str]:
    """The exact list of what would be tried, one line each, for the operator to read before the run.

    Services that are not known yet are listed by protocol, as what would be tried if they are found.
    """
    if not plan.logins:
        return [f"{dut.device.label}: no login is tried, the operator left them out (--no-logins)"]
    lines: list[str] = []
    known = login_services(dut)
    for service in known:
        where = endpoint(service.transport, service.address, service.port)
        lines += _lines(dut, service, plan, f"{service.protocol} {where}")
    for service in [s for s in known if s.protocol == "snmp"]:
        where = f"snmp version 3 {endpoint('udp', service.address, service.port)}"
        lines += _lines(dut, replace(service, protocol="snmpv3"), plan, where)
    for protocol in PROTOCOLS:
        if all(service.protocol != protocol for service in known):
            transport = "udp" if protocol in ("snmp", "coaps") else "tcp"
            service = Service(transport=transport, address="", port=0, protocol=protocol)
            lines += _lines(dut, service, plan, f"{protocol} if found")
    return lines


def _lines(dut: Dut, service: Service, plan: Plan, where: str) -> Iterator[str]:
    head = f"{dut.device.label}: {where}:"
    yield f"{head} no credential, then a random one"
    for c in (*old_passwords(dut), *chosen(dut, service, plan)):
        what = (
            f"community '{c.password}'"
            if service.protocol == "snmp"
            else f"user '{c.username}', password '{c.password}'"
        )
        yield f"{head} {what} [{c.tier}; {c.source}]"
