"""Heartbleed over DTLS: the same question, over datagrams, with the cookie first."""

import asyncio
import os
import shutil
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from attack_twins import DECODE_ERROR, SECRET
from test_tls_dtls import Device, up
from test_tls_dtls_codec import in_record

from probe.collect.tls.codec.dtls import records
from probe.model.tls import Reply, TlsService, TlsVersion

HEARTBLEED = "heartbleed"
ECHO = b"\0\5\0\x0f\0\1\1"
"""Extensions of a ServerHello: heartbeats may be sent."""
DTLS12 = TlsService(
    address="127.0.0.1",
    port=0,
    transport="udp",
    versions=(TlsVersion(name="DTLSv1.2", reply=Reply.ACCEPTED),),
    suites=(),
)


@dataclass
class BleedingDevice(Device):
    """Answers heartbeats; ``manner`` says how it meets one that is longer than it is."""

    manner: str = "leak"
    fragment_bytes: int = 1200
    beats: list[bytes] = field(default_factory=list)
    dead: bool = False

    def datagram_received(self, data: bytes, peer: Any) -> None:
        first = next(iter(records(data)))
        if self.dead:
            return
        if first.kind != 24:
            super().datagram_received(data, peer)
            return
        body = first.payload
        self.beats.append(body)
        claimed = int.from_bytes(body[1:3], "big")
        malformed = 3 + claimed + 16 > len(body)
        if malformed and self.manner == "die":
            self.dead = True
        elif malformed and self.manner == "alert":
            self.transport.sendto(in_record(bytes([2, DECODE_ERROR]), kind=21), peer)
        elif self.manner != "deaf" and not (malformed and self.manner == "drop"):
            answer = b"\2" + body[1:3] + (body[3:] + SECRET)[:claimed] + os.urandom(16)
            self.transport.sendto(in_record(answer, kind=24), peer)

    def answers(self, message: bytes, peer: Any) -> list[bytes]:
        heartbeat = b"\0\x0f\0\1\1" in message
        flight = super().answers(message, peer)
        if heartbeat and len(flight) > 1:
            body = records(flight[0]).__next__().payload[12:] + ECHO
            length = len(body).to_bytes(3, "big")
            hello = b"\2" + length + b"\0\1" + bytes(3) + length + body
            flight[0] = in_record(hello)
        return flight


@pytest.mark.parametrize(
    ("manner", "reply"),
    [
        ("leak", "vulnerable"),
        ("drop", "not vulnerable"),
        ("alert", "not vulnerable"),
        ("deaf", "no answer"),
    ],
)
async def test_a_device(tried: Any, manner: str, reply: str) -> None:
    device = BleedingDevice(manner=manner)
    async with up(device) as port:
        result = await tried(port, HEARTBLEED, transport="udp", service=DTLS12)
        await asyncio.sleep(0.01)
    assert result.one.reply.value == reply, result.one.detail
    assert result.well, result.told
    assert not result.kept(SECRET[:4])
    assert not device.open, "no association is left behind"


async def test_one_that_dies(tried: Any) -> None:
    async with up(BleedingDevice(manner="die")) as port:
        result = await tried(port, HEARTBLEED, transport="udp", service=DTLS12)
    assert result.one.reply.value == "no answer"
    assert not result.one.well_after


async def test_gnutls(tried: Any, pair: tuple[Path, Path]) -> None:
    """It refuses heartbeats until the handshake is finished, and its datagram loop may not survive one."""
    if not shutil.which("gnutls-serv"):
        pytest.skip("gnutls-serv is not installed")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    files = ["--x509certfile", str(pair[0]), "--x509keyfile", str(pair[1])]
    quiet = asyncio.subprocess.DEVNULL
    server = await asyncio.create_subprocess_exec(
        *["gnutls-serv", "-q", "--udp", "--heartbeat", "-p", str(port), *files],
        stdout=quiet,
        stderr=quiet,
    )
    try:
        await asyncio.sleep(0.4)
        result = await tried(port, HEARTBLEED, transport="udp", service=DTLS12)
    finally:
        server.terminate()
        await server.wait()
    assert result.one.reply.value == "no answer", result.one.detail
    assert result.one.well_before
