"""One TLS measurement of a port of 127.0.0.1, as the process whose cost is measured.

    python tests/benchmarks/tls_once.py PORT [PLAN]        PLAN: verdict (as usual), inventory

Prints what it cost and what was found, as JSON. ``started_s`` is the time until everything that the
measurement needs at once is imported. The budget does not hold it back: no limit of packets a second, and
two connections at once, so that an inventory may find out whether it may be quick.
"""

import time

BEGAN = time.monotonic()

import asyncio  # noqa: E402
import json  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402
from dataclasses import asdict  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[2]))

from probe.collect.budget import Budget  # noqa: E402
from probe.collect.scope import ScopeGuard  # noqa: E402
from probe.collect.session import DeviceSession  # noqa: E402
from probe.collect.tls.collector import measure  # noqa: E402
from probe.model.device import Device, device_id  # noqa: E402
from probe.model.dut import Dut  # noqa: E402
from probe.model.plan import Gentleness, Plan, TlsDepth  # noqa: E402
from probe.model.scope import Scope  # noqa: E402

STARTED_S = time.monotonic() - BEGAN


class Recorder:
    """Keeps the observations; the evidence is made, and thrown away."""

    def __init__(self) -> None:
        self.observations: list[Any] = []

    def keep(self, evidence: Any, data: bytes) -> None:
        pass

    def observe(self, observation: Any) -> None:
        self.observations.append(observation)


async def run(port: int, depth: str) -> None:
    device = Device(id=device_id(None, "127.0.0.1"), addresses=("127.0.0.1",))
    gentle = Gentleness(connections_at_once=2, packets_per_s=100_000, burst=1_000)
    plan = Plan(
        name="b",
        summary="",
        catalogues=(),
        tcp_ports="quick",
        gentleness=gentle,
        tls=TlsDepth(depth),
    )
    recorder = Recorder()
    session = DeviceSession(
        job="bench",
        collector="tls",
        plan=plan,
        guard=ScopeGuard(Scope(interface="lo", networks=("127.0.0.0/8",))),
        budget=Budget(gentle),
        recorder=recorder,
        view=lambda: Dut(device, recorder.observations),
    )
    began = time.monotonic()
    await measure(session, "127.0.0.1", port)
    seconds = time.monotonic() - began
    usage = resource.getrusage(resource.RUSAGE_SELF)
    fact = recorder.observations[0].fact
    print(
        json.dumps(
            {
                "hellos": getattr(fact, "hellos", 0),
                "started_s": STARTED_S,
                "wall_s": seconds,
                "cpu_s": usage.ru_utime + usage.ru_stime,
                "rss_mib": usage.ru_maxrss / 1024,
                "found": asdict(fact),
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), *(sys.argv[2:] or ["verdict"])))
