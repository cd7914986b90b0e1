"""What a collector is: it looks at what is known of a device and names the jobs that are possible now.

The runner asks every collector again after each job, so a chain such as scan, identify, TLS, login
needs no wiring: a job appears when the fact it builds on is there. Job ids are deterministic, so a
finished job is not done twice and a resumed run goes on where it was.

A collector lives in ``probe/collect/<room>/collector.py`` as a module constant ``COLLECTOR``.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from probe.collect.session import DeviceSession
from probe.model.device import Device, endpoint
from probe.model.dut import Dut
from probe.model.ids import JobId
from probe.model.job import Job
from probe.model.plan import Plan
from probe.model.service import Service

Work = Callable[[DeviceSession], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A job and how to do it. ``lane``: ``scan``, ``udp`` and ``ask`` run side by side, one job each;
    ``last`` alone, when no other job is left."""

    job: Job
    priority: int
    """Lower is sooner: 10 first ports, 20 identify, 30 TLS, 40 HTTP, 50 open access, 60 logins,
    70 further ports, 90 and more what comes last."""
    lane: str
    work: Work


class Collector(Protocol):
    """One kind of question put to a device."""

    name: str

    def tasks(self, dut: Dut, plan: Plan) -> Iterable[Task]:
        """Everything that could be done now, done before or not. Pure: no I/O here."""
        ...


def tcp_services(dut: Dut, *protocols: str) -> Iterator[tuple[str, Service]]:
    """Each identified TCP service of these protocols and each address of it, with its name."""
    for seen in dut.services(*protocols):
        if seen.fact.transport == "tcp":
            yield endpoint("tcp", seen.fact.address, seen.fact.port), seen.fact


def task(
    collector: str,
    device: Device,
    subject: str,
    title: str,
    work: Work,
    *,
    priority: int,
    lane: str = "ask",
) -> Task:
    """A Task with the deterministic job id ``collector/device/subject``."""
    job = Job(
        id=JobId(f"{collector}/{device.id}/{subject}"),
        device=device.id,
        collector=collector,
        title=title,
    )
    return Task(job=job, priority=priority, lane=lane, work=work)
