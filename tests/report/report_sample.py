"""A scripted run with everything a report has to cope with: good, bad, unknown, failed, hostile.

``python tests/report/report_sample.py`` writes the golden files anew; look at the difference before
committing it.
"""

import base64
import hashlib
import json
from pathlib import Path

from probe.judge.judge import judge
from probe.model import event as ev
from probe.model.access import LoginAttempt
from probe.model.catalogue import Catalogue, Mapping, Requirement, Strength
from probe.model.check import CheckInfo
from probe.model.declaration import (
    Declaration,
    DeclaredAccount,
    ManualResult,
    NotApplicable,
)
from probe.model.device import Attribute, Device, device_id
from probe.model.evidence import Coverage, Evidence, EvidenceRef
from probe.model.finding import Answer, Finding, Outcome, Owner, inconclusive, satisfied, violated
from probe.model.firmware import (
    AccountState,
    ImageAccount,
    ImageComponent,
    ImageLayer,
    ImageProtection,
    ImageSurvey,
    ImageWeakness,
    LayerKind,
    Rollback,
    Signing,
)
from probe.model.given import given_of
from probe.model.ids import CheckId, JobId, RequirementId, RunId
from probe.model.observation import (
    AddressFormed,
    Announced,
    CandidateResult,
    Fact,
    Health,
    HttpPage,
    IidClass,
    LoginResult,
    LoginTest,
    NotMeasured,
    Observation,
    OpenAccess,
    PlainTransfer,
    PortScan,
    Service,
    TrafficView,
    UdpSilence,
)
from probe.model.plan import Permission, Plan
from probe.model.run import Authorisation, Job, Run, RunStatus, Scope
from probe.model.state import RunState
from probe.model.text import clean
from probe.model.tls import Certificate, Reply, TlsService, TlsSuiteGroup, TlsVersion
from probe.report import FORMATS, SUFFIXES, ReportView
from probe.report.view import build_view

GOLDEN = Path(__file__).parent / "golden"
T0 = 1_790_000_000.0
PASSWORD = "Sommer2019!"
MARKUP = '<script>alert("x")</script>'
ESCAPE = "\x1b[2J\x1b]0;owned\x07"
CONTROL = "nul \x00 bell \x07 del \x7f noncharacter \ufffe bidi \u202e"

EVIDENCE: dict[str, tuple[Evidence, bytes]] = {}


def keep(
    data: bytes, caption: str, media_type: str = "application/x-transcript+jsonl"
) -> EvidenceRef:
    digest = hashlib.sha256(data).hexdigest()
    label = Evidence(
        sha256=digest,
        size=len(data),
        media_type=media_type,
        caption=caption,
        collector="sample",
        captured_at=T0 + len(EVIDENCE),
    )
    EVIDENCE[digest] = (label, data)
    return EvidenceRef(sha256=digest, caption=caption)


def transcript(head: str, *pieces: tuple[str, bytes]) -> bytes:
    lines = [json.dumps({"connection": head})]
    for n, (direction, data) in enumerate(pieces):
        lines.append(json.dumps({"t": n * 0.031, "dir": direction, "hex": data.hex()}))
    return ("\n".join(lines) + "\n").encode()


