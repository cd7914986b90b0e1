"""What the checks of this family ask about: login services, each once however many addresses it has."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from probe.checks.support import DEVICE, SCAN_SETTLE, scan_proof, stopped, tcp_gaps, udp_gaps
from probe.model.device import endpoint
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, not_applicable
from probe.model.observation import (
    HttpPage,
    LoginResult,
    LoginTest,
    Service,
    SpokenBeside,
    UdpSilence,
)

PROTOCOLS = (
    "http", "telnet", "ssh", "ftp", "snmp", "mqtt", "onvif", "cwmp", "rtsp", "vnc", "redis",
    "coaps",
)  # fmt: skip
ON_ANOTHER = frozenset({"onvif"})
"""Protocols that share the port of another one; a ``SpokenBeside`` tells of them, and not a Service."""
RUN_AGAIN = "Run again with a plan that permits logins, and let it come to its end."
OTHERWISE = "Try the login on that address by hand, and record the result."
NOTHING = "Nothing was measured that could show or exclude such a service."


Login = tuple[str, str, str, int]
"""Protocol, transport, address, port."""


@dataclass(frozen=True)
class Surface:
    """One login service of the device, on one or several addresses, with the tests made of it."""

    subject: str
    protocol: str
    services: tuple[Seen[Service], ...]
    tests: tuple[Seen[LoginTest], ...]
    """By contrast, with the candidates: on one address, for an account is the same on all of them."""
    further: tuple[Seen[LoginTest], ...] = ()
    """The attempts without a credential on the other addresses."""

    @property
    def places(self) -> set[tuple[str, int]]:
        """Every ``(address, port)`` of it."""
        services = {(seen.fact.address, seen.fact.port) for seen in self.services}
        tests = (*self.tests, *self.further)
        return services | {(seen.fact.address, seen.fact.port) for seen in tests}

    @property
    def encrypted(self) -> bool:
        """Each address of it is known to encrypt before anything else."""
        always = self.protocol in ("ssh", "coaps")
        return bool(self.services) and (always or all(seen.fact.tls for seen in self.services))


def _groups(dut: Dut, protocols: Iterable[str]) -> list[list[Seen[Service]]]:
    groups: dict[tuple[object, ...], list[Seen[Service]]] = {}
    for seen in (*dut.services(*protocols), *_beside(dut, protocols)):
        s = seen.fact
        # What differs in product or version is another service, wherever it listens.
        key = (s.transport, s.port, s.protocol, s.tls, s.product, s.version)
        groups.setdefault(key, []).append(seen)
    for group in groups.values():
        # The outside of a gateway comes last: what is tried fully is tried inside.
        group.sort(key=lambda seen: dut.device.rank(seen.fact.address))
    return list(groups.values())


def _beside(dut: Dut, protocols: Iterable[str]) -> Iterator[Seen[Service]]:
    """What speaks on the port of another service, as a service of its own."""
    for seen in dut.all(SpokenBeside):
        f = seen.fact
        if f.spoken and f.protocol in protocols:
            yield Seen(
                Service(
                    transport=f.transport,
                    address=f.address,
                    port=f.port,
                    protocol=f.protocol,
                    tls=f.tls,
                ),
                seen.proof,
            )


def representatives(dut: Dut) -> list[Service]:
    """The services that logins are tried on: the same service on further addresses is not tried again."""
    return [group[0].fact for group in _groups(dut, PROTOCOLS)]


def further_members(dut: Dut) -> list[Service]:
    """The same services on further addresses, as soon as one address of them was tested."""
    tested = {_login(s.fact) for s in dut.all(LoginTest) if not s.fact.further}
    groups = [[seen.fact for seen in group] for group in _groups(dut, PROTOCOLS)]
    return [
        service
        for group in groups
        if any(_login(member) in tested for member in group)
        for service in group
        if _login(service) not in tested
    ]


def surfaces(dut: Dut, *protocols: str) -> list[Surface]:
    """Every login service of ``protocols``, and every test whose service is not known any more."""
    tests: dict[Login, list[Seen[LoginTest]]] = {}
    for seen in dut.all(LoginTest):
        if seen.fact.protocol in protocols:
            tests.setdefault(_login(seen.fact), []).append(seen)
    found: list[Surface] = []
    for group in _groups(dut, protocols):
        made = [test for seen in group for test in tests.pop(_login(seen.fact), [])]
        if not made and only_redirects(dut, group):
            continue
        found.append(_surface(made, tuple(group)))
    return found + [_surface(made, ()) for made in tests.values()]


def _surface(made: list[Seen[LoginTest]], services: tuple[Seen[Service], ...]) -> Surface:
    tests = tuple(test for test in made if not test.fact.further)
    further = tuple(test for test in made if test.fact.further)
    facts: list[Service | LoginTest] = [s.fact for s in tests]
    facts += [s.fact for s in services]
    facts += [s.fact for s in further]
    return Surface(subject_of(facts[0]), facts[0].protocol, services, tests, further)


def subject_of(fact: Service | LoginTest) -> str:
    """What an answer about this login is about: ``tcp 198.51.100.11:80``, or ``… onvif`` beside it."""
    where = endpoint(*_place(fact))
    return f"{where} {fact.protocol}" if fact.protocol in ON_ANOTHER else where


def _place(fact: Service | LoginTest) -> tuple[str, str, int]:
    return fact.transport, fact.address, fact.port


def _login(fact: Service | LoginTest) -> Login:
    return fact.protocol, fact.transport, fact.address, fact.port


def only_redirects(dut: Dut, group: list[Seen[Service]]) -> bool:
    """Whether an HTTP port does nothing but send people to another HTTP port of the same device."""
    service = group[0].fact
    here = {(s.fact.address, s.fact.port) for s in group}
    pages = [p.fact for p in dut.all(HttpPage) if (p.fact.address, p.fact.port) in here]
    others = {s.fact.port for s in dut.services("http")} - {service.port}
    roots = [p for p in pages if p.path == "/"]
    asks = any(p.login_form or p.status == 401 or 200 <= p.status < 300 for p in pages)
    return bool(roots) and not asks and all(_target_port(p) in others for p in roots)


def _target_port(page: HttpPage) -> int | None:
    if not 300 < page.status < 309 or not page.redirect_in_scope or "://" not in page.redirect:
        return None
    scheme, _, rest = page.redirect.partition("://")
    netloc = urlsplit(f"//{rest}").netloc
    port = netloc.rpartition("]")[2].rpartition(":")[2] if ":" in netloc.rpartition("]")[2] else ""
    if port.isdecimal() and len(port) < 6:
        return int(port)
    return {"https": 443, "http": 80}.get(scheme.lower())


def asked(test: LoginTest) -> bool:
    """Whether the service asks for a credential: of everybody, or of all but a public account."""
    return LoginResult.REFUSED in (test.without_credential, test.random_credential)


def open_to_all(test: LoginTest) -> bool:
    """Whether no credential is needed for anything: there is no account beside the public one."""
    nobody = test.without_credential is LoginResult.ACCEPTED
    return nobody and test.random_credential is not LoginResult.REFUSED and not test.no_password


def no_account(tests: Sequence[LoginTest]) -> str:
    """Why there is no account that a password could open, as the end of a sentence; empty otherwise."""
    if tests and all(open_to_all(test) for test in tests):
        return "asks for no credential at all"
    if tests and all(test.no_password for test in tests):
        return f"takes no password at all: {tests[0].no_password}"
    return ""


def untried(dut: Dut, surface: Surface) -> str:
    """Which login of a tested service was not tried, or why; empty when all were."""
    tried = {seen.fact.method for seen in surface.tests}
    for seen in dut.all(HttpPage):
        page = seen.fact
        if surface.protocol != "http" or (page.address, page.port) not in surface.places:
            continue
        if page.login_form and not tried & {"form", "json"}:
            return f"the form on {page.path} was not tried"
        ways = {"basic", "digest"} if page.auth_schemes else {"basic", "digest", "json"}
        if page.status == 401 and not tried & ways:
            return f"the login by {', '.join(page.auth_schemes) or 'HTTP'} on {page.path} was not tried"
    missing = [s.fact.reason for s in dut.missing("login") if s.fact.subject == surface.subject]
    return missing[0] if missing else ""


def title(protocol: str) -> str:
    """The protocol's name in a sentence."""
    names = {
        "telnet": "Telnet",
        "http": "The web login",
        "cwmp": "The TR-069 connection request",
        "redis": "Redis",
        "coaps": "CoAP over DTLS",
    }
    return names.get(protocol, protocol.upper())


