"""Ticketbleed, with a genuine OpenSSL behind a faulty front, as the product was."""

from typing import Any

import pytest
from attack_twins import SECRET, Leaky

TICKETBLEED = "ticketbleed"
SERVER = ("-tls1_2",)


async def test_a_leak_is_found_and_nothing_of_it_is_kept(
    s_server: Any, serve: Any, tried: Any, tls12: Any
) -> None:
    async with s_server(*SERVER) as upstream, serve(Leaky(upstream)) as port:
        result = await tried(port, TICKETBLEED, service=tls12)
    assert result.one.reply.value == "vulnerable", result.one.detail
    assert "echoed with 32" in result.one.detail
    assert not result.kept(SECRET[:4])
    assert result.well


@pytest.mark.parametrize("options", [{"leaks": False}, {"refuses_short": True}])
async def test_a_patched_front_is_clean(
    s_server: Any, serve: Any, tried: Any, tls12: Any, options: Any
) -> None:
    async with s_server(*SERVER) as upstream, serve(Leaky(upstream, **options)) as port:
        result = await tried(port, TICKETBLEED, service=tls12)
    assert result.one.reply.value == "not vulnerable", result.one.detail


async def test_without_tickets_nothing_is_to_be_known(
    s_server: Any, serve: Any, tried: Any, tls12: Any
) -> None:
    async with s_server(*SERVER, "-no_ticket") as port:
        result = await tried(port, TICKETBLEED, service=tls12)
    assert result.one.reply.value == "not applicable", result.one.detail


async def test_a_handshake_that_cannot_be_finished_stays_open(
    s_server: Any, tried: Any, tls12: Any
) -> None:
    async with s_server(*SERVER, "-Verify", "1", "-verify_return_error") as port:
        result = await tried(port, TICKETBLEED, service=tls12)
    assert result.one.reply.value == "no answer", result.one.detail
