"""Host keys of Debian's OpenSSH and dropbear, of servers that break off, and the codec under fuzz."""

import asyncio
import base64
import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.ssh.collector import COLLECTOR
from probe.collect.ssh.kexinit import MAX_BEFORE, Hello, SshFormatError, read_hello
from probe.model.observation import NotMeasured, Service
from probe.model.service import SshHostKeys

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
needs_sshd = pytest.mark.skipif(not Path(SSHD).exists(), reason="sshd is not installed")
needs_dropbear = pytest.mark.skipif(not shutil.which("dropbear"), reason="no dropbear")


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def read(bench: Any, port: int) -> Any:
    made = bench("127.0.0.1")
    made.session.observe(
        Service(transport="tcp", address="127.0.0.1", port=port, protocol="ssh"),
        made.session.keep(b"banner", media_type="text/plain", caption="banner"),
    )
    (task,) = COLLECTOR.tasks(made.dut, made.session.plan)
    await task.work(made.session)
    return made.recorded


def fingerprint(public: str) -> str:
    digest = hashlib.sha256(base64.b64decode(public.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


# --- genuine daemons ---


@needs_sshd
async def test_openssh_shows_one_key_of_each_kind(
    bench: Any, start: Any, port: int, tmp_path: Path
) -> None:
    Path("/run/sshd").mkdir(exist_ok=True)
    made = {}
    for kind in ("ed25519", "ecdsa", "rsa"):
        run("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", f"{tmp_path}/{kind}")
        made[kind] = fingerprint((tmp_path / f"{kind}.pub").read_text())
    keys = [word for kind in made for word in ("-h", f"{tmp_path}/{kind}")]
    options = ("-oListenAddress=127.0.0.1", "-oPidFile=none", "-oUsePAM=no")
    start(SSHD, "-D", "-e", "-f", "/dev/null", *keys, "-p", str(port), *options, port=port)
    got = await read(bench, port)
    (fact,) = got.facts(SshHostKeys)
    assert [k.fingerprint for k in fact.keys] == list(made.values())
    assert [k.algorithm for k in fact.keys] == [
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ssh-rsa",
    ]
    assert fact.unread == ()
    assert fact.identification.startswith("SSH-2.0-OpenSSH")
    assert got.facts(NotMeasured) == []
    for key in fact.keys:
        (shown,) = key.evidence
        assert fingerprint(got.evidence[shown].decode()) == key.fingerprint


@needs_dropbear
@pytest.mark.parametrize(("kind", "unread"), [("rsa", ()), ("ed25519", ("rsa",))])
async def test_dropbear_shows_the_one_key_that_it_has(
    bench: Any, start: Any, port: int, tmp_path: Path, kind: str, unread: tuple[str, ...]
) -> None:
    key = str(tmp_path / "key")
    said = run("dropbearkey", "-t", kind, "-f", key)
    public = next(line for line in said.splitlines() if line.startswith("ssh-"))
    listen = f"127.0.0.1:{port}"
    start("dropbear", "-F", "-E", "-r", key, "-p", listen, "-P", f"{tmp_path}/pid", port=port)
    (fact,) = (await read(bench, port)).facts(SshHostKeys)
    assert [k.fingerprint for k in fact.keys] == [fingerprint(public)]
    # dropbear 2022.83 offers RSA without such a key, and its child ends when that is chosen.
    assert fact.unread == unread


# --- servers that break off ---


def kexinit(*host_keys: str) -> bytes:
    lists = ["curve25519-sha256", ",".join(host_keys), *["aes128-ctr"] * 2, *["hmac-sha2-256"] * 2]
    lists += ["none", "none", "", ""]
    named = b"".join(len(text).to_bytes(4) + text.encode() for text in lists)
    payload = b"\x14" + bytes(16) + named + bytes(5)
    padding = 4 + -(5 + len(payload) + 4) % 8
    return (len(payload) + padding + 1).to_bytes(4) + bytes([padding]) + payload + bytes(padding)


async def test_what_is_offered_and_not_proved_is_told_as_not_read(bench: Any, serve: Any) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-lame\r\n" + kexinit("ssh-ed25519", "ssh-rsa"))
        await reader.readuntil(b"\n")

    async with serve(talk) as port:
        got = await read(bench, port)
    (fact,) = got.facts(SshHostKeys)
    assert (fact.keys, fact.unread) == ((), ("ed25519", "rsa"))
    assert len(got.facts(NotMeasured)) == 2


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (b"", "did not come whole"),
        (b"SSH-2.0-x\r\n", "did not come whole"),
        (b"SSH-2.0-x\r\n" + kexinit("ssh-rsa")[:-20], "did not come whole"),
        (b"SSH-2.0-x\r\nHTTP/1.1 400 Bad Request\r\n\r\n", "no list of algorithms follows"),
        (b"nonsense\r\n" * 200, "many lines"),
    ],
)
async def test_no_list_of_algorithms_is_no_answer(
    bench: Any, serve: Any, words: bytes, reason: str
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await writer.drain()
        await reader.readuntil(b"\n")

    async with serve(talk) as port:
        got = await read(bench, port)
    assert got.facts(SshHostKeys) == []
    (gap,) = got.facts(NotMeasured)
    assert reason in gap.reason
    assert gap.subject == f"tcp 127.0.0.1:{port} host keys"
    assert gap.owner == "device"


async def test_a_closed_port_is_no_answer(bench: Any, port: int) -> None:
    got = await read(bench, port)
    assert got.facts(SshHostKeys) == []
    assert "closed" in got.facts(NotMeasured)[0].reason


# --- the codec ---

GREETING = b"welcome\r\nSSH-2.0-y\r\n" + kexinit("ssh-ed25519", "ssh-rsa")


def test_the_names_are_read_from_any_number_of_pieces() -> None:
    wanted = Hello(b"SSH-2.0-y", ("ssh-ed25519", "ssh-rsa"))
    assert read_hello(GREETING) == wanted
    assert read_hello(GREETING + b"more") == wanted
    assert all(read_hello(GREETING[:n]) is None for n in range(len(GREETING)))
    with pytest.raises(SshFormatError):
        read_hello(b"\n" * (MAX_BEFORE + 1))


@given(st.binary(max_size=200), st.integers(0, len(GREETING)), st.integers(0, len(GREETING)))
def test_garbage_is_refused_and_nothing_else_is_raised(data: bytes, at: int, end: int) -> None:
    for text in (data, b"SSH-2.0-z\n" + data, GREETING[:at] + data + GREETING[end:]):
        try:
            hello = read_hello(text)
        except SshFormatError:
            continue
        assert hello is None or hello.identification.startswith(b"SSH-")
