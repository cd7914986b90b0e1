"""CoAP over DTLS with a pre-shared key: an identity and a key, proved by the server's Finished.

A wrong key makes our Finished unreadable, and what is unreadable may be passed by in silence (RFC 6347
section 4.1.2.7). By itself that silence says nothing: a server that cannot follow us would keep it, too. It
is a refusal beside a key that works.
"""

import asyncio
import time
from dataclasses import replace

from probe.collect.access.attempt import Attempt, Credential, Method, caption
from probe.collect.access.protocols.dtls_psk import SUITES, Heard, PskClient, TlsFormatError
from probe.collect.answers import NoAnswer, Why
from probe.collect.datagrams import Datagrams
from probe.collect.services.udp.things import coap_get, parse_coap
from probe.collect.session import DeviceSession
from probe.collect.tls.codec import alert_name
from probe.model.access import LoginResult
from probe.model.device import endpoint
from probe.model.evidence import Proof
from probe.model.finding import Owner
from probe.model.service import Service
from probe.model.text import clean

WAITS_S = (1.0, 2.0, 3.0)
"""Before a flight is said again; the timer of RFC 6347 section 4.2.4.1 begins with a second."""
HALF_OPEN_S = 15.0
"""A small device has room for one association, and one that a wrong key left half open holds it for a
while: that is waited for, once before each key."""
MOST_DATAGRAMS = 32
REFUSALS = frozenset({20, 21, 40, 49, 51, 115})
"""bad_record_mac, decryption_failed, handshake_failure, access_denied, decrypt_error and
unknown_psk_identity: once there was a key to judge, each says that it or its identity is wrong."""
LIST = "/.well-known/core"
BY_HAND = "Try the documented identity and key with a CoAP client, and record the result."


