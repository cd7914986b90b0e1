"""Starts a server of the zoo on a free port of loopback, and ends it by its process id."""

import asyncio
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from zoo.files import Files
from zoo.posture import Posture
from zoo.stubs import serving, stub

HERE = Path(__file__).parent
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PACKAGE = {
    "gnutls-serv": "gnutls-bin",
    "nginx": "nginx-light",
    "coap-server-openssl": "libcoap3-bin",
    "coap-server-gnutls": "libcoap3-bin",
}
START_WITHIN_S = 10.0

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "openssl": (
        "openssl",
        "s_server",
        "-quiet",
        "-naccept",
        "100000",
        "-accept",
        "127.0.0.1:{port}",
    ),
    "gnutls": ("gnutls-serv", "--quiet", "--echo", "--port", "{port}"),
    "nginx": ("nginx", "-e", "{folder}/error.log", "-p", "{folder}", "-c", "{config}"),
    "mosquitto": ("mosquitto", "-c", "{config}"),
    # libcoap serves DTLS one port above the plain one.
    "coap-openssl": ("coap-server-openssl", "-A", "127.0.0.1", "-p", "{port_below}"),
    "coap-gnutls": ("coap-server-gnutls", "-A", "127.0.0.1", "-p", "{port_below}"),
    "tlslite": (sys.executable, str(HERE / "serve_tlslite.py"), "{port}", "{chain}", "{key}"),
    "pyopenssl": (
        *(sys.executable, str(HERE / "serve_pyopenssl.py")),
        *("{transport}", "{port}", "{chain}", "{key}"),
    ),
}
WITH_CERTIFICATE: Mapping[str, tuple[str, ...]] = {
    "openssl": ("-cert", "{chain}", "-key", "{key}", "-cert_chain", "{root}"),
    "gnutls": ("--x509certfile", "{chain}", "--x509keyfile", "{key}"),
    "coap-openssl": ("-c", "{chain}", "-j", "{key}"),
    "coap-gnutls": ("-c", "{chain}", "-j", "{key}"),
}
SECOND_CERTIFICATE: Mapping[str, tuple[str, ...]] = {
    "openssl": ("-dcert", "{chain}", "-dkey", "{key}", "-dcert_chain", "{root}"),
    "gnutls": ("--x509certfile", "{chain}", "--x509keyfile", "{key}"),
}
WITHOUT_CERTIFICATE: Mapping[str, tuple[str, ...]] = {"openssl": ("-nocert",)}


class NotInstalled(LookupError):
    """The program that the server needs is not there."""


@asynccontextmanager
async def running(posture: Posture, files: Files, *, pace: float = 1.0) -> AsyncIterator[int]:
    """The server, listening; yields its port. Raises NotInstalled."""
    if posture.program == "stub":
        first = x509.load_pem_x509_certificates(files.chain("rsa").read_bytes())[0]
        async with serving(stub(posture, first.public_bytes(Encoding.DER), pace)) as port:
            yield port
        return
    with tempfile.TemporaryDirectory(prefix="probe-zoo-") as folder:
        port = _free_port(posture.transport)
        argv = _command(posture, files, Path(folder), port)
        program = shutil.which(argv[0], path=PATH) or shutil.which(argv[0])
        if program is None:
            package = PACKAGE.get(argv[0], argv[0])
            raise NotInstalled(f"{argv[0]} (Debian package {package}) is not installed")
        async with _process([program, *argv[1:]], Path(folder), posture.transport, port):
            yield port


def _command(posture: Posture, files: Files, folder: Path, port: int) -> list[str]:
    first, _, second = posture.certificate.partition("+")
    config = folder / "server.conf"
    words = {
        "port": str(port),
        "port_below": str(port - 1),
        "folder": str(folder),
        "config": str(config),
        "files": str(files.folder),
        "transport": posture.transport,
    }
    of = {kind: words | _paths(files, kind) for kind in ("rsa", "ec")}
    mine = of.get(first, of["rsa"])
    if posture.config:
        config.write_text(_filled(posture.config, mine))
    program = posture.program
    argv = [_filled(word, mine) for word in COMMANDS[program]]
    if first == "none":
        argv += WITHOUT_CERTIFICATE.get(program, ())
    else:
        argv += [_filled(word, mine) for word in WITH_CERTIFICATE.get(program, ())]
    if second:
        argv += [_filled(word, of[second]) for word in SECOND_CERTIFICATE[program]]
    return argv + [_filled(word, mine) for word in posture.options]


def _paths(files: Files, kind: str) -> dict[str, str]:
    return {
        "chain": str(files.chain(kind)),
        "key": str(files.key(kind)),
        "root": str(files.root(kind)),
    }


def _filled(text: str, words: Mapping[str, str]) -> str:
    """Only the known words in braces: configuration files have braces of their own."""
    for name, value in words.items():
        text = text.replace("{" + name + "}", value)
    return text


@asynccontextmanager
async def _process(
    argv: Sequence[str], folder: Path, transport: str, port: int
) -> AsyncIterator[None]:
    log = folder / "log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.PIPE, stdout=output, stderr=output
        )
    try:
        async with asyncio.timeout(START_WITHIN_S):
            while not _listens(transport, port):
                if process.returncode is not None:
                    said = log.read_text(errors="replace")[-400:]
                    raise RuntimeError(f"{argv[0]} ended with {process.returncode}: {said}")
                await asyncio.sleep(0.01)
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _listens(transport: str, port: int) -> bool:
    """Asked of the kernel, so that the server has met nobody when the measurement begins."""
    state = {"tcp": "0A", "udp": "07"}[transport]
    for table in (f"/proc/net/{transport}", f"/proc/net/{transport}6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            columns = row.split()
            if columns[3] == state and int(columns[1].rpartition(":")[2], 16) == port:
                return True
    return False


def _free_port(transport: str) -> int:
    """A free port whose neighbour below is free too."""
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    for _ in range(50):
        with socket.socket(socket.AF_INET, kind) as one, socket.socket(socket.AF_INET, kind) as two:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                two.bind(("127.0.0.1", port - 1))
            except OSError:
                continue
            return port
    raise RuntimeError("no two free ports beside each other")
