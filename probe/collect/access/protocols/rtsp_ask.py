"""DESCRIBE requests to one RTSP service, on few connections, each with its transcript."""

import time

from probe.collect.access.attempt import CONNECT_WITHIN
from probe.collect.access.protocols.rtsp_codec import (
    MAX_BODY,
    MAX_HEAD,
    Response,
    RtspFormatError,
    describe,
    read_response,
    response_end,
    url,
)
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.web.http import USER_AGENT
from probe.collect.wire import Wire
from probe.model.device import endpoint
from probe.model.evidence import Proof
from probe.model.service import Service

WITHIN = 8.0
MOST_CONNECTIONS = 6


class Asker:
    """DESCRIBE requests to one service on one connection, opened anew when the device closed it."""

    def __init__(self, session: DeviceSession, service: Service, proof: list[Proof]) -> None:
        self._session, self._service, self._proof = session, service, proof
        self._number = 0
        self.trouble: NoAnswer | None = None
        """What cut the last ``many`` short."""

    async def one(self, path: str, authorization: str = "") -> tuple[Response, float]:
        """One request on one connection, and the seconds until its answer. Raises NoAnswer."""
        found = await self.many([path], authorization)
        return found[0][1], found[0][2]

    async def many(
        self, paths: list[str], authorization: str = "", *, until: int = 0
    ) -> list[tuple[str, Response, float]]:
        """The answers to ``paths`` up to the first of status ``until``. Raises NoAnswer for none."""
        found: list[tuple[str, Response, float]] = []
        at, self.trouble = 0, None
        for _ in range(MOST_CONNECTIONS):
            if at >= len(paths):
                break
            s = self._service
            async with self._session.connect(s.address, s.port, within=CONNECT_WITHIN) as wire:
                before = at
                try:
                    if s.tls:
                        await wire.start_tls()
                    while at < len(paths):
                        answer, seconds = await self._ask(wire, paths[at], authorization)
                        found.append((paths[at], answer, seconds))
                        at += 1
                        if answer.status == until:
                            return found
                        if answer.header("connection").lower() == "close":
                            break
                except NoAnswer as error:
                    self.trouble = error
                    # A path whose first answer is an end is passed by.
                    at += at == before
                    if error.why is not Why.ENDED:
                        break
                finally:
                    what = f"RTSP DESCRIBE, {endpoint('tcp', s.address, s.port)}"
                    self._proof.append(self._session.keep_transcript(wire.transcript, what))
        if not found:
            raise self.trouble or NoAnswer(Why.SILENT, "nothing was asked")
        return found

    async def _ask(self, wire: Wire, path: str, authorization: str) -> tuple[Response, float]:
        self._number += 1
        s = self._service
        uri = url(s.address, s.port, path, tls=s.tls)
        began = time.monotonic()
        await wire.send(describe(uri, self._number, USER_AGENT, authorization))
        data = await wire.recv_until(_whole, limit=MAX_HEAD + MAX_BODY, within=WITHIN)
        if not data:
            raise NoAnswer(Why.ENDED, f"closed without an answer to DESCRIBE {path}")
        try:
            return read_response(data), time.monotonic() - began
        except RtspFormatError as error:
            raise NoAnswer(Why.GARBAGE, str(error)) from None


def _whole(data: bytes) -> bool:
    try:
        return response_end(data) > 0
    except RtspFormatError:
        return True
