"""Fetches the UPnP description that a device points to by SSDP, from that device and no other."""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from probe.collect.answers import NoAnswer
from probe.collect.collector import Task, task
from probe.collect.discovery.upnp import MAX_XML, DescriptionFault, parse_description
from probe.collect.session import DeviceSession
from probe.collect.web.http import fetch
from probe.model.device import Device, endpoint
from probe.model.dut import Dut
from probe.model.evidence import EvidenceRef
from probe.model.finding import Owner
from probe.model.observation import Announced
from probe.model.plan import Plan
from probe.model.text import clean

NAME = "upnp"
MAX_LOCATIONS = 4
TARGET = re.compile(r"/[\x21-\x7e]{0,500}")
SETTLE = "Look at the description by hand, or name the model in the declaration."


@dataclass(frozen=True, slots=True)
class Location:
    """Where the device says its description lies."""

    address: str
    port: int
    path: str


def location_of(text: str, device: Device) -> Location | None:
    """The parts of a LOCATION, or None unless it is plain http to an address of ``device`` itself."""
    try:
        parts = urlsplit(text)
        address = str(ipaddress.ip_address((parts.hostname or "").partition("%")[0]))
        port = parts.port or 80
    except ValueError:
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if parts.scheme != "http" or address not in device.addresses or not TARGET.fullmatch(path):
        return None
    return Location(address, port, path)


class UpnpDescription:
    """One job for each LOCATION that points to the device."""

    name = NAME

    def tasks(self, dut: Dut, plan: Plan) -> Iterable[Task]:
        del plan
        for place in list(_locations(dut))[:MAX_LOCATIONS]:
            where = endpoint("tcp", place.address, place.port)
            yield task(
                NAME,
                dut.device,
                f"{where}{place.path}",
                f"UPnP description on {where}",
                partial(describe, place=place),
                priority=40,
            )


def _locations(dut: Dut) -> Iterator[Location]:
    texts = [
        value
        for seen in dut.all(Announced)
        if seen.fact.via == "ssdp"
        for key, value in seen.fact.attributes
        if key == "location"
    ]
    found = (location_of(text, dut.device) for text in texts)
    yield from dict.fromkeys(place for place in found if place is not None)


async def describe(session: DeviceSession, *, place: Location) -> None:
    """Fetch and read one description; what it says becomes an announcement ``upnp``."""
    subject = f"UPnP description on {endpoint('tcp', place.address, place.port)}"
    try:
        answer = await fetch(
            session, place.address, place.port, path=place.path, limit=MAX_XML, within=8.0
        )
    except NoAnswer as error:
        reason, proof = f"{subject} did not come: {error.detail}", error.proof
        refs = [proof] if proof is not None else [_said(session, reason)]
        session.not_measured(subject, reason, *refs, owner=error.owner, settle=SETTLE)
        return
    try:
        if answer.status != 200:
            raise DescriptionFault(f"HTTP status {answer.status}")
        if answer.truncated:
            raise DescriptionFault("it is cut off or longer than its limit")
        properties = parse_description(answer.body)
    except DescriptionFault as error:
        reason = f"{subject} cannot be read: {error}"
        session.not_measured(subject, reason, answer.proof, owner=Owner.DEVICE, settle=SETTLE)
        return
    shown = {key: clean(value, 200) for key, value in properties.items()}
    fact = Announced(
        via=NAME,
        name=shown.get("friendlyName", ""),
        kind=shown.get("deviceType", ""),
        port=place.port,
        attributes=tuple(sorted(shown.items())),
    )
    session.observe(fact, answer.proof)


def _said(session: DeviceSession, text: str) -> EvidenceRef:
    return session.keep(text.encode(), media_type="text/plain", caption=text)


COLLECTOR = UpnpDescription()
