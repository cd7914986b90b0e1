"""SOAP as ONVIF uses it: three requests and what their answers say. Pure; any answer can be read.

Requests follow the ONVIF Device Management service (device.wsdl 1.0) and the WS-Security UsernameToken
Profile 1.0. Answers are cut into tags, never parsed as XML with its entities.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

from probe.collect.access.protocols.web.markup import Tag, tokens
from probe.model.text import clean

DEVICE_SERVICE = "/onvif/device_service"
"""The one path that the ONVIF Core Specification fixes, in its section on the device service."""
CONTENT = ("Content-Type", "application/soap+xml; charset=utf-8")
_ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
_DEVICE = "http://www.onvif.org/ver10/device/wsdl"
_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
_DIGEST = f"{_OASIS}username-token-profile-1.0#PasswordDigest"
_BASE64 = f"{_OASIS}soap-message-security-1.0#Base64Binary"
MAX_ELEMENTS = 2_000
ASKS = frozenset(
    {"notauthorized", "failedauthentication", "invalidsecurity", "invalidsecuritytoken"}
)
"""Fault codes (ONVIF Core, generic faults; WS-Security section 12) that say: not without a login."""


@dataclass(frozen=True, slots=True)
class Soap:
    """The elements of an answer in order: local name in lower case, and the text directly behind it."""

    elements: tuple[tuple[str, str], ...]

    def has(self, name: str) -> bool:
        return any(n == name for n, _ in self.elements)

    def text(self, name: str) -> str:
        """Cleaned text of the first element of that name; empty when there is none."""
        return next((clean(t, 80) for n, t in self.elements if n == name), "")

    @property
    def is_soap(self) -> bool:
        return self.has("envelope") and self.has("body")

    @property
    def refused(self) -> bool:
        """A fault that asks for a login, whatever the HTTP status says."""
        words = {
            word.strip().rpartition(":")[2].lower()
            for name, text in self.elements
            if name in ("value", "faultcode")
            for word in (text,)
        }
        return self.has("fault") and bool(words & ASKS)

    @property
    def fault(self) -> str:
        """What a fault gives as its reason."""
        return (self.text("text") or self.text("faultstring")) if self.has("fault") else ""

    @property
    def clock(self) -> datetime | None:
        """UTC of a GetSystemDateAndTimeResponse, None when it gives none that makes sense."""
        if not self.has("getsystemdateandtimeresponse"):
            return None
        names = [n for n, _ in self.elements]
        if "utcdatetime" not in names:
            return None
        at = names.index("utcdatetime")
        found: dict[str, int] = {}
        for name, text in self.elements[at : at + 12]:
            number = text.strip()
            if number.isdecimal() and len(number) < 5:
                found.setdefault(name, int(number))
        try:
            return datetime(
                found["year"],
                found["month"],
                found["day"],
                found["hour"],
                found["minute"],
                found["second"],
                tzinfo=UTC,
            )
        except (KeyError, ValueError):
            return None


def read(text: str) -> Soap:
    """Any text; what is no SOAP has no elements that matter."""
    found: list[tuple[str, str]] = []
    for token in tokens(text):
        if isinstance(token, Tag):
            if not token.name.startswith("/") and len(found) < MAX_ELEMENTS:
                found.append((token.name.rpartition(":")[2], ""))
        elif found and token.strip() and not found[-1][1]:
            found[-1] = (found[-1][0], token.strip()[:400])
    return Soap(tuple(found))


def request(action: str, header: str = "") -> bytes:
    """An envelope that asks for ``action``, an operation without parameters."""
    head = f"<s:Header>{header}</s:Header>" if header else ""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{_ENVELOPE}">{head}'
        f'<s:Body><{action} xmlns="{_DEVICE}"/></s:Body></s:Envelope>'
    ).encode()


CLOCK = request("GetSystemDateAndTime")
"""Open to everybody by the standard: a client needs the clock before it can log in."""
INFORMATION = "GetDeviceInformation"
"""Read-only, and for users only (access class READ_SYSTEM)."""


def token(username: str, password: str, nonce: bytes, created: datetime) -> str:
    """A UsernameToken whose digest is Base64(SHA-1(nonce + created + password)), section 3.1 there."""
    when = created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    secret = nonce + when.encode() + password.encode()
    digest = hashlib.sha1(secret, usedforsecurity=False).digest()
    security, utility = (
        f"{_OASIS}wssecurity-secext-1.0.xsd",
        f"{_OASIS}wssecurity-utility-1.0.xsd",
    )
    return (
        f'<Security s:mustUnderstand="1" xmlns="{security}"><UsernameToken>'
        f"<Username>{escape(username)}</Username>"
        f'<Password Type="{_DIGEST}">{base64.b64encode(digest).decode()}</Password>'
        f'<Nonce EncodingType="{_BASE64}">{base64.b64encode(nonce).decode()}</Nonce>'
        f'<Created xmlns="{utility}">{when}</Created></UsernameToken></Security>'
    )


def at_the_device(now: datetime, asked: datetime, said: datetime) -> datetime:
    """Now by the clock of a device that said ``said`` when it was ``asked`` by ours."""
    try:
        return now + (said - asked)
    except OverflowError:
        return now + timedelta(0)
