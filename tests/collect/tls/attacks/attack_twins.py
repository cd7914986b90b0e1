"""Services with the faults, made for these tests: each really does what the attack looks for.

Nobody packages a TLS library with these faults any more. The stubs have as much of a TLS stack as the
fault needs: a memory that is read too far, a private key whose padding check is told, a cipher that is
switched on too early. ``Leaky`` stands in front of a genuine server, as the faulty product did.
"""

import asyncio
import os
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from zoo.stack import Reader, Stub, Writer, alert, read_hello, record, reset

SECRET = b"the-private-key-of-the-device-and-more-of-its-memory" * 4
UNEXPECTED, BAD_MAC, HANDSHAKE_FAILURE, DECODE_ERROR = 10, 20, 40, 50
HEARTBEAT, CHANGE_CIPHER_SPEC, HANDSHAKE, ALERT = 24, 20, 22, 21


async def read_record(reader: Reader) -> tuple[int, bytes]:
    head = await reader.readexactly(5)
    return head[0], await reader.readexactly(int.from_bytes(head[3:], "big"))


@dataclass
class Twin(Stub):
    """A stub that goes on after its ServerHelloDone, and that may die."""

    heartbeat: bool = True
    dead: bool = False

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        if self.dead:
            await reset(writer)
            return
        hello = await read_hello(reader)
        self.hellos.append(hello)
        reply = self.decide(hello)
        if not isinstance(reply, bytes):
            await reply(writer)
            return
        writer.write(reply)
        await writer.drain()
        await self.after(reader, writer)

    async def after(self, reader: Reader, writer: Writer) -> None:
        await reader.read(1)

    async def die(self, writer: Writer) -> None:
        self.dead = True
        await reset(writer)

    async def die_for_a_while(self, writer: Writer) -> None:
        await self.die(writer)
        await asyncio.sleep(0.2)
        self.dead = False


Manner = Callable[[Writer], Awaitable[None]]


@dataclass
class Bleeding(Twin):
    """Answers heartbeats. ``malformed``: how it meets one that is longer than it is; None: it believes it."""

    malformed: Manner | None = None
    correct: bool = True
    echo_only: bool = False
    asked: list[bytes] = field(default_factory=list)

    async def after(self, reader: Reader, writer: Writer) -> None:
        while True:
            kind, body = await read_record(reader)
            if kind != HEARTBEAT:
                await alert(UNEXPECTED)(writer)
                return
            self.asked.append(body)
            claimed = int.from_bytes(body[1:3], "big")
            honest = 3 + claimed + 16 <= len(body)
            if not honest and self.malformed is not None:
                await self.malformed(writer)
                continue
            if honest and not self.correct:
                continue
            memory = body[3:] + (b"" if self.echo_only else SECRET * 100)
            answer = b"\2" + body[1:3] + memory[:claimed] + os.urandom(16)
            writer.write(record(HEARTBEAT, answer))
            await writer.drain()


@dataclass
class Counting(Bleeding):
    """Serves one connection at a time, needs a while after each, and is shut by 20 in five seconds."""

    busy_s: float = 0.15
    busy: bool = False
    locked: bool = False
    knocks: list[float] = field(default_factory=list)

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        now = time.monotonic()
        self.knocks.append(now)
        self.locked |= len([t for t in self.knocks if t > now - 5.0]) > 20
        if self.busy or self.locked:
            await reset(writer)
            return
        self.busy = True
        try:
            await super().__call__(reader, writer)
        finally:
            writer.close()
            await asyncio.sleep(self.busy_s)
            self.busy = False


async def drop(writer: Writer) -> None:
    """Not a word, and the connection stays."""


async def hang_up(writer: Writer) -> None:
    writer.close()
    await writer.wait_closed()


