"""DNS service discovery (RFC 6763) by chained browsing: each type that the meta-query names is browsed
as it appears, and the types that devices often leave out of their answer are browsed anyway."""

import asyncio
import contextlib
import logging
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zeroconf import BadTypeInNameException, IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from probe.collect.discovery.link import LinkSession
from probe.model.finding import Owner
from probe.model.observation import Announced
from probe.model.text import clean

META = "_services._dns-sd._udp.local."
TYPE = re.compile(r"_[A-Za-z0-9][A-Za-z0-9_-]{0,14}\._(tcp|udp)\.local\.")
KNOWN_TYPES = tuple(
    f"_{name}.local."
    for name in (
        *("hap._tcp", "hap._udp", "matter._tcp", "matterc._udp", "matterd._udp", "meshcop._udp"),
        *("trel._udp", "esphomelib._tcp", "shelly._tcp", "axis-video._tcp", "rtsp._tcp"),
        *("onvif._tcp", "ipp._tcp", "ipps._tcp", "printer._tcp", "mqtt._tcp", "secure-mqtt._tcp"),
        *("coap._udp", "coaps._udp", "ssh._tcp", "sftp-ssh._tcp", "telnet._tcp", "ftp._tcp"),
        *("http._tcp", "https._tcp", "workstation._tcp", "smb._tcp", "airplay._tcp", "raop._tcp"),
        *("googlecast._tcp", "spotify-connect._tcp", "amzn-wplay._tcp", "ewelink._tcp"),
        *("miio._udp", "hue._tcp", "nut._tcp", "device-info._tcp"),
    )
)
MAX_TYPES, MAX_INSTANCES, MAX_RESOLVES = 128, 512, 6
MAX_KEYS = 40
AT_ONCE = 16
RESOLVE_MS = 3000


@dataclass(frozen=True, slots=True)
class Resolved:
    """A service instance, and the addresses that it says it is reached at: claims, not facts."""

    announced: Announced
    addresses: tuple[str, ...]
    record: bytes
    """What was received, for the evidence."""


class MdnsBrowser:
    """Browses from ``start`` to ``close`` and hands every resolved instance to ``found``."""

    def __init__(self, link: LinkSession, found: Callable[[Resolved], None]) -> None:
        self._link, self._found = link, found
        self._zeroconf: AsyncZeroconf | None = None
        self._browsers: list[AsyncServiceBrowser] = []
        self._types: set[str] = set()
        self._resolves: dict[str, int] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._told = False
        self._full: set[str] = set()

    async def start(self) -> bool:
        """Says whether mDNS can be listened to on this interface."""
        facts = self._link.facts
        interfaces: list[str | int] = [str(facts.ipv4[0].ip)] if facts.ipv4 else []
        if facts.ipv6:
            interfaces.append(facts.index)
        if not interfaces:
            return False
        # Hostile packets are reported at warning level with their content; that is not for a terminal.
        logging.getLogger("zeroconf").setLevel(logging.CRITICAL)
        version = (
            IPVersion.All
            if facts.ipv4 and facts.ipv6
            else IPVersion.V6Only
            if facts.ipv6
            else IPVersion.V4Only
        )
        self._zeroconf = AsyncZeroconf(interfaces=interfaces, ip_version=version)
        _bind_to_interface(self._zeroconf.zeroconf, facts.name)
        await self._zeroconf.zeroconf.async_wait_for_start()
        self._types.update(KNOWN_TYPES)
        self._browse([META])
        self._browse(list(KNOWN_TYPES))
        return True

    async def close(self) -> None:
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        for browser in self._browsers:
            await browser.async_cancel()
        if self._zeroconf is not None:
            await self._zeroconf.async_close()

    def _browse(self, types: list[str]) -> None:
        assert self._zeroconf is not None
        # A type from the network may still be one that zeroconf refuses ("_a--b._tcp"): not browsed.
        with contextlib.suppress(BadTypeInNameException):
            browser = AsyncServiceBrowser(self._zeroconf.zeroconf, types, handlers=[self._changed])
            self._browsers.append(browser)

    def _changed(
        self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        if state_change is ServiceStateChange.Removed:
            return
        if service_type == META:
            if TYPE.fullmatch(name) and name not in self._types:
                if len(self._types) >= MAX_TYPES:
                    self._too_many("types of service", MAX_TYPES)
                    return
                self._types.add(name)
                self._browse([name])
            return
        times = self._resolves.get(name, 0)
        if times >= MAX_RESOLVES:
            return
        if not times and len(self._resolves) >= MAX_INSTANCES:
            self._too_many("services", MAX_INSTANCES)
            return
        self._resolves[name] = times + 1
        task = asyncio.get_running_loop().create_task(self._resolve(service_type, name))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _resolve(self, service_type: str, name: str) -> None:
        assert self._zeroconf is not None
        async with self._at_once:
            try:
                info = AsyncServiceInfo(service_type, name)
                complete = await info.async_request(self._zeroconf.zeroconf, RESOLVE_MS)
                found = resolved(info) if complete or info.server else None
            except OSError as error:
                self._link.note(f"mDNS could not ask on: {error.strerror}", Owner.ENVIRONMENT)
                return
            except Exception as error:  # noqa: BLE001 - a hostile record must not end the browsing
                self._unreadable(name, error)
                return
        if found is not None:
            self._found(found)

    def _too_many(self, what: str, most: int) -> None:
        """Tell a person, once: what comes beyond is not looked at."""
        if what not in self._full:
            self._full.add(what)
            text = f"mDNS announces more than {most} {what}; further ones are passed over"
            self._link.note(text, Owner.NETWORK)

    def _unreadable(self, name: str, error: Exception) -> None:
        """Tell a person of the first one; a hostile device could send thousands."""
        if not self._told:
            self._told = True
            text = f"mDNS records that cannot be read, such as '{clean(name, 80)}', are passed over"
            self._link.note(f"{text} ({type(error).__name__})", Owner.DEVICE)


def resolved(info: AsyncServiceInfo) -> Resolved:
    """The instance as an announcement; all text cleaned, at most MAX_KEYS TXT keys."""
    kind = info.type.removesuffix(".local.")
    instance = info.name.removesuffix("." + info.type)
    attributes = [
        (clean(key, 40), clean(value or b"", 200))
        for key, value in list(info.properties.items())[:MAX_KEYS]
    ]
    if info.server:
        attributes.append(("host", clean(info.server.rstrip("."), 120)))
    addresses = tuple(a.partition("%")[0] for a in info.parsed_addresses()[:16])
    lines = [
        f"{instance!a}.{info.type} SRV {info.port} {info.server!a}",
        f"TXT {(info.text or b'')[:4096].hex()}",
        *(f"address {a}" for a in addresses),
    ]
    return Resolved(
        Announced(
            via="mdns",
            name=clean(instance, 80),
            kind=clean(kind, 60),
            port=info.port or None,
            attributes=tuple(attributes),
        ),
        addresses,
        "\n".join(lines).encode(),
    )


def _bind_to_interface(zeroconf: Zeroconf, name: str) -> None:
    """Linux gives a wildcard socket the multicast of every interface; tie the sockets to ours."""
    engine: Any = getattr(zeroconf, "engine", None)
    listening = getattr(engine, "_listen_socket", None)
    for sock in (listening, *(getattr(engine, "_respond_sockets", None) or ())):
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode())
