"""A unit of work on a device."""

from dataclasses import dataclass

from probe.model.ids import DeviceId, JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One unit of work on one device: at most one connection at a time, done or not done."""

    id: JobId
    device: DeviceId
    collector: str
    title: str
    """What is being done, for people: ``TLS on tcp 198.51.100.11:443``."""
