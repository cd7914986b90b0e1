"""The five reference devices of the demonstration network."""

import asyncio
import contextlib
import hashlib
import ipaddress
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from probe.demo.devices.fragile import Fragile
from probe.demo.devices.ftp import Ftp
from probe.demo.devices.http import Request, Response, page, serve_http
from probe.demo.devices.silent import NeighbourResponder
from probe.demo.devices.snmp import SnmpAgent
from probe.demo.devices.telnet import TelnetLogin

LOOPBACK_PORTS = {21: 2121, 23: 2323, 80: 8080, 161: 1161, 443: 8443}
UPDATE_SERVER = "updates.camera.example"
FIRMWARE_PATH = "/firmware/camera-1.2.3.bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a device lives: its own namespace, or a loopback address with high ports."""

    address: str
    interface: str = "eth0"
    loopback: bool = False
    update_server: str = ""
    state: Path | None = None
    link_local: str = ""

    def port(self, number: int) -> int:
        """The port a service really listens on."""
        return LOOPBACK_PORTS.get(number, number) if self.loopback else number


async def camera(place: Place) -> None:
    """Everything wrong that cheap cameras have wrong."""
    from probe.demo.devices.certs import context, weak_pem

    async def web(request: Request) -> Response:
        if request.basic() != ("admin", "admin"):
            challenge = 'Basic realm="IPC-100 camera"'
            return page(
                "401", "Login required", 401, WWW_Authenticate=challenge, Server="IPC-100/1.2.3"
            )
        return page("IPC-100", "<h1>IPC-100</h1><a href='/video'>Video</a>", Server="IPC-100/1.2.3")

    await serve_http(web, place.address, place.port(80))
    tls = context(weak_pem("camera"), legacy=True)
    await serve_http(web, place.address, place.port(443), context=tls)
    await TelnetLogin("IPC-100 camera", "admin", "admin").serve(place.address, place.port(23))
    ftp = Ftp("IPC-100 FTP server (version 1.2.3)", lambda user, _: user in ("anonymous", "ftp"))
    await ftp.serve(place.address, place.port(21))
    if not place.loopback:
        await _only_on_ipv6(9000)
        _background(_announce(place.address))
    if place.update_server:
        _background(_update_forever(place.update_server, 8080 if place.loopback else 80))


async def lamp(place: Place) -> None:
    """One HTTPS port, done well."""
    from probe.demo.devices.certs import context, good_pem

    password = secrets.token_urlsafe(12)  # printed on this unit's label and nowhere else
    sessions: set[str] = set()
    form = (
        "<form method='post' action='/login'><input name='username'>"
        "<input name='password' type='password'><button>Log in</button></form>"
    )

    guards = {
        "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
    }

    async def guarded(request: Request) -> Response:
        answer = await web(request)
        answer.headers.update(guards)
        return answer

    async def web(request: Request) -> Response:
        cookie = request.headers.get("cookie", "").partition("session=")[2].partition(";")[0]
        if request.method == "POST" and request.path == "/login":
            fields = request.form()
            given = fields.get("password", "")
            await asyncio.sleep(0.3)
            if fields.get("username") == "owner" and secrets.compare_digest(
                given.encode(), password.encode()
            ):
                token = secrets.token_urlsafe(16)
                sessions.add(token)
                flags = "Secure; HttpOnly; SameSite=Strict"
                return page("", "", 302, Location="/", Set_Cookie=f"session={token}; {flags}")
            return page("Log in", f"<p>Wrong user name or password.</p>{form}", 401)
        if request.path not in ("/", "/login", "/settings"):
            return page("Not found", "Not found", 404)
        if cookie in sessions:
            return page("Lamp", "<h1>Lamp</h1><a href='/logout'>Log out</a>")
        if request.path == "/settings":
            return page("", "", 302, Location="/login")
        return page("Log in", form)

    tls = context(good_pem("lamp.example", place.address), legacy=False)
    await serve_http(guarded, place.address, place.port(443), context=tls)


