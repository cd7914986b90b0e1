"""RTSP: the description of a stream, behind HTTP's basic or digest (RFC 7826 section 19.1).

Many servers say 404 for a path that they do not have before they ask who is there, so that a 404 says
nothing of a credential: first a path is looked for that asks for one.
"""

import secrets
from dataclasses import replace

from probe.collect.access.attempt import Attempt, Credential, Method
from probe.collect.access.protocols.rtsp_ask import WITHIN, Asker
from probe.collect.access.protocols.rtsp_codec import Response, url
from probe.collect.access.protocols.web.auth import Challenge, basic, best, challenges, digest
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.model.access import LoginResult
from probe.model.device import endpoint
from probe.model.evidence import Coverage, Proof
from probe.model.finding import Owner
from probe.model.service import Announced, OpenAccess, Service

SCHEMES = ("digest", "basic")
"""Digest first where both are offered: it does not show the password to the network."""
PATHS = (
    "/", "/stream1", "/live", "/stream", "/live.sdp", "/h264", "/11", "/Streaming/Channels/101",
    "/cam/realmonitor?channel=1&subtype=0", "/axis-media/media.amp", "/videoMain",
    "/h264Preview_01_main", "/onvif1", "/profile1/media.smp", "/media/video1", "/live/ch00_0",
    "/ch0_0.h264", "/unicast/c1/s0/live", "/MediaInput/h264", "/video1", "/test",
)  # fmt: skip
"""Where makers document their first stream; facts from their manuals."""
MOST_PATHS = 26
BY_HAND = (
    "Open the stream with its documented path by hand, once without and once with the default."
)


