"""Devices that behave as no textbook says: ``python odd.py garbage | traps``."""

import asyncio
import json
import random
import socket
import struct
import sys

from probe.demo.devices.http import Request, Response, page, serve_http

HOST = None  # both families
Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
ESCAPES = (
    b"\x1b]0;owned\x07\x1b[2J\x1b[31m<script>alert(1)</script>[red]markup[/red]\x9b1m\r\nlogin: "
)


NOISE = random.Random(7).randbytes(4096)


async def talk_noise(reader: Reader, writer: Writer) -> None:
    writer.write(NOISE)
    await asyncio.wait_for(reader.read(4096), 20)


async def never_stop(_: Reader, writer: Writer) -> None:
    for _ in range(20_000):
        writer.write(b"blah " * 200)
        await writer.drain()
        await asyncio.sleep(0.02)


async def escapes(reader: Reader, writer: Writer) -> None:
    writer.write(ESCAPES)
    while await asyncio.wait_for(reader.read(1024), 20):
        writer.write(ESCAPES)


async def reset(reader: Reader, writer: Writer) -> None:
    await asyncio.wait_for(reader.read(1), 20)
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def close(reader: Reader, _: Writer) -> None:
    await asyncio.wait_for(reader.read(1), 20)


async def dribble(_: Reader, writer: Writer) -> None:
    for byte in b"220-you will wait for the end of this line " * 20:
        writer.write(bytes((byte,)))
        await writer.drain()
        await asyncio.sleep(1.0)


async def mute(reader: Reader, _: Writer) -> None:
    while await asyncio.wait_for(reader.read(1024), 30):
        pass


BAD_MANNERS = {
    21: dribble,
    23: never_stop,
    80: talk_noise,
    443: reset,
    2323: escapes,
    8080: close,
    8443: mute,
}


async def garbage() -> None:
    """No port of it says anything that makes sense."""
    for port, talk in BAD_MANNERS.items():
        await _serve(port, talk)


async def traps() -> None:
    """Nothing here accepts a credential, and everything looks as if it did."""

    async def all_200(request: Request) -> Response:
        """A login form whose every answer is 200 and the same page."""
        form = "<form method='post' action='/login'><input name='user'><input type='password' name='pass'></form>"
        return page("Router login", f"<p>Welcome</p>{form}")

    async def spa(request: Request) -> Response:
        """A page application: always 200, and the truth only in the JSON."""
        if request.path.startswith("/api"):
            body = json.dumps({"ok": False, "error": "denied"}).encode()
            return Response(body=body, content_type="application/json")
        return page("App", "<div id='app'></div><script src='/app.js'></script>")

    async def ftp(reader: Reader, writer: Writer) -> None:
        writer.write(b"220 service\r\n")
        while line := await asyncio.wait_for(reader.readline(), 20):
            verb = line.split(b" ")[0].strip().upper()
            answer = {b"USER": b"331 go on", b"PASS": b"530 no", b"QUIT": b"221 bye"}
            writer.write(answer.get(verb, b"530 log in first") + b"\r\n")

    await serve_http(all_200, HOST, 80)
    await serve_http(spa, HOST, 8080)
    await _serve(21, ftp)


async def _serve(port: int, talk) -> None:  # type: ignore[no-untyped-def]
    async def connected(reader: Reader, writer: Writer) -> None:
        try:
            await talk(reader, writer)
        except (OSError, TimeoutError, ValueError):
            pass
        finally:
            writer.close()

    await asyncio.start_server(connected, HOST, port)


async def main() -> None:
    await {"garbage": garbage, "traps": traps}[sys.argv[1]]()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
