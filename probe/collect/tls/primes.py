"""The primes of DHE: which are well known, and which protect nothing. The data is ``primes.csv``."""

import csv
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path

from probe.collect.tls.exchange import Reaction
from probe.collect.tls.key_exchange import key_exchange_of
from probe.model.tls import DhPrime

MOST = 8
"""Primes of one service that are recorded; a server has one or two."""
USUAL_GENERATOR = ("RFC 7919", "RFC 3526", "RFC 2409")
"""Their groups have the generator 2; with another it is no longer the group."""
MOST_TO_TRY = 4096
"""Bits of a prime of unknown origin that is tried out, well under a second."""
SMALL = (
    3,
    5,
    7,
    11,
    13,
    17,
    19,
    23,
    29,
    31,
    37,
    41,
    43,
    47,
    53,
    59,
    61,
    67,
    71,
    73,
    79,
    83,
    89,
    97,
)


@cache
def well_known() -> dict[str, tuple[str, str]]:
    """Name and source of a group by the SHA-256 of its prime."""
    text = (Path(__file__).parent / "primes.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {row["sha256"]: (row["group"], row["source"]) for row in rows}


def primes_of(reactions: Iterable[Reaction]) -> tuple[DhPrime, ...]:
    """Each prime that was sent, once, with the hellos that it came in answer to."""
    seen: dict[tuple[int, int], list[str]] = {}
    for reaction in reactions:
        found = key_exchange_of(reaction)
        if found.dh_prime and (len(seen) < MOST or (found.dh_prime, found.dh_generator) in seen):
            hellos = seen.setdefault((found.dh_prime, found.dh_generator), [])
            hellos.append(reaction.proof.sha256)
    return tuple(described(p, g, tuple(shas)) for (p, g), shas in seen.items())


def described(prime: int, generator: int, evidence: tuple[str, ...] = ()) -> DhPrime:
    """What is known of a prime that a service sent; ``prime`` is positive."""
    size = (prime.bit_length() + 7) // 8
    group, source = well_known().get(sha256(prime.to_bytes(size, "big")).hexdigest(), ("", ""))
    if source.startswith(USUAL_GENERATOR) and generator != 2:
        group = f"{group} with the generator {_short(generator)}"
    return DhPrime(
        bits=prime.bit_length(),
        generator=generator if generator.bit_length() < 32 else 0,
        group=group,
        source=source,
        defect=next(_defects(prime, generator, known=bool(group)), ""),
        evidence=evidence,
    )


def _defects(prime: int, generator: int, *, known: bool) -> Iterator[str]:
    if generator in (0, 1, prime - 1) or generator >= prime:
        yield f"has the generator {_short(generator)}, which makes no secret"
    if known or prime in SMALL:
        return
    if prime % 2 == 0:
        yield "is not a prime: it is even"
    for factor in SMALL:
        if prime % factor == 0:
            yield f"is not a prime: {factor} divides it"
    # Fermat's test to the base 2: a composite that passes has to be made on purpose.
    if prime.bit_length() <= MOST_TO_TRY and pow(2, prime - 1, prime) != 1:
        yield "is not a prime"


def _short(generator: int) -> str:
    bits = generator.bit_length()
    return str(generator) if bits < 32 else f"of {bits} bits"
