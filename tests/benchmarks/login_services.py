"""The services of the table of logins, and what is true of each: Debian's daemons, and twins.

Each is started anew for every tool, so that none meets what another left behind.
"""

import asyncio
import importlib.util
import re
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ACCESS = ROOT / "tests" / "collect" / "access"
sys.path[:0] = [str(ROOT), str(ACCESS)]

import test_login_daemons  # noqa: E402
import test_login_ftp  # noqa: E402
import test_login_redis  # noqa: E402
import test_login_rtsp  # noqa: E402
import test_login_sessions  # noqa: E402
import test_login_shells  # noqa: E402
import test_login_vnc  # noqa: E402
from twins import auth, locking, pages, rtsp, spa, talks  # noqa: E402
from twins.site import Handler, site  # noqa: E402

_spec = importlib.util.spec_from_file_location("collect_conftest", ACCESS.parent / "conftest.py")
assert _spec
assert _spec.loader
collect: Any = importlib.util.module_from_spec(_spec)
sys.modules["collect_conftest"] = collect
_spec.loader.exec_module(collect)

ADMIN = frozenset({("admin", "admin")})
Words = list[str]


@dataclass
class Running:
    """A started device."""

    services: list[tuple[str, int]]
    """Protocol and port on 127.0.0.1."""
    seen: Callable[[], int] | None = None
    """Attempts on what cannot be read on the way, counted by the service."""
    locked: Callable[[], bool] | None = None


Make = Callable[[Path], AbstractAsyncContextManager[Running]]


@dataclass(frozen=True)
class Row:
    """One line of the table. ``truth``: default, own password, open, any credential, no login, no answer."""

    name: str
    truth: str
    make: Make
    defaults: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    """Without users where the protocol has none."""
    apart: bool = False
    """hydra and nmap get for each service what the plan would try if it were the only one."""
    form: str = ""
    """What hydra must be told of a form: path, fields, and how a failure is known."""


# --- how they are started ---------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@asynccontextmanager
async def daemon(
    folder: Path, protocol: str, begin: Callable[..., None], log: str = ""
) -> AsyncIterator[Running]:
    """``begin(start, port, folder)`` starts it; lines of its log that match ``log`` are attempts."""
    port = free_port()
    stack = AsyncExitStack()
    start = stack.enter_context(collect.daemons(folder))
    try:
        await asyncio.to_thread(begin, start, port, folder)
        yield Running([(protocol, port)], partial(matching, folder / "log", log) if log else None)
    finally:
        await asyncio.to_thread(lambda: asyncio.run(stack.aclose()))


def matching(file: Path, pattern: str) -> int:
    return len(re.findall(pattern, file.read_text("utf-8", "replace")))


def genuine(protocol: str, begin: Callable[..., None], log: str = "") -> Make:
    return lambda folder: daemon(folder, protocol, begin, log)


@asynccontextmanager
async def _talking(protocol: str, make: Callable[[], Any]) -> AsyncIterator[Running]:
    async with collect.serving(make()) as port:
        yield Running([(protocol, port)])


def talking(protocol: str, make: Callable[[], Any]) -> Make:
    return lambda _: _talking(protocol, make)


def web(make: Callable[[], Handler]) -> Make:
    return talking("http", lambda: site(make()))


def lighttpd(scheme: str, password: str) -> Make:
    def begin(start: Any, port: int, folder: Path) -> None:
        test_login_daemons.lighttpd(start, port, folder, scheme, password)

    return genuine("http", begin)


def gstreamer(password: str) -> Make:
    def begin(start: Any, port: int, _: Path) -> None:
        if not test_login_rtsp.has_gstreamer():
            raise FileNotFoundError("GStreamer's RTSP server")
        file = ACCESS / "twins" / "gstreamer.py"
        start(test_login_rtsp.SYSTEM_PYTHON, str(file), str(port), "digest", password, port=port)

    return genuine("rtsp", begin)


def telnetd(program: str) -> Callable[..., None]:
    def begin(start: Any, port: int, folder: Path) -> None:
        words = ("busybox", "telnetd", "-F", "-b", "127.0.0.1", "-p", str(port), "-l", program)
        prefix = collect.account(folder, "admin") if program == "/bin/login" else []
        start(*prefix, *words, port=port)

    return begin


