"""Twins of ONVIF cameras; where one opens, it opens with ``admin`` and ``admin``.

On its own: ``python tests/collect/access/twins/onvif.py NAME [PORT]``.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

if __name__ == "__main__":
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parent.parent))

from twins.auth import Digest
from twins.site import Answer, Handler, Request, run, serve

PATH = "/onvif/device_service"
USER, PASSWORD = "admin", "admin"
ENVELOPE = (
    '<?xml version="1.0"?><env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:ter="http://www.onvif.org/ver10/error" '
    'xmlns:tt="http://www.onvif.org/ver10/schema"><env:Body>{}</env:Body></env:Envelope>'
)
INFORMATION = ENVELOPE.format(
    "<tds:GetDeviceInformationResponse><tds:Manufacturer>Twin</tds:Manufacturer>"
    "<tds:Model>C-1</tds:Model></tds:GetDeviceInformationResponse>"
)
NOT_AUTHORIZED = ENVELOPE.format(
    "<env:Fault><env:Code><env:Value>env:Sender</env:Value><env:Subcode>"
    "<env:Value>ter:NotAuthorized</env:Value></env:Subcode></env:Code>"
    "<env:Reason><env:Text>Sender not Authorized</env:Text></env:Reason></env:Fault>"
)


class Camera:
    """Asks for a token; ``ahead`` is how far its clock is from ours, ``status`` that of its refusal."""

    def __init__(
        self,
        *,
        ahead: timedelta = timedelta(),
        status: int = 200,
        password: str = PASSWORD,
        clock: bool = True,
        open_to: str = "users",
    ) -> None:
        self.ahead, self.status, self.password = ahead, status, password
        self.clock, self.open_to = clock, open_to
        self.nonces: set[str] = set()
        self.tried: list[str] = []

    def __call__(self, request: Request) -> Answer:
        if request.path != PATH or request.method != "POST":
            return (200, [], "<html>camera</html>") if request.path == "/" else (404, [], "")
        if "GetSystemDateAndTime" in request.body:
            return self.time()
        if "GetDeviceInformation" in request.body and self.let_in(request):
            return 200, [], INFORMATION
        return self.status, [], NOT_AUTHORIZED

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def time(self) -> Answer:
        if not self.clock:
            return self.status, [], NOT_AUTHORIZED
        n = self.now()
        text = (
            "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP"
            "</tt:DateTimeType><tt:UTCDateTime><tt:Time>"
            f"<tt:Hour>{n.hour}</tt:Hour><tt:Minute>{n.minute}</tt:Minute><tt:Second>{n.second}"
            f"</tt:Second></tt:Time><tt:Date><tt:Year>{n.year}</tt:Year><tt:Month>{n.month}</tt:Month>"
            f"<tt:Day>{n.day}</tt:Day></tt:Date></tt:UTCDateTime></tds:SystemDateAndTime>"
            "</tds:GetSystemDateAndTimeResponse>"
        )
        return 200, [], ENVELOPE.format(text)

    def let_in(self, request: Request) -> bool:
        if self.open_to == "all":
            return True
        parts = [
            re.search(rf"<(?:\w+:)?{name}\b[^>]*>([^<]*)<", request.body)
            for name in ("Username", "Password", "Nonce", "Created")
        ]
        user, digest, nonce, created = (p[1] if p else "" for p in parts)
        if not user:
            return False
        self.tried.append(user)
        when = datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        if abs(when - self.now()) > timedelta(seconds=5) or nonce in self.nonces:
            return False
        self.nonces.add(nonce)
        secret = base64.b64decode(nonce) + created.encode() + self.password.encode()
        right = base64.b64encode(hashlib.sha1(secret).digest()).decode()
        any_user = self.open_to == "any"
        return any_user or (user == USER and digest == right)


class ByDigest(Camera):
    """Asks by HTTP digest, and only for what needs a user."""

    def __init__(self) -> None:
        super().__init__()
        self.digest = Digest("MD5")

    def __call__(self, request: Request) -> Answer:
        if request.path != PATH or "GetSystemDateAndTime" in request.body:
            return super().__call__(request)
        status, headers, text = self.digest(request)
        return (200, [], INFORMATION) if status == 200 else (status, headers, text)


def fault() -> Handler:
    """Knows its clock, and gives another fault for all else."""
    camera = Camera()
    other = NOT_AUTHORIZED.replace("NotAuthorized", "ActionNotSupported")

    def handler(request: Request) -> Answer:
        answer = camera(request)
        return (500, [], other) if answer[2] == NOT_AUTHORIZED else answer

    return handler


OPEN: dict[str, Callable[[], Handler]] = {
    "token": Camera,
    "token-400": lambda: Camera(status=400),
    "clock-years-behind": lambda: Camera(ahead=timedelta(days=-2500, hours=3)),
    "clock-ahead": lambda: Camera(ahead=timedelta(hours=9)),
    "digest": ByDigest,
}

TRAPS: dict[str, tuple[Callable[[], Handler], str]] = {
    "open-to-all": (lambda: Camera(open_to="all"), "no credential is needed"),
    "any-credential": (lambda: Camera(open_to="any"), "any credential is accepted"),
    "another-password": (lambda: Camera(password="kX9-own"), "Sender not Authorized"),
    "no-clock": (lambda: Camera(clock=False, ahead=timedelta(hours=9)), "the clock of the device"),
    "another-fault": (fault, "neither a refusal nor the information"),
}

__all__ = ["OPEN", "TRAPS", "serve"]

if __name__ == "__main__":
    run({**OPEN, **{name: make for name, (make, _) in TRAPS.items()}})
