"""The session against servers on loopback: what is open, closed, silent, reset, and what is recorded."""

import asyncio
import errno
import json
import os
import socket

import pytest

from probe.collect.answers import NoAnswer, OutOfScope, Why
from probe.collect.session import PortState
from probe.model.evidence import EvidenceRef
from probe.model.finding import Owner
from probe.model.observation import Service


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


async def serve(talk):  # type: ignore[no-untyped-def]
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def test_what_was_said_is_on_record(bench) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello " + await reader.read(100))
        await writer.drain()
        writer.close()

    server, port = await serve(talk)
    at = bench()
    async with server, at.session.connect("127.0.0.1", port) as wire:
        await wire.send(b"world")
        assert await wire.recv_until(lambda b: b.endswith(b"world"), limit=100) == b"hello world"
        ref = at.session.keep_transcript(wire.transcript, "greeting")
    lines = [json.loads(line) for line in at.recorded.evidence[ref.sha256].splitlines()]
    assert lines[0] == {"connection": f"tcp 127.0.0.1:{port}"}
    assert [(x["dir"], bytes.fromhex(x["hex"])) for x in lines[1:]] == [
        (">", b"world"),
        ("<", b"hello world"),
    ]


async def test_an_address_outside_the_scope_is_refused_before_a_packet_leaves(bench) -> None:
    at = bench(networks=("127.0.0.0/24",))
    for attempt in (
        at.session.connect("127.0.1.1", 80).__aenter__(),
        at.session.ask("127.0.1.1", 53, b"x"),
        at.session.knock("127.0.1.1", 80, patience=0.1, within=0.1),
        at.session.raw_connection("127.0.1.1", 80).__aenter__(),
    ):
        with pytest.raises(OutOfScope):
            await attempt
    assert at.session.budget.packets == 0


async def test_open_closed_and_silent_are_three_words(bench) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server, port = await serve(talk)
    at = bench()
    async with server:
        state, seconds = await at.session.knock("127.0.0.1", port, patience=0.1, within=1)
        assert (state, seconds < 0.1) == (PortState.OPEN, True)
    state, _ = await at.session.knock("127.0.0.1", free_port(), patience=0.1, within=1)
    assert state is PortState.CLOSED
    with socket.socket() as full:
        # A listener whose queue is full drops SYNs: silence without any packet filter.
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            state, _ = await at.session.knock("127.0.0.1", port, patience=0.05, within=0.3)
    assert state is PortState.SILENT


async def test_a_silent_port_does_not_keep_the_connection_slot(bench) -> None:
    at = bench()
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            slow = asyncio.create_task(
                at.session.knock("127.0.0.1", port, patience=0.05, within=1.0)
            )
            await asyncio.sleep(0.1)
            quick = at.session.knock("127.0.0.1", free_port(), patience=0.05, within=0.5)
            assert (await asyncio.wait_for(quick, 0.3))[0] is PortState.CLOSED
            assert (await slow)[0] is PortState.SILENT


@pytest.mark.parametrize("linger", [True, False])
async def test_a_reset_is_not_an_end(bench, linger: bool) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if linger:
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
            )
        writer.close()

    server, port = await serve(talk)
    at = bench()
    async with server, at.session.connect("127.0.0.1", port) as wire:
        if linger:
            with pytest.raises(NoAnswer) as raised:
                await wire.recv()
            assert raised.value.why is Why.RESET
        else:
            assert await wire.recv() == b""


async def test_a_device_that_dribbles_cannot_hold_us(bench) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x")
            await asyncio.sleep(0.02)

    server, port = await serve(talk)
    at = bench()
    async with server, at.session.connect("127.0.0.1", port) as wire:
        got = await wire.recv_until(lambda b: False, limit=10_000, within=0.3)
    assert 2 <= len(got) < 100


async def test_a_device_that_never_stops_sending_is_cut_off(bench) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"y" * 65_536)
            await writer.drain()

    server, port = await serve(talk)
    at = bench()
    async with server, at.session.connect("127.0.0.1", port, abort=True) as wire:
        got = await wire.recv_until(lambda b: False, limit=3_000_000, within=5)
        assert len(got) == 3_000_000
        assert wire.transcript.truncated
        assert len(wire.transcript.to_bytes()) < 2_300_000


async def test_silence_is_said_with_its_deadline(bench) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    server, port = await serve(talk)
    at = bench()
    async with server, at.session.connect("127.0.0.1", port) as wire:
        with pytest.raises(NoAnswer, match=r"silent: nothing within 0\.1 s"):
            await wire.recv(within=0.1)


async def test_udp_answers_silence_and_refusal(bench) -> None:
    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport):  # type: ignore[no-untyped-def]
            self.transport = transport

        def datagram_received(self, data, sender):  # type: ignore[no-untyped-def]
            if data != b"quiet":
                self.transport.sendto(data[::-1], sender)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    at = bench()
    answers, ref = await at.session.ask("127.0.0.1", port, b"abc", within=0.5)
    assert [a.data for a in answers] == [b"cba"]
    assert b"636261" in at.recorded.evidence[ref.sha256]
    with pytest.raises(NoAnswer) as silent:
        await at.session.ask("127.0.0.1", port, b"quiet", within=0.05, tries=2)
    assert silent.value.why is Why.SILENT
    assert silent.value.proof is not None
    assert silent.value.proof.sha256 in at.recorded.evidence
    transport.close()
    await asyncio.sleep(0.02)
    with pytest.raises(NoAnswer) as closed:
        await at.session.ask("127.0.0.1", port, b"abc", within=0.3)
    assert closed.value.why is Why.CLOSED