BASIC = base64.b64encode(f"admin:{PASSWORD}".encode())
TELNET = keep(
    transcript(
        "tcp 198.51.100.11:23",
        ("<", b"\xff\xfd\x18\xff\xfd\x20"),
        ("<", b"\r\nBusyBox v1.19.4 built-in shell (ash)\r\n" + ESCAPE.encode() + b"cam login: "),
    ),
    "telnet banner",
)
LOGIN = keep(
    transcript(
        "tcp 198.51.100.11:80",
        (
            ">",
            b"GET /config HTTP/1.1\r\nHost: 198.51.100.11\r\nAuthorization: Basic "
            + BASIC
            + b"\r\n\r\n",
        ),
        (
            "<",
            b"HTTP/1.1 200 OK\r\nServer: thttpd/2.25\r\n\r\n<h1>Configuration</h1>"
            + MARKUP.encode(),
        ),
        (">", b"POST /login HTTP/1.1\r\n\r\nuser=admin&password=Sommer2019%21&csrf=7"),
    ),
    "login by contrast at /config",
)
HELLO = keep(
    transcript(
        "tcp 198.51.100.11:443",
        (">", bytes.fromhex("160301002f0100002b0301") + bytes(range(32)) + b"\0\0\x02\0\x2f\1\0"),
        ("<", bytes.fromhex("160301004a020000460301") + bytes(range(40))),
    ),
    "TLS 1.0 accepted",
)
FRAME = keep(bytes(range(64)), "one frame", "application/octet-stream")

CAM = Device(
    id=device_id("02:00:5e:00:00:11"),
    mac="02:00:5e:00:00:11",
    addresses=("198.51.100.11", "2001:db8::5eff:fe00:11", "fe80::5eff:fe00:11"),
    attributes=(
        Attribute(
            name="name", value=clean("Garden camera " + MARKUP + ESCAPE), source="mdns instance"
        ),
        Attribute(name="vendor", value="Example Optics", source="oui 2026-05-01"),
        Attribute(name="model", value="EO-200", source="ssdp modelName"),
        Attribute(name="firmware", value="1.0.3 build 7", source="http Server header"),
    ),
    seen_by=("arp", "mdns", "ns-eui64"),
)
PLUG = Device(
    id=device_id("02:00:5e:00:00:12"),
    mac="02:00:5e:00:00:12",
    addresses=("198.51.100.12",),
    attributes=(Attribute(name="model", value="Plug & Go", source="operator"),),
    seen_by=("arp",),
)
PRINTER = Device(
    id=device_id("02:00:5e:00:00:63"), mac="02:00:5e:00:00:63", addresses=("198.51.100.99",)
)

DECLARATION = Declaration(
    product="Garden camera",
    manufacturer="Example Optics",
    model="EO-200",
    firmware="1.0.3",
    applies_to=("198.51.100.11",),
    accounts=(
        DeclaredAccount(service="http", username="admin", password=PASSWORD, origin="universal"),
    ),
    not_applicable=(
        NotApplicable(
            catalogue="*",
            requirement="S-6",
            reason="The camera has no battery",
            decided_by="R. Berg",
        ),
    ),
    manual=(
        ManualResult(
            catalogue="*",
            requirement="S-7",
            result="pass",
            by="R. Berg",
            on="2026-09-20",
            note="The housing needs a tool to open.",
        ),
    ),
    sha256="d" * 64,
)


def info(name: str, question: str, severity: str, fix: str, risk: str, limits: str) -> CheckInfo:
    return CheckInfo(
        id=CheckId(name),
        question=question,
        why=f"Why {name} matters.",
        fix=fix,
        plain_risk=risk,
        ask="How was this tested?" if name.startswith("access") else "",
        severity=severity,
        effort="days",
        observes=("Service",),
        limitations=(limits,),
        references=("EN 303 645 5.1-1",),
        policy="sample 2026" if name.startswith("tls") else "",
    )


CHECKS = {
    c.id: c
    for c in (
        info(
            "access/default_login",
            "Is every documented default password refused?",
            "critical",
            "Make the password unique for each unit, or have the user set it first.",
            "Anybody on the home network can watch the camera with a password from the internet.",
            "Tries a bounded list; other defaults may exist.",
        ),
        info(
            "exposure/telnet",
            "Is Telnet closed?",
            "high",
            "Remove the Telnet server from the image.",
            "A stranger on the same network can take over the device.",
            "Sees only ports that were tested.",
        ),
        info(
            "tls/min_version",
            "Does every TLS service refuse TLS 1.0 and 1.1?",
            "medium",
            "Set the lowest version to TLS 1.2.",
            "Old encryption may be broken by somebody who listens.",
            "A service that needs a client certificate is not seen.",
        ),
        info(
            "update/plain_http",
            "Are updates fetched over an encrypted connection?",
            "high",
            "Use HTTPS.",
            "Updates may be replaced on their way.",
            "Only from a mirror port.",
        ),
        info(
            "sign/only", "Is the model hidden before login?", "low", "Hide it.", "", "A lead only."
        ),
    )
}


