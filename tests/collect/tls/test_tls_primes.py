"""Well-known primes by the formulas of their RFCs; what is no prime is found out."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.collect.tls.primes import described, well_known


def pi(bits: int) -> int:
    """floor(pi * 2^bits), by Machin's formula."""
    return (4 * (4 * _arctan_of_inverse(5, bits + 64) - _arctan_of_inverse(239, bits + 64))) >> 64


def _arctan_of_inverse(x: int, bits: int) -> int:
    term = (1 << bits) // x
    total, n, sign = term, 3, -1
    while term:
        term //= x * x
        total, n, sign = total + sign * (term // n), n + 2, -sign
    return total


def e(bits: int) -> int:
    """floor(e * 2^bits)."""
    term, total, n = 1 << (bits + 64), 0, 1
    while term:
        total += term
        term, n = term // n, n + 1
    return total >> 64


def prime(bits: int, middle: int) -> int:
    """2^b - 2^(b-64) - 1 + 2^64 * middle, the form of them all."""
    return (1 << bits) - (1 << (bits - 64)) - 1 + (middle << 64)


# Bits, and what is added to the constant's digits (RFC 7919 appendix A; RFC 2409 section 6; RFC 3526).
OF_E = {
    "ffdhe2048": (2048, 560_316),
    "ffdhe3072": (3072, 2_625_351),
    "ffdhe4096": (4096, 5_736_041),
    "ffdhe6144": (6144, 15_705_020),
    "ffdhe8192": (8192, 10_965_728),
}
OF_PI = {
    "Oakley group 1": (768, 149_686),
    "Oakley group 2": (1024, 129_093),
    "MODP group 5": (1536, 741_804),
    "MODP group 14": (2048, 124_476),
    "MODP group 15": (3072, 1_690_314),
    "MODP group 16": (4096, 240_904),
    "MODP group 17": (6144, 929_484),
    "MODP group 18": (8192, 4_743_158),
}
PRIMES = {name: prime(b, e(b - 130) + x) for name, (b, x) in OF_E.items()} | {
    name: prime(b, pi(b - 130) + x) for name, (b, x) in OF_PI.items()
}
BIG = (1 << 521) - 1
"""A Mersenne prime."""


@pytest.mark.parametrize("name", PRIMES)
def test_registered_groups_are_told_by_name(name: str) -> None:
    found = described(PRIMES[name], 2)
    assert (found.group, found.generator, found.defect) == (name, 2, "")
    assert found.bits == PRIMES[name].bit_length()


def test_another_generator_is_another_group() -> None:
    assert described(PRIMES["ffdhe3072"], 5).group == "ffdhe3072 with the generator 5"


def test_the_table_has_nothing_but_hashes_of_their_own() -> None:
    table = well_known()
    assert len(table) == 29
    assert all(len(bytes.fromhex(key)) == 32 and group for key, (group, _) in table.items())
    assert sum(source.startswith("RFC") for _, source in table.values()) == len(PRIMES) + 3


@pytest.mark.parametrize(
    ("number", "generator", "said"),
    [
        (BIG, 3, ""),
        (BIG * 3, 2, "is not a prime: 3 divides it"),
        (BIG + 1, 2, "is not a prime: it is even"),
        (BIG * ((1 << 607) - 1), 2, "is not a prime"),
        (BIG, 1, "has the generator 1, which makes no secret"),
        (BIG, BIG - 1, "has the generator of 521 bits, which makes no secret"),
        (BIG, 0, "has the generator 0, which makes no secret"),
    ],
)
def test_what_makes_no_secret(number: int, generator: int, said: str) -> None:
    found = described(number, generator)
    assert (found.group, found.defect) == ("", said)


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 1 << 1100), st.integers(0, 1 << 1200))
def test_no_numbers_surprise_it(number: int, generator: int) -> None:
    found = described(number, generator)
    assert found.bits == number.bit_length()
    size = (number.bit_length() + 7) // 8
    assert (sha256(number.to_bytes(size, "big")).hexdigest() in well_known()) == bool(found.group)
