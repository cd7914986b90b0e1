"""CCS injection: accepted early is found, refused in any orderly way is clean, all else stays open."""

from typing import Any

import pytest
from attack_twins import BAD_MAC, DECODE_ERROR, HANDSHAKE_FAILURE, EarlyCipher, PassesOver
from zoo.stack import alert, close, reset, silence

CCS = "ccs-injection"


@pytest.mark.parametrize("number", [BAD_MAC, 21])
async def test_a_stack_that_takes_it_is_found(
    serve: Any, tried: Any, tls12: Any, number: int
) -> None:
    async with serve(EarlyCipher(encrypted_answer=alert(number))) as port:
        result = await tried(port, CCS, service=tls12)
    assert result.one.reply.value == "vulnerable"
    assert "twice" in result.one.detail


@pytest.mark.parametrize(
    "refuse", [alert(10), alert(HANDSHAKE_FAILURE), alert(DECODE_ERROR), close]
)
async def test_a_stack_that_refuses_is_clean(
    serve: Any, tried: Any, tls12: Any, refuse: Any
) -> None:
    async with serve(EarlyCipher(takes=False, refuse_early=refuse)) as port:
        result = await tried(port, CCS, service=tls12)
    assert result.one.reply.value == "not vulnerable"


async def test_a_slow_refusal_is_a_refusal(serve: Any, tried: Any, tls12: Any) -> None:
    async with serve(EarlyCipher(takes=False, slow_s=0.4)) as port:
        result = await tried(port, CCS, service=tls12)
    assert result.one.reply.value == "not vulnerable"


async def test_passing_over_it_is_no_acceptance(serve: Any, tried: Any, tls12: Any) -> None:
    async with serve(PassesOver()) as port:
        result = await tried(port, CCS, service=tls12)
    assert result.one.reply.value == "not vulnerable"


@pytest.mark.parametrize(
    "options",
    [
        {"takes": False, "refuse_early": reset},
        {"takes": False, "refuse_early": silence},
        {"takes": False, "refuse_early": alert(BAD_MAC)},
        # A slow stack with the wrong alert looks like acceptance the first time only.
        {"takes": False, "refuse_early": alert(BAD_MAC), "slow_s": 0.4},
        {"encrypted_answer": reset},
        {"encrypted_answer": silence},
        {"encrypted_answer": alert(HANDSHAKE_FAILURE)},
    ],
)
async def test_what_shows_neither_stays_open(
    serve: Any, tried: Any, tls12: Any, options: Any
) -> None:
    async with serve(EarlyCipher(**options)) as port:
        result = await tried(port, CCS, service=tls12)
    assert result.one.reply.value == "no answer", result.one.detail
    assert result.well