def requirement(number: int, title: str, level: str = "M", **more: object) -> Requirement:
    return Requirement(
        id=RequirementId(f"S-{number}"),
        title=title,
        level=level,
        mandatory=level.startswith("M"),
        confidence="memory",
        **more,  # type: ignore[arg-type]
    )


FULL, PARTIAL, LEAD = Strength.FULL, Strength.PARTIAL, Strength.INDICATIVE
SAMPLE = Catalogue(
    id="sample",
    title="Sample catalogue",
    edition="V1.0",
    publisher="Nobody",
    published="2026-01",
    note="Made for tests.",
    sources=("this file",),
    requirements=(
        requirement(
            1,
            "No universal default password",
            plain="The password differs from unit to unit.",
            checks=(Mapping(check=CheckId("access/default_login"), strength=FULL),),
        ),
        requirement(
            2,
            "Unused interfaces are closed",
            checks=(Mapping(check=CheckId("exposure/telnet"), strength=PARTIAL),),
            manual="1. List the open ports. 2. Compare with the manual. 3. Ask about each surplus.",
            settle="Declare the services of the product.",
        ),
        requirement(
            3,
            "Communication is protected",
            checks=(
                Mapping(
                    check=CheckId("tls/min_version"), strength=FULL, requires={"tcp_ports": 900}
                ),
                Mapping(check=CheckId("sign/only"), strength=LEAD),
            ),
        ),
        requirement(
            4,
            "Updates are authenticated",
            checks=(Mapping(check=CheckId("update/plain_http"), strength=PARTIAL),),
            manual="Tamper with an image and offer it.",
            settle="Connect the probe to a mirror port.",
        ),
        requirement(
            5,
            "A contact for reports is published",
            manual="Open the maker's site.\nLook for a security contact.\nWrite down where it was.",
            settle="Declare the disclosure policy.",
        ),
        requirement(6, "Battery state is shown", "M C", condition="the device has a battery"),
        requirement(7, "The housing resists opening", "R", manual="Try to open it."),
        requirement(8, "Telemetry is examined", "R", section="Recommendations"),
    ),
)
SMALL = Catalogue(
    id="small",
    title="Small catalogue",
    edition="2023",
    publisher="Nobody",
    published="",
    note="",
    sources=(),
    requirements=(
        requirement(1, "No default password", checks=SAMPLE.requirements[0].checks),
        requirement(
            9,
            "Telnet is closed",
            checks=(Mapping(check=CheckId("exposure/telnet"), strength=FULL),),
        ),
    ),
)
CATALOGUES = (SAMPLE, SMALL)

