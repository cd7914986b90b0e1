"""The probe's TLS survey beside nmap, sslscan and sslyze, on the servers of the zoo.

    python tests/benchmarks/bench_tls_tools.py [--rounds N] [--no-sslyze] [SERVER ...]

Prints one table: connections, wall time, CPU and peak memory of the whole process, and whether what
was said is what the server is declared to be (tests/collect/tls/zoo/zoo.toml). ``asking`` is the probe's
wall time without the start of its interpreter and imports: on a fast server that start is most of the
whole, and a run of the probe pays it once, not for each service. The budget is not limited here, as the
other tools have none; a plan with the usual 36 packets a second takes that much longer. Then the bars: verdict
within 13 connections, inventory within n + 25 (n: entries of all its lists: suites of each version,
groups, signature schemes), and faster with fewer connections than every tool that is right about the
server. Those tools list suites, few list groups, none signature schemes.

Everything runs in a network namespace of its own, where only its loopback is up, so the kernel's count
of connections begun is the tool's. nmap and sslscan are Debian packages (tests/lab/packages.txt).
sslyze (AGPL-3.0) is installed for the run into a virtual environment of its own, and never imported.
The tools are asked for versions and suites only where they let one choose (nmap, sslyze), and all are
told the server's name: sslscan and sslyze would send the address as a name, which strict stacks refuse.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "collect" / "tls")]

from zoo.files import NAME, make_files  # noqa: E402
from zoo.posture import Expect, Posture, postures  # noqa: E402
from zoo.running import NotInstalled, running  # noqa: E402

from probe.collect.tls.suites import table  # noqa: E402

SSLYZE = "sslyze==6.3.1"
LIMIT_S = 45.0
REPEATED_S = 3.0
"""What takes longer is run once: its figure needs no median."""
VERDICT_BAR, INVENTORY_MORE = 13, 25
ROUNDS = 3

# Figures are taken in a small process between, because a child starts with its parent's peak memory.
LAUNCH = """
import json, resource, subprocess, sys, time
def begun():
    rows = [r.split() for r in open("/proc/net/snmp") if r.startswith("Tcp:")]
    return int(dict(zip(*rows))["ActiveOpens"])