async def test_a_port_that_answers_and_closes_has_answered(bench) -> None:
    """One answer, then the socket is gone: the second datagram meets ICMP port unreachable."""
    session = bench().session
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    port = server.getsockname()[1]
    real = asyncio.get_running_loop().sock_recvfrom
    heard = 0

    async def recvfrom(sock: socket.socket, size: int) -> object:
        nonlocal heard
        heard += 1
        if heard > 1:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        _, sender = server.recvfrom(100)
        server.sendto(b"pong", sender)
        server.close()
        return await real(sock, size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.get_running_loop(), "sock_recvfrom", recvfrom)
        answers, _ = await session.ask("127.0.0.1", port, b"ping", more_within=0.3)
    assert [a.data for a in answers] == [b"pong"]


async def test_an_observation_without_proof_cannot_be_made(bench) -> None:
    at = bench()
    fact = Service(transport="tcp", address="127.0.0.1", port=1, protocol="unknown")
    with pytest.raises(ValueError, match="needs proof"):
        at.session.observe(fact)
    made = at.session.observe(fact, EvidenceRef(sha256="0" * 64))
    assert made.id == "test/job#1"


async def test_an_interface_that_is_gone_is_our_own_trouble_and_keeps_no_slot(bench) -> None:
    at = bench(interface="gone0")
    for _ in range(2):
        with pytest.raises(NoAnswer) as raised:
            await asyncio.wait_for(
                at.session.knock("127.0.0.1", 9, patience=0.1, within=0.1), timeout=2
            )
        assert raised.value.why is Why.LOCAL
        assert raised.value.owner is Owner.ENVIRONMENT
    for attempt in (
        at.session.connect("127.0.0.1", 9).__aenter__(),
        at.session.ask("127.0.0.1", 9, b"x"),
    ):
        with pytest.raises(NoAnswer) as raised:
            await attempt
        assert raised.value.why is Why.LOCAL


async def test_a_tls_handshake_that_dribbles_ends_at_its_deadline(bench) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The head of a handshake record of 16 KiB, then a byte now and then.
        writer.write(b"\x16\x03\x03\x40\x00")
        while True:
            writer.write(b"\x02")
            await writer.drain()
            await asyncio.sleep(0.005)

    server, port = await serve(talk)
    at = bench()
    async with server, at.session.connect("127.0.0.1", port, abort=True) as wire:
        with pytest.raises(NoAnswer) as raised:
            await asyncio.wait_for(wire.start_tls(within=0.3), timeout=3)
    assert raised.value.why is Why.SILENT


async def test_a_knock_that_is_cut_off_lets_go_of_its_socket_first(bench, monkeypatch):
    b = bench()
    asked = []

    async def silent(sock, address, port, within):
        asked.append(sock)
        try:
            await asyncio.sleep(30)
        finally:
            asked.append(sock.fileno())

    monkeypatch.setattr(b.session, "_connected", silent)
    knock = asyncio.create_task(b.session.knock("127.0.0.1", 9, patience=0.01, within=30))
    await asyncio.sleep(0.05)
    knock.cancel()
    with pytest.raises(asyncio.CancelledError):
        await knock
    assert asked[1] >= 0, "the socket was still open when the attempt ended"
    assert asked[0].fileno() == -1


@pytest.mark.parametrize("trouble", [errno.ENETDOWN, errno.EPERM, errno.EADDRNOTAVAIL])
async def test_a_packet_that_never_left_is_our_own_trouble(bench, monkeypatch, trouble):
    b = bench()

    async def fails(self, sock, address):
        raise OSError(trouble, os.strerror(trouble))

    monkeypatch.setattr(type(asyncio.get_running_loop()), "sock_connect", fails)
    with pytest.raises(NoAnswer) as failed:
        await b.session.knock("127.0.0.1", 9, patience=0.1, within=0.2)
    assert failed.value.why is Why.LOCAL
    assert failed.value.owner is Owner.ENVIRONMENT


async def test_a_connection_comes_from_the_address_that_was_asked_for(bench) -> None:
    seen: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("peername")[0])
        writer.close()

    server, port = await serve(talk)
    at = bench()
    async with server:
        for source in ("", "127.0.0.9", "::1"):  # of another family it does not count
            at.session.source = source
            async with at.session.connect("127.0.0.1", port) as wire:
                await wire.recv(10)
        at.session.source = "192.0.2.77"
        with pytest.raises(NoAnswer) as ours:
            async with at.session.connect("127.0.0.1", port):
                pass
    assert seen == ["127.0.0.1", "127.0.0.9", "127.0.0.1"]
    assert ours.value.why is Why.LOCAL
    assert ours.value.owner is Owner.ENVIRONMENT
