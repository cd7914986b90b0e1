"""What the short TLS plan costs: hellos, seconds, CPU and memory of a whole process.

    python tests/benchmarks/bench_tls.py                    against openssl s_server on loopback

Each measurement is a process of its own (``tls_once.py``). ``cpu_s`` is of all of it, ``more_cpu_s`` what
it takes beyond an interpreter that only imports asyncio; ``started_s`` are the imports, ``wall_s`` what
comes after them.
"""

import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OPENSSL = ("openssl", "s_server", "-quiet", "-naccept", "100000")
SERVERS = {
    "tls13_only": ("-tls1_3",),
    "tls12_13": (),
    "tls12_13_strong_suites": ("-cipher", "ECDHE+AESGCM"),
    "tls12_only": ("-tls1_2",),
    "tls10_to_13_all_suites": ("-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"),
}
ROUNDS = 7


def baseline() -> dict[str, float]:
    code = (
        "import asyncio, json, resource; u = resource.getrusage(resource.RUSAGE_SELF);"
        "print(json.dumps({'cpu_s': u.ru_utime + u.ru_stime, 'rss_mib': u.ru_maxrss / 1024}))"
    )
    me = [sys.executable, "-c", code]
    rounds = [json.loads(subprocess.check_output(me)) for _ in range(ROUNDS)]
    return {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def main() -> None:
    bare = baseline()
    print(f"{'python with asyncio':26}", {k: round(v, 3) for k, v in bare.items()})
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
                me = [sys.executable, str(Path(__file__).with_name("tls_once.py")), str(port)]
                rounds = [json.loads(subprocess.check_output(me)) for _ in range(ROUNDS)]
            finally:
                server.terminate()
                server.wait()
            for one in rounds:
                one["more_cpu_s"] = one["cpu_s"] - bare["cpu_s"]
            figures = [k for k in rounds[0] if k != "found"]
            medians = {k: round(statistics.median(r[k] for r in rounds), 3) for k in figures}
            print(f"{name:26}", medians)


if __name__ == "__main__":
    main()
