"""A scripted run for the tests of the terminal UI, and to look at it by hand:

python -m tests.tui.fake_run [--live] [--slow-link] [--choose] [--done]
"""

import hashlib
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from probe.errors import ProbeError
from probe.judge.judge import judge
from probe.model import event as ev
from probe.model import observation as ob
from probe.model import tls
from probe.model.catalogue import Catalogue, Mapping, Requirement, Strength
from probe.model.check import CheckInfo
from probe.model.device import Attribute, Device, device_id
from probe.model.evidence import Coverage, Evidence, EvidenceRef
from probe.model.finding import Finding, Owner, inconclusive, satisfied, violated
from probe.model.given import given_of
from probe.model.ids import CheckId, JobId, RequirementId, RunId
from probe.model.plan import Plan
from probe.model.run import Job, Run, RunStatus, Scope
from probe.model.state import RunState
from probe.model.summary import RunSummary
from probe.model.verdict import Status

T0 = 1_790_000_000.0
RUN = RunId("20260921-141320-k7qd")
HOSTILE = "[red]Kettle[/] [@click=app.quit]x[/]\x1b[2J\x1b]0;owned\x07\u202egnp.exe"
"""Markup, terminal escapes and a bidirectional override, as a device might send them."""


# --- catalogues and checks ----------------------------------------------------------------------


def _check(name: str, question: str, severity: str = "high") -> CheckInfo:
    return CheckInfo(
        id=CheckId(name),
        question=question,
        why="Anybody on the same network can use what is found here, without breaking anything first.",
        fix="Ship the device with a credential of its own, printed on its label, or let the user set "
        "one before the service answers at all.",
        plain_risk="A stranger in the same network can take over the device.",
        severity=severity,
        effort="days",
        observes=("LoginTest",),
        limitations=(
            "Only documented default credentials are tried, never a dictionary.",
            "A service that answers on an unusual port outside the plan's list is not seen.",
        ),
        references=("EN 303 645 5.1-1", "RFC 9019 section 3"),
    )


CHECKS = {
    c.id: c
    for c in (
        _check(
            "access/default_credential",
            "Does every login refuse the documented defaults?",
            "critical",
        ),
        _check("access/unique_password", "Does the device refuse credentials of its product line?"),
        _check("tls/min_version", "Does every TLS service refuse TLS 1.0 and 1.1?"),
        _check("tls/certificate_valid", "Is every certificate within its validity?", "medium"),
        _check("exposure/telnet", "Is Telnet absent?", "high"),
        _check("exposure/undeclared", "Is every open port declared?", "medium"),
        _check("update/plain_http", "Are updates fetched over an encrypted connection?", "high"),
        _check("declaration/support_period", "Is an end of support published?", "low"),
    )
}


def _requirement(
    number: str, title: str, level: str, *checks: tuple[str, Strength], **more: str
) -> Requirement:
    return Requirement(
        id=RequirementId(number),
        title=title,
        level=level,
        mandatory=level.startswith("M"),
        section=more.get("section", "Provision " + number.split("-")[0]),
        condition=more.get("condition", ""),
        plain=more.get("plain", f"In short: {title[0].lower()}{title[1:]}."),
        checks=tuple(Mapping(check=CheckId(c), strength=s) for c, s in checks),
        manual=more.get("manual", ""),
        settle=more.get("settle", ""),
        confidence="sourced: ETSI",
    )


