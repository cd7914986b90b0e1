"""ONVIF: the device information behind a WS-Security token, or behind HTTP digest where that is asked."""

import secrets
import time
from dataclasses import replace
from datetime import UTC, datetime

from probe.collect.access.attempt import Attempt, Credential, Method
from probe.collect.access.protocols.web.auth import Challenge, best, challenges, digest, locked
from probe.collect.answers import NoAnswer, Why
from probe.collect.onvif import soap
from probe.collect.session import DeviceSession
from probe.collect.web.http import Response, fetch
from probe.model.evidence import Proof
from probe.model.observation import LoginResult, Service

WITHIN = 15.0
TOKEN, DIGEST = "token", "digest"
NO_CLOCK = "the clock of the device is not known, and it refuses a token of another time"


async def methods(session: DeviceSession, service: Service) -> list[Method]:
    """One: which of the two ways it is, the attempt without a credential shows."""
    del session
    return [OnvifLogin(service)]


class OnvifLogin:
    """GetDeviceInformation, as nobody and as a user."""

    silence_refuses = False
    asks_for_user = True

    def __init__(self, service: Service) -> None:
        self.service = service
        self.name = TOKEN
        self.doubt = NO_CLOCK
        self._clock: tuple[datetime, datetime] | None = None
        """When it was asked by our clock, and what it said."""

    async def attempt(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """Raises NoAnswer when the device gave no response."""
        proof: list[Proof] = []
        if credential is None:
            await self._learn_clock(session, proof)
        response = await self._present(session, credential, proof)
        attempt = self._judged(response)
        if credential is None and attempt.result is LoginResult.REFUSED:
            # A fault in the language of ONVIF asks for a token, whatever the HTTP layer adds.
            asks_by_http = response.status == 401 and not soap.read(response.text).refused
            self.name = DIGEST if asks_by_http else TOKEN
            if asks_by_http:
                self.doubt = ""
                self._challenge(response)
        if attempt.result is LoginResult.ACCEPTED:
            again = self._judged(await self._present(session, credential, proof))
            proved = again.result is LoginResult.ACCEPTED
            if credential is not None:
                closed = self._judged(await self._present(session, None, proof))
                proved = proved and closed.result is LoginResult.REFUSED
            attempt = replace(attempt, proved=proved)
        return replace(
            attempt, seconds=response.seconds, lockout=locked(response), proof=tuple(proof)
        )

    async def _learn_clock(self, session: DeviceSession, proof: list[Proof]) -> None:
        asked = datetime.fromtimestamp(time.time(), UTC)
        said = soap.read((await self._post(session, soap.CLOCK, proof)).text).clock
        if said is not None:
            self._clock, self.doubt = (asked, said), ""

    async def _present(
        self, session: DeviceSession, credential: Credential | None, proof: list[Proof]
    ) -> Response:
        if credential is None:
            return await self._post(session, soap.request(soap.INFORMATION), proof)
        if self.name == TOKEN:
            now = datetime.fromtimestamp(time.time(), UTC)
            created = soap.at_the_device(now, *self._clock) if self._clock else now
            header = soap.token(
                credential.username, credential.password, secrets.token_bytes(16), created
            )
            return await self._post(session, soap.request(soap.INFORMATION, header), proof)
        body = soap.request(soap.INFORMATION)
        response = await self._post(session, body, proof)
        for _ in range(2):
            if response.status != 401:
                raise NoAnswer(Why.GARBAGE, f"no digest challenge, HTTP {response.status}")
            challenge = self._challenge(response)
            nonce = secrets.token_hex(8)
            value = digest(challenge, credential, "POST", soap.DEVICE_SERVICE, nonce)
            response = await self._post(session, body, proof, value)
            fresh = best(challenges(response.values("www-authenticate")), "digest")
            if fresh is None or fresh.get("stale").lower() != "true":
                return response
        raise NoAnswer(Why.GARBAGE, "every nonce is called stale, whatever the password")

    def _challenge(self, response: Response) -> Challenge:
        found = best(challenges(response.values("www-authenticate")), "digest")
        if found is None:
            raise NoAnswer(Why.GARBAGE, "HTTP 401 without a digest challenge (ONVIF Core, 5.9)")
        return found

    def _judged(self, response: Response) -> Attempt:
        answer = soap.read(response.text)
        if answer.refused or response.status == 401:
            what = answer.fault or "not authorized"
            return Attempt(
                result=LoginResult.REFUSED, detail=f"HTTP {response.status}, {what}"[:120]
            )
        if response.status == 200 and answer.has("getdeviceinformationresponse"):
            maker = " ".join(answer.text(n) for n in ("manufacturer", "model")).strip()
            return Attempt(
                result=LoginResult.ACCEPTED,
                detail="GetDeviceInformation was answered",
                seen=f"the device information ({maker})" if maker else "the device information",
            )
        what = f", fault: {answer.fault}" if answer.fault else ""
        return Attempt(
            result=LoginResult.NO_ANSWER,
            detail=f"HTTP {response.status}{what}: neither a refusal nor the information"[:160],
        )

    async def _post(
        self, session: DeviceSession, body: bytes, proof: list[Proof], authorization: str = ""
    ) -> Response:
        s = self.service
        headers = [soap.CONTENT]
        if authorization:
            headers.append(("Authorization", authorization))
        response = await fetch(
            session,
            s.address,
            s.port,
            tls=s.tls,
            method="POST",
            path=soap.DEVICE_SERVICE,
            headers=headers,
            body=body,
            within=WITHIN,
        )
        proof.append(response.proof)
        return response
