"""FTP as cheap devices have it: a login, or none, and one read-only folder."""

import asyncio
from collections.abc import Callable

LISTING = b"-rw-r--r--    1 0        0           20480 Jan 01  2020 config.bak\r\n"


class Ftp:
    """``check`` says whether a user name and password are let in."""

    def __init__(self, banner: str, check: Callable[[str, str], bool]) -> None:
        self.banner, self.check = banner, check

    async def serve(self, host: str, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._connected, host, port, limit=1024)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(self, writer)
        try:
            writer.write(f"220 {self.banner}\r\n".encode())
            while not session.ended:
                line = await asyncio.wait_for(reader.readline(), 30.0)
                if not line:
                    break
                await session.command(line.decode(errors="replace").strip())
                await writer.drain()
        except (OSError, TimeoutError, ValueError):
            pass  # The client hung up, fell asleep or sent no line end.
        finally:
            await session.close_data()
            writer.close()


class _Session:
    def __init__(self, ftp: Ftp, writer: asyncio.StreamWriter) -> None:
        self.ftp, self.writer = ftp, writer
        self.username, self.inside, self.ended = "", False, False
        self.data: asyncio.Server | None = None

    async def command(self, line: str) -> None:
        verb, _, argument = line.partition(" ")
        verb = verb.upper()
        if verb == "USER":
            self.username = argument
            self.say("331 Please specify the password.")
        elif verb == "PASS":
            self.inside = self.ftp.check(self.username, argument)
            self.say("230 Login successful." if self.inside else "530 Login incorrect.")
        elif verb == "QUIT":
            self.ended = True
            self.say("221 Goodbye.")
        elif verb in ("SYST", "FEAT", "NOOP", "AUTH"):
            self.say(
                {"SYST": "215 UNIX Type: L8", "NOOP": "200 OK"}.get(verb, "502 Not implemented.")
            )
        elif not self.inside:
            self.say("530 Please login with USER and PASS.")
        else:
            await self._inside(verb)

    async def _inside(self, verb: str) -> None:
        if verb == "PWD":
            self.say('257 "/" is the current directory')
        elif verb in ("TYPE", "CWD"):
            self.say("200 OK")
        elif verb in ("PASV", "EPSV"):
            await self._passive(verb)
        elif verb in ("LIST", "NLST") and self.data is not None:
            self.say("150 Here comes the directory listing.")
            self.say("226 Directory send OK.")
        else:
            self.say("550 Permission denied.")

    async def _passive(self, verb: str) -> None:
        await self.close_data()
        host = self.writer.get_extra_info("sockname")[0]
        self.data = await asyncio.start_server(_send_listing, host, 0)
        port = self.data.sockets[0].getsockname()[1]
        if verb == "EPSV":
            self.say(f"229 Entering Extended Passive Mode (|||{port}|)")
        else:
            numbers = ",".join([*host.split("."), str(port >> 8), str(port & 255)])
            self.say(f"227 Entering Passive Mode ({numbers}).")

    def say(self, text: str) -> None:
        self.writer.write(text.encode() + b"\r\n")

    async def close_data(self) -> None:
        if self.data is not None:
            self.data.close()
            self.data = None


async def _send_listing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(LISTING)
    writer.close()
