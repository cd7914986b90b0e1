"""A proxy between a tool and a service that counts the credentials which pass, by the protocol's own words.

What is inside SSH cannot be read here: its services count for themselves.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from probe.collect.access.protocols import mqtt_codec, snmp_codec, usm

Conversation = list[tuple[bool, bytes]]
"""What was said on one connection, in order; True is the tool's side."""


@dataclass
class Heard:
    """Everything that passed one proxy."""

    protocol: str
    conversations: list[Conversation] = field(default_factory=list)

    @property
    def attempts(self) -> int:
        """How many credentials were presented to the service."""
        return sum(COUNTS[self.protocol](c) for c in self.conversations)


def _asked(conversation: Conversation) -> bytes:
    return b"".join(data for up, data in conversation if up)


HEADER = re.compile(rb"(?im)^Authorization: *(?:Basic|Digest)")
BODY = re.compile(rb"(?i)\b(?:user|username|pw|pass|password)\"? *[=:] *\"?[^\s&\"}]")


def _http(conversation: Conversation) -> int:
    """Requests with a credential in a header or, for forms and JSON, in a body; no token of a session."""
    requests = re.split(rb"(?m)^(?=[A-Z]+ \S+ HTTP/1)", _asked(conversation))
    bodies = ((r, r.partition(b"\r\n\r\n")[2]) for r in requests)
    return sum(bool(HEADER.search(request) or BODY.search(body)) for request, body in bodies)


def _rtsp(conversation: Conversation) -> int:
    return len(HEADER.findall(_asked(conversation)))


def _ftp(conversation: Conversation) -> int:
    return len(re.findall(rb"(?im)^PASS\b", _asked(conversation)))


def _redis(conversation: Conversation) -> int:
    """AUTH, or HELLO with AUTH, as an array or as one line."""
    return len(re.findall(rb"(?im)^AUTH\b", _asked(conversation)))


def _telnet(conversation: Conversation) -> int:
    """Lines that answered a question for a password."""
    count, asked = 0, False
    for up, data in conversation:
        if not up:
            asked |= b"assword:" in data
        elif asked and re.search(rb"[\r\n]", data):
            count, asked = count + 1, False
    return count


def _vnc(conversation: Conversation) -> int:
    """Version (12 bytes), type (1 byte from 3.7 on), response to the challenge: RFC 6143 section 7.2.2."""
    return int(len(_asked(conversation)) >= 12 + 16)


def _mqtt(conversation: Conversation) -> int:
    """CONNECT packets whose flags announce a user name (OASIS MQTT 3.1.1 section 3.1.2.3)."""
    got, _ = mqtt_codec.parse(_asked(conversation))
    return int(got is not None and got.kind == 1 and len(got.body) > 7 and got.body[7] & 0x80 > 0)


def _snmp(conversation: Conversation) -> int:
    """Different datagrams with a credential: the same one again is a repetition of what may be lost."""
    return sum(map(_presents, {data for up, data in conversation if up}))


def _presents(data: bytes) -> bool:
    """A community, or a version 3 message with a user (the others only look for the engine)."""
    try:
        version, community, *_ = snmp_codec.split(snmp_codec.split(data)[0][1])
        return bool(usm.parse(data).user if version[1] == b"\3" else community[1])
    except snmp_codec.Malformed:
        return True


COUNTS: dict[str, Callable[[Conversation], int]] = {
    "http": _http, "rtsp": _rtsp, "ftp": _ftp, "redis": _redis, "telnet": _telnet, "vnc": _vnc,
    "mqtt": _mqtt, "snmp": _snmp, "ssh": lambda _: 0,
}  # fmt: skip


@asynccontextmanager
async def counting(protocol: str, host: str, port: int, behind: int) -> AsyncIterator[Heard]:
    """Serve ``host`` and ``port`` by the service on port ``behind`` of 127.0.0.1."""
    heard = Heard(protocol)
    if protocol == "snmp":
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(heard, behind), local_addr=(host, port)
        )
        try:
            yield heard
        finally:
            transport.close()
        return
    tasks: set[asyncio.Task[Any]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = asyncio.current_task()
        assert me
        tasks.add(me)
        try:
            await _between(reader, writer, heard, behind)
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()
            tasks.discard(me)

    server = await asyncio.start_server(one, host, port)
    try:
        yield heard
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()


async def _between(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: Heard, behind: int
) -> None:
    conversation: Conversation = []
    heard.conversations.append(conversation)
    try:
        its_reader, its_writer = await asyncio.open_connection("127.0.0.1", behind)
    except OSError:
        return
    try:
        await asyncio.gather(
            _pass_on(reader, its_writer, conversation, True),
            _pass_on(its_reader, writer, conversation, False),
        )
    except OSError:
        return
    finally:
        its_writer.close()


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: Conversation, up: bool
) -> None:
    while data := await reader.read(65_536):
        heard.append((up, data))
        writer.write(data)
        await writer.drain()
    if up:
        if writer.can_write_eof():
            writer.write_eof()
    else:
        # The service has ended it: so has the tool's side, whatever it still wants to say.
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    """One socket to the service for each address that asks."""

    def __init__(self, heard: Heard, behind: int) -> None:
        self.heard, self.behind = heard, behind
        self.conversation: Conversation = []
        heard.conversations.append(self.conversation)
        self.kept: dict[Any, asyncio.DatagramTransport] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        for transport in self.kept.values():
            transport.close()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.conversation.append((True, data))
        task = asyncio.create_task(self._on(data, addr))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _on(self, data: bytes, addr: Any) -> None:
        if addr not in self.kept:
            front = self.transport

            class Back(asyncio.DatagramProtocol):
                def datagram_received(self, data: bytes, _: Any) -> None:
                    front.sendto(data, addr)

            loop = asyncio.get_running_loop()
            made, _ = await loop.create_datagram_endpoint(
                Back, remote_addr=("127.0.0.1", self.behind)
            )
            self.kept[addr] = made
        self.kept[addr].sendto(data)
