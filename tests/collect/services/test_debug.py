"""Debug services on odd ports: genuine gdbserver and OpenOCD, twins of the others, and what mimics them."""

import asyncio
import os
import shutil
import socket
import struct
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.services.debug import REQUESTS, debugger, shell_user
from probe.collect.services.identify import identify, identify_further
from probe.collect.services.signatures import recognise
from probe.collect.services.tcp_probes import FURTHER, PROBES
from probe.model.observation import OpenAccess, Service

HERE = "127.0.0.1"
CNXN = b"CNXN" + struct.pack("<5I", 0x01000000, 4096, 17, 0, 0) + b"device::ro.x=Hub;"
JDWP_REPLY = b"JDWP-Handshake" + struct.pack("!IIBH", 11, 1, 0x80, 0)
TCF = b'E\0Locator\0Hello\0["ZeroCopy","Locator","Processes"]\0\x03\x01'


def says(greeting=b"", **answers):
    async def talk(reader, writer):
        writer.write(greeting)
        while data := await reader.read(4096):
            for start, answer in answers.items():
                if data.startswith(start.encode()):
                    writer.write(answer)

    return talk


async def told(bench, port):
    """Both rounds, as the collector makes them."""
    b = bench(HERE)
    await identify(b.session, HERE, port)
    if b.recorded.facts(Service)[-1].protocol == "unknown":
        await identify_further(b.session, HERE, port)
    return b.recorded.facts(Service)[-1], b.recorded.facts(OpenAccess)


@pytest.mark.parametrize(
    ("talk", "protocol"),
    [
        (says(CNXN=CNXN), "adb"),
        (
            says(**{"$qSupported": b"+$PacketSize=400#%02x" % (sum(b"PacketSize=400") % 256)}),
            "gdbserver",
        ),
        (says(**{"getinfo:": b"xvcServer_v1.0:2048\n"}), "jtag"),
        (says(b"SEGGER J-Link GDB Server V7.94 Command Line\r\n"), "jtag"),
        (says(TCF), "tcf"),
        (says(**{"JDWP-Handshake": JDWP_REPLY}), "jdwp"),
        (says(**{"version\x1a": b"Open On-Chip Debugger 0.12.0\x1a"}), "openocd"),
    ],
    ids=["adb", "gdbserver", "xvc", "segger", "tcf", "jdwp", "openocd tcl"],
)
async def test_twins_on_any_port(bench, serve, talk, protocol):
    async with serve(talk) as port:
        service, access = await told(bench, port)
    assert service.protocol == protocol
    assert access


async def test_an_adb_that_wants_a_key(bench, serve):
    auth = b"AUTH" + struct.pack("<5I", 1, 0, 20, 0, 0) + b"x" * 20
    async with serve(says(CNXN=auth)) as port:
        service, access = await told(bench, port)
    assert service.protocol == "adb"
    assert service.refuses_strangers
    assert not access


async def test_an_echo_is_no_debugger(bench, serve):
    async def echo(reader, writer):
        while data := await reader.read(4096):
            writer.write(data)

    async with serve(echo) as port:
        service, access = await told(bench, port)
    assert service.protocol == "unknown"
    assert not access


@pytest.mark.parametrize(("user", "what"), [("0", "as root"), ("1000", "a command shell")])
async def test_a_shell_that_does_the_sum(bench, serve, user, what):
    async def shell(reader, writer):
        writer.write(b"BusyBox v1.36 (ash)\n/ # ")
        while line := await reader.readline():
            writer.write(line)
            if b"$((6*7))" in line:
                writer.write(b"probe-42-" + user.encode() + b"\n")
            writer.write(b"/ # ")

    async with serve(shell) as port:
        service, [access] = await told(bench, port)
    assert service.protocol == "shell"
    assert what in access.what


async def test_a_painted_prompt_is_no_shell(bench, serve):
    """It shows a prompt and gives back what it is told, and never does the sum."""

    async def painted(reader, writer):
        writer.write(b"root@device:~# ")
        while line := await reader.readline():
            writer.write(line + b"root@device:~# ")

    async with serve(painted) as port:
        service, access = await told(bench, port)
    assert service.protocol == "shell"
    assert not access


async def test_a_genuine_shell(bench, serve):
    async def bridge(reader, writer):
        shell = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-i"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={"PS1": "# "},
        )

        async def out():
            while data := await shell.stdout.read(1024):
                writer.write(data)

        copying = asyncio.ensure_future(out())
        try:
            while data := await reader.read(1024):
                shell.stdin.write(data.replace(b"\r", b""))
        finally:
            shell.stdin.close()
            await shell.wait()
            await copying

    async with serve(bridge) as port:
        service, [access] = await told(bench, port)
    assert service.protocol == "shell"
    assert access.what == "a command shell" + " as root" * (os.geteuid() == 0)


def free_port():
    with socket.socket() as sock:
        sock.bind((HERE, 0))
        return sock.getsockname()[1]


class Daemon:
    """A program in the foreground on a free port, ended by its own process id."""

    def __init__(self, command, port=None):
        self.port = port or free_port()
        self.command = command(self.port)

    def __enter__(self):
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(
            self.command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
        )
        listening = f":{self.port:04X} "
        for _ in range(100):
            with open("/proc/net/tcp") as table, open("/proc/net/tcp6") as table6:
                if any(listening in line and " 0A " in line for line in (*table, *table6)):
                    return self.port
            time.sleep(0.05)
        pytest.fail(f"{self.command[0]} does not listen")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)


@pytest.mark.skipif(not shutil.which("gdbserver"), reason="gdbserver is not installed")
async def test_genuine_gdbserver(bench):
    with Daemon(lambda port: ["gdbserver", f"{HERE}:{port}", "/bin/sleep", "30"]) as port:
        service, [access] = await told(bench, port)
    assert service.protocol == "gdbserver"
    assert access.what == "control of the debugger"


@pytest.mark.skipif(not shutil.which("openocd"), reason="openocd is not installed")
@pytest.mark.parametrize("door", ["telnet", "tcl"])
async def test_genuine_openocd(bench, tmp_path, door):
    config = tmp_path / "dummy.cfg"
    config.write_text("adapter driver dummy\nadapter speed 10\njtag newtap a b -irlen 4\nnoinit\n")

    def command(port):
        other = free_port()
        doors = f"telnet_port {port if door == 'telnet' else other}; "
        doors += f"tcl_port {port if door == 'tcl' else other}; gdb_port disabled; bindto {HERE}"
        return ["openocd", "-c", doors, "-f", str(config)]

    with Daemon(command) as port:
        service, [access] = await told(bench, port)
    assert service.protocol == "openocd"
    assert access.what == "control of the debugger"


def test_a_question_is_no_answer():
    for request in REQUESTS.values():
        assert recognise(request) is None
    assert set(REQUESTS) <= set(FURTHER)
    assert all(PROBES[name] == request for name, request in REQUESTS.items())


def test_a_wrong_checksum_is_no_debugger():
    assert debugger(b"+$PacketSize=400#f6") is None


@given(st.binary(max_size=600))
def test_any_bytes_have_an_answer(data):
    debugger(data)
    shell_user(data)