class PskLogin:
    """One identity and key for each handshake; without a credential, the server's own flight."""

    name = "pre-shared key"
    silence_refuses = True
    asks_for_user = True
    doubt = ""

    def __init__(self, service: Service, first: Attempt) -> None:
        self.service = service
        self._first: Attempt | None = first
        self._pending = False
        """A key was presented, so that an association may be half open."""

    async def attempt(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """Raises nothing; what goes wrong is in the attempt."""
        if credential is None:
            if self._first is not None:
                first, self._first = self._first, None
                return first
            return await look(session, self.service)
        attempt = await _talk(session, self.service, credential)
        if self._pending and attempt.detail.startswith(f"{Why.SILENT}:"):
            await asyncio.sleep(HALF_OPEN_S)
            again = await _talk(session, self.service, credential)
            attempt = replace(again, proof=(*attempt.proof, *again.proof))
        self._pending = True
        return attempt


async def look(session: DeviceSession, service: Service) -> Attempt:
    """The attempt without a credential: REFUSED where a pre-shared key is asked for."""
    return await _talk(session, service, None)


async def _talk(session: DeviceSession, service: Service, credential: Credential | None) -> Attempt:
    """One association, with its transcript behind it."""
    s = service
    proof: tuple[Proof, ...] = ()
    async with session.datagrams(s.address, s.port) as wire:
        try:
            attempt = await _associate(wire, credential)
        except (NoAnswer, TlsFormatError) as error:
            known = error if isinstance(error, NoAnswer) else NoAnswer(Why.GARBAGE, str(error))
            attempt = Attempt(
                result=LoginResult.NO_ANSWER,
                detail=f"{known.why}: {known.detail}",
                owner=known.owner,
                refused_connection=known.why is Why.CLOSED,
            )
        wire.transcript.remark(f"{attempt.result}: {attempt.detail}")
        proof = (session.keep_transcript(wire.transcript, caption(credential, service)),)
    return replace(attempt, tls=True, proof=proof)


async def _associate(wire: Datagrams, credential: Credential | None) -> Attempt:
    client = PskClient()
    await _first_flight(wire, client)
    if client.flight.fatal is not None:
        alert = alert_name(client.flight.fatal.number)
        return Attempt(result=LoginResult.NO_ANSWER, detail=f"alert {alert} to the suites offered")
    if client.suite not in SUITES:
        raise NoAnswer(Why.GARBAGE, "it chose a suite that was not offered")
    if credential is None:
        await wire.send(client.cancel())
        hint = clean(client.flight.hint, 60)
        detail = "it asks for a pre-shared key" + (f", hint '{hint}'" if hint else "")
        return Attempt(result=LoginResult.REFUSED, detail=detail)
    client.present(credential.username, credential.password)
    began = time.monotonic()
    heard = await _last_flight(wire, client)
    seconds = time.monotonic() - began
    if heard is None:
        await wire.send(client.cancel())
        detail = "silence to the key, which RFC 6347 section 4.1.2.7 allows for a wrong one"
        return Attempt(result=LoginResult.NO_ANSWER, detail=detail, owner=Owner.NETWORK)
    if heard.alert is not None:
        wrong = heard.alert in REFUSALS
        result = LoginResult.REFUSED if wrong else LoginResult.NO_ANSWER
        detail = f"alert {alert_name(heard.alert)}"
        return Attempt(result=result, detail=detail, seconds=max(seconds, 1e-6))
    if not heard.finished:
        raise NoAnswer(Why.GARBAGE, "a Finished that does not come of this handshake")
    return await _prove(wire, client, seconds)


async def _first_flight(wire: Datagrams, client: PskClient) -> None:
    """Hello and cookie, until the server's flight is whole. Raises NoAnswer, TlsFormatError."""
    waits = list(WAITS_S)
    await wire.send(client.hello())
    for _ in range(MOST_DATAGRAMS):
        if client.flight.done:
            return
        try:
            datagram = await wire.recv(waits[0])
        except NoAnswer as error:
            if error.why is not Why.SILENT or len(waits) == 1:
                raise
            waits.pop(0)
            await wire.send(client.hello())
            continue
        if client.feed(datagram):
            await wire.send(client.hello())
    raise NoAnswer(Why.GARBAGE, "no end of the handshake")


async def _last_flight(wire: Datagrams, client: PskClient) -> Heard | None:
    """Our key, until the server's Finished or an alert; None for silence. Raises NoAnswer."""
    for wait in WAITS_S:
        await wire.send(client.last_flight())
        until = time.monotonic() + wait
        for _ in range(MOST_DATAGRAMS):
            try:
                datagram = await wire.recv(until - time.monotonic())
            except NoAnswer as error:
                if error.why is not Why.SILENT:
                    raise
                break
            for heard in client.read(datagram):
                if heard.alert is not None or heard.finished is not None:
                    return heard
    return None


async def _prove(wire: Datagrams, client: PskClient, seconds: float) -> Attempt:
    """Ask for the list of resources twice, under the key, and leave."""
    said: list[str] = []
    for number in (1, 2):
        request = coap_get(LIST, bytes(range(16, 48)), number)
        for wait in WAITS_S[:2]:
            await wire.send(client.protect(23, request))
            if answer := await _response(wire, client, request, wait):
                said.append(answer)
                break
    await wire.send(client.goodbye())
    proved = len(said) == 2
    return Attempt(
        result=LoginResult.ACCEPTED,
        detail="the server's Finished is right" + (f", then {said[0]}" if said else ""),
        seconds=seconds,
        proved=proved,
        seen=f"a CoAP session under the key ({said[0]})" if proved else "",
    )


async def _response(wire: Datagrams, client: PskClient, request: bytes, wait: float) -> str:
    """What the response to ``request`` was; empty for none in time."""
    until = time.monotonic() + wait
    for _ in range(MOST_DATAGRAMS):
        try:
            datagram = await wire.recv(until - time.monotonic())
        except NoAnswer:
            return ""
        for heard in client.read(datagram):
            understood = parse_coap(heard.data, request)
            if understood is not None and understood.reason.startswith("CoAP response"):
                return understood.reason
    return ""


async def methods(session: DeviceSession, service: Service) -> list[Method]:
    """The one way, where the server takes a suite with a pre-shared key."""
    first = await look(session, service)
    if first.result is LoginResult.NO_ANSWER:
        first = replace(await look(session, service), proof=first.proof)
    if first.result is LoginResult.REFUSED:
        return [PskLogin(service, first)]
    alert = first.detail.startswith("alert")
    reason = f"no pre-shared key could be presented: {first.detail}"
    if alert:
        reason += "; a certificate or a raw public key may be asked for instead"
    where = endpoint("udp", service.address, service.port)
    owner = Owner.TOOL if alert else first.owner
    session.not_measured(where, reason, *first.proof, owner=owner, settle=BY_HAND)
    return []
