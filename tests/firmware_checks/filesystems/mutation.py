"""Mutations of a real image: a few bytes changed, lengths made to lie, checksums made anew where they guard."""

import random
import struct
import time
from collections.abc import Callable, Iterator

from firmware_checks.budget import Budget, Limits, OutOfBudget
from firmware_checks.reading import Context, Spot
from firmware_checks.recognise import recognise
from firmware_checks.view import Malformed, View

LIES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
LONGEST_S = 1.0
Refit = Callable[[bytearray], None]


def mutants(
    data: bytes, number: int, seed: int, begin: int = 0, end: int | None = None
) -> Iterator[bytearray]:
    """``number`` changed copies of ``data``, the changes between ``begin`` and ``end``."""
    chance, stop = random.Random(seed), len(data) if end is None else end
    for _ in range(number):
        one = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(begin, stop)
            match chance.randrange(3):
                case 0:
                    one[at] = chance.randrange(256)
                case 1:
                    one[at] ^= 1 << chance.randrange(8)
                case _:
                    size = chance.choice((2, 4, 8))
                    lie = chance.choice(LIES) & (1 << 8 * size) - 1
                    at -= at % size
                    if at + size <= len(one):
                        one[at : at + size] = lie.to_bytes(size, chance.choice(("little", "big")))
        yield one


def survives(data: bytes | bytearray) -> int:
    """Reads everything; only Malformed and OutOfBudget may come out, soon. Returns the number of entries."""
    begun, number = time.monotonic(), 0
    budget = Budget(Limits(seconds=10))
    try:
        found = recognise(View(bytes(data)), Context(budget))
        if found is not None:
            assert 0 <= found.size <= len(data)
            for part in found.parts:
                if part.make is not None:
                    part.make(budget)
            if found.tree is not None:
                for entry, view in found.tree.entries(budget):
                    number += 1
                    # Without a name: the root folder, when it is damaged.
                    assert entry.path or entry.problem
                    assert not {".", ".."} & set(entry.path.split("/"))
                    assert not entry.path.startswith("/")
                    assert len(view) <= budget.limits.one_layer
                    if entry.spot is not None:
                        _shows(entry.spot)
    except (Malformed, OutOfBudget):
        pass
    assert time.monotonic() - begun < LONGEST_S * 3, "a mutant was read for too long"
    return number


def put(data: bytearray, at: int, layout: str, *values: int) -> None:
    struct.pack_into(layout, data, at, *values)


def _shows(spot: Spot) -> None:
    """What says the mode, or that it cannot be shown."""
    try:
        found = spot.records.passage(spot.at)
    except (Malformed, OutOfBudget):
        return
    assert found.data
    assert len(found.data) <= 160
