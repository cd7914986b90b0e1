"""What every collector gets, and its only way out: scope guard, budget and evidence recorder in one.

A collector that wants bytes on the network asks its DeviceSession. Nothing else in ``probe.collect``
opens a socket to a device, except the packet helper, which checks the same scope.
"""

import asyncio
import errno
import ipaddress
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from probe.collect.answers import OWN_TROUBLE, NoAnswer, Why
from probe.collect.budget import Budget
from probe.collect.datagrams import Datagrams
from probe.collect.recording import Recorder, Recording
from probe.collect.scope import ScopeGuard
from probe.collect.together import answer_within
from probe.collect.wire import Transcript, Wire
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.evidence import EvidenceRef
from probe.model.plan import Plan


class PortState(StrEnum):
    """Filtered, closed and silent are three different words."""

    OPEN = "open"
    CLOSED = "closed"
    FILTERED = "filtered"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Datagram:
    """One UDP answer."""

    data: bytes
    address: str
    port: int


class DeviceSession(Recording):
    """One device, one budget, one job: what may be sent, and what is recorded."""

    def __init__(
        self,
        *,
        job: str,
        collector: str,
        plan: Plan,
        guard: ScopeGuard,
        budget: Budget,
        recorder: Recorder,
        view: Callable[[], Dut],
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(job=job, collector=collector, recorder=recorder, view=view, clock=clock)
        self.plan, self.guard, self.budget = plan, guard, budget
        self.source = ""
        """An address of the interface of the test network to speak from; empty: as the kernel chooses."""
        self.opening: Callable[[Wire], Awaitable[None]] | None = None
        """What is said first on every connection of this job, such as a request to begin TLS."""
        self.tell: Callable[[str], None] = lambda _: None
        """For the person who waits, such as how long it will take; no fact, and nothing depends on it."""

    # --- TCP ---------------------------------------------------------------------------------

    @asynccontextmanager
    async def connect(
        self, address: str, port: int, *, within: float = 5.0, abort: bool = False
    ) -> AsyncIterator[Wire]:
        """An open TCP connection; it is closed fully at the end, with a RST when ``abort``.

        Raises OutOfScope before a packet leaves, NoAnswer when no connection comes about.
        """
        self.guard.check(address)
        transcript = Transcript(endpoint("tcp", address, port))
        async with self.budget.connection():
            await self.budget.packet()
            sock = self._socket(address, socket.SOCK_STREAM)
            try:
                await self._connected(sock, address, port, within)
                self.budget.spent()
            except BaseException:
                sock.close()
                raise
            wire = Wire(sock, self.budget, transcript, within)
            try:
                if self.opening is not None:
                    await self.opening(wire)
                yield wire
            finally:
                await wire.close(abort=abort)

    @asynccontextmanager
    async def raw_connection(
        self, address: str, port: int, *, within: float = 5.0, packets: int = 20
    ) -> AsyncIterator[socket.socket]:
        """A connected non-blocking socket for a library that wants to own one (asyncssh, ssl).

        ``packets`` is what the whole conversation is expected to cost; it is charged in advance. The
        caller records what was said.
        """
        self.guard.check(address)
        async with self.budget.connection():
            await self.budget.packet()
            sock = self._socket(address, socket.SOCK_STREAM)
            try:
                await self._connected(sock, address, port, within)
                self.budget.spent(packets)
                yield sock
            finally:
                sock.close()

    async def knock(
        self, address: str, port: int, *, patience: float, within: float
    ) -> tuple[PortState, float]:
        """Whether a port accepts connections, and the seconds until that was known.

        The device's connection slot is given back after ``patience`` seconds without an answer, so
        that silent ports do not stall the scan; the answer is awaited until ``within``. Raises
        NoAnswer(LOCAL) when the probe itself could not ask.
        """
        self.guard.check(address)
        async with AsyncExitStack() as slot:
            await slot.enter_async_context(self.budget.connection(of_many=True))
            with self._socket(address, socket.SOCK_STREAM) as sock:
                # A RST on close: the device keeps no half-closed socket for a port scan.
                linger = struct.pack("ii", 1, 0)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                await self.budget.packet()
                began = time.monotonic()
                attempt = asyncio.ensure_future(self._connected(sock, address, port, within))
                try:
                    done, _ = await asyncio.wait({attempt}, timeout=patience)
                    if not done:
                        await slot.aclose()
                    await attempt
                except NoAnswer as error:
                    if error.why is Why.LOCAL:
                        raise
                    state = PortState(error.why.value)
                else:
                    state = PortState.OPEN
                    self.budget.spent(2)
                finally:
                    # Cut off on the way, it must let go of the socket before that is closed.
                    attempt.cancel()
                    await asyncio.wait({attempt})
                return state, time.monotonic() - began

    # --- UDP ---------------------------------------------------------------------------------

    async def ask(
        self,
        address: str,
        port: int,
        payload: bytes,
        *,
        within: float = 1.0,
        tries: int = 2,
        more_within: float = 0.0,
        any_port: bool = False,
        at_most: int = 16,
    ) -> tuple[list[Datagram], EvidenceRef]:
        """Send a datagram and collect what comes back, with the transcript kept as evidence.

        After the first answer further ones are awaited for ``more_within`` seconds, up to
        ``at_most``. ``any_port`` accepts answers from another port of the address (TFTP). Raises
        NoAnswer(CLOSED) on ICMP port unreachable, NoAnswer(SILENT) after every try; its ``proof`` is
        the transcript.
        """
        self.guard.check(address)
        transcript = Transcript(endpoint("udp", address, port))
        sock = self._socket(address, socket.SOCK_DGRAM)
        loop = asyncio.get_running_loop()
        answers: list[Datagram] = []
        try:
            if any_port:
                # Linux tells an unconnected socket of ICMP errors only when asked to (ip(7), ipv6(7)).
                level, option = (41, 25) if ":" in address else (0, 11)
                sock.setsockopt(level, option, 1)
            else:
                sock.connect(self._sockaddr(address, port))
            for _ in range(tries):
                await self.budget.packet()
                transcript.add(">", payload)
                if any_port:
                    await loop.sock_sendto(sock, payload, self._sockaddr(address, port))
                else:
                    await loop.sock_sendall(sock, payload)
                until = time.monotonic() + within
                while len(answers) < at_most and (left := until - time.monotonic()) > 0:
                    try:
                        data, sender = await answer_within(loop.sock_recvfrom(sock, 65_535), left)
                    except TimeoutError:
                        break
                    source = sender[0].partition("%")[0] if any_port else address
                    if ipaddress.ip_address(source) != ipaddress.ip_address(address):
                        continue
                    transcript.add("<", data)
                    answers.append(Datagram(data, source, sender[1] if any_port else port))
                    until = min(until, time.monotonic() + more_within)
                if answers:
                    return answers, self.keep_transcript(transcript, f"UDP {port} answer")
            transcript.remark(f"no answer to {tries} datagrams, {within} s each")
            proof = self.keep_transcript(transcript, f"UDP {port} silence")
            raise NoAnswer(Why.SILENT, f"no answer to {tries} datagrams", proof)
        except OSError as error:
            if answers:
                # It answered, and then closed the port: the answer was heard all the same.
                transcript.remark(f"ICMP: {error.strerror}")
                return answers, self.keep_transcript(transcript, f"UDP {port} answer")
            raise self._refusal(error, transcript, port) from None
        finally:
            sock.close()

    def _refusal(self, error: OSError, transcript: Transcript, port: int) -> NoAnswer:
        """What an error of a UDP socket says: trouble of our own, a closed port, or a filter."""
        if error.errno in OWN_TROUBLE:
            return NoAnswer(Why.LOCAL, error.strerror or str(error))
        why = Why.CLOSED if error.errno == errno.ECONNREFUSED else Why.FILTERED
        transcript.remark(f"ICMP: {error.strerror}")
        proof = self.keep_transcript(transcript, f"UDP {port} refusal")
        return NoAnswer(why, error.strerror or str(error), proof)

    @asynccontextmanager
    async def datagrams(self, address: str, port: int) -> AsyncIterator[Datagrams]:
        """A conversation over UDP that needs more than a question and its answers (DTLS).

        It takes the place of a connection: a small device has no more room for it. Raises OutOfScope
        before a packet leaves, NoAnswer(LOCAL) when the probe itself cannot send.
        """
        self.guard.check(address)
        async with self.budget.connection():
            with self._socket(address, socket.SOCK_DGRAM) as sock:
                try:
                    sock.connect(self._sockaddr(address, port))
                except OSError as error:
                    raise NoAnswer(Why.LOCAL, error.strerror or str(error)) from None
                transcript = Transcript(endpoint("udp", address, port))
                yield Datagrams(sock, self.budget, transcript)

    # --- sockets -----------------------------------------------------------------------------

    def _socket(self, address: str, kind: socket.SocketKind) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        interface = self.guard.interface_for(address)
        sock = socket.socket(family, kind)
        sock.setblocking(False)
        try:
            # Bound to the interface, so that a route elsewhere can never carry the packet.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
            inside = interface == self.guard.scope.interface
            if inside and self.source and (":" in self.source) == (":" in address):
                sock.bind(self._sockaddr(self.source, 0))
        except OSError as error:
            sock.close()
            if error.errno in OWN_TROUBLE:
                raise NoAnswer(Why.LOCAL, f"{interface}: {error.strerror}") from None
            raise
        return sock

    def _sockaddr(self, address: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
        if ":" not in address:
            return (address, port)
        zone = socket.if_nametoindex(self.guard.interface_for(address))
        return (address, port, 0, zone if ipaddress.ip_address(address).is_link_local else 0)

    async def _connected(self, sock: socket.socket, address: str, port: int, within: float) -> None:
        loop = asyncio.get_running_loop()
        began = time.monotonic()
        try:
            await answer_within(loop.sock_connect(sock, self._sockaddr(address, port)), within)
        except TimeoutError:
            raise NoAnswer(Why.SILENT, f"no answer within {within:.1f} s") from None
        except ConnectionRefusedError:
            raise NoAnswer(Why.CLOSED, "connection refused") from None
        except OSError as error:
            if error.errno in OWN_TROUBLE:
                raise NoAnswer(Why.LOCAL, error.strerror or str(error)) from None
            # The kernel gives the same error for a filter's ICMP message, which comes at once, and for
            # a neighbour that answers no ARP or ND, which it only knows after its own retries.
            unheard = error.errno == errno.EHOSTUNREACH and time.monotonic() - began > 0.9
            why = Why.SILENT if unheard else Why.FILTERED
            raise NoAnswer(why, error.strerror or str(error)) from None