def untested(dut: Dut, surface: Surface) -> Answer:
    """The inconclusive answer for a service that was not tested, or not whole, with the reason."""
    here = {surface.subject, *(subject_of(s.fact) for s in surface.services)}
    proof = tuple(p for s in surface.services for p in s.proof)
    if surface.tests:
        proof = (*proof, *(p for seen in surface.tests for p in seen.proof))
        summary = f"{title(surface.protocol)} was not tested whole: {untried(dut, surface)}."
        return inconclusive(
            surface.subject, summary, *proof, owner=Owner.TOOL, settle="Try that login by hand."
        )
    for seen in dut.missing("login"):
        if seen.fact.subject in here:
            summary = f"{title(surface.protocol)} could not be tested: {seen.fact.reason}."
            owner, settle = Owner(seen.fact.owner), seen.fact.settle
            return inconclusive(surface.subject, summary, *seen.proof, owner=owner, settle=settle)
    owner = Owner.DEVICE if stopped(dut) else Owner.OPERATOR
    summary = f"{title(surface.protocol)} was found, but no login was tried on it."
    return inconclusive(surface.subject, summary, *proof, owner=owner, settle=RUN_AGAIN)


def elsewhere(dut: Dut, surface: Surface, *, encryption: bool = False) -> Iterator[Answer]:
    """Inconclusive for each further address that was not asked, or that behaved otherwise.

    Where the same service also behaves the same without a credential, what the tested address said of
    its accounts stands for both. ``encryption`` asks that it be the same, too.
    """
    tested = {_place(seen.fact) for seen in surface.tests}
    usual = {_behaviour(seen.fact, encryption) for seen in surface.tests}
    for seen in surface.services if surface.tests else ():
        place = _place(seen.fact)
        if place in tested:
            continue
        subject, name = subject_of(seen.fact), title(surface.protocol)
        made = [test for test in surface.further if _place(test.fact) == place]
        got = {_behaviour(test.fact, encryption) for test in made}
        proof = (*seen.proof, *(p for test in made for p in test.proof))
        if got and got <= usual:
            continue
        said = [s.fact for s in dut.missing("login") if s.fact.subject == subject]
        owner, settle = Owner.OPERATOR, RUN_AGAIN
        summary = f"{name} was tested on {surface.subject} and not asked here."
        if made:
            owner, settle = Owner.DEVICE, OTHERWISE
            problems = [test.fact.problem for test in made if test.fact.problem]
            here = problems[0] if problems else f"without a credential {' and '.join(sorted(got))}"
            summary = f"{name} behaved otherwise here than on {surface.subject}: {here}."
        elif said:
            owner, settle = Owner(said[0].owner), said[0].settle
            summary = f"{name} could not be asked here: {said[0].reason}."
        yield inconclusive(subject, summary, *proof, owner=owner, settle=settle)