@dataclass
class EarlyCipher(Twin):
    """Takes a ChangeCipherSpec at any time, without a word, and decrypts from then on."""

    takes: bool = True
    refuse_early: Manner = field(default_factory=lambda: alert(UNEXPECTED))
    slow_s: float = 0.0
    encrypted_answer: Manner = field(default_factory=lambda: alert(BAD_MAC))

    async def after(self, reader: Reader, writer: Writer) -> None:
        kind, _ = await read_record(reader)
        if kind != CHANGE_CIPHER_SPEC or not self.takes:
            await asyncio.sleep(self.slow_s)
            await self.refuse_early(writer)
            return
        await read_record(reader)  # whatever it is, it has no MAC that fits
        await self.encrypted_answer(writer)


@dataclass
class PassesOver(Twin):
    """Ignores every ChangeCipherSpec and goes on reading plain text."""

    async def after(self, reader: Reader, writer: Writer) -> None:
        while (await read_record(reader))[0] == CHANGE_CIPHER_SPEC:
            pass
        await alert(UNEXPECTED)(writer)


@dataclass
class Oracle(Twin):
    """Decrypts the key exchange with the real key, and tells (or not) what it found.

    ``told`` maps a verdict on the padding to an answer; what is not in it meets bad_record_mac after the
    whole flight. ``at_once``: it is told as soon as the key exchange is there.
    """

    key: Any = None
    told: dict[str, Manner] = field(default_factory=dict)
    at_once: bool = False
    random_answers: bool = False
    end: Manner = field(default_factory=lambda: alert(BAD_MAC))
    seen: list[str] = field(default_factory=list)
    wants_certificate: bool = False

    def padding(self, encrypted: bytes) -> str:
        numbers = self.key.private_numbers()
        modulus = numbers.public_numbers.n
        size = (modulus.bit_length() + 7) // 8
        plain = pow(int.from_bytes(encrypted, "big"), numbers.d, modulus).to_bytes(size, "big")
        if plain[:2] != b"\0\2":
            return "start"
        if 0 not in plain[2:]:
            return "no zero"
        secret = plain[plain.index(0, 2) + 1 :]
        if len(secret) != 48:
            return "length"
        return "good" if secret[:2] == b"\3\3" else "version"

    async def after(self, reader: Reader, writer: Writer) -> None:
        _, body = await read_record(reader)
        length = int.from_bytes(body[4:6], "big")
        verdict = self.padding(body[6 : 6 + length])
        self.seen.append(verdict)
        if self.random_answers:
            await (alert(BAD_MAC) if os.urandom(1)[0] & 1 else alert(DECODE_ERROR))(writer)
            return
        if self.at_once and verdict in self.told:
            await self.told[verdict](writer)
            return
        await read_record(reader)
        await read_record(reader)
        await self.told.get(verdict, self.end)(writer)


@dataclass
class Leaky:
    """In front of a genuine server on ``upstream``: fills the session id of a resumed session to 32 bytes."""

    upstream: int
    leaks: bool = True
    refuses_short: bool = False
    spoil_ticket: bool = False

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        try:
            kind, hello = await read_record(reader)
            sent = hello[39 : 39 + hello[38]]
            if (self.refuses_short and 0 < len(sent) < 32) or self.spoil_ticket:
                hello = bytes(hello).replace(
                    b"\x00\x23", b"\xfe\x23"
                )  # another extension than the ticket
            up_writer.write(record(kind, hello))
            kind, answer = await read_record(up_reader)
            back = answer[39 : 39 + answer[38]] if kind == HANDSHAKE else b""
            if self.leaks and sent and back == sent and len(sent) < 32:
                leaked = sent + SECRET[: 32 - len(sent)]
                body = answer[4:38] + b"\x20" + leaked + answer[39 + len(sent) :]
                answer = answer[:1] + struct.pack(">I", len(body))[1:] + body
            writer.write(record(kind, answer))
            await asyncio.gather(_pump(up_reader, writer), _pump(reader, up_writer))
        finally:
            up_writer.close()


async def _pump(reader: Reader, writer: Writer) -> None:
    try:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