FULL, PARTIAL, SIGN = Strength.FULL, Strength.PARTIAL, Strength.INDICATIVE
BY_HAND = (
    "1. Read the user documentation and note every published contact.\n"
    "2. Send a report of a made-up flaw and note the date.\n"
    "3. Compare the answer with the published time limits."
)
PSTI = Catalogue(
    id="psti",
    title="UK PSTI",
    edition="2023 No. 1007",
    publisher="UK",
    published="2023",
    note="",
    sources=(),
    requirements=(
        _requirement("1(2)", "Passwords are unique per product or set by the user", "M",
                     ("access/default_credential", FULL), ("access/unique_password", PARTIAL)),
        _requirement("2", "How to report security issues is published", "M", manual=BY_HAND,
                     settle="Name the published page in the declaration file."),
        _requirement("3", "The minimum support period is published", "M",
                     ("declaration/support_period", FULL), manual=BY_HAND),
    ),
)  # fmt: skip
EN = Catalogue(
    id="en303645",
    title="EN 303 645",
    edition="V3.1.3",
    publisher="ETSI",
    published="2024",
    note="",
    sources=(),
    requirements=(
        _requirement("5.1-1", "No universal default passwords", "M C", ("access/default_credential", FULL),
                     condition="passwords are used in a state other than factory default"),
        _requirement("5.1-2", "Pre-installed passwords are unique and not guessable", "M C", ("access/unique_password", PARTIAL)),
        _requirement("5.1-3", "Authentication uses best practice cryptography", "M", ("tls/min_version", PARTIAL)),
        _requirement("5.2-1", "A vulnerability disclosure policy is published", "M", manual=BY_HAND),
        _requirement("5.2-2", "Disclosed vulnerabilities are acted on in a timely manner", "R"),
        _requirement("5.3-1", "All software components can be updated securely", "R", ("update/plain_http", SIGN)),
        _requirement("5.3-2", "There is a mechanism for secure installation of updates", "M C", ("update/plain_http", PARTIAL)),
        _requirement("5.3-3", "An update is simple for the user to apply", "M C", manual=BY_HAND),
        _requirement("5.3-7", "Update mechanisms use best practice cryptography", "M C", ("update/plain_http", PARTIAL)),
        _requirement("5.3-13", "The support period is published in a clear way", "M", ("declaration/support_period", FULL)),
        _requirement("5.4-1", "Sensitive security parameters are stored securely", "M", manual=BY_HAND),
        _requirement("5.5-1", "Communication is secured by best practice cryptography", "M", ("tls/min_version", FULL), ("tls/certificate_valid", PARTIAL)),
        _requirement("5.5-5", "Security-relevant changes over the network need authentication", "M", ("access/default_credential", PARTIAL)),
        _requirement("5.6-1", "Unused network and logical interfaces are disabled", "M", ("exposure/telnet", FULL), ("exposure/undeclared", FULL)),
        _requirement("5.6-2", "Unauthenticated disclosure of information is minimised", "M"),
        _requirement("5.6-4", "Debug interfaces that can be reached are disabled in software", "M C"),
        _requirement("5.7-1", "Software is verified by secure boot", "R", manual=BY_HAND),
        _requirement("5.8-1", "Personal data in transit is protected", "R", ("tls/min_version", PARTIAL)),
        _requirement("5.11-1", "The user can erase user data in a simple way", "M", manual=BY_HAND),
        _requirement("5.13-1", "Data input is validated", "M"),
    ),
)  # fmt: skip
CATALOGUES = {c.id: c for c in (PSTI, EN)}


# --- evidence -----------------------------------------------------------------------------------


def _transcript(head: str, *lines: tuple[float, str, bytes | str]) -> bytes:
    written = [json.dumps({"connection": head})]
    for t, direction, what in lines:
        body = {"text": what} if isinstance(what, str) else {"hex": what.hex()}
        written.append(json.dumps({"t": t, "dir": direction, **body}))
    return ("\n".join(written) + "\n").encode()


LOGIN = _transcript(
    "tcp 198.51.100.11:80",
    (0.0004, "#", "connected"),
    (0.0012, ">", b"GET / HTTP/1.1\r\nHost: 198.51.100.11\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\n\r\n"),
    (0.0153, "<", b"HTTP/1.1 200 OK\r\nServer: [bold red]kettled[/]\x1b[2J\x1b]52;c;cm0=\x07\r\nContent-Length: 5\r\n\r\nhello"),
    (0.0164, "<", b""),
)  # fmt: skip
HELLO = _transcript(
    "tcp 198.51.100.11:443",
    (0.0011, ">", bytes.fromhex("16030100a5010000a10302") + bytes(range(32)) + bytes(20)),
    (0.0098, "<", bytes.fromhex("160302002a0200002603025f") + bytes(range(80, 112))),
    (0.0101, "#", "TLS TLSv1.1, what follows was inside it"),
)
TELNET = b"\xff\xfb\x01\xff\xfb\x03\r\n\x1b[31mKettle\x1b[0m login: " + bytes(range(256))
BLOBS = {
    hashlib.sha256(data).hexdigest(): (media, caption, collector, data)
    for media, caption, collector, data in (
        ("application/x-transcript+jsonl", "Login with a documented default", "access", LOGIN),
        ("application/x-transcript+jsonl", "ClientHello offering TLS 1.1 only", "tls", HELLO),
        ("application/octet-stream", "First bytes of tcp 23", "services", TELNET),
    )
}
LOGIN_SHA, HELLO_SHA, TELNET_SHA = BLOBS


