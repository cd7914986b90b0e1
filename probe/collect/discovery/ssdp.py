"""SSDP (UPnP Device Architecture 2.0 section 1): search, and listen for what is announced unasked."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from probe.collect.discovery.link import LinkSession
from probe.model.observation import Announced
from probe.model.text import clean

PORT = 1900
GROUPS = {socket.AF_INET: "239.255.255.250", socket.AF_INET6: "ff02::c"}
SEARCH_AT_S = (0.0, 1.0, 2.5)
MAX_MESSAGE, MAX_HEADERS = 4096, 40
MAX_DATAGRAMS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Message:
    """A search response or a notification."""

    usn: str
    kind: str
    location: str
    server: str
    leaving: bool

    def announced(self) -> Announced:
        """The message as an announcement; ``name`` is the unique device name."""
        said = {"usn": self.usn, "location": self.location, "server": self.server}
        return Announced(
            via="ssdp",
            name=self.usn.partition("::")[0],
            kind=self.kind,
            port=location_port(self.location),
            attributes=tuple((key, value) for key, value in said.items() if value),
        )


def parse(datagram: bytes) -> Message | None:
    """The message in a datagram, or None when it is neither response nor notification."""
    lines = datagram[:MAX_MESSAGE].replace(b"\r\n", b"\n").split(b"\n")
    first = lines[0].strip().upper()
    if not first.startswith((b"HTTP/1.1 200", b"NOTIFY * HTTP/1.")):
        return None
    headers: dict[str, str] = {}
    for line in lines[1 : MAX_HEADERS + 1]:
        name, colon, value = line.partition(b":")
        if colon:
            headers.setdefault(clean(name, 40).lower(), clean(value, 300))
    kind = headers.get("nt", "") if first.startswith(b"NOTIFY") else headers.get("st", "")
    usn = headers.get("usn", "")
    if not kind and not usn:
        return None
    return Message(
        usn=usn,
        kind=kind,
        location=headers.get("location", ""),
        server=headers.get("server", ""),
        leaving=headers.get("nts", "").lower() == "ssdp:byebye",
    )


def location_port(location: str) -> int | None:
    """The port in a LOCATION, None when that is not an http URL."""
    try:
        parts = urlsplit(location)
        return (parts.port or 80) if parts.scheme == "http" and parts.hostname else None
    except ValueError:
        return None


def search_request(group: str) -> bytes:
    """M-SEARCH for everything; MX 1 spreads the answers over one second."""
    host = f"[{group}]" if ":" in group else group
    return (
        f"M-SEARCH * HTTP/1.1\r\nHOST: {host}:{PORT}\r\n"
        'MAN: "ssdp:discover"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n'
    ).encode()


class SsdpListener:
    """Hands each message with its sender's address to ``found``."""

    def __init__(self, link: LinkSession, found: Callable[[str, Message, bytes], None]) -> None:
        self._link, self._found = link, found
        self._searching: dict[socket.AddressFamily, socket.socket] = {}
        self._sockets: list[socket.socket] = []

    def start(self) -> bool:
        """Open the sockets; says whether any could be opened."""
        facts = self._link.facts
        loop = asyncio.get_running_loop()
        for family, group in GROUPS.items():
            if not (facts.ipv4 if family == socket.AF_INET else facts.ipv6):
                continue
            with contextlib.suppress(OSError):
                sock = self._link.udp_socket(family)
                self._searching[family] = sock
                self._sockets.append(sock)
            # The well-known port may be taken by another program; then only answers are heard.
            with contextlib.suppress(OSError):
                listening = self._link.udp_socket(family, PORT)
                self._sockets.append(listening)
                self._link.join(listening, group)
        for sock in self._sockets:
            loop.add_reader(sock, self._read, sock)
        return bool(self._searching)

    async def search(self) -> int:
        """Ask three times and wait for the last answers; returns the number of requests sent."""
        sent, loop = 0, asyncio.get_running_loop()
        began = loop.time()
        for at in SEARCH_AT_S:
            await asyncio.sleep(max(0.0, began + at - loop.time()))
            for family, sock in self._searching.items():
                await self._link.pace()
                group = GROUPS[family]
                with contextlib.suppress(OSError):
                    sock.sendto(search_request(group), self._address(family, group))
                    sent += 1
        await asyncio.sleep(1.3)
        return sent

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.remove_reader(sock)
            sock.close()
        self._sockets.clear()

    def _address(
        self, family: socket.AddressFamily, group: str
    ) -> tuple[str, int] | tuple[str, int, int, int]:
        index = self._link.facts.index
        return (group, PORT) if family == socket.AF_INET else (group, PORT, 0, index)

    def _read(self, sock: socket.socket) -> None:
        for _ in range(MAX_DATAGRAMS_AT_ONCE):
            try:
                data, sender = sock.recvfrom(MAX_MESSAGE)
            except OSError:
                return
            message = parse(data)
            if message is not None:
                self._found(sender[0].partition("%")[0], message, data)
