"""Telnet login with a shell of a few commands, as a cheap device would have it."""

import asyncio
import re

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
ECHO, SUPPRESS_GO_AHEAD = 1, 3
GREETING = bytes((IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD))
MAX_LINE = 512
ARITHMETIC = re.compile(r"\$\(\(\s*(\d{1,6})\s*([*+-])\s*(\d{1,6})\s*\)\)")


class TelnetLogin:
    """One telnet service. ``fail_delay`` is the pause after a wrong password, in seconds."""

    def __init__(
        self, banner: str, username: str, password: str, *, fail_delay: float = 0.3
    ) -> None:
        self.banner, self.fail_delay = banner, fail_delay
        self.account = (username, password)

    async def serve(self, host: str, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._connected, host, port, limit=4096)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await asyncio.wait_for(self._session(reader, writer), 60.0)
        except (OSError, EOFError, TimeoutError):
            pass  # The client hung up or fell asleep.
        finally:
            writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING + f"\r\n{self.banner}\r\n".encode())
        for _ in range(3):
            writer.write(b"login: ")
            username = await read_line(reader, writer, echo=True)
            writer.write(b"Password: ")
            password = await read_line(reader, writer, echo=False)
            writer.write(b"\r\n")
            if (username, password) == self.account:
                await _shell(reader, writer)
                return
            await asyncio.sleep(self.fail_delay)
            writer.write(b"Login incorrect\r\n")
        await writer.drain()


async def read_line(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, echo: bool
) -> str:
    """One line without the telnet commands in it; EOFError when the client has gone."""
    line = bytearray()
    while len(line) < MAX_LINE:
        byte = (await reader.readexactly(1))[0]
        if byte == IAC:
            command = (await reader.readexactly(1))[0]
            if command in (DO, DONT, WILL, WONT):
                await reader.readexactly(1)
            elif command == SB:
                await reader.readuntil(bytes((IAC, SE)))
            continue
        if byte == 0x0A or (byte == 0x00 and line[-1:] == b"\r"):
            break
        line.append(byte)
    text = line.rstrip(b"\r\x00").decode(errors="replace")
    if echo:
        writer.write(text.encode() + b"\r\n")
    await writer.drain()
    return text


async def _shell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    answers = {
        "id": "uid=0(root) gid=0(root)",
        "uname -a": "Linux camera 3.10.14 #1 armv7l GNU/Linux",
        "": "",
    }
    while True:
        writer.write(b"# ")
        line = (await read_line(reader, writer, echo=True)).strip()
        if line in ("exit", "quit", "logout"):
            return
        if line.startswith("echo "):
            answer = ARITHMETIC.sub(_calculate, line[5:]).strip("'\"")
        else:
            answer = answers.get(line, f"sh: {line.split(' ')[0]}: not found")
        writer.write(answer.encode() + b"\r\n")


def _calculate(found: "re.Match[str]") -> str:
    left, right = int(found[1]), int(found[3])
    return str({"*": left * right, "+": left + right, "-": left - right}[found[2]])
