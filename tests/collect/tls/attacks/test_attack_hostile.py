"""Services that answer an attack with a flood, a drip or nonsense: no harm to the probe, and no verdict."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from attack_twins import HEARTBEAT, Twin, drop
from zoo.stack import Reader, Writer, record

from probe.collect.tls.attacks import talk, ticketbleed

ATTACKS = ("heartbleed", "ccs-injection", "ticketbleed")
TLS_RSA = frozenset({0x002F, 0x009C, 0xC02F, 0xC013})


async def flood(writer: Writer) -> None:
    for _ in range(100_000_000 // 16_000):
        writer.write(record(22, b"\x16\0\x3e\x7c" + bytes(15_996)))
        await writer.drain()


async def heartbeats(writer: Writer) -> None:
    for _ in range(1000):
        writer.write(record(HEARTBEAT, b"\2\0\x04mine" + bytes(16)))
        await writer.drain()


async def drip(writer: Writer) -> None:
    for byte in record(21, b"\1\x0a") * 60:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


async def garbage(writer: Writer) -> None:
    writer.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
    await writer.drain()


async def alert_and_more(writer: Writer) -> None:
    writer.write(record(21, b"\1\x0a") + record(21, b"\2\x50") + record(22, bytes(40)))
    await writer.drain()


@dataclass
class Hostile(Twin):
    """Does something unwelcome once it hears more than the hello."""

    manner: Callable[[Writer], Awaitable[None]] = drop

    async def after(self, reader: Reader, writer: Writer) -> None:
        await reader.read(1)
        await self.manner(writer)
        await reader.read(1)


@pytest.mark.parametrize("manner", [flood, heartbeats, drip, garbage, alert_and_more])
async def test_nothing_is_claimed_and_it_ends(
    serve: Any,
    tried: Any,
    tls12: Any,
    make_certificate: Any,
    monkeypatch: pytest.MonkeyPatch,
    manner: Any,
) -> None:
    monkeypatch.setattr(talk, "WHOLE_ANSWER_S", 0.4)
    monkeypatch.setattr(ticketbleed, "HANDSHAKE_S", 0.4)
    twin = Hostile(suites=TLS_RSA, certificate=make_certificate().der, manner=manner)
    began = time.monotonic()
    async with serve(twin) as port:
        result = await tried(port, *ATTACKS, service=tls12)
    assert time.monotonic() - began < 15
    # An alert to a message that came too early is an answer, whatever follows it.
    allowed = {"no answer", "not vulnerable"} if manner is alert_and_more else {"no answer"}
    assert set(result.replies.values()) <= allowed, result.told
    assert set(result.tests) == set(ATTACKS)