IMAGE = "5a" * 32
IN_IMAGE: tuple[Fact, ...] = (
    ImageLayer(
        image=IMAGE,
        place="0",
        format="U-Boot FIT image",
        kind=LayerKind.UPDATE,
        name=clean(f"camera.itb {ESCAPE}"),
        offset=0,
        size=998510,
        sha256=IMAGE,
        title=MARKUP,
        version="1.0.3",
    ),
    ImageLayer(
        image=IMAGE,
        place="0/1",
        format="squashfs",
        kind=LayerKind.FILE_SYSTEM,
        name="rootfs",
        offset=67432,
        size=927942,
        sha256="6b" * 32,
    ),
    ImageProtection(
        image=IMAGE,
        place="0",
        format="U-Boot FIT image",
        signing=Signing.NOT_VERIFIED,
        detail="no key was given",
        covers="configuration and hashes of all images",
        binds_payload=True,
        scheme="RSA-1024 SHA-1",
        key_bits=1024,
        key_id="7c" * 32,
        public_key="an example key",
        weak="RSA with 1024 bits; at least 2048 are needed",
        rollback=Rollback.NONE,
    ),
    ImageAccount(
        image=IMAGE,
        place="0/1",
        path="etc/shadow",
        username="root",
        uid=0,
        state=AccountState.KNOWN,
        hash_type="MD5",
        weak_hash=True,
        password="Winter2018?",
        shell="/bin/sh",
    ),
    ImageWeakness(
        image=IMAGE, place="0/1", path=MARKUP, kind="debug service", what="telnetd", line=3
    ),
    ImageComponent(
        image=IMAGE,
        place="0/1",
        path="usr/lib/opkg/status",
        name="busybox",
        version="1.19.4",
        evidence="package database",
        text="Version: 1.19.4",
        advisories=("CVE-2016-2148 fixed in 1.25.0",),
    ),
    ImageSurvey(
        image=IMAGE,
        name="camera.itb",
        size=998510,
        layers=2,
        files=120,
        bytes_read=3_000_000,
        unread=("0/2 data: 5000 bytes encrypted or compressed",),
    ),
)
FACTS: tuple[tuple[Device, Fact, EvidenceRef], ...] = (
    *((CAM, fact, FRAME) for fact in IN_IMAGE),
    (CAM, AddressFormed(address="198.51.100.11", methods=("arp",)), FRAME),
    (
        CAM,
        AddressFormed(
            address="2001:db8::5eff:fe00:11",
            methods=("ns-eui64",),
            iid_class=IidClass.EUI64,
            reason="ff:fe in the middle",
        ),
        FRAME,
    ),
    (
        CAM,
        Announced(
            via="mdns", name="Garden", kind="_http._tcp", port=80, attributes=(("md", MARKUP),)
        ),
        FRAME,
    ),
    (
        CAM,
        PortScan(
            transport="tcp",
            address="198.51.100.11",
            list_name="standard",
            tested="1-1000",
            open=(23, 80, 443),
        ),
        FRAME,
    ),
    (CAM, UdpSilence(address="198.51.100.11", port=161, protocol="snmp", state="silent"), FRAME),
    (
        CAM,
        Service(
            transport="tcp",
            address="198.51.100.11",
            port=23,
            protocol="telnet",
            banner=clean(ESCAPE + "cam login: " + CONTROL),
            reason="IAC negotiation",
        ),
        TELNET,
    ),
    (
        CAM,
        Service(
            transport="tcp",
            address="198.51.100.11",
            port=80,
            protocol="http",
            product="thttpd",
            version="2.25",
            reason="status line",
        ),
        LOGIN,
    ),
    (
        CAM,
        HttpPage(
            address="198.51.100.11",
            port=80,
            tls=False,
            path="/",
            status=401,
            headers=(("Server", "thttpd/2.25"),),
            title=MARKUP,
            auth_schemes=("basic",),
        ),
        LOGIN,
    ),
    (
        CAM,
        TlsService(
            address="198.51.100.11",
            port=443,
            versions=(
                TlsVersion(name="TLSv1.0", reply=Reply.ACCEPTED),
                TlsVersion(name="TLSv1.2", reply=Reply.ACCEPTED),
                TlsVersion(name="TLSv1.3", reply=Reply.REFUSED),
            ),
            suites=(
                TlsSuiteGroup(
                    kind="weak", reply=Reply.ACCEPTED, chosen="TLS_RSA_WITH_AES_128_CBC_SHA"
                ),
            ),
            chain=(
                Certificate(
                    subject="CN=cam",
                    issuer="CN=cam",
                    serial="01",
                    not_before=T0 - 3e7,
                    not_after=T0 + 3e8,
                    key_type="RSA",
                    key_bits=1024,
                    signature_hash="sha1",
                    self_signed=True,
                    is_ca=False,
                    names=("cam",),
                    sha256="c" * 64,
                ),
            ),
            measured_at=T0,
        ),
        HELLO,
    ),
    (
        CAM,
        LoginTest(
            transport="tcp",
            address="198.51.100.11",
            port=80,
            protocol="http",
            tls=False,
            method="basic",
            without_credential=LoginResult.REFUSED,
            random_credential=LoginResult.REFUSED,
            candidates=(
                CandidateResult(
                    username="admin",
                    password=PASSWORD,
                    tier="declared",
                    source="declaration",
                    result=LoginResult.ACCEPTED,
                    proved=True,
                ),
                CandidateResult(
                    username="root",
                    password="",
                    tier="generic",
                    source="list",
                    result=LoginResult.REFUSED,
                ),
            ),
        ),
        LOGIN,
    ),
    (
        CAM,
        OpenAccess(
            transport="udp",
            address="198.51.100.11",
            port=161,
            protocol="snmp",
            what="system description",
        ),
        FRAME,
    ),
    (
        CAM,
        TrafficView(position="mirror", seconds=20, frames_of_others=41, bytes_of_others=9000),
        FRAME,
    ),
    (
        CAM,
        PlainTransfer(
            server="203.0.113.80",
            host="update.example",
            path="/fw/cam-1.0.4.bin",
            user_agent="wget",
            status=200,
            content_type="application/octet-stream",
            size=4_194_304,
            magic="uImage",
            update_like=True,
            version_text="1.0.4",
        ),
        FRAME,
    ),
    (
        CAM,
        Health(state="answering again", during="services: udp", method="arp", waited_s=2.0),
        FRAME,
    ),
    (
        PLUG,
        NotMeasured(
            collector="services/tcp",
            subject="tcp 198.51.100.12",
            reason="The device stopped answering after 40 ports.",
            owner="device",
            settle="Power the device again and resume the run with --plan quick.",
        ),
        FRAME,
    ),
    *(
        (
            CAM,
            LoginAttempt(
                transport="tcp",
                address="198.51.100.11",
                port=80,
                protocol="http",
                method="basic",
                purpose=purpose,
                username=user,
                password=password,
                tier=tier,
                source=source,
                result=result,
                proved=result is LoginResult.ACCEPTED,
                detail=detail,
                seconds=1.25,
            ),
            LOGIN,
        )
        for purpose, user, password, tier, source, result, detail in (
            ("no credential", "", "", "", "", LoginResult.REFUSED, f"HTTP 401 {MARKUP}"),
            (
                "random",
                "0011223344556677",
                "8899aabbccddeeff",
                "",
                "",
                LoginResult.REFUSED,
                "HTTP 401",
            ),
            ("default", "admin", PASSWORD, "declared", "declaration", LoginResult.ACCEPTED, ESCAPE),
            ("guess", "admin", "", "", "from 198.51.100.3", LoginResult.NO_ANSWER, "silent"),
        )
    ),
)


