"""What the short TLS plan costs: hellos, seconds, CPU and memory of a whole process.

    python tests/benchmarks/bench_tls.py                    against openssl s_server on loopback
    python tests/benchmarks/bench_tls.py PORT [PLAN]        one measurement of 127.0.0.1:PORT, in this
                                                            process; PLAN: verdict, inventory

The baseline is an interpreter that only imports asyncio.
"""

import asyncio
import json
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

OPENSSL = ("openssl", "s_server", "-quiet", "-naccept", "100000")
SERVERS = {
    "tls13_only": ("-tls1_3",),
    "tls12_13": (),
    "tls12_13_strong_suites": ("-cipher", "ECDHE+AESGCM"),
    "tls12_only": ("-tls1_2",),
    "tls10_to_13_all_suites": ("-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"),
}
ROUNDS = 5


def measure_here(port: int, depth: str = "verdict") -> None:
    """Run the collector's job once and print what it cost and what it found."""
    from probe.collect.budget import Budget
    from probe.collect.scope import ScopeGuard
    from probe.collect.session import DeviceSession
    from probe.collect.tls.collector import measure
    from probe.model.device import Device, device_id
    from probe.model.dut import Dut
    from probe.model.plan import Gentleness, Plan, TlsDepth
    from probe.model.run import Scope

    class Recorder:
        observations: list[Any] = []

        def keep(self, evidence: Any, data: bytes) -> None:
            pass

        def observe(self, observation: Any) -> None:
            self.observations.append(observation)

    device = Device(id=device_id(None, "127.0.0.1"), addresses=("127.0.0.1",))
    gentle = Gentleness(connections_at_once=2, packets_per_s=100_000, burst=1_000)

    async def run() -> None:
        recorder = Recorder()
        session = DeviceSession(
            job="bench",
            collector="tls",
            plan=Plan(
                name="b",
                summary="",
                catalogues=(),
                tcp_ports="quick",
                gentleness=gentle,
                tls=TlsDepth(depth),
            ),
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
                    "wall_s": seconds,
                    "cpu_s": usage.ru_utime + usage.ru_stime,
                    "rss_mib": usage.ru_maxrss / 1024,
                    "found": asdict(fact),
                }
            )
        )

    asyncio.run(run())


def baseline() -> dict[str, float]:
    code = (
        "import asyncio, json, resource; u = resource.getrusage(resource.RUSAGE_SELF);"
        "print(json.dumps({'cpu_s': u.ru_utime + u.ru_stime, 'rss_mib': u.ru_maxrss / 1024}))"
    )
    rounds = [json.loads(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5)]
    return {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def main() -> None:
    print(f"{'python with asyncio':26}", {k: round(v, 3) for k, v in baseline().items()})
    with tempfile.TemporaryDirectory() as where:
        key, certificate = Path(where, "key.pem"), Path(where, "cert.pem")
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=cam"]
        files = ["-keyout", str(key), "-out", str(certificate)]
        subprocess.run([*command, *files], check=True, capture_output=True)
        for name, options in SERVERS.items():
            port = free_port()
            served = ["-accept", f"127.0.0.1:{port}", "-key", str(key), "-cert", str(certificate)]
            command = [*OPENSSL, *served, *options]
            quiet = subprocess.DEVNULL
            server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet)
            time.sleep(0.3)
            try:
                me = [sys.executable, __file__, str(port)]
                rounds = [json.loads(subprocess.check_output(me)) for _ in range(ROUNDS)]
            finally:
                server.terminate()
                server.wait()
            figures = [k for k in rounds[0] if k != "found"]
            medians = {k: round(statistics.median(r[k] for r in rounds), 3) for k in figures}
            print(f"{name:26}", medians)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure_here(int(sys.argv[1]), *sys.argv[2:])
    else:
        main()
