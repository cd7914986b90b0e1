"""VNC, the Remote Framebuffer protocol (RFC 6143): no security, or the DES challenge.

Proof is the ServerInit message, which comes after the login only. No picture is asked for, and no key
or pointer is sent.
"""

import asyncio
import time
import warnings
from dataclasses import dataclass, replace

from probe.collect.access.attempt import Attempt, Credential, Method, caption, over_tcp
from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.wire import Wire
from probe.model.access import LoginResult
from probe.model.device import endpoint
from probe.model.finding import Owner
from probe.model.plan import Permission
from probe.model.service import Service
from probe.model.text import clean

WITHIN = 10.0
MAX_TEXT = 4096
NONE, DES = 1, 2
KINDS = {
    NONE: "None", DES: "VNC authentication", 5: "RA2", 6: "RA2ne", 13: "RSA-AES-256", 16: "Tight",
    17: "UltraVNC", 18: "TLS", 19: "VeNCrypt", 20: "SASL", 22: "XVP", 30: "Apple DH", 33: "Apple SRP",
    113: "MS-Logon II", 129: "RA2 (256)",
}  # fmt: skip
"""Security types, as registered with IANA under Remote Framebuffer Security Types."""
MOST_WRONG = 3
"""Wrong passwords in one test: TigerVNC and others shut an address out after five in a row."""
ENOUGH = "3 wrong passwords were presented; many VNC servers shut an address out after 5"
WAITS_S = (12.0, 22.0)
"""TigerVNC turns an address away for ten seconds after five connections without a login, be they only
looks at what it offers, then for twenty: that is waited for, twice in a test."""
BY_HAND = "Try the documented default with a viewer that speaks this security type."
NO_TYPE = "no security type"
LOCKED = ("too many", "blacklist", "blocked")


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server offers: its version and its security types."""

    minor: int
    kinds: tuple[int, ...]
    reason: str = ""
    """Why it offers none (RFC 6143 section 7.1.2)."""

    @property
    def names(self) -> str:
        return ", ".join(KINDS.get(kind, f"type {kind}") for kind in self.kinds[:16])


def version_minor(greeting: bytes) -> int:
    """3, 7 or 8: what to speak with this server. Raises ValueError for what is no RFB greeting.

    Other numbers are taken for 3.3, as RFC 6143 section 7.1.1 asks, unless they are above 3.8.
    """
    digits = greeting[4:7] + greeting[8:11]
    if (
        len(greeting) < 12
        or greeting[:4] != b"RFB "
        or greeting[7:8] != b"."
        or not digits.isdigit()
    ):
        raise ValueError("no RFB greeting")
    major, minor = int(greeting[4:7]), int(greeting[8:11])
    if major > 3 or minor >= 8:
        return 8
    return 7 if minor == 7 else 3


def key(password: str) -> bytes:
    """The DES key: eight bytes of the password, the bits of each byte in reverse order."""
    raw = password.encode("latin-1", "replace")[:8].ljust(8, b"\0")
    return bytes(int(f"{byte:08b}"[::-1], 2) for byte in raw)


def response(challenge: bytes, password: str) -> bytes:
    """The challenge of 16 bytes, encrypted (section 7.2.2)."""
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.modes import ECB

    # Three times the same key is single DES, which the library has not by itself.
    with warnings.catch_warnings(action="ignore"):
        cipher = Cipher(TripleDES(3 * key(password)), ECB())  # noqa: S305 - as RFC 6143 has it
    encryptor = cipher.encryptor()
    return encryptor.update(challenge) + encryptor.finalize()


class VncLogin:
    """One of the two security types, with each credential on a connection of its own."""

    silence_refuses = False
    asks_for_user = False
    doubt = ""

    def __init__(self, service: Service, look: "Look") -> None:
        self.service, self.look = service, look
        self.name = "none" if NONE in look.kinds else "password"
        self._wrong = 0

    async def attempt(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """Raises nothing; what goes wrong is in the attempt."""
        # A permitted guessing test is there to see when the server shuts us out.
        guessing = Permission.BRUTE_FORCE in session.plan.permits
        if credential is not None and self._wrong >= MOST_WRONG and not guessing:
            return Attempt(result=LoginResult.NOT_TRIED, detail=ENOUGH, owner=Owner.TOOL)
        if credential is None and NONE not in self.look.kinds and self.look.fresh:
            # What was offered a moment ago is not asked again: some servers count connections.
            self.look.fresh = False
            return self.look.refused
        once = self._once if guessing else self._patiently
        first = await once(session, credential)
        if first.result is LoginResult.REFUSED and credential is not None:
            self._wrong += 1
        if first.result is not LoginResult.ACCEPTED:
            return first
        again = await self._once(session, credential)
        proved = first.proved and again.proved
        return replace(first, proved=proved, proof=(*first.proof, *again.proof))

    async def _patiently(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        """Once more where the server turned the connection away before it was told a password."""
        attempt = await self._once(session, credential)
        while attempt.lockout and attempt.detail.startswith(NO_TYPE) and await self.look.wait():
            again = await self._once(session, credential)
            attempt = replace(again, proof=(*attempt.proof, *again.proof))
        return attempt

    async def _once(self, session: DeviceSession, credential: Credential | None) -> Attempt:
        async def talk(wire: Wire) -> Attempt:
            offer = await greet(wire)
            if offer.reason:
                return Attempt(
                    result=LoginResult.NO_ANSWER,
                    detail=f"{NO_TYPE}: {offer.reason}",
                    lockout=_lock(offer.reason),
                )
            if credential is None and NONE not in offer.kinds:
                return _asks(offer)
            kind = NONE if credential is None else DES
            if kind not in offer.kinds:
                raise NoAnswer(Why.GARBAGE, f"the security types are now: {offer.names}")
            return await self._through(wire, offer, kind, credential)

        return await over_tcp(session, self.service, caption(credential, self.service), talk)

    async def _through(
        self, wire: Wire, offer: Offer, kind: int, credential: Credential | None
    ) -> Attempt:
        began = time.monotonic()
        if offer.minor > 3:
            await wire.send(bytes((kind,)))
        if credential is not None:
            challenge = await _exactly(wire, 16)
            began = time.monotonic()
            await wire.send(response(challenge, credential.password))
        seconds = 0.0
        # "None" has a result since version 3.8 only (section 7.2.1).
        if kind == DES or offer.minor >= 8:
            result = int.from_bytes(await _exactly(wire, 4), "big")
            seconds = time.monotonic() - began
            if result:
                reason = await _reason(wire) if offer.minor >= 8 else f"result {result}"
                return Attempt(
                    result=LoginResult.REFUSED,
                    detail=reason,
                    seconds=seconds,
                    lockout=_lock(reason),
                )
        seen = await _server_init(wire)
        return Attempt(
            result=LoginResult.ACCEPTED,
            detail=f"{KINDS[kind]}: ServerInit came" if seen else f"{KINDS[kind]}: no ServerInit",
            seconds=seconds,
            proved=bool(seen),
            seen=seen,
        )


async def greet(wire: Wire) -> Offer:
    """Exchange versions and read the security types. Raises NoAnswer."""
    greeting = await wire.recv_until(lambda data: len(data) >= 12, limit=12, within=WITHIN)
    try:
        minor = version_minor(greeting)
    except ValueError as error:
        raise NoAnswer(Why.GARBAGE, str(error)) from None
    await wire.send(b"RFB 003.%03d\n" % minor)
    if minor == 3:
        kind = int.from_bytes(await _exactly(wire, 4), "big")
        return Offer(minor, (kind,) if kind else (), "" if kind else await _reason(wire))
    number = (await _exactly(wire, 1))[0]
    if number == 0:
        return Offer(minor, (), await _reason(wire))
    return Offer(minor, tuple(await _exactly(wire, number)))


async def _server_init(wire: Wire) -> str:
    """ClientInit that leaves others connected, then the answer in words; empty when none came."""
    try:
        await wire.send(b"\x01")
        head = await _exactly(wire, 24)
        size = int.from_bytes(head[20:24], "big")
        if size > MAX_TEXT:
            return ""
        name = await _exactly(wire, size) if size else b""
    except NoAnswer:
        return ""
    width, height = int.from_bytes(head[:2], "big"), int.from_bytes(head[2:4], "big")
    bits = head[4]
    if not (width and height and bits in (8, 16, 32)):
        return ""
    return clean(f"a screen of {width} by {height}, named '{clean(name, 60)}'", 120)


async def _reason(wire: Wire) -> str:
    """A reason as the server words it; never empty."""
    try:
        size = int.from_bytes(await _exactly(wire, 4), "big")
        text = await _exactly(wire, min(size, MAX_TEXT)) if size else b""
    except NoAnswer:
        return "refused without a reason"
    return clean(text, 120) or "refused without a reason"


async def _exactly(wire: Wire, size: int) -> bytes:
    data = await wire.recv_until(lambda got: len(got) >= size, limit=size, within=WITHIN)
    if len(data) < size:
        raise NoAnswer(Why.ENDED, f"{len(data)} of {size} bytes, then no more")
    return data


def _lock(reason: str) -> str:
    return reason if any(word in reason.lower() for word in LOCKED) else ""


class Look:
    """What a first connection saw. ``refused``: it, as the attempt without a credential."""

    def __init__(self) -> None:
        self.offer: Offer | None = None
        self.refused = Attempt(result=LoginResult.NO_ANSWER)
        self.fresh = True
        self._waits = list(WAITS_S)

    @property
    def kinds(self) -> tuple[int, ...]:
        return self.offer.kinds if self.offer else ()

    async def make(self, session: DeviceSession, service: Service) -> None:
        """One connection, and another one later when it was turned away."""

        async def talk(wire: Wire) -> Attempt:
            self.offer = await greet(wire)
            return _asks(self.offer)

        self.refused = await over_tcp(session, service, "VNC security types", talk)
        if self.offer is not None and _lock(self.offer.reason) and await self.wait():
            await self.make(session, service)

    async def wait(self) -> bool:
        """Wait until a server that turned us away should take us again; False when that was done enough."""
        if not self._waits:
            return False
        await asyncio.sleep(self._waits.pop(0))
        return True


def _asks(offer: Offer) -> Attempt:
    return Attempt(result=LoginResult.REFUSED, detail=f"security types: {offer.names}")


async def methods(session: DeviceSession, service: Service) -> list[Method]:
    """One: "None" where it is offered, for then nobody needs the other; what else there is, is named."""
    look = Look()
    await look.make(session, service)
    if NONE in look.kinds or DES in look.kinds:
        return [VncLogin(service, look)]
    if look.kinds and look.offer is not None:
        reason = f"only security types that the probe does not speak: {look.offer.names}"
        owner = Owner.TOOL
    elif look.offer is not None:
        reason = f"{NO_TYPE}: {look.offer.reason or 'an empty list'}"
        owner = Owner.DEVICE
    else:
        reason, owner = look.refused.detail, look.refused.owner
    where = endpoint("tcp", service.address, service.port)
    session.not_measured(where, reason, *look.refused.proof, owner=owner, settle=BY_HAND)
    return []
