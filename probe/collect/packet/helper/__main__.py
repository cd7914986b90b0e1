"""``python -m probe.collect.packet.helper``: commands on stdin, reports on stdout, until stdin ends."""

import asyncio
import os
import signal
import sys

from probe.collect.packet import lines
from probe.collect.packet import protocol as say
from probe.collect.packet.helper import sockets
from probe.collect.packet.helper.engine import Engine, refusal
from probe.collect.packet.privileges import give_up
from probe.errors import ProbeError

MAX_BACKLOG = 8 << 20
"""Bytes of reports that wait for a slow reader; beyond it sightings and flows are not sent."""
MAX_AT_ONCE = 64


class Outlet:
    """Reports to stdout without ever blocking the sockets."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport

    def send(self, report: say.Report) -> bool:
        """Whether there was room for it; what somebody waits for is always sent."""
        backlog = self._transport.get_write_buffer_size()
        needed = isinstance(report, say.Done | say.Answered | say.Ready | say.Refused)
        taken = needed or backlog < MAX_BACKLOG
        if taken:
            self._transport.write(lines.encode(report))
        return taken


async def main() -> int:
    """Returns the exit code: 0 after stdin ended, 2 after a fault of the other side."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=lines.MAX_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    transport, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, sys.stdout.buffer)
    outlet = Outlet(transport)
    try:
        begin = lines.decode_command(await reader.readuntil())
        if not isinstance(begin, say.Begin):
            raise lines.ProtocolFault("Begin was expected")
        engine = _open(begin, outlet)
        if engine is None:
            await _flushed(transport)
            return 0
        await _serve(engine, reader, outlet)
    except asyncio.IncompleteReadError:
        return 0
    except (lines.ProtocolFault, asyncio.LimitOverrunError) as error:
        sys.stderr.write(f"packet helper: {error}\n")
        return 2
    return 0


def _open(begin: say.Begin, outlet: Outlet) -> Engine | None:
    try:
        neighbours = sockets.neighbour_socket(begin.index, begin.interface)
        others = sockets.traffic_socket(begin.interface, begin.mac)
    except PermissionError:
        outlet.send(
            say.Refused(
                reason="raw packets are not permitted (CAP_NET_RAW is missing)",
                owner="environment",
                next_step="Start with sudo, or grant CAP_NET_RAW; 'probe doctor' shows how.",
            )
        )
        return None
    except OSError as error:
        outlet.send(
            say.Refused(
                reason=f"no raw socket on {begin.interface}: {error.strerror or error}",
                owner="environment",
                next_step="Check that the interface is up and is an Ethernet or Wi-Fi interface.",
            )
        )
        return None
    left = give_up()
    engine = Engine(begin, neighbours, others, outlet.send)
    engine.ear.attach(asyncio.get_running_loop())
    outlet.send(say.Ready(interface=begin.interface, privileges=left))
    return engine


async def _serve(engine: Engine, reader: asyncio.StreamReader, outlet: Outlet) -> None:
    reporter = asyncio.create_task(engine.ear.report_traffic())
    # A helper that no longer reports what it sees must end, or its silence would read as quiet.
    reporter.add_done_callback(lambda ended: _tell(reader, ended))
    running: set[asyncio.Task[None]] = {reporter}
    try:
        while True:
            command = lines.decode_command(await reader.readuntil())
            if len(running) > MAX_AT_ONCE:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            work = asyncio.create_task(_obey(engine, command, outlet))
            running.add(work)
            work.add_done_callback(running.discard)
    finally:
        for work in running:
            work.cancel()


def _tell(reader: asyncio.StreamReader, ended: asyncio.Task[None]) -> None:
    error = None if ended.cancelled() else ended.exception()
    if isinstance(error, Exception):
        reader.set_exception(error)


async def _obey(engine: Engine, command: say.Command, outlet: Outlet) -> None:
    try:
        await engine.obey(command)
    except (ProbeError, ValueError, OSError) as error:
        number = getattr(command, "id", 0)
        if isinstance(command, say.Ping):
            outlet.send(say.Answered(id=number, alive=None, macs=()))
        else:
            text = refusal(error)
            outlet.send(say.Done(id=number, sent=0, silent=0, seconds=0.0, problem=text))


async def _flushed(transport: asyncio.WriteTransport) -> None:
    for _ in range(100):
        if transport.get_write_buffer_size():
            await asyncio.sleep(0.01)


if __name__ == "__main__":
    # The helper ends with its stdin. Ctrl-C at the terminal is the main process's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = asyncio.run(main())
    sys.stdout = None  # the pipe transport has closed it
    os._exit(code)
