"""The log of attempts: one observation for each credential that was presented, or left out."""

from probe.collect.access.attempt import Attempt, Credential
from probe.collect.session import DeviceSession
from probe.model.access import LoginAttempt
from probe.model.device import endpoint
from probe.model.evidence import Coverage
from probe.model.observation import Service


def log_attempt(
    session: DeviceSession,
    service: Service,
    method: str,
    purpose: str,
    credential: Credential | None,
    attempt: Attempt,
    *,
    tier: str = "",
    source: str = "",
) -> None:
    """Record ``attempt``; its time is that of its end. What stands behind it is its own transcript."""
    s = service
    nothing = Coverage(
        tried=f"login to {endpoint(s.transport, s.address, s.port)}", times=1, deadline_s=0.0
    )
    session.observe(
        LoginAttempt(
            transport=s.transport,
            address=s.address,
            port=s.port,
            protocol=s.protocol,
            method=method,
            purpose=purpose,
            username=credential.username if credential else "",
            password=credential.password if credential else "",
            tier=tier,
            source=source,
            result=attempt.result,
            proved=attempt.proved,
            detail=attempt.detail,
            seconds=round(attempt.seconds, 3),
        ),
        *(attempt.proof or (nothing,)),
    )