def error(subject: str, summary: str) -> Answer:
    return Answer(outcome=Outcome.ERROR, subject=subject, summary=summary, owner=Owner.TOOL)


FINDINGS: tuple[tuple[str, Device, Answer], ...] = (
    (
        "access/default_login",
        CAM,
        violated("tcp 198.51.100.11:80", f"HTTP basic accepted admin:{PASSWORD}, twice.", LOGIN),
    ),
    (
        "exposure/telnet",
        CAM,
        violated(
            "tcp 198.51.100.11:23", f"A Telnet login was offered: {clean(ESCAPE + MARKUP)}", TELNET
        ),
    ),
    ("tls/min_version", CAM, violated("tcp 198.51.100.11:443", "TLS 1.0 was accepted.", HELLO)),
    (
        "sign/only",
        CAM,
        violated("tcp 198.51.100.11:80", "The model was shown before login.", FRAME),
    ),
    (
        "update/plain_http",
        CAM,
        inconclusive(
            "device",
            "No update was seen.",
            Coverage(tried="watched for update traffic", times=1, deadline_s=20),
            owner=Owner.ENVIRONMENT,
            settle="Watch longer from a mirror port.",
        ),
    ),
    (
        "access/default_login",
        PLUG,
        error("device", "The check ended with IndexError."),
    ),
    (
        "exposure/telnet",
        PLUG,
        satisfied(
            "tcp 198.51.100.12:23",
            "Port 23 refused every connection.",
            Coverage(tried="connect to tcp 198.51.100.12:23", times=3, deadline_s=2.0),
        ),
    ),
    (
        "tls/min_version",
        PLUG,
        satisfied("device", "Every TLS service refused.", FRAME, measured={"tcp_ports": 40}),
    ),
)


