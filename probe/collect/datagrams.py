"""One UDP conversation with the device from one port of ours, with everything said on record."""

import asyncio
import errno
import socket

from probe.collect.answers import OWN_TROUBLE, NoAnswer, Why
from probe.collect.budget import Budget
from probe.collect.together import answer_within
from probe.collect.wire import Transcript


class Datagrams:
    """Made by ``DeviceSession.datagrams`` only. The socket hears nobody but its peer."""

    def __init__(self, sock: socket.socket, budget: Budget, transcript: Transcript) -> None:
        self._sock, self._budget = sock, budget
        self._loop = asyncio.get_running_loop()
        self.transcript = transcript

    async def send(self, data: bytes) -> None:
        """Raises NoAnswer(CLOSED) when an ICMP error has come back for what was said before."""
        await self._budget.packet()
        self.transcript.add(">", data)
        try:
            await self._loop.sock_sendall(self._sock, data)
        except OSError as error:
            raise self._no_answer(error) from None

    async def recv(self, within: float) -> bytes:
        """The next datagram. Raises NoAnswer: SILENT, or CLOSED and FILTERED after an ICMP error."""
        try:
            data = await answer_within(self._loop.sock_recv(self._sock, 65_535), max(0.0, within))
        except TimeoutError:
            raise NoAnswer(Why.SILENT, f"nothing within {within:.1f} s") from None
        except OSError as error:
            raise self._no_answer(error) from None
        self.transcript.add("<", data)
        return data

    def _no_answer(self, error: OSError) -> NoAnswer:
        text = error.strerror or str(error)
        self.transcript.remark(f"ICMP: {text}")
        if error.errno in OWN_TROUBLE:
            return NoAnswer(Why.LOCAL, text)
        closed = error.errno == errno.ECONNREFUSED
        return NoAnswer(Why.CLOSED if closed else Why.FILTERED, text)
