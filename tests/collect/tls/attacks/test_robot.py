"""ROBOT: an oracle is found and its strength told; even answers are clean, chance is no oracle."""

from typing import Any

import pytest
from attack_twins import DECODE_ERROR, HANDSHAKE_FAILURE, Oracle
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from zoo.stack import alert, close, reset, silence

from probe.collect.tls.attacks.paddings import CORRECT, KINDS, block, read_key
from probe.collect.tls.codec import TlsFormatError

ROBOT = "robot"
STRONG = {"start": alert(DECODE_ERROR)}
WEAK = {
    "start": alert(HANDSHAKE_FAILURE),
    "no zero": alert(HANDSHAKE_FAILURE),
    "length": alert(HANDSHAKE_FAILURE),
}
TLS_RSA = frozenset({0x002F, 0x009C})


@pytest.fixture(scope="module")
def certified(make_certificate: Any) -> Any:
    return make_certificate(key=rsa.generate_private_key(public_exponent=65537, key_size=2048))


def oracle(made: Any, **options: Any) -> Oracle:
    return Oracle(key=made.key, certificate=made.der, suites=TLS_RSA, **options)


@pytest.mark.parametrize(
    ("options", "strength"),
    [
        ({"told": STRONG}, "a strong oracle"),
        ({"told": WEAK}, "a weak oracle"),
        ({"told": {"version": alert(DECODE_ERROR)}}, "a weak oracle"),
        ({"told": STRONG | {"good": close}, "at_once": True}, "a strong oracle"),
        ({"told": {"start": reset}}, "a strong oracle"),
        ({"told": {"no zero": silence}}, "a strong oracle"),
    ],
)
async def test_an_oracle_is_found(
    serve: Any, tried: Any, tls12: Any, certified: Any, options: Any, strength: str
) -> None:
    twin = oracle(certified, **options)
    async with serve(twin) as port:
        result = await tried(port, ROBOT, service=tls12)
    assert result.one.reply.value == "vulnerable", result.one.detail
    assert strength in result.one.detail
    assert set(twin.seen) == {"start", "no zero", "length", "good", "version"}


@pytest.mark.parametrize("end", [alert(20), alert(51), close])
async def test_even_answers_are_clean(
    serve: Any, tried: Any, tls12: Any, certified: Any, end: Any
) -> None:
    twin = oracle(certified, end=end)
    async with serve(twin) as port:
        result = await tried(port, ROBOT, service=tls12)
    assert result.one.reply.value == "not vulnerable", result.one.detail
    assert len(twin.seen) == 2 * len(KINDS)


async def test_an_oracle_that_speaks_only_to_a_flight_cut_short(
    serve: Any, tried: Any, tls12: Any, certified: Any
) -> None:
    told = {"start": alert(20), "no zero": alert(20), "length": alert(20)}
    async with serve(oracle(certified, told=told, at_once=True)) as port:
        result = await tried(port, ROBOT, service=tls12)
    assert result.one.reply.value == "vulnerable", result.one.detail
    assert "key exchange alone" in result.one.detail


@pytest.mark.parametrize("options", [{"end": reset}, {"end": silence}, {"random_answers": True}])
async def test_what_shows_neither_stays_open(
    serve: Any, tried: Any, tls12: Any, certified: Any, options: Any
) -> None:
    async with serve(oracle(certified, **options)) as port:
        result = await tried(port, ROBOT, service=tls12)
    assert result.one.reply.value == "no answer", result.one.detail


async def test_without_rsa_key_transport_nothing_is_to_be_known(
    serve: Any, tried: Any, tls12: Any
) -> None:
    async with serve(Oracle(suites=frozenset({0xC02F}))) as port:
        result = await tried(port, ROBOT, service=tls12)
    assert result.one.reply.value == "not applicable"


@pytest.mark.parametrize("what", ["garbage", "ec", "short"])
async def test_a_certificate_without_a_usable_key(
    serve: Any, tried: Any, tls12: Any, make_certificate: Any, what: str
) -> None:
    der = {
        "garbage": lambda: b"\x30\x03\x02\x01\x01",
        "ec": lambda: make_certificate(key=ec.generate_private_key(ec.SECP256R1())).der,
        "short": lambda: make_certificate().der[:-20],
    }[what]()
    async with serve(Oracle(certificate=der, suites=TLS_RSA)) as port:
        result = await tried(port, ROBOT, service=tls12)
    assert result.one.reply.value == "no answer"
    assert "key" in result.one.detail


@given(
    st.sampled_from(KINDS), st.integers(min_value=64, max_value=600), st.integers(0x0300, 0x0303)
)
def test_blocks_are_as_long_as_the_key_and_faulty_as_named(
    kind: str, size: int, version: int
) -> None:
    made = block(kind, size, version)
    assert len(made) == size
    good = made[:2] == b"\0\2" and made.find(b"\0", 2) == size - 49
    right = made[-48:-46] == version.to_bytes(2, "big")
    assert (good and right) == (kind == CORRECT)


@given(st.binary(max_size=300))
def test_no_certificate_makes_the_key_reader_fail(der: bytes) -> None:
    with pytest.raises(TlsFormatError):
        read_key(der)
