"""Reads mutants of samples in a process of its own that may write no file, and says in JSON how it went."""

import json
import os
import random
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from firmware_checks.budget import Limits
from firmware_checks.formats import found
from tests.firmware_checks.conftest import examined
from tests.firmware_checks.filesystems.mutation import mutants

LONGEST_S = 20
HEADER = 512
LARGEST = 128 * 1024
LIMITS = Limits(seconds=30)
SPACE = 3 << 30
WATCHED = ("open", "os.", "shutil.", "subprocess.", "socket.", "ctypes.dlopen", "sqlite3.")


class TooSlow(BaseException):
    """The alarm rang."""


Samples = list[tuple[str, bytes]]


def samples(folder: Path) -> tuple[Samples, Samples]:
    """Those in the folder, cut to a size that many thousand mutants allow; and every magic alone."""
    real = [(p.name, p.read_bytes()[:LARGEST]) for p in sorted(folder.iterdir())]
    chance, bare = random.Random(1), []
    for one in found():
        for number, (magic, offset) in enumerate(one.anchors):
            for name, body in (("noise", chance.randbytes(3000)), ("zeros", bytes(3000))):
                data = body[:offset] + magic + body[offset:][len(magic) :]
                bare.append((f"magic {number} of {one.name} in {name}", data))
    return [(name, data) for name, data in real if data], bare


def changed(real: Samples, bare: Samples, number: int) -> Iterator[tuple[str, bytes]]:
    """``number`` mutants, three of four of real samples, one after the other; mostly of their headers."""
    chance = random.Random(os.environ.get("HOSTILE_SEED", "2"))
    for turn in range(number):
        among = bare if turn % 4 == 0 else real
        name, data = among[(turn // 4 if turn % 4 == 0 else turn - turn // 4) % len(among)]
        begin, end = 0, len(data)
        where = chance.randrange(8)
        if where < 5:
            end = min(HEADER, len(data))
        elif where == 5:
            begin = max(0, len(data) - HEADER)
        (one,) = mutants(data, 1, chance.randrange(1 << 30), begin, end)
        if chance.randrange(10) == 0:
            del one[chance.randrange(len(one)) :]
        if one:
            yield f"{name} #{turn}", bytes(one)
        else:
            yield f"{name} #{turn}", data[:1]


def rang(*_: Any) -> None:
    raise TooSlow


def peak_mib() -> int:
    """Of this program alone: ``ru_maxrss`` would tell of the process that started it, too (Linux exec)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def main() -> None:
    folder, number, watch = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "watch"
    os.environ.pop("HOSTILE_SAMPLES", None)
    resource.setrlimit(resource.RLIMIT_AS, (SPACE, SPACE))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    signal.signal(signal.SIGALRM, rang)
    real, bare = samples(folder)
    for _, data in real + bare:
        examined(data, limits=LIMITS)  # whatever is imported later is imported here
    events: list[str] = []
    if watch:
        sys.addaudithook(lambda name, values: events.extend(_told(name, values)))
    errors: Counter[str] = Counter()
    formats: Counter[str] = Counter()
    slowest, which, done = 0.0, "", 0
    for name, data in changed(real, bare, number):
        begun = time.monotonic()
        signal.alarm(LONGEST_S)
        try:
            formats.update(set(examined(data, limits=LIMITS).formats().values()))
        except (Exception, TooSlow) as error:  # noqa: BLE001 - whatever it is, it is told
            frames = traceback.extract_tb(error.__traceback__)[-4:]
            way = " > ".join(f"{Path(f.filename).name}:{f.lineno}" for f in frames)
            errors[
                f"{type(error).__name__}: {str(error)[:80]} at {way} ({name.split(' #')[0]})"
            ] += 1
        finally:
            signal.alarm(0)
        took, done = time.monotonic() - begun, done + 1
        if took > slowest:
            slowest, which = took, name
    told = {
        "done": done,
        "errors": [f"{times} times {text}" for text, times in errors.most_common(40)],
        "events": sorted(set(events))[:40],
        "formats": dict(sorted(formats.items())),
        "slowest_s": round(slowest, 3),
        "slowest": which,
        "mib": peak_mib(),
    }
    sys.stdout.write(json.dumps(told))


def _told(name: str, values: tuple[Any, ...]) -> Iterator[str]:
    if name == "open" and not (isinstance(values[1], str) and set(values[1]) & set("wax+")):
        return
    if name.startswith(WATCHED) and not name.startswith(("os.listdir", "os.scandir", "os.walk")):
        yield f"{name} {values[:2]!r}"[:200]


if __name__ == "__main__":
    main()
