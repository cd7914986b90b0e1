"""HTTP basic (RFC 7617) and digest (RFC 7616) on a page that asks for one of them."""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, replace

from probe.collect.access.attempt import Attempt, Credential
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.web.http import Response, fetch
from probe.model.evidence import Proof
from probe.model.observation import LoginResult, Service

HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
WITHIN = 15.0
LOGIN_PAGE = re.compile(r"login|logon|signin|sign-in|auth|error", re.IGNORECASE)
PIECE = re.compile(
    r'\s*,?\s*([A-Za-z0-9!#$%&\'*+.^_`|~-]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]+))?'
)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One WWW-Authenticate challenge; parameter names are lower case, values unquoted."""

    scheme: str
    parameters: dict[str, str]

    def get(self, name: str) -> str:
        return self.parameters.get(name, "")


def challenges(values: tuple[str, ...]) -> list[Challenge]:
    """All challenges, whether one to a header or many in one (RFC 9110 section 11.6.1).

    One with an empty scheme says that a header could not be read to its end.
    """
    found: list[Challenge] = []
    for value in values:
        at = 0
        while at < len(value) and (piece := PIECE.match(value, at)) and piece.end() > at:
            name, raw = piece.groups()
            if raw is None:
                found.append(Challenge(name.lower(), {}))
            elif found:
                text = re.sub(r"\\(.)", r"\1", raw[1:-1]) if raw.startswith('"') else raw
                found[-1].parameters[name.lower()] = text
            at = piece.end()
        if value[at:].strip(" ,"):
            found.append(Challenge("", {}))
    return found


def best(found: list[Challenge], scheme: str) -> Challenge | None:
    """The challenge of ``scheme``; of several digests the strongest that is known."""
    order = ["SHA-512-256", "SHA-256", "MD5"]

    def rank(challenge: Challenge) -> int:
        base = (challenge.get("algorithm") or "MD5").upper().removesuffix("-SESS")
        return order.index(base) if base in order else len(order)

    return min((c for c in found if c.scheme == scheme), key=rank, default=None)


def basic(credential: Credential) -> str:
    """The Authorization value, in UTF-8."""
    pair = f"{credential.username}:{credential.password}".encode()
    return "Basic " + base64.b64encode(pair).decode()


def digest(challenge: Challenge, credential: Credential, method: str, uri: str, nonce: str) -> str:
    """The Authorization value for one request; ``nonce`` is the client's own.

    Raises NoAnswer for an algorithm or quality of protection that is not known.
    """
    algorithm = challenge.get("algorithm") or "MD5"
    base = algorithm.upper().removesuffix("-SESS")
    if base not in HASHES:
        raise NoAnswer(Why.GARBAGE, f"digest algorithm {algorithm} is not supported")
    qops = [q.strip().lower() for q in challenge.get("qop").split(",") if q.strip()]
    if qops and "auth" not in qops:
        raise NoAnswer(Why.GARBAGE, f"digest qop {challenge.get('qop')} is not supported")

    def h(text: str) -> str:
        return hashlib.new(HASHES[base], text.encode(), usedforsecurity=False).hexdigest()

    realm, server = challenge.get("realm"), challenge.get("nonce")
    a1 = h(f"{credential.username}:{realm}:{credential.password}")
    if algorithm.upper().endswith("-SESS"):
        a1 = h(f"{a1}:{server}:{nonce}")
    a2 = h(f"{method}:{uri}")
    count = "00000001"
    # Without qop the server speaks RFC 2069.
    middle = f"{server}:{count}:{nonce}:auth" if qops else server
    fields = {
        "username": credential.username,
        "realm": realm,
        "nonce": server,
        "uri": uri,
        "response": h(f"{a1}:{middle}:{a2}"),
    }
    if challenge.get("opaque"):
        fields["opaque"] = challenge.get("opaque")
    bare = {"algorithm": algorithm} if challenge.get("algorithm") else {}
    if qops:
        bare |= {"qop": "auth", "nc": count}
        fields["cnonce"] = nonce
    quoted = [f'{k}="{_quote(v)}"' for k, v in fields.items()]
    return "Digest " + ", ".join([*quoted, *(f"{k}={v}" for k, v in bare.items())])


def _quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def locked(response: Response) -> str:
    """A sign in status and headers that the device guards against guessing."""
    wait = response.header("retry-after")
    if response.status in (423, 429) or (wait and response.status >= 400):
        return f"HTTP {response.status}" + (f", Retry-After: {wait}" if wait else "")
    return ""


class HttpAuth:
    """``scheme`` (``basic`` or ``digest``) on ``path``; ``what`` a success gives, if not the page."""

    silence_refuses = False
    asks_for_user = True
    doubt = ""

    def __init__(self, service: Service, path: str, scheme: str, what: str = "") -> None:
        self.service, self.path, self.name = service, path, scheme
        self.what = what or f"the page {path}"
        self._forbidden = self._presented = False
        """A credential that nobody has met 403, so 403 is how this device refuses one."""

    async def attempt(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """Raises NoAnswer when the device gave no response."""
        proof: list[Proof] = []
        if credential is None:
            return await self._without(session, proof)
        response = await self._present(session, credential, proof)
        if response.status == 401 and self._challenge(response):
            attempt = Attempt(result=LoginResult.REFUSED, detail="HTTP 401")
        elif response.status == 403 and (self._forbidden or not self._presented):
            self._forbidden = True
            attempt = Attempt(result=LoginResult.REFUSED, detail="HTTP 403")
        elif _granted(response):
            attempt = await self._prove(session, credential, response, proof)
        else:
            attempt = Attempt(
                result=LoginResult.NO_ANSWER,
                detail=f"HTTP {response.status} is neither a refusal nor a success",
            )
        self._presented = True
        return replace(
            attempt, seconds=response.seconds, lockout=locked(response), proof=tuple(proof)
        )

    async def _without(self, session: DeviceSession, proof: list[Proof]) -> Attempt:
        response = await self._get(session, None, proof)
        detail = f"HTTP {response.status} on {self.path}"
        result, proved = LoginResult.NO_ANSWER, False
        if response.status == 401 and self._challenge(response):
            result = LoginResult.REFUSED
        elif 200 <= response.status < 300:
            result = LoginResult.ACCEPTED
            proved = 200 <= (await self._get(session, None, proof)).status < 300
        return Attempt(
            result=result,
            detail=detail,
            proved=proved,
            seen=self.what,
            lockout=locked(response),
            proof=tuple(proof),
        )

    async def _prove(
        self,
        session: DeviceSession,
        credential: Credential,
        first: Response,
        proof: list[Proof],
    ) -> Attempt:
        """The page opens again with the credential, and still not without it."""
        again = await self._present(session, credential, proof)
        closed = await self._get(session, None, proof)
        proved = _granted(again) and closed.status == 401
        detail = f"HTTP {first.status}, then {again.status}; without it {closed.status}"
        return Attempt(
            result=LoginResult.ACCEPTED,
            detail=detail,
            proved=proved,
            seen=self.what if proved else "",
        )

    async def _present(
        self, session: DeviceSession, credential: Credential, proof: list[Proof]
    ) -> Response:
        if self.name == "basic":
            return await self._get(session, basic(credential), proof)
        response = await self._get(session, None, proof)
        for _ in range(2):
            challenge = self._challenge(response)
            if response.status != 401 or challenge is None:
                raise NoAnswer(Why.GARBAGE, f"no digest challenge, HTTP {response.status}")
            value = digest(challenge, credential, "GET", self.path, secrets.token_hex(8))
            response = await self._get(session, value, proof)
            fresh = self._challenge(response)
            # A stale nonce says nothing about the password (RFC 7616 section 3.3).
            if not fresh or fresh.get("stale").lower() != "true":
                return response
        raise NoAnswer(Why.GARBAGE, "every nonce is called stale, whatever the password")

    async def _get(
        self, session: DeviceSession, authorization: str | None, proof: list[Proof]
    ) -> Response:
        s = self.service
        headers = [("Authorization", authorization)] if authorization else []
        response = await fetch(
            session, s.address, s.port, tls=s.tls, path=self.path, headers=headers, within=WITHIN
        )
        proof.append(response.proof)
        return response

    def _challenge(self, response: Response) -> Challenge | None:
        """The challenge of our scheme."""
        found = challenges(response.values("www-authenticate"))
        if self.name == "digest" and any(not c.scheme for c in found):
            # A realm read wrongly gives a wrong hash, and its refusal would look like a good password.
            raise NoAnswer(Why.GARBAGE, "a digest challenge that breaks RFC 9110 section 11.6.1")
        return best(found, self.name)


def _granted(response: Response) -> bool:
    if 200 <= response.status < 300:
        return True
    elsewhere = response.header("location")
    return 300 < response.status < 309 and bool(elsewhere) and not LOGIN_PAGE.search(elsewhere)