class RtspLogin:
    """``scheme`` on ``path``, which asked for a credential or, with no scheme, gave without one."""

    silence_refuses = False
    asks_for_user = True
    doubt = ""

    def __init__(self, service: Service, path: str, scheme: str) -> None:
        self.service, self.path, self.name = service, path, scheme or "none"
        self._forbidden = self._presented = False
        """A credential that nobody has met 403, so 403 is how this device refuses one."""

    async def attempt(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """Raises NoAnswer when the device gave no response."""
        proof: list[Proof] = []
        asker = Asker(session, self.service, proof)
        try:
            if credential is None:
                attempt = await self._without(asker)
            else:
                attempt = await self._with(asker, credential)
        except NoAnswer as error:
            last = proof[-1] if proof else error.proof
            closed = error.why is Why.CLOSED
            return Attempt(
                result=LoginResult.NO_ANSWER,
                detail=f"{error.why}: {error.detail}",
                owner=error.owner,
                refused_connection=closed,
                proof=tuple(proof) or ((last,) if last else ()),
            )
        return replace(attempt, proof=tuple(proof))

    async def _without(self, asker: Asker) -> Attempt:
        response, _ = await asker.one(self.path)
        detail = f"RTSP {response.status} to DESCRIBE {self.path}"
        if response.status == 401 and _challenge(response, self.name):
            return Attempt(result=LoginResult.REFUSED, detail=detail)
        if response.describes:
            again, _ = await asker.one(self.path)
            return Attempt(
                result=LoginResult.ACCEPTED,
                detail=detail,
                proved=again.describes,
                seen=given(self.path, response),
            )
        return Attempt(result=LoginResult.NO_ANSWER, detail=detail, lockout=_locked(response))

    async def _with(self, asker: Asker, credential: Credential) -> Attempt:
        response, seconds = await self._present(asker, self.path, credential)
        status, path = response.status, self.path
        forbidden = status == 403 and (self._forbidden or not self._presented)
        self._forbidden = self._forbidden or forbidden
        self._presented = True
        if status == 404:
            path, response = await self._elsewhere(asker, credential, response)
        lockout = _locked(response)
        if forbidden or response.status == 401:
            detail = f"RTSP {response.status}"
            return Attempt(
                result=LoginResult.REFUSED, detail=detail, seconds=seconds, lockout=lockout
            )
        if not response.describes:
            detail = f"RTSP {response.status} is neither a refusal nor a session description"
            if status == 404:
                detail = (
                    f"RTSP 404 on {self.path} once the credential was there: no stream is known"
                )
            return Attempt(
                result=LoginResult.NO_ANSWER, detail=detail, seconds=seconds, lockout=lockout
            )
        again, _ = await self._present(asker, path, credential)
        closed, _ = await asker.one(path)
        proved = again.describes and closed.status == 401
        return Attempt(
            result=LoginResult.ACCEPTED,
            detail=f"RTSP {response.status}, then {again.status}; without it {closed.status}",
            seconds=seconds,
            proved=proved,
            seen=given(path, response) if proved else "",
        )

    async def _elsewhere(
        self, asker: Asker, credential: Credential, first: Response
    ) -> tuple[str, Response]:
        """The path asks for a login and is not there: the stream is looked for with the credential."""
        for path in PATHS:
            if path != self.path:
                response, _ = await self._present(asker, path, credential)
                if response.status != 404:
                    return path, response
        return self.path, first

    async def _present(
        self, asker: Asker, path: str, credential: Credential
    ) -> tuple[Response, float]:
        if self.name == "basic":
            return await asker.one(path, basic(credential))
        response, seconds = await asker.one(path)
        for _ in range(2):
            challenge = _challenge(response, self.name)
            if response.status != 401 or challenge is None:
                raise NoAnswer(Why.GARBAGE, f"no digest challenge, RTSP {response.status}")
            uri = url(self.service.address, self.service.port, path, tls=self.service.tls)
            value = digest(challenge, credential, "DESCRIBE", uri, secrets.token_hex(8))
            response, seconds = await asker.one(path, value)
            fresh = _challenge(response, self.name) if response.status == 401 else None
            # A stale nonce says nothing about the password (RFC 7616 section 3.3).
            if fresh is None or fresh.get("stale").lower() != "true":
                return response, seconds
        raise NoAnswer(Why.GARBAGE, "every nonce is called stale, whatever the password")


def given(path: str, response: Response) -> str:
    """What was readable, in one phrase."""
    return f"the description of the stream {path[:80]} ({response.media})"


def _challenge(response: Response, scheme: str) -> Challenge | None:
    found = challenges(response.values("www-authenticate"))
    if scheme == "digest" and any(not c.scheme for c in found):
        # A realm read wrongly gives a wrong hash, and its refusal would look like a good password.
        raise NoAnswer(Why.GARBAGE, "a digest challenge that breaks RFC 9110 section 11.6.1")
    return best(found, scheme)


def _locked(response: Response) -> str:
    wait = response.header("retry-after")
    if response.status in (423, 429) or (wait and response.status >= 400):
        return f"RTSP {response.status}" + (f", Retry-After: {wait}" if wait else "")
    return ""


def paths(session: DeviceSession, service: Service) -> list[str]:
    """Where a stream may be: as announced (RFC 6763, TXT key ``path``), then where makers put theirs."""
    announced = [
        "/" + value.lstrip("/")
        for seen in session.dut.all(Announced)
        if seen.fact.kind.startswith("_rtsp") and seen.fact.port in (None, service.port)
        for name, value in seen.fact.attributes
        if name.lower() == "path" and value.isascii() and value.isprintable() and " " not in value
    ]
    return list(dict.fromkeys([*(p[:200] for p in announced), *PATHS]))[:MOST_PATHS]


async def methods(session: DeviceSession, service: Service) -> list[Method]:
    """One: on the first path that asks for a credential, else on one that gives without any."""
    proof: list[Proof] = []
    wanted = paths(session, service)
    try:
        asker = Asker(session, service, proof)
        found = await asker.many(wanted, until=401)
    except NoAnswer as error:
        _nothing(session, service, f"{error.why}: {error.detail}", error.owner, proof)
        return []
    open_ones = [(path, response) for path, response, _ in found if response.describes]
    path, last, _ = found[-1]
    if last.status != 401 and open_ones:
        return [RtspLogin(service, open_ones[0][0], "")]
    if last.status != 401:
        met = ", ".join(dict.fromkeys(f"RTSP {response.status}" for _, response, _ in found))
        reason = f"no path is known that asks for a login: {len(found)} usual ones met {met}"
        if asker.trouble is not None and len(found) < len(wanted):
            reason += f", the next one {asker.trouble}"
        _nothing(session, service, reason, Owner.OPERATOR, proof)
        return []
    for open_path, response in open_ones[:1]:
        session.observe(_open(service, given(open_path, response)), *proof)
    offered = {c.scheme for c in challenges(last.values("www-authenticate"))}
    scheme = next((s for s in SCHEMES if s in offered), "")
    if not scheme:
        kinds = ", ".join(sorted(offered - {""})) or "none that can be read"
        reason = f"{path[:80]} asks for a login by {kinds}, which the probe does not do"
        _nothing(session, service, reason, Owner.TOOL, proof)
        return []
    return [RtspLogin(service, path, scheme)]


def _open(service: Service, what: str) -> OpenAccess:
    s = service
    return OpenAccess(
        transport=s.transport, address=s.address, port=s.port, protocol=s.protocol, what=what
    )


def _nothing(
    session: DeviceSession, service: Service, reason: str, owner: Owner, proof: list[Proof]
) -> None:
    nothing = Coverage(tried="RTSP DESCRIBE", times=1, deadline_s=WITHIN)
    where = endpoint("tcp", service.address, service.port)
    session.not_measured(where, reason, *(proof or (nothing,)), owner=owner, settle=BY_HAND)