limit, out, *argv = sys.argv[1:]
before, began, over = begun(), time.monotonic(), False
with open(out, "wb") as output:
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL)
    try:
        child.wait(float(limit))
    except subprocess.TimeoutExpired:
        over = True
        child.kill()
        child.wait()
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"wall": time.monotonic() - began, "connections": begun() - before, "over": over,
    "cpu": used.ru_utime + used.ru_stime, "rss": used.ru_maxrss / 1024}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a tool says of a server. ``suites`` is None where it is no part of the answer."""

    versions: frozenset[str]
    suites: Mapping[str, frozenset[str]] | None = None
    unknown: frozenset[str] = frozenset()
    kinds: Mapping[str, str] | None = None
    asking: float | None = None
    """Seconds, where the tool tells what it takes after its start."""
    entries: int = 0
    """Of all lists that the probe took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One tool on one server."""

    server: str
    tool: str
    connections: int
    wall: float
    cpu: float
    rss: float
    entries: int
    asking: float | None
    verdict: str
    """``right``, ``open …`` (nothing false, but something left open), or what is wrong."""

    @property
    def right(self) -> bool:
        return self.verdict == "right"


# --- what the tools say --------------------------------------------------------------------------


def of_probe(text: str) -> Said:
    told = json.loads(text)
    found, asking = told["found"], told["wall_s"]
    if "versions" not in found:
        return Said(versions=frozenset(), unknown=frozenset({"everything"}), asking=asking)
    versions = {v["name"]: v["reply"] for v in found["versions"]}
    kinds = {g["kind"]: g["reply"] for g in found["suites"]}
    lists = [one for one in found.get("lists", ()) if one["kind"] in ("suites", "psk suites")]
    suites: dict[str, frozenset[str]] = {}
    for one in lists:
        suites[one["version"]] = suites.get(one["version"], frozenset()) | set(one["accepted"])
    incomplete = {f"suites of {one['version']}" for one in lists if not one["complete"]}
    replies = versions | kinds
    return Said(
        versions=frozenset(n for n, r in versions.items() if r == "accepted"),
        suites=suites if lists else None,
        unknown=frozenset(n for n, r in replies.items() if r == "no answer") | incomplete,
        kinds=kinds,
        asking=asking,
        entries=sum(len(one["accepted"]) for one in found.get("lists", ())),
    )


def of_nmap(text: str) -> Said:
    script = ElementTree.fromstring(text).find(".//script[@id='ssl-enum-ciphers']")
    suites: dict[str, frozenset[str]] = {}
    for version in () if script is None else script.findall("table"):
        names = version.findall("./table[@key='ciphers']/table/elem[@key='name']")
        plain = {(n.text or "").replace("TLS_AKE_WITH_", "TLS_") for n in names}
        suites[version.get("key", "")] = frozenset(plain)
    return Said(versions=frozenset(suites), suites=suites)


def of_sslscan(text: str) -> Said:
    test = ElementTree.fromstring(text).find(".//ssltest")
    if test is None:
        return Said(versions=frozenset(), suites={})
    versions = {
        f"{'SSLv' if p.get('type') == 'ssl' else 'TLSv'}{p.get('version')}"
        for p in test.findall("protocol")
        if p.get("enabled") == "1"
    }
    suites: dict[str, frozenset[str]] = {}
    for cipher in test.findall("cipher"):
        number = table().get(int(cipher.get("id", "0"), 16))
        name = number.name if number else cipher.get("cipher", "")
        version = cipher.get("sslversion", "")
        suites[version] = suites.get(version, frozenset()) | {name}
    return Said(versions=frozenset(versions), suites=suites)


SSLYZE_KEYS = {
    "ssl_2_0": "SSLv2",
    "ssl_3_0": "SSLv3",
    "tls_1_0": "TLSv1.0",
    "tls_1_1": "TLSv1.1",
    "tls_1_2": "TLSv1.2",
    "tls_1_3": "TLSv1.3",
}


def of_sslyze(text: str) -> Said:
    (server,) = json.loads(text)["server_scan_results"]
    suites: dict[str, frozenset[str]] = {}
    for key, version in SSLYZE_KEYS.items():
        tried = (server["scan_result"] or {}).get(f"{key}_cipher_suites") or {}
        accepted = (tried.get("result") or {}).get("accepted_cipher_suites") or ()
        if accepted:
            suites[version] = frozenset(one["cipher_suite"]["name"] for one in accepted)
    return Said(versions=frozenset(suites), suites=suites)


def judged(posture: Posture, said: Said) -> str:
    """Whether it is what was declared; silence of a tool counts as what it lets a reader believe."""
    if posture.expect is Expect.NOTHING and not said.versions:
        return "right" if "everything" in said.unknown else "blank"
    wrong = []
    true = set(posture.versions)
    known = {v for v in true if v not in said.unknown} - {"everything"}
    if "everything" not in said.unknown:
        if missed := known - said.versions:
            wrong.append(f"misses {_short(missed)}")
        if invented := said.versions - true:
            wrong.append(f"invents {_short(invented)}")
    for version, names in (posture.suites if said.suites is not None else {}).items():
        mine = (said.suites or {}).get(version, frozenset())
        if (
            version in said.versions
            and mine != set(names)
            and f"suites of {version}" not in said.unknown
        ):
            wrong.append(f"{version} {len(mine & set(names))}/{len(names)} suites")
            if extra := mine - set(names):
                wrong.append(f"invents {_short(extra)}")
    wrong += _wrong_kinds(posture, said.kinds or {})
    if wrong:
        return "; ".join(wrong) if said.versions or said.unknown else "blank"
    return f"open: {_short(said.unknown)}" if said.unknown else "right"


def _wrong_kinds(posture: Posture, kinds: Mapping[str, str]) -> list[str]:
    declared = {"weak": posture.weak, "phase-out": posture.phase_out}
    return [f"{k} {said}" for k, said in kinds.items() if said not in _may_say(declared[k])]


def _may_say(declared: bool) -> tuple[str, str]:
    return ("accepted" if declared else "refused", "no answer")


def _short(names: Sequence[str] | set[str] | frozenset[str]) -> str:
    listed = sorted(names)
    return " ".join(listed[:3]) + (f" +{len(listed) - 3}" if len(listed) > 3 else "")


# --- the tools -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """How to ask one tool about a port of loopback, and how to read it."""

    name: str
    argv: Callable[[int], Sequence[str]]
    read: Callable[[str], Said]


def tools(sslyze: str) -> list[Tool]:
    """Those that are there, the probe first."""

    def probe(plan: str) -> Tool:
        me = (sys.executable, str(HERE / "tls_once.py"))
        return Tool(name=f"probe {plan}", argv=lambda port: (*me, str(port), plan), read=of_probe)

    found = [probe(depth) for depth in ("verdict", "inventory")]
    if nmap := shutil.which("nmap"):
        script = ("--script", "ssl-enum-ciphers", "--script-args", f"tls.servername={NAME}")
        only = (nmap, "-n", "-Pn", "-sT", "--unprivileged", *script, "-oX", "-")
        found.append(Tool(name="nmap", argv=lambda p: (*only, f"-p{p}", "127.0.0.1"), read=of_nmap))
    if sslscan := shutil.which("sslscan"):
        scan = (sslscan, f"--sni-name={NAME}", "--xml=-")
        found.append(
            Tool(name="sslscan", argv=lambda p: (*scan, f"127.0.0.1:{p}"), read=of_sslscan)
        )
    if sslyze:
        kinds = ("--sslv2", "--sslv3", "--tlsv1", "--tlsv1_1", "--tlsv1_2", "--tlsv1_3")
        yze = (sslyze, *kinds, "--mozilla_config=disable", "--sni", NAME, "--json_out=-")
        found.append(Tool(name="sslyze", argv=lambda p: (*yze, f"127.0.0.1:{p}"), read=of_sslyze))
    return found


async def one_run(tool: Tool, posture: Posture, port: int, out: Path) -> Row:
    argv = (sys.executable, "-I", "-S", "-c", LAUNCH, str(LIMIT_S), str(out), *tool.argv(port))
    process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    figures: dict[str, Any] = json.loads((await process.communicate())[0])
    entries, asking = 0, None
    try:
        said = tool.read(out.read_text(errors="replace"))
        verdict, entries, asking = judged(posture, said), said.entries, said.asking
    except (ValueError, KeyError, ElementTree.ParseError):
        verdict = "blank"
    if figures.pop("over"):
        verdict = f"no end within {LIMIT_S:.0f} s"
    return Row(
        server=posture.name,
        tool=tool.name,
        verdict=verdict,
        entries=entries,
        asking=asking,
        **figures,
    )


async def compare(chosen: Sequence[Posture], with_tools: Sequence[Tool], rounds: int) -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="probe-bench-") as folder:
        files, out = make_files(Path(folder)), Path(folder) / "out"
        for posture in chosen:
            for tool in with_tools:
                took: list[Row] = []
                try:
                    # Each tool meets a server that has met nobody.
                    for _ in range(rounds):
                        async with running(posture, files) as port:
                            took.append(await one_run(tool, posture, port, out))
                        if took[-1].wall > REPEATED_S:
                            break
                except NotInstalled as error:
                    print(f"{posture.name:28} not tried: {error}", flush=True)
                    break
                rows.append(_median(took))
                print(_line(rows[-1]), flush=True)
    return rows


def _median(rows: Sequence[Row]) -> Row:
    verdicts = sorted({r.verdict for r in rows})
    return replace(
        rows[0],
        connections=max(r.connections for r in rows),
        wall=statistics.median(r.wall for r in rows),
        cpu=statistics.median(r.cpu for r in rows),
        rss=statistics.median(r.rss for r in rows),
        asking=statistics.median(told) if (told := [r.asking for r in rows if r.asking]) else None,
        verdict=verdicts[0] if len(verdicts) == 1 else "differs: " + " | ".join(verdicts),
    )


def _line(row: Row) -> str:
    asking = "" if row.asking is None else f"{row.asking:.3f}"
    entries = row.entries or ""
    figures = (
        f"{row.connections:5} {entries:4} {row.wall:7.2f} {asking:>7} {row.cpu:6.2f} {row.rss:6.1f}"
    )
    return f"{row.server:28} {row.tool:16} {figures}  {row.verdict}"


# --- the bars ------------------------------------------------------------------------------------


def missed(rows: Sequence[Row], chosen: Sequence[Posture]) -> list[str]:
    """Every bar that was not reached, one line each."""
    found = []
    for posture in chosen:
        mine = {r.tool: r for r in rows if r.server == posture.name}
        others = [r for r in mine.values() if not r.tool.startswith("probe") and r.right]
        for name in ("probe verdict", "probe inventory"):
            row = mine.get(name)
            if row is None:
                continue
            found += _missed_alone(posture, row)
            found += [
                f"{posture.name}: {name} took {a} where {other.tool} took {b}"
                for other in others
                for a, b in (
                    (f"{row.connections} connections", f"{other.connections}"),
                    (f"{row.wall:.2f} s ({row.asking or 0:.2f} s asking)", f"{other.wall:.2f} s"),
                )
                if float(a.split()[0]) >= float(b.split()[0])
            ]
            if others and not row.right:
                found.append(f"{posture.name}: {name} is not right, {others[0].tool} is")
    return found


def _missed_alone(posture: Posture, row: Row) -> list[str]:
    found = []
    ordinary = posture.expect is Expect.EXACT and posture.program != "stub"
    bar = VERDICT_BAR if row.tool == "probe verdict" else row.entries + INVENTORY_MORE
    if ordinary and row.connections > bar:
        found.append(f"{posture.name}: {row.tool} took {row.connections} connections, bar {bar}")
    if not row.right and not (row.verdict.startswith("open") and not ordinary):
        found.append(f"{posture.name}: {row.tool} says {row.verdict}")
    return found


# --- setting --------------------------------------------------------------------------------------


def install_sslyze(folder: Path) -> str:
    """The path of the program in a fresh environment, or an empty text when it cannot be had."""
    venv.create(folder, with_pip=True)
    pip = [
        str(folder / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    done = subprocess.run([*pip, SSLYZE], check=False, capture_output=True, text=True)
    if done.returncode:
        print(f"sslyze could not be installed and is left out: {done.stderr.strip()[-200:]}")
        return ""
    return str(folder / "bin" / "sslyze")


def in_namespace(sslyze: str, arguments: Sequence[str]) -> int:
    """Run this file again where nothing but its own loopback can be reached."""
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    inner = [sys.executable, __file__, "--inside", "--sslyze", sslyze, *arguments]
    up = 'ip link set lo up && exec "$@"'
    return subprocess.call([*unshare, "sh", "-c", up, "sh", *inner])


def main() -> int:
    parser = argparse.ArgumentParser(description="The probe's TLS survey beside other tools.")
    parser.add_argument(
        "servers", nargs="*", help="names in zoo.toml; all over TCP when none is given"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--no-sslyze", action="store_true")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--sslyze", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.inside:
        with tempfile.TemporaryDirectory(prefix="probe-sslyze-") as folder:
            sslyze = "" if options.no_sslyze else install_sslyze(Path(folder))
            return in_namespace(sslyze, sys.argv[1:])
    chosen = [
        p
        for p in postures()
        if p.transport == "tcp" and (p.name in options.servers or not options.servers)
    ]
    print(
        f"{'server':28} {'tool':16} {'conn':>5} {'n':>4} {'wall s':>7} {'asking':>7} {'CPU s':>6} {'MiB':>6}  said"
    )
    rows = asyncio.run(compare(chosen, tools(options.sslyze), options.rounds))
    lines = missed(rows, chosen)
    print(f"\nload of the machine over the last 15 minutes: {os.getloadavg()[2]:.1f}")
    print("\nevery bar is met" if not lines else "\nbars missed:\n" + "\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
