"""The probe, hydra and nmap's scripts on one device, each with the same candidates and one time limit."""

import asyncio
import os
import re
import shutil
import signal
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from login_services import Row, collect

from probe.collect.access.collector import COLLECTOR
from probe.collect.access.credentials import Candidate, chosen
from probe.collect.budget import Budget
from probe.model.evidence import Coverage
from probe.model.observation import LoginResult, LoginTest, NotMeasured, OpenAccess, Service
from probe.model.text import clean
from probe.registry import chosen_plan

PLAN = chosen_plan("standard")
PORTS = {
    "http": 80, "rtsp": 554, "telnet": 23, "ftp": 21, "ssh": 22, "snmp": 161, "mqtt": 1883,
    "redis": 6379, "vnc": 5901,
}  # fmt: skip
NO_USER = ("snmp", "redis", "vnc")
SCRIPTS = {
    "http": "http-brute,http-form-brute,http-default-accounts", "rtsp": "rtsp-url-brute",
    "telnet": "telnet-brute", "ftp": "ftp-brute", "ssh": "ssh-brute", "snmp": "snmp-brute",
    "redis": "redis-brute", "vnc": "vnc-brute",
}  # fmt: skip
HYDRA = {"rtsp": "rtsp", "telnet": "telnet", "ftp": "ftp", "ssh": "ssh", "snmp": "snmp",
         "redis": "redis", "vnc": "vnc"}  # fmt: skip


SPOKE = re.compile(r"(?m)^\[(?:ERROR|!)\] (.*)$|^(VNC server does not.*)$")
"""What hydra says of a service that it cannot or need not log in to."""


@dataclass
class Said:
    """What one tool said of one device."""

    tool: str
    logins: set[tuple[str, str, str]] = field(default_factory=set)
    """Protocol, user and password of what it calls a login."""
    words: list[str] = field(default_factory=list)
    seconds: float = 0.0
    over: bool = False
    tried: bool = True
    """False where it is missing or has nothing for the protocol."""
    named: bool | None = None
    """Whether a trap was called what it is; None where that is not told by a field."""
    attempts: int = 0
    locked: bool = False


Tool = Callable[[Row, str, list[str], Path, float], Awaitable[Said]]


def bench_of(host: str, protocols: list[str]) -> Any:
    """A session of the standard plan that knows of these services."""
    made = collect.make_bench(host, plan=PLAN)
    made.session.budget = Budget(PLAN.gentleness)
    for protocol in protocols:
        made.session.observe(
            service(host, protocol), Coverage(tried="given", times=1, deadline_s=1.0)
        )
    return made


def service(host: str, protocol: str) -> Service:
    transport = "udp" if protocol == "snmp" else "tcp"
    return Service(transport=transport, address=host, port=PORTS[protocol], protocol=protocol)


def candidates(host: str, protocols: list[str], protocol: str) -> list[Candidate]:
    """What the standard plan would try."""
    return chosen(bench_of(host, protocols).dut, service(host, protocol), PLAN)


# --- the probe --------------------------------------------------------------------------------------


async def probe(row: Row, host: str, protocols: list[str], folder: Path, limit: float) -> Said:
    made, said = bench_of(host, protocols), Said("probe")
    began = time.monotonic()
    try:
        async with asyncio.timeout(limit * len(protocols)):
            for task in COLLECTOR.tasks(made.dut, PLAN):
                await task.work(made.session)
    except TimeoutError:
        said.over = True
    said.seconds = time.monotonic() - began
    tests, opened = made.recorded.facts(LoginTest), made.recorded.facts(OpenAccess)
    missing = made.recorded.facts(NotMeasured)
    for test in tests:
        said.logins |= {
            (test.protocol, c.username, c.password)
            for c in test.candidates
            if c.result is LoginResult.ACCEPTED and c.proved
        }
        if test.random_credential is LoginResult.ACCEPTED:
            said.words.append("any credential is accepted")
        said.words += [w for w in (test.no_password, test.lockout_sign, test.problem) if w]
    said.words += [f"open: {o.what}" for o in opened] + [m.reason for m in missing]
    said.named = {
        "open": bool(opened),
        "any credential": any(t.random_credential is LoginResult.ACCEPTED for t in tests),
        "no login": bool(missing) and not opened,
        "no answer": bool(missing) or any(t.problem for t in tests),
    }.get(row.truth)
    if row.truth == "any credential":
        # The account that takes any password is told with that, so it is no login by a default.
        said.logins -= {
            (t.protocol, c.username, c.password)
            for t in tests
            if t.random_credential is LoginResult.ACCEPTED
            for c in t.candidates
        }
    return said