# --- the script ---------------------------------------------------------------------------------


def _device(mac: str, addresses: Iterable[str], **attributes: str) -> Device:
    sources = {"vendor": "oui 2026-05-01", "name": "mdns", "model": "mdns TXT md"}
    return Device(
        id=device_id(mac),
        mac=mac,
        addresses=tuple(addresses),
        attributes=tuple(
            Attribute(name=k, value=v, source=sources.get(k, "http title"))
            for k, v in attributes.items()
        ),
        seen_by=("arp", "mdns"),
    )


CAMERA = _device("02:00:5e:10:00:11", ["198.51.100.11", "2001:db8::11", "fe80::5eff:fe10:11"],
                 vendor="Acme Imaging", name="Garden camera", model="CAM-3", firmware="1.4.2")  # fmt: skip
KETTLE = _device("02:00:5e:10:00:12", ["198.51.100.12"], vendor="Kettle & Sons", name=HOSTILE)
LOCK = _device(
    "02:00:5e:10:00:13",
    ["198.51.100.13", "2001:db8::13"],
    vendor="東京スマートロック株式会社",
    name="スマートロック Pro",
)
SENSOR = _device("02:00:5e:10:00:14", ["198.51.100.14"], vendor="Silent Works")
DEVICES = (CAMERA, KETTLE, LOCK, SENSOR)
JOBS = (
    ("services", "tcp", "TCP ports of {}, standard list"),
    ("services", "udp", "Typed UDP questions to {}"),
    ("web", "80", "Web page on tcp {}:80"),
    ("tls", "443", "TLS on tcp {}:443"),
    ("access", "80", "Default credentials on tcp {}:80"),
    ("access", "23", "Default credentials on tcp {}:23"),
    ("traffic", "listen", "Listening to the traffic of {}"),
)


def _ref(sha: str, start: int = 0, end: int | None = None) -> EvidenceRef:
    return EvidenceRef(sha256=sha, start=start, end=end, caption=BLOBS[sha][1])


def _findings(device: Device) -> list[Finding]:
    at = device.addresses[0]
    unseen = Coverage(
        tried="connections to the 1000 ports of the standard list", times=3, deadline_s=1.5
    )
    answers = {
        CAMERA.id: {
            "access/default_credential": violated(
                f"tcp {at}:80", "The documented default 'admin' / 'admin' opened the web interface twice.",
                _ref(LOGIN_SHA, 61, 210)),
            "tls/min_version": violated(f"tcp {at}:443", "TLS 1.1 was accepted.", _ref(HELLO_SHA)),
            "tls/certificate_valid": satisfied(f"tcp {at}:443", "The certificate was valid on 2026-09-21.", _ref(HELLO_SHA)),
            "exposure/telnet": satisfied("device", "No Telnet service was found on 1000 ports of 3 addresses.", unseen),
            "declaration/support_period": satisfied("device", "Support ends on 2031-12-31.", unseen),
        },
        KETTLE.id: {
            "access/default_credential": inconclusive(
                f"tcp {at}:23", "The device closed the connection before it asked for a password: " + HOSTILE,
                _ref(TELNET_SHA), owner=Owner.DEVICE, settle="Restart the device and run the access collector alone."),
            "exposure/telnet": violated(f"tcp {at}:23", "A Telnet service answered.", _ref(TELNET_SHA, 8, 30)),
            "update/plain_http": inconclusive(
                "device", "None of the device's own traffic was seen.", owner=Owner.ENVIRONMENT,
                settle="Connect the probe to a mirror port of the switch."),
        },
        LOCK.id: {
            "access/default_credential": satisfied(f"tcp {at}:443", "Three documented defaults were refused.", unseen),
            "tls/min_version": satisfied(f"tcp {at}:443", "Only TLS 1.2 and 1.3 were accepted.", _ref(HELLO_SHA)),
            "exposure/telnet": satisfied("device", "No Telnet service was found.", unseen),
            "exposure/undeclared": satisfied("device", "Every open port is declared.", unseen),
        },
        SENSOR.id: {},
    }[device.id]  # fmt: skip
    return [Finding(check=CheckId(c), device=device.id, answer=a) for c, a in answers.items()]