def state() -> RunState:
    """The run, folded from its journal."""
    run = Run(
        id=RunId("20260921-1333-a1b2"),
        started_at=T0,
        scope=Scope(interface="eth1", networks=("198.51.100.0/24", "2001:db8::/64")),
        plan=Plan(
            name="standard",
            summary="About 1,000 ports and every collector.",
            catalogues=("sample", "small"),
            tcp_ports="standard",
        ),
        declarations=(DECLARATION,),
        operator="M. Vos",
        authorisation=Authorisation(
            by=f"T. Owner {MARKUP}",
            at=T0,
            logins=True,
            permits=(Permission.TLS_ATTACKS,),
            devices=("198.51.100.0/24",),
        ),
        tool_version="0.1.0",
        host="bench-3",
        note=f"Before shipping {ESCAPE}",
    )
    job = Job(id=JobId("j1"), device=CAM.id, collector="services", title="ports of 198.51.100.11")
    plug = Job(id=JobId("j2"), device=PLUG.id, collector="services", title="ports of 198.51.100.12")
    events: list[ev.Event] = [
        ev.RunStarted(run=run),
        *(ev.DeviceSeen(device=d) for d in (PLUG, CAM, PRINTER)),
        *(ev.JobKnown(job=j) for j in (job, plug)),
        *(ev.JobStarted(job=j.id) for j in (job, plug)),
    ]
    for n, (device, fact, ref) in enumerate(FACTS):
        events.append(
            ev.Observed(
                observation=Observation(
                    id=f"j1#{n}",
                    device=device.id,
                    collector="sample",
                    at=T0 + n,
                    fact=fact,
                    proof=(ref,),
                )
            )
        )
    findings = [Finding(check=CheckId(c), device=d.id, answer=a) for c, d, a in FINDINGS]
    events += [ev.Found(finding=f) for f in findings]
    for catalogue in CATALOGUES:
        for device, declaration in ((CAM, DECLARATION), (PLUG, None)):
            events += [
                ev.Judged(verdict=v)
                for v in judge(catalogue, device.id, findings, declaration, given_of(device))
            ]
    events += [
        ev.JobFinished(job=job.id, ok=True),
        ev.JobFinished(job=plug.id, ok=False, reason="stopped answering", owner=Owner.DEVICE),
        ev.BudgetSpent(device=CAM.id, packets=2210, connections=1024, logins=4, seconds=71.5),
        ev.DeviceDone(device=CAM.id),
        ev.DeviceDone(device=PLUG.id),
        ev.Noted(level="warning", text=f"The packet helper ended and was started again {CONTROL}"),
        ev.StatusChanged(status=RunStatus.FINISHED),
    ]
    folded = RunState()
    for seq, event in enumerate(events, start=1):
        folded.apply(ev.Entry(seq=seq, at=T0 + seq, event=event))
    return folded


def view(*, secrets: bool = False) -> ReportView:
    """The report of that run."""
    return build_view(
        state(), CATALOGUES, CHECKS, EVIDENCE.get, tool_version="0.1.0", secrets=secrets
    )


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, render in FORMATS.items():
        (GOLDEN / f"report{SUFFIXES[name]}").write_bytes(render(view()))
