"""A bench for one device on loopback with a real journal and collectors of the test's own making."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from probe.collect.collector import Task, Work, task
from probe.collect.scope import ScopeGuard
from probe.model.device import Device
from probe.model.dut import Dut
from probe.model.event import DeviceSeen, RunStarted
from probe.model.ids import DeviceId, RunId
from probe.model.plan import Gentleness, Plan
from probe.model.run import Run, Scope
from probe.runner.device_task import Bench, DeviceTask
from probe.runner.health import Ping
from probe.runner.recorder import JournalRecorder
from probe.store.journal import Journal
from probe.store.store import Store

DEVICE = Device(id=DeviceId("ip-127.0.0.1"), addresses=("127.0.0.1",))


class Scripted:
    """A collector that names one job for each entry, once the named observation is there."""

    def __init__(self, name: str, *jobs: tuple[str, Work], lane: str = "ask", priority: int = 20):
        self.name, self.jobs, self.lane, self.priority = name, jobs, lane, priority

    def tasks(self, dut: Dut, plan: Plan) -> Iterable[Task]:
        for subject, work in self.jobs:
            yield task(
                self.name,
                dut.device,
                subject,
                f"{self.name} on {subject}",
                work,
                priority=self.priority,
                lane=self.lane,
            )


def open_journal(folder: Path, plan: Plan) -> Journal:
    journal = Journal(Store(str(folder)), RunId("20260101-000000-aaaa"))
    head = Run(
        id=journal.run,
        started_at=1.0,
        scope=Scope(interface="lo", networks=("127.0.0.0/8",)),
        plan=plan,
    )
    journal.begin(RunStarted(run=head))
    journal.append(DeviceSeen(device=DEVICE))
    return journal


@pytest.fixture
def plan() -> Plan:
    return Plan(
        name="t",
        summary="",
        catalogues=(),
        tcp_ports="quick",
        gentleness=Gentleness(packets_per_s=2000.0, burst=8),
    )


@pytest.fixture
def device_task(tmp_path: Path, plan: Plan) -> Callable[..., tuple[DeviceTask, Journal]]:
    """``device_task(collector, …)`` gives the task and its journal."""

    def build(
        *collectors: Scripted,
        journal: Journal | None = None,
        ping: Ping | None = None,
        disturbed: Callable[[float], bool] = lambda since: False,
    ) -> tuple[DeviceTask, Journal]:
        journal = journal or open_journal(tmp_path, plan)
        assert journal.state.run is not None
        bench = Bench(
            plan=plan,
            guard=ScopeGuard(journal.state.run.scope),
            recorder=JournalRecorder(journal),
            collectors=collectors,
            ping=ping,
            disturbed=disturbed,
            resting=lambda: False,
            changed=lambda device: None,
        )
        return DeviceTask(bench, DEVICE.id), journal

    return build


@pytest.fixture
def scripted() -> type[Scripted]:
    return Scripted