def script() -> list[ev.Entry]:
    """The whole journal, in its order, with the times at which things happened."""
    events: list[tuple[float, ev.Event]] = []
    plan = Plan(name="standard", summary="", catalogues=("psti", "en303645"), tcp_ports="standard")
    scope = Scope(interface="eth1", networks=("198.51.100.0/24",))
    run = Run(id=RUN, started_at=T0, scope=scope, plan=plan, operator="kim", tool_version="0.1.0")
    events.append((0.0, ev.RunStarted(run=run)))
    events.append(
        (0.2, ev.Noted(level="warning", text="The clock is not synchronised; times may be wrong."))
    )
    for n, device in enumerate(DEVICES):
        events.append((1.0 + n / 2, ev.DeviceSeen(device=device)))
        at = device.addresses[0]
        for collector, subject, title in JOBS:
            job = Job(id=JobId(f"{collector}/{device.id}/{subject}"), device=device.id,
                      collector=collector, title=title.format(at))  # fmt: skip
            events.append((1.1 + n / 2, ev.JobKnown(job=job)))
    for n, device in enumerate(DEVICES):
        events += _tested(4.0 + n * 1.5, device)
    events.append((60.0, ev.StatusChanged(status=RunStatus.FINISHED)))
    events.sort(key=lambda e: e[0])
    return [ev.Entry(seq=i, at=T0 + at, event=e) for i, (at, e) in enumerate(events, 1)]


def _tested(begin: float, device: Device) -> list[tuple[float, ev.Event]]:
    events: list[tuple[float, ev.Event]] = []
    at, packets = begin, 0
    for number, (collector, subject, _) in enumerate(JOBS):
        job = JobId(f"{collector}/{device.id}/{subject}")
        events.append((at, ev.JobStarted(job=job)))
        for step in range(6):
            packets += 9 + 5 * ((step + number) % 4)
            events.append((at + step, ev.BudgetSpent(device=device.id, packets=packets, connections=3 * number + step // 2,
                                                     logins=3 * max(0, number - 4), seconds=at - begin + step)))  # fmt: skip
        failed = device is SENSOR and number > 1
        reason = "no answer to 5 pings" if failed else ""
        at += 6.5
        events.append(
            (
                at,
                ev.JobFinished(
                    job=job, ok=not failed, reason=reason, owner=Owner.DEVICE if failed else None
                ),
            )
        )
    events += [(at, ev.Observed(observation=o)) for o in _observations(device)]
    findings = _findings(device)
    events += [(at + 0.1, ev.Found(finding=f)) for f in findings]
    for catalogue in (PSTI, EN):
        made = judge(catalogue, device.id, findings, given=given_of(device))
        events += [(at + 0.2, ev.Judged(verdict=v)) for v in made]
    events.append((at + 0.3, ev.DeviceDone(device=device.id)))
    return events


def _tls(address: str, *, old: bool) -> tls.TlsService:
    accepted = {"TLSv1.2", "TLSv1.3"} | ({"TLSv1.1"} if old else set())
    names = ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
    reply = {name: tls.Reply.ACCEPTED if name in accepted else tls.Reply.REFUSED for name in names}
    weak = tls.Reply.REFUSED if old else tls.Reply.NO_ANSWER
    return tls.TlsService(
        address=address,
        port=443,
        versions=tuple(tls.TlsVersion(name=n, reply=r) for n, r in reply.items()),
        suites=(tls.TlsSuiteGroup(kind="weak", reply=weak),),
        chain=(
            tls.Certificate(
                subject="CN=thing",
                issuer="CN=Example Device CA",
                serial="6f2a91c4d5e6f708",
                not_before=T0 - 1e7,
                not_after=None,
                key_type="EC",
                key_bits=256,
                signature_hash="sha256",
                self_signed=False,
                is_ca=False,
                names=("thing",),
                sha256="ab" * 32,
                curve="secp256r1",
            ),
        ),
        chain_complete=True,
        measured_at=T0,
    )