def as_elsewhere(surface: Surface) -> str:
    """The end of a sentence of an answer that speaks for further addresses, too."""
    count = len({_place(seen.fact) for seen in surface.further})
    return (
        f"; on {count} further {'address' if count == 1 else 'addresses'} only the attempt without a "
        "credential was made, with the same result where nothing else is said"
        if count
        else ""
    )


def _behaviour(test: LoginTest, encryption: bool) -> str:
    # SNMP refuses by silence (RFC 3584 section 5.2).
    silent = test.protocol == "snmp" and test.without_credential is LoginResult.NO_ANSWER
    result = LoginResult.REFUSED if silent else test.without_credential
    return f"{result}{' in the clear' * (encryption and not test.tls)}"


def with_gaps(
    dut: Dut, answers: Iterable[Answer], *, udp: str = "", absent: str
) -> Iterator[Answer]:
    """The answers and, beside them, what is unknown about further services of the kind.

    ``udp`` names the protocol when it is one over UDP. Without any of both: not applicable.
    """
    found = list(answers)
    spoken = {a.subject for a in found}
    # Where a login was tried on the address, its answer stands for the silence.
    tested = (s.fact for s in dut.all(LoginTest) if not s.fact.further)
    spoken |= {f"udp {t.address} {t.protocol}" for t in tested}
    gaps = udp_gaps(dut, [udp]) if udp else tcp_gaps(dut)
    found += [gap for gap in gaps if gap.subject not in spoken]
    proof = scan_proof(dut, "tcp")
    if udp:
        silences = (s.proof for s in dut.all(UdpSilence) if s.fact.protocol == udp)
        proof = tuple(p for some in silences for p in some)
    if found:
        yield from found
    elif proof:
        yield not_applicable(DEVICE, absent, *proof)
    else:
        yield inconclusive(DEVICE, NOTHING, owner=Owner.OPERATOR, settle=SCAN_SETTLE)