# --- hydra ------------------------------------------------------------------------------------------


async def hydra(row: Row, host: str, protocols: list[str], folder: Path, limit: float) -> Said:
    said = Said("hydra")
    program = shutil.which("hydra")
    if not program:
        return Said("hydra", tried=False, words=["hydra is not installed"])
    for protocol in protocols:
        target = _hydra_target(row, protocol, host)
        if not target:
            return Said("hydra", tried=False, words=[f"nothing for {protocol}"])
        rows = candidates(host, [protocol] if row.apart else protocols, protocol)
        listed = folder / f"hydra-{protocol}"
        if protocol in NO_USER:
            listed.write_text("".join(f"{c.password}\n" for c in rows))
        else:
            listed.write_text("".join(f"{c.username}:{c.password}\n" for c in rows))
        # -f: the first login ends it; not where each password is an account of its own.
        words = ["-P" if protocol in NO_USER else "-C", str(listed), "-I"]
        words += [] if protocol == "snmp" else ["-f"]
        out = await _run(said, [program, *words, *target], folder, limit)
        for line in re.findall(rf"^\[\d+\]\[[\w-]+\] host: {re.escape(host)}(.*)$", out, re.M):
            user = re.search(r"login: (\S*)", line)
            password = re.search(r"password: (\S*)", line)
            pair = (user[1] if user else "", password[1] if password else "")
            said.logins.add((protocol, "" if protocol in NO_USER else pair[0], pair[1]))
        said.words += [clean(a or b, 160) for a, b in SPOKE.findall(out)[:1]]
    return said


def _hydra_target(row: Row, protocol: str, host: str) -> list[str]:
    if row.form:
        return [host, "http-post-form", row.form]
    if protocol == "http":
        return [f"http-get://{host}/"]
    if name := HYDRA.get(protocol):
        return ["-s", str(PORTS[protocol]), f"{name}://{host}"]
    return []


# --- nmap -------------------------------------------------------------------------------------------


async def nmap(row: Row, host: str, protocols: list[str], folder: Path, limit: float) -> Said:
    said = Said("nmap")
    program = shutil.which("nmap")
    if not program:
        return Said("nmap", tried=False, words=["nmap is not installed"])
    for protocol in protocols:
        if protocol not in SCRIPTS:
            return Said("nmap", tried=False, words=[f"no script for {protocol}"])
        rows = candidates(host, [protocol] if row.apart else protocols, protocol)
        listed, xml = folder / f"nmap-{protocol}", folder / f"nmap-{protocol}.xml"
        if protocol in NO_USER:
            listed.write_text("".join(f"{c.password}\n" for c in rows))
            given = f"passdb={listed},snmp-brute.communitiesdb={listed}"
        else:
            listed.write_text("".join(f"{c.username}/{c.password}\n" for c in rows))
            given = f"brute.mode=creds,brute.credfile={listed}"
        words = ["-n", "-Pn", *(["-sU"] if protocol == "snmp" else []), "-p", str(PORTS[protocol])]
        words += ["--script", SCRIPTS[protocol], "--script-args", f"brute.firstonly=1,{given}"]
        await _run(said, [program, *words, "-oX", str(xml), host], folder, limit)
        _read_nmap(said, protocol, xml)
    return said


def _read_nmap(said: Said, protocol: str, xml: Path) -> None:
    try:
        root = ElementTree.parse(xml).getroot()
    except (OSError, ElementTree.ParseError):
        return
    for script in root.iter("script"):
        pairs = set()
        for table in script.iter("table"):
            given = {e.get("key"): e.text or "" for e in table.findall("elem")}
            if "password" in given and given.get("state", "Valid").startswith("Valid"):
                user, password = given.get("username", ""), given["password"]
                pairs.add((protocol, "" if protocol in NO_USER else user, password))
        said.logins |= pairs
        text = (script.get("output") or "").replace("Statistics: ", "")
        if not pairs:
            said.words.append(clean(f"{script.get('id')}: {' '.join(text.split())}", 160))


async def _run(said: Said, argv: list[str], folder: Path, limit: float) -> str:
    """Its output, also of one that had to be ended at the limit, with all of its children."""
    file = folder / f"{said.tool}-output"
    began = time.monotonic()
    with file.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *argv, cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=out,
            stderr=asyncio.subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            await asyncio.wait_for(process.wait(), limit)
        except TimeoutError:
            said.over = True
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    said.seconds += time.monotonic() - began
    return file.read_text("utf-8", "replace")


TOOLS: dict[str, Tool] = {"probe": probe, "hydra": hydra, "nmap": nmap}