def vsftpd(start: Any, port: int, folder: Path) -> None:
    lines = ("local_enable=YES", "anonymous_enable=NO")
    test_login_ftp.vsftpd(start, port, folder, collect.account(folder, "admin"), *lines)


def vsftpd_anonymous(start: Any, port: int, folder: Path) -> None:
    lines = ("local_enable=NO", "anonymous_enable=YES")
    test_login_ftp.vsftpd(start, port, folder, [], *lines)


def dropbear(start: Any, port: int, folder: Path) -> None:
    key = str(folder / "key")
    test_login_daemons.run("dropbearkey", "-t", "rsa", "-f", key)
    words = ("dropbear", "-F", "-E", "-r", key, "-p", f"127.0.0.1:{port}")
    start(*collect.account(folder, "admin"), *words, port=port)


def openssh(start: Any, port: int, folder: Path) -> None:
    prefix = collect.account(folder, "admin")
    test_login_shells.sshd(start, port, folder, prefix, "UsePAM=no")


def snmpd(*lines: str) -> Callable[..., None]:
    def begin(start: Any, port: int, folder: Path) -> None:
        (folder / "state").mkdir()
        text = [f"[snmp] persistentDir {folder}/state", *lines]
        (folder / "conf").write_text("\n".join([*text, f"agentaddress udp:127.0.0.1:{port}", ""]))
        conf, pid = str(folder / "conf"), str(folder / "pid")
        start("snmpd", "-f", "-Lo", "-C", "-c", conf, "-p", pid)

    return begin


def mosquitto(*lines: str, account: bool = False) -> Callable[..., None]:
    def begin(start: Any, port: int, folder: Path) -> None:
        conf = [f"listener {port} 127.0.0.1", *lines]
        if account:
            file = folder / "users"
            test_login_daemons.run("mosquitto_passwd", "-c", "-b", str(file), "admin", "admin")
            file.chmod(0o644)
            conf.append(f"password_file {file}")
        (folder / "conf").write_text("\n".join([*conf, ""]))
        start("mosquitto", "-c", str(folder / "conf"), port=port)

    return begin


def redis(*options: str) -> Callable[..., None]:
    return lambda start, port, folder: test_login_redis.run(start, port, folder, *options)


def tiger(kinds: str, password: str = "") -> Callable[..., None]:
    def begin(start: Any, port: int, folder: Path) -> None:
        for program in ("Xtigervnc", "vncpasswd"):
            if not shutil.which(program):
                raise FileNotFoundError(program)
        test_login_vnc.tiger(start, port, folder, kinds, password)

    return begin


@asynccontextmanager
async def ssh_none(_: Path) -> AsyncIterator[Running]:
    server, kind = await test_login_sessions.sshd(open_to_all=True)
    async with server:
        yield Running([("ssh", server.get_port())], lambda: len(kind.attempts))