async def sensor(place: Place) -> None:
    """A status page, and a stack that can bear very little."""

    async def web(request: Request) -> Response:
        if request.path != "/":
            return page("Not found", "Not found", 404)
        return page("Sensor", "<p>21.5 degrees</p>")

    await serve_http(web, place.address, place.port(80))
    fragile = Fragile(place.interface, frozenset({place.port(80)}), place.state)
    if not place.loopback:
        # The machine's loopback carries the packets of everybody: only a cable can be counted on.
        fragile.watch()
    _background(fragile.keep_state())


async def plug(place: Place) -> None:
    """Answers ARP and neighbour solicitations, nothing else."""
    NeighbourResponder(interface=place.interface, ipv4=place.address, ipv6=place.link_local).start()


async def gateway(place: Place) -> None:
    """Where the camera's firmware comes from; its SNMP community is everybody's guess."""
    firmware = bytes.fromhex("27051956") + b"IPC-100 1.2.3\x00" + _noise(49_152)

    async def web(request: Request) -> Response:
        if request.path == FIRMWARE_PATH:
            return Response(body=firmware, content_type="application/octet-stream")
        if request.path == "/":
            return page("Updates", "Firmware downloads")
        return page("Not found", "Not found", 404)

    await serve_http(web, place.address, place.port(80))
    await SnmpAgent("public", "Gateway GW-5 software 2.0.1", "gateway").serve(
        place.address, place.port(161)
    )


TWINS: dict[str, Callable[[Place], Awaitable[None]]] = {
    "camera": camera,
    "lamp": lamp,
    "sensor": sensor,
    "plug": plug,
    "gateway": gateway,
}

_running: set["asyncio.Task[None]"] = set()


def _background(work: Awaitable[None]) -> None:
    task = asyncio.ensure_future(work)
    _running.add(task)


async def _only_on_ipv6(port: int) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(b"IPC-100 service port\r\n> ")
            await writer.drain()
            await asyncio.sleep(5.0)
        writer.close()

    sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("::", port))
    await asyncio.start_server(greet, sock=sock)


async def _announce(address: str) -> None:
    from zeroconf import IPVersion
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

    info = AsyncServiceInfo(
        "_http._tcp.local.",
        "IPC-100 camera._http._tcp.local.",
        port=80,
        parsed_addresses=[address],
        properties={"manufacturer": "Example Optics", "model": "IPC-100", "fw": "1.2.3"},
        server="ipc-100.local.",
    )
    announcer = AsyncZeroconf(interfaces=[address], ip_version=IPVersion.V4Only)
    await announcer.async_register_service(info)
    await asyncio.Event().wait()  # keeps the announcer, which answers queries meanwhile


async def _update_forever(server: str, port: int) -> None:
    """Fetch the firmware now and then, unencrypted, and look at nothing but its name."""

    async def once() -> None:
        reader, writer = await asyncio.open_connection(server, port)
        try:
            head = f"GET {FIRMWARE_PATH} HTTP/1.1\r\nHost: {UPDATE_SERVER}\r\n"
            agent = "User-Agent: IPC-100/1.2.3\r\nConnection: close\r\n\r\n"
            writer.write((head + agent).encode())
            while await reader.read(65_536):
                pass
        finally:
            writer.close()

    while True:
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(once(), 5.0)
        await asyncio.sleep(4.0)


def _noise(size: int) -> bytes:
    """Bytes without structure, as a compressed image has, the same every time."""
    blocks = (hashlib.sha256(b"firmware %d" % n).digest() for n in range(size // 32))
    return b"".join(blocks)


def own_link_local(mac: str) -> str:
    """The EUI-64 link-local address of a MAC address (RFC 4291 appendix A)."""
    raw = bytes.fromhex(mac.replace(":", ""))
    iid = bytes((raw[0] ^ 2,)) + raw[1:3] + b"\xff\xfe" + raw[3:]
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + iid))


async def run(name: str, place: Place) -> None:
    """Be the device until ended from outside; says ``ready`` on standard output when it is one."""
    await TWINS[name](place)
    os.write(1, b"ready\n")
    await asyncio.Event().wait()
