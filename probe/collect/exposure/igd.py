"""UPnP gateway control: its description, its actions, and two questions that change nothing. Pure.

UPnP InternetGatewayDevice 1 and 2, WANIPConnection 1 and 2, WANIPv6FirewallControl 1. AddPortMapping and
its like have no codec here, so that they cannot be sent.
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urljoin, urlsplit

from probe.collect.discovery.upnp import DescriptionFault, leaves
from probe.model.text import clean

CONTROLS = re.compile(
    r"urn:[\w.-]{1,60}:service:(?P<name>(?:WAN(?:IP|PPP)Connection|WANIPv6FirewallControl):\d{1,2})"
)
MAX_SERVICES = 4
MAX_ACTIONS = 60
EXTERNAL, ENTRY = "GetExternalIPAddress", "GetGenericPortMappingEntry"
READING = frozenset((EXTERNAL, ENTRY))
NO_MORE = "713"
"""SpecifiedArrayIndexInvalid: the list has no entry of that number."""


@dataclass(frozen=True, slots=True)
class Control:
    """One control service of the description; the paths are on the device itself."""

    urn: str
    name: str
    description: str
    control: str


def controls(xml: bytes, base: str) -> list[Control]:
    """The services that open ports. ``base`` is the description's own URL; others' hosts are left out.

    Raises DescriptionFault.
    """
    found: list[dict[str, str]] = []
    for path, text in leaves(xml):
        if path[-2:] == ("service", "serviceType"):
            found.append({"serviceType": text})
        elif path[-2:-1] == ("service",) and found:
            found[-1].setdefault(path[-1], text)
    result: list[Control] = []
    for service in found:
        kind = CONTROLS.fullmatch(service["serviceType"])
        described = _own_path(base, service.get("SCPDURL", ""))
        control = _own_path(base, service.get("controlURL", ""))
        if kind and described and control and len(result) < MAX_SERVICES:
            result.append(Control(service["serviceType"], kind["name"], described, control))
    return result


def actions(xml: bytes) -> tuple[str, ...]:
    """The names of the actions in a service description. Raises DescriptionFault."""
    names = [clean(text, 60) for path, text in leaves(xml) if path[-2:] == ("action", "name")]
    if not names:
        raise DescriptionFault("it names no action")
    return tuple(names[:MAX_ACTIONS])


def request(urn: str, action: str, **arguments: int) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of an action that only reads (UPnP Device Architecture 2.0 section 3.1.1)."""
    if action not in READING:
        raise ValueError(f"{action} is not one that only reads")
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in arguments.items())
    body = (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
        f'<u:{action} xmlns:u="{urn}">{inside}</u:{action}></s:Body></s:Envelope>'
    )
    headers = [("Content-Type", 'text/xml; charset="utf-8"'), ("SOAPAction", f'"{urn}#{action}"')]
    return headers, body.encode()


def values(xml: bytes) -> dict[str, str]:
    """The result of an action, or the ``errorCode`` of its refusal. Raises DescriptionFault."""
    return {path[-1]: clean(text, 80) for path, text in leaves(xml)}


def mapping(found: dict[str, str]) -> str:
    """``tcp 8080 to 198.51.100.9:80``, empty when the answer holds no mapping."""
    try:
        inside = str(ip_address(found.get("NewInternalClient", "")))
        ports = int(found.get("NewExternalPort", "")), int(found.get("NewInternalPort", ""))
    except ValueError:
        return ""
    protocol = "udp" if found.get("NewProtocol", "").upper() == "UDP" else "tcp"
    return f"{protocol} {ports[0]} to {inside}:{ports[1]}"


def is_address(text: str) -> bool:
    try:
        return not ip_address(text).is_unspecified
    except ValueError:
        return False


def _own_path(base: str, link: str) -> str:
    """The path of a link on the host of ``base``; empty when it leads to another."""
    try:
        url, own = urlsplit(urljoin(base, link)), urlsplit(base)
        same = (url.scheme, url.hostname, url.port or 80) == ("http", own.hostname, own.port or 80)
    except ValueError:
        return ""
    path = url.path + (f"?{url.query}" if url.query else "")
    return path if link and same and re.fullmatch(r"/[\x21-\x7e]{0,300}", path) else ""
