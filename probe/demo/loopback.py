"""What is known of the reference devices when they live on loopback addresses.

There they have no link: no IPv6 of their own, no announcements, no traffic to watch, and unprivileged
ports. What is known of them is the same otherwise, so it is derived and not written down twice.
"""

from dataclasses import replace

from probe.demo import truth
from probe.demo.devices.twins import LOOPBACK_PORTS
from probe.demo.network import LOOPBACK_ADDRESSES
from probe.demo.truth import DeviceTruth, Row
from probe.model.finding import Outcome

NEED_A_LINK = ("ipv6/", "update/", "exposure/discovery_disclosure")
# The port that only IPv6 has is gone, and with it what it hides of the device; UDP is not asked there.
PERMITTED = tuple(
    Row(outcome=Outcome.SATISFIED, check=check, subject="device")
    for check in ("exposure/*", "ipv6/*")
)


def known() -> list[DeviceTruth]:
    """The truths of the devices that can live on loopback addresses."""
    return [
        replace(
            one,
            address=LOOPBACK_ADDRESSES[one.name],
            facts=_moved(one.facts),
            permitted=(*_moved(one.permitted), *PERMITTED),
        )
        for one in truth.load()
        if one.name in LOOPBACK_ADDRESSES
    ]


def _moved(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    return tuple(
        replace(row, subject=moved)
        for row in rows
        if not row.check.startswith(NEED_A_LINK) and (moved := _subject(row.subject))
    )


def _subject(subject: str) -> str:
    """With the port that the service has on loopback; empty when it is not there."""
    if not subject.startswith("tcp "):
        return "" if subject.startswith("udp ") else subject
    place, _, port = subject.rpartition(":")
    if port == "*":
        return subject
    return f"{place}:{LOOPBACK_PORTS[int(port)]}" if int(port) in LOOPBACK_PORTS else ""
