"""Asks a gateway what UPnP control it offers: descriptions, the outside address, the list of mappings.

Nothing is added, changed or deleted. Whether a gateway maps ports for other hosts than the asking one
(secure mode) shows only when a mapping is asked for: miniupnpd answers all reading alike in both modes.
"""

from collections.abc import Iterable
from functools import partial

from probe.collect.answers import NoAnswer
from probe.collect.collector import Task, task
from probe.collect.discovery.collector import Location, location_of
from probe.collect.discovery.upnp import MAX_XML, DescriptionFault
from probe.collect.exposure import igd
from probe.collect.session import DeviceSession
from probe.collect.web.http import Response, fetch, host_header
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.evidence import EvidenceRef
from probe.model.exposure import GatewayControl, MappingsRead
from probe.model.finding import Owner
from probe.model.observation import Announced
from probe.model.plan import Plan

GATEWAY = ("InternetGatewayDevice", "WANDevice", "WANConnectionDevice", "Connection:", "Firewall")
MAX_LOCATIONS = 2
MAX_MAPPINGS = 8
WITHIN_S = 6.0
SETTLE = (
    "Look at the gateway's UPnP settings by hand, and record whether it maps ports for other hosts."
)


class Gateway:
    """One job for each description of a gateway that the device announced by SSDP."""

    name = "gateway"

    def tasks(self, dut: Dut, plan: Plan) -> Iterable[Task]:
        """Jobs appear once a gateway was announced; any other UPnP device is left alone."""
        del plan
        for place in locations(dut):
            yield task(
                self.name,
                dut.device,
                f"{endpoint('tcp', place.address, place.port)}{place.path}",
                f"UPnP gateway control on {endpoint('tcp', place.address, place.port)}",
                partial(control, place=place),
                priority=46,
            )


def locations(dut: Dut) -> list[Location]:
    """Where the announced gateway's description lies, on the device itself."""
    found = [
        location_of(value, dut.device)
        for seen in dut.all(Announced)
        if seen.fact.via == "ssdp" and any(w in f"{seen.fact.kind}:" for w in GATEWAY)
        for key, value in seen.fact.attributes
        if key == "location"
    ]
    return list(dict.fromkeys(place for place in found if place is not None))[:MAX_LOCATIONS]


async def control(session: DeviceSession, *, place: Location) -> None:
    """Record a GatewayControl for each service that opens ports."""
    url = f"http://{host_header(place.address, place.port, False)}{place.path}"
    try:
        described = await _document(session, place, place.path)
        found = igd.controls(described.body, url)
    except (NoAnswer, DescriptionFault) as error:
        _not_read(session, place, error)
        return
    for service in found:
        await _service(session, place, service, described.proof)


async def _service(
    session: DeviceSession, place: Location, service: igd.Control, proof: EvidenceRef
) -> None:
    proofs = [proof]
    names: tuple[str, ...] = ()
    try:
        description = await _document(session, place, service.description)
        proofs.append(description.proof)
        names = igd.actions(description.body)
    except (NoAnswer, DescriptionFault) as error:
        _not_read(session, place, error)
    told = False
    if igd.EXTERNAL in names:
        answer, _ = await _asked(session, place, service, igd.EXTERNAL, proofs)
        told = igd.is_address(answer.get("NewExternalIPAddress", ""))
    mappings, read = await _mappings(session, place, service, names, proofs)
    session.observe(
        GatewayControl(
            address=place.address,
            port=place.port,
            location=place.path,
            service=service.name,
            actions=names,
            external_told=told,
            mappings=mappings,
            mappings_read=read,
        ),
        *proofs,
    )


async def _mappings(
    session: DeviceSession,
    place: Location,
    service: igd.Control,
    names: tuple[str, ...],
    proofs: list[EvidenceRef],
) -> tuple[tuple[str, ...], MappingsRead]:
    found: list[str] = []
    while igd.ENTRY in names and len(found) < MAX_MAPPINGS:
        answer, status = await _asked(
            session, place, service, igd.ENTRY, proofs, NewPortMappingIndex=len(found)
        )
        entry = igd.mapping(answer) if status == 200 else ""
        if entry:
            found.append(entry)
            continue
        if found:
            break
        code = answer.get("errorCode", "")
        if not code and status not in (401, 403):
            return (), MappingsRead.NO_ANSWER
        return (), MappingsRead.EMPTY if code == igd.NO_MORE else MappingsRead.REFUSED
    return tuple(found), MappingsRead.LISTED if found else MappingsRead.NO_ANSWER


async def _asked(
    session: DeviceSession,
    place: Location,
    service: igd.Control,
    action: str,
    proofs: list[EvidenceRef],
    **arguments: int,
) -> tuple[dict[str, str], int]:
    """The values of an answer and its status; nothing and 0 when there was none."""
    headers, body = igd.request(service.urn, action, **arguments)
    try:
        answer = await fetch(
            session,
            place.address,
            place.port,
            method="POST",
            path=service.control,
            headers=headers,
            body=body,
            within=WITHIN_S,
        )
    except NoAnswer as error:
        proofs += [error.proof] if error.proof else []
        return {}, 0
    proofs.append(answer.proof)
    try:
        return igd.values(answer.body), answer.status
    except DescriptionFault:
        return {}, answer.status


async def _document(session: DeviceSession, place: Location, path: str) -> Response:
    answer = await fetch(
        session, place.address, place.port, path=path, limit=MAX_XML, within=WITHIN_S
    )
    if answer.status != 200 or answer.truncated:
        raise DescriptionFault(f"HTTP status {answer.status}, or cut off")
    return answer


def _not_read(session: DeviceSession, place: Location, error: Exception) -> None:
    where = endpoint("tcp", place.address, place.port)
    reason = f"its gateway control could not be read: {error}"
    proof = session.keep(
        f"{where}: {reason}\n".encode(), media_type="text/plain", caption=reason[:120]
    )
    session.not_measured(where, reason, proof, owner=Owner.DEVICE, settle=SETTLE)


COLLECTOR = Gateway()