def _observations(device: Device) -> list[ob.Observation]:
    facts: list[ob.Fact] = []
    at = device.addresses[0]
    if device is not SENSOR:
        facts.append(
            ob.PortScan(
                transport="tcp", address=at, list_name="standard", tested="1-1000", open=(80, 443)
            )
        )
        facts.append(
            ob.Service(
                transport="tcp",
                address=at,
                port=80,
                protocol="http",
                product="kettled",
                version="0.9",
            )
        )
        facts.append(ob.Service(transport="tcp", address=at, port=443, protocol="http", tls=True))
        facts.append(_tls(at, old=device is CAMERA))
    else:
        facts.append(ob.NotMeasured(collector="services", subject=f"tcp {at}", reason="The device stopped answering.",
                                    owner="device", settle="Restart the device and resume the run."))  # fmt: skip
    return [
        ob.Observation(
            id=f"{device.id}#{n}", device=device.id, collector="services", at=T0, fact=f, proof=()
        )
        for n, f in enumerate(facts)
    ]


# --- sources ------------------------------------------------------------------------------------


class FakeSource:
    """Reveals the script up to ``seconds`` after its beginning, and obeys commands."""

    def __init__(self, seconds: float = 25.0, *, living: bool = True) -> None:
        self.state = RunState()
        self.entries = script()
        self.seconds, self.living = seconds, living
        self.commands: list[str] = []
        self.broken = ""

    def now(self) -> float:
        return T0 + self.seconds

    def poll(self) -> list[ev.Entry]:
        if self.broken:
            raise ProbeError(self.broken, "Free some space.", owner=Owner.ENVIRONMENT)
        new = [e for e in self.entries if e.seq > self.state.seq and e.at <= self.now()]
        for entry in new:
            self.state.apply(entry)
        return new

    def evidence(self, sha256: str) -> tuple[Evidence, bytes] | None:
        if sha256 not in BLOBS:
            return None
        media, caption, collector, data = BLOBS[sha256]
        label = Evidence(sha256=sha256, size=len(data), media_type=media, caption=caption,
                         collector=collector, captured_at=T0 + 20)  # fmt: skip
        return label, data

    def alive(self) -> bool:
        return self.living and self.state.status in (RunStatus.RUNNING, RunStatus.PAUSED)

    def last_words(self) -> str:
        return "" if self.living else "killed by signal 9"

    def command(self, verb: str) -> None:
        self.commands.append(verb)
        status = {
            "pause": RunStatus.PAUSED,
            "resume": RunStatus.RUNNING,
            "stop": RunStatus.STOPPED,
        }[verb]
        later = [e for e in self.entries if e.seq > self.state.seq]
        self.entries = [e for e in self.entries if e.seq <= self.state.seq]
        seq = self.state.seq + 1
        self.entries.append(
            ev.Entry(
                seq=seq,
                at=self.now(),
                event=ev.StatusChanged(status=status, reason="by the operator"),
            )
        )
        if verb != "stop":
            self.entries += [ev.Entry(seq=e.seq + 1, at=e.at, event=e.event) for e in later]


class LiveSource(FakeSource):
    """The same with the real clock, to look at by hand."""

    def __init__(self) -> None:
        super().__init__(0.0)
        shift = time.time() - T0
        self.entries = [ev.Entry(seq=e.seq, at=e.at + shift, event=e.event) for e in self.entries]

    def now(self) -> float:
        return time.time()


class FakeStore:
    """Three runs."""

    def runs(self) -> list[RunSummary]:
        counts = {Status.FAIL: 4, Status.INCONCLUSIVE: 31, Status.NOT_TESTED: 40, Status.PASS: 9}
        return [
            RunSummary(id=RUN, started_at=T0, status=RunStatus.RUNNING, interface="eth1", plan="standard", devices=4),
            RunSummary(id="20260920-091500-aaaa", started_at=T0 - 90_000, status=RunStatus.FINISHED, interface="eth1",
                    plan="quick", devices=4, counts=counts),
            RunSummary(id="20260918-170000-bbbb", started_at=T0 - 250_000, interface="usb0", plan="full"),
        ]  # fmt: skip

    def open(self, run_id: str) -> FakeSource:
        if run_id.endswith("bbbb"):
            raise ProbeError(
                "The journal of this run is damaged", "Restore it.", owner=Owner.ENVIRONMENT
            )
        return FakeSource(61.0 if run_id.endswith("aaaa") else 25.0)


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from probe.tui.launch import launch

    flags = set(sys.argv[1:])
    source = LiveSource() if "--live" in flags else FakeSource(61.0 if "--done" in flags else 25.0)
    choose = "--choose" in flags
    launch(
        None if choose else source,
        CATALOGUES,
        CHECKS,
        store=FakeStore(),
        slow_link="--slow-link" in flags,
    )


if __name__ == "__main__":
    main()
