"""The probe's login test beside hydra and nmap's scripts, on Debian's daemons and on twins with traps.

    python tests/benchmarks/bench_logins.py [--limit S] [--jobs N] [--tool NAME] [WORD ...]

Prints one table, then what was said, then the sums. All tools get the candidates that the probe's standard
plan picks for the service; hydra and nmap stop at the first login as the probe does, and hydra is told of forms
what a person would read on them. ``found`` are true defaults, ``false`` are logins that are none (a service
that takes any credential has no default), ``tries`` are credentials that reached the service: counted on the
way, for SSH and for what locks by the service itself. http-default-accounts brings accounts of its own.

The probe keeps the pauses of its standard plan, a second and three times what a refusal took, so it is the
slower one; the others have no such rule. ``*`` marks what was ended at the limit (for each service).

With WORDs only the services whose name or truth contains one. Everything runs in a network namespace of its
own, each service on its usual port of an address of its own. hydra and nmap are Debian packages
(tests/lab/packages.txt), and never imported.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

import pytest  # noqa: E402
from login_counts import Heard, counting  # noqa: E402
from login_services import ROWS, Row  # noqa: E402
from login_tools import PORTS, TOOLS, Said  # noqa: E402

LIMIT_S = 60.0
COLUMNS = f"{'found':>6}{'false':>6}{'tries':>6}{'s':>7}"
NOT_STARTED = (OSError, subprocess.SubprocessError, pytest.fail.Exception, pytest.skip.Exception)


FAULTS: Counter[str] = Counter()
"""What went wrong in a twin or proxy, so that it is seen once."""


async def measured(row: Row, tool: str, host: str, limit: float) -> Said:
    """One tool on a fresh start of one service."""
    with tempfile.TemporaryDirectory(prefix="bench-logins-") as name:
        folder, own = Path(name, "device"), Path(name, "tool")
        folder.mkdir()
        own.mkdir()
        async with AsyncExitStack() as stack:
            try:
                running = await stack.enter_async_context(row.make(folder))
            except NOT_STARTED as error:
                return Said(tool, tried=False, words=[f"the service did not start: {error}"])
            heard: list[Heard] = []
            for protocol, port in running.services:
                proxy = counting(protocol, host, PORTS[protocol], port)
                heard.append(await stack.enter_async_context(proxy))
            protocols = [protocol for protocol, _ in running.services]
            said = await TOOLS[tool](row, host, protocols, own, limit)
            said.attempts = running.seen() if running.seen else sum(h.attempts for h in heard)
            said.locked = bool(running.locked and running.locked())
    return said


def right_and_wrong(row: Row, said: Said) -> tuple[int, int]:
    """How many services with a default were found, or accounts where each is one; and false logins."""
    true = {login for login in said.logins if login[1:] in row.defaults}
    return len(true), len(said.logins - true)


def there(row: Row) -> int:
    """How many defaults there are to be found."""
    return 4 if row.defaults and "4 services" in row.name else len(row.defaults)


def cells(row: Row, said: Said) -> str:
    if not said.tried:
        return f"{'-':>6}{'-':>6}{'-':>6}{'-':>7}"
    found, false = right_and_wrong(row, said)
    of = f"{found}/{there(row)}" if row.defaults else "-"
    return f"{of:>6}{false:>6}{said.attempts:>6}{said.seconds:>6.1f}{'*' if said.over else ' '}"


async def whole(wanted: argparse.Namespace) -> dict[int, dict[str, Said]]:
    """Every row, some at once; printed in order as they come."""
    chosen = [
        (n, row)
        for n, row in enumerate(ROWS)
        if not wanted.words or any(w in f"{row.name} {row.truth}" for w in wanted.words)
    ]
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: FAULTS.update([f"{context['message']}: {context.get('exception')!r}"])
    )
    slots = asyncio.Semaphore(wanted.jobs)

    async def one(n: int, row: Row) -> dict[str, Said]:
        async with slots:
            host = f"127.0.1.{n + 1}"
            return {t: await measured(row, t, host, wanted.limit) for t in wanted.tools}

    tasks = [(n, row, asyncio.create_task(one(n, row))) for n, row in chosen]
    print(f"{'service':<25}{'truth':<15}" + "".join(f"|{t:<6}{COLUMNS[6:]}" for t in wanted.tools))
    results = {}
    for n, row, task in tasks:
        results[n] = await task
        line = "".join(f"|{cells(row, results[n][t])[0:]}" for t in wanted.tools)
        print(f"{row.name:<25}{row.truth:<15}{line}", flush=True)
    return results


def said_of(row: Row, said: Said) -> str:
    found, false = right_and_wrong(row, said)
    words = []
    if row.defaults and found < there(row):
        words.append("MISSED" if said.tried else "not tried")
    if false:
        wrong = sorted(said.logins - {x for x in said.logins if x[1:] in row.defaults})
        words.append("FALSE " + ", ".join(f"{u}:{p}" for _, u, p in wrong))
    if said.locked:
        words.append("LOCKED an account")
    if said.named is False:
        words.append("NOT NAMED")
    return "; ".join([*words, *dict.fromkeys(said.words)])


def sums(title: str, results: dict[int, dict[str, Said]], tools: list[str]) -> None:
    all_true = sum(there(ROWS[n]) for n in results)
    head = f"{'true found':>12}{'false':>7}{'tries':>7}{'s':>8}{'locked':>8}{'not tried':>11}"
    print(f"\n{title}\n{'':<8}{head}")
    for tool in tools:
        total: Counter[str] = Counter()
        seconds = 0.0
        for n, of_row in results.items():
            said = of_row[tool]
            found, false = right_and_wrong(ROWS[n], said)
            total.update(found=found, false=false, tries=said.attempts, locked=said.locked)
            total.update(untried=not said.tried)
            seconds += said.seconds
        share = f"{total['found']}/{all_true}"
        print(
            f"{tool:<8}{share:>12}{total['false']:>7}{total['tries']:>7}{seconds:>8.0f}"
            f"{total['locked']:>8}{total['untried']:>11}"
        )


def outside(arguments: list[str]) -> int:
    """Run this file again where only its own loopback is."""
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    inner = [sys.executable, __file__, "--inside", *arguments]
    return subprocess.call([*unshare, "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *inner])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("words", nargs="*")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds for each service")
    parser.add_argument("--jobs", type=int, default=4, help="services at once")
    parser.add_argument("--tool", dest="tools", action="append", choices=TOOLS)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if not wanted.inside:
        return outside(sys.argv[1:])
    wanted.tools = wanted.tools or list(TOOLS)
    began = time.monotonic()
    results = asyncio.run(whole(wanted))
    print("\nwhat was said")
    for n, of_row in results.items():
        for tool, said in of_row.items():
            if words := said_of(ROWS[n], said):
                print(f"  {ROWS[n].name} ({ROWS[n].truth}), {tool}: {words}")
    sums("all services", results, wanted.tools)
    common = {n: r for n, r in results.items() if all(said.tried for said in r.values())}
    if len(common) < len(results):
        sums("the services that each tool has something for", common, wanted.tools)
    named = [s.named for r in results.values() for s in r.values() if s.named is not None]
    if named:
        print(
            f"\nthe probe called {sum(named)} of {len(named)} open or empty services what they are"
        )
    for fault, times in FAULTS.items():
        print(f"fault of the benchmark itself, {times} times: {fault}")
    print(f"took {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
