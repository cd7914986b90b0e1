"""How often bytes that hold no layer are taken for one: noise, and the middle of files that are compressed.

    python tests/benchmarks/bench_false_hits.py MIB [FILE ...]

Searches MIB of noise, and of each FILE (Debian packages, say: their first 100 kB are left out, so that no stream
begins) all of it, until MIB are done. Prints each kind of hit, damaged or whole, and what was searched.
"""

import os
import sys
import time
from collections import Counter
from pathlib import Path

from firmware_checks.budget import Budget, Limits
from firmware_checks.guess import beginnings
from firmware_checks.reading import Context
from firmware_checks.recognise import recognise
from firmware_checks.view import View

PIECE = 32 << 20
HEAD = 100_000


def main() -> None:
    most = int(sys.argv[1]) << 20
    files = [path for path in map(Path, sys.argv[2:]) if path.is_file()]
    report("noise", (os.urandom(PIECE) for _ in range(most // PIECE)), most)
    report("files", (path.read_bytes()[HEAD:] for path in files), most)


def report(what: str, pieces, most: int) -> None:  # type: ignore[no-untyped-def]
    """Search the pieces until enough was searched."""
    hits, total, tried, begun = Counter[str](), 0, 0, time.monotonic()
    for piece in pieces:
        if len(piece) < 4096:
            continue
        view, budget = View(piece), Budget(Limits(seconds=600, all_bytes=1 << 50))
        end = 0
        for offset in beginnings(view):
            tried += 1
            if offset < end:
                continue
            reading = recognise(view.part(offset), Context(budget), searched=True)
            if reading is not None and not reading.doubtful:
                hits[f"{reading.format}, {'damaged' if reading.problem else 'whole'}"] += 1
                end = offset + (0 if reading.problem else reading.size)
        total += len(piece)
        if total >= most:
            break
    print(f"{what}: {total / 1e6:.0f} MB, {tried} places tried, {time.monotonic() - begun:.1f} s")
    for name, number in hits.most_common():
        print(f"  {number:6} {name}")


if __name__ == "__main__":
    main()
