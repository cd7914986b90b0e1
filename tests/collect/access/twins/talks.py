"""Twins of services that are no web services, as coroutines of one connection, and what was said to them."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

from probe.model.plan import Gentleness, OwnCredential, Plan

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

PLAN = Plan(
    name="t",
    summary="",
    catalogues=(),
    tcp_ports="quick",
    gentleness=Gentleness(packets_per_s=2_000.0, burst=8, login_gap_s=0.0),
)


def with_own(protocol: str, username: str, password: str) -> Plan:
    """A fast plan with one row of the operator's own."""
    own = OwnCredential(id="own", protocols=(protocol,), username=username, password=password)
    return replace(PLAN, credentials=(own,))


def sent(evidence: dict[str, bytes]) -> Iterator[str]:
    """What went to the device, as hexadecimal, from every transcript."""
    for data in evidence.values():
        for line in data.splitlines() if data.startswith(b'{"connection"') else ():
            entry = json.loads(line)
            if entry.get("dir") == ">":
                yield entry["hex"]


def drip(byte: bytes, every: float = 0.1) -> Talk:
    """Says one byte after the other, and never ends."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(byte)
            await writer.drain()
            await asyncio.sleep(every)

    return talk


class Typed:
    """Lines as terminals end them: CR LF, LF, or Telnet's CR NUL, of which the CR is enough (RFC 854)."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self.reader, self.after_cr = reader, False

    async def line(self) -> str:
        line = b""
        while True:
            byte = await self.reader.readexactly(1)
            rest, self.after_cr = self.after_cr and byte in b"\n\0", byte == b"\r"
            if rest:
                continue
            if byte in b"\r\n":
                return line.decode("latin-1")
            line += byte


# --- Redis ---


async def _words(reader: asyncio.StreamReader) -> list[str]:
    number = int((await reader.readline())[1:])
    words = []
    for _ in range(number):
        size = int((await reader.readline())[1:])
        words.append((await reader.readexactly(size + 2))[:-2].decode())
    return words


def redis(answers: dict[str, str]) -> Talk:
    """Answers each command with the line for it, else with the line for ``""``."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            name = (await _words(reader))[0]
            writer.write(answers.get(name, answers.get("", "-ERR no")).encode() + b"\r\n")
            await writer.drain()

    return talk


def old_redis(password: str | None) -> Talk:
    """A server before version 6, which knows no users; None: it takes any password."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside = False
        while True:
            name, *rest = await _words(reader)
            if name == "AUTH" and len(rest) != 1:
                answer = b"-ERR wrong number of arguments for 'auth' command\r\n"
            elif name == "AUTH":
                inside = password is None or rest[0] == password
                answer = b"+OK\r\n" if inside else b"-ERR invalid password\r\n"
            elif not inside:
                answer = b"-NOAUTH Authentication required.\r\n"
            else:
                text = b"# Server\r\nredis_version:4.0.9\r\n"
                answer = b"$%d\r\n%s\r\n" % (len(text), text) if name == "INFO" else b"+OK\r\n"
            writer.write(answer)
            await writer.drain()

    return talk


# --- VNC ---


def vnc(
    kinds: bytes = b"\x02",
    *,
    minor: int = 8,
    password: str | None = "1234",
    reason: bytes = b"Authentication failed",
    shut_after: int = 0,
    answers: bool = True,
) -> Talk:
    """A server by RFC 6143, from its own side; ``password`` None takes any. Counts in ``talk.wrong``.

    ``shut_after``: as TigerVNC does, it shuts out whoever was wrong that many times. ``answers`` False:
    it says OK and then nothing more.
    """
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher, modes

    wrong: list[int] = []

    def told(text: bytes) -> bytes:
        return len(text).to_bytes(4, "big") + text

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"RFB 003.%03d\n" % minor)
        await reader.readexactly(12)
        if shut_after and len(wrong) >= shut_after:
            writer.write(b"\0" + told(b"Too many security failures"))
            return
        if minor == 3:
            kind = kinds[0]
            writer.write(bytes((0, 0, 0, kind)))
        else:
            writer.write(bytes((len(kinds),)) + kinds)
            kind = (await reader.readexactly(1))[0]
        if kind == 2:
            challenge = bytes(range(16))
            writer.write(challenge)
            got = await reader.readexactly(16)
            secret = (password or "").encode()[:8].ljust(8, b"\0")
            mirrored = bytes(int(f"{b:08b}"[::-1], 2) for b in secret)
            cipher = Cipher(TripleDES(3 * mirrored), modes.ECB()).encryptor()
            if password is not None and got != cipher.update(challenge):
                wrong.append(1)
                writer.write(b"\0\0\0\1" + (told(reason) if minor >= 8 else b""))
                return
        if kind == 2 or minor >= 8:
            writer.write(b"\0\0\0\0")
        await reader.readexactly(1)
        if not answers:
            return
        pixels = bytes((32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0))
        writer.write((800).to_bytes(2, "big") + (480).to_bytes(2, "big") + pixels + told(b"panel"))
        assert not await reader.read(1), "something was sent to the screen"

    talk.wrong = wrong  # type: ignore[attr-defined]
    return talk


def run(twins: dict[str, Callable[[], Talk]]) -> None:
    """``python FILE NAME [PORT]``: one twin on its own, until it is interrupted."""

    async def main(name: str, port: int) -> None:
        talk = twins[name]()

        async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await talk(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(one, "127.0.0.1", port)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    if len(sys.argv) < 2 or sys.argv[1] not in twins:
        sys.exit("names: " + " ".join(twins))
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0))