async def mimic(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Prompts of a shell in the banner and in every refusal; no credential opens."""
    typed = talks.Typed(reader)
    writer.write(b"Welcome\r\nroot@cam:~# logged in\r\n$ \r\nlogin: ")
    for _ in range(3):
        await typed.line()
        writer.write(b"Password: ")
        await typed.line()
        writer.write(b"\r\nLogin incorrect\r\n# \r\n> \r\nlogin: ")


def locks(right: dict[str, str]) -> Make:
    """Telnet, FTP, HTTP and SSH of one device with accounts in common."""

    @asynccontextmanager
    async def make(_: Path) -> AsyncIterator[Running]:
        accounts = locking.Accounts(right)
        async with AsyncExitStack() as stack:
            services = []
            for name, talk in (
                ("telnet", locking.telnet),
                ("ftp", locking.ftp),
                ("http", locking.http),
            ):
                bound = partial(talk, accounts)
                services.append((name, await stack.enter_async_context(collect.serving(bound))))
            server = await stack.enter_async_context(await locking.ssh(accounts))
            yield Running(
                [*services, ("ssh", server.get_port())],
                lambda: len(accounts.tried),
                lambda: max(accounts.most.values(), default=0) >= locking.LOCKS_AT,
            )

    return make


# --- the table --------------------------------------------------------------------------------------

# The most that hydra can be told in general: a failure shows the form again, or the word "error".
FORM = "/login:username=^USER^&pw=^PASS^&cmd=login:F=type=password"
JSON = (
    r'/api/auth/login:{"user"\:"^USER^","password"\:"^PASS^"}:H=Content-Type\: application/json'
    ":F=error"
)
DROPBEAR = r"(?i)bad password attempt|login attempt for nonexistent user|password auth succeeded"
OPENSSH = r"(?:Failed|Accepted) password for"
ANY = test_login_sessions.broker(lambda body: 0 if body[7] & 0xC0 else 5)


def of(twins: dict[str, Any], name: str) -> Callable[[], Any]:
    """The twin of that name in a table of ``OPEN`` or ``TRAPS``."""
    found = twins[name]
    return found[0] if isinstance(found, tuple) else found


ROWS = (
    Row("HTTP basic, lighttpd", "default", lighttpd("basic", "admin"), ADMIN),
    Row("HTTP digest, lighttpd", "default", lighttpd("digest-MD5", "admin"), ADMIN),
    Row("HTTP basic, lighttpd", "own password", lighttpd("basic", "zu-7Klo")),
    Row("HTTP any password", "any credential", web(of(auth.TRAPS, "right-user-any-password"))),
    Row("HTTP form", "default", web(of(pages.OPEN, "form")), ADMIN, FORM),
    Row("HTTP form, all 200", "own password", web(of(pages.TRAPS, "all-200")), form=FORM),
    Row("HTTP form, ok false", "own password", web(of(pages.TRAPS, "ok-false")), form=FORM),
    Row("HTTP by JSON", "default", web(of(spa.OPEN, "bearer")), ADMIN, JSON),
    Row("HTTP by JSON, ok false", "own password", web(of(spa.TRAPS, "ok-false")), form=JSON),
    Row("HTTP page", "no login", web(of(pages.TRAPS, "no-login"))),
    Row("RTSP digest, GStreamer", "default", gstreamer("admin"), ADMIN),
    Row("RTSP digest, GStreamer", "own password", gstreamer("zu-7Klo")),
    Row(
        "RTSP 404 before login", "own password", talking("rtsp", of(rtsp.TRAPS, "404-before-auth"))
    ),
    Row("Telnet, busybox", "default", genuine("telnet", telnetd("/bin/login")), ADMIN),
    Row("Telnet, busybox", "open", genuine("telnet", telnetd("/bin/sh"))),
    Row("Telnet, prompts in text", "own password", talking("telnet", lambda: mimic)),
    Row("FTP, vsftpd", "default", genuine("ftp", vsftpd), ADMIN),
    Row("FTP anonymous, vsftpd", "open", genuine("ftp", vsftpd_anonymous)),
    Row("SSH, dropbear", "default", genuine("ssh", dropbear, DROPBEAR), ADMIN),
    Row("SSH, OpenSSH", "default", genuine("ssh", openssh, OPENSSH), ADMIN),
    Row("SSH none", "open", ssh_none),
    Row(
        "SNMP, snmpd",
        "default",
        genuine("snmp", snmpd("rocommunity public", "rwcommunity private")),
        frozenset({("", "public"), ("", "private")}),
    ),
    Row("SNMP, snmpd", "own password", genuine("snmp", snmpd("rocommunity zu-7Klo"))),
    Row(
        "MQTT, mosquitto",
        "default",
        genuine("mqtt", mosquitto("allow_anonymous false", account=True)),
        ADMIN,
    ),
    Row("MQTT, mosquitto", "open", genuine("mqtt", mosquitto("allow_anonymous true"))),
    Row("MQTT any credential", "any credential", talking("mqtt", lambda: ANY)),
    Row(
        "Redis",
        "default",
        genuine("redis", redis("--requirepass", "redis")),
        frozenset({("", "redis")}),
    ),
    Row("Redis", "open", genuine("redis", redis())),
    Row(
        "VNC, TigerVNC",
        "default",
        genuine("vnc", tiger("VncAuth", "password")),
        frozenset({("", "password")}),
    ),
    Row("VNC, TigerVNC", "open", genuine("vnc", tiger("None"))),
    Row("Telnet tarpit", "no answer", talking("telnet", lambda: talks.drip(b"."))),
    Row("locks at 5, 4 services", "own password", locks({"admin": "Zk-81lq", "root": "Zk-81lq"})),
    Row(
        "locks at 5, lists apart",
        "own password",
        locks({"admin": "Zk-81lq", "root": "Zk-81lq"}),
        apart=True,
    ),
    Row(
        "locks at 5, 4 services",
        "default",
        locks({"admin": "admin", "root": "Zk-81lq"}),
        ADMIN,
    ),
)
