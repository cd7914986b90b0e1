"""The TR-069 connection request (section 3.2.2): a GET by which its manager calls the device.

A right credential makes the device call its management server, and gives nothing to read: 200 or 204
without content. The path is often random and known to that server alone, so 404 and 405 say nothing.
"""

from probe.collect.access.attempt import Method
from probe.collect.access.protocols.web.auth import HttpAuth, challenges
from probe.collect.answers import NoAnswer
from probe.collect.session import DeviceSession
from probe.collect.web.http import fetch
from probe.model.device import endpoint
from probe.model.evidence import Coverage, Proof
from probe.model.finding import Owner
from probe.model.observation import Service

PATHS = ("/", "/tr069", "/cwmp")
WITHIN = 10.0
SETTLE = "Ask the maker for the ConnectionRequestURL, or read it in the device, and try it by hand."


async def methods(session: DeviceSession, service: Service) -> list[Method]:
    """Digest or basic, on the first path that asks; a NotMeasured when none does."""
    proof: list[Proof] = []
    met: list[str] = []
    owner = Owner.DEVICE
    for path in PATHS:
        try:
            response = await fetch(
                session, service.address, service.port, tls=service.tls, path=path, within=WITHIN
            )
        except NoAnswer as error:
            proof += [error.proof] if error.proof else []
            met.append(f"{path} met {error.why}")
            owner = error.owner
            break
        proof.append(response.proof)
        offered = {c.scheme for c in challenges(response.values("www-authenticate"))}
        scheme = next((s for s in ("digest", "basic") if s in offered), "")
        if response.status == 401 and scheme:
            return [HttpAuth(service, path, scheme, what="a connection request")]
        met.append(f"{path} met HTTP {response.status}")
    session.not_measured(
        endpoint("tcp", service.address, service.port),
        f"no path of a connection request is known: {', '.join(met)}",
        *(proof or [Coverage(tried="GET /", times=1, deadline_s=WITHIN)]),
        owner=owner,
        settle=SETTLE,
    )
    return []
