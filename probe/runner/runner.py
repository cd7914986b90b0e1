"""One run from its first packet to its last verdict."""

import asyncio
from collections.abc import Iterable
from typing import cast

from probe import registry
from probe.collect.collector import Collector
from probe.collect.discovery.discovery import Discovery
from probe.collect.discovery.link import LinkSession
from probe.collect.packet.client import PacketClient
from probe.collect.scope import ScopeGuard
from probe.collect.traffic.watch import TrafficWatch
from probe.errors import ProbeError
from probe.model import event as ev
from probe.model.device import Device
from probe.model.evidence import Coverage, Proof
from probe.model.finding import Finding, Owner
from probe.model.ids import DeviceId
from probe.model.observation import Fact
from probe.model.run import Run, RunStatus
from probe.model.verdict import Verdict
from probe.runner.assess import assess, early, verdicts
from probe.runner.device_task import Bench, DeviceTask
from probe.runner.recorder import JournalRecorder
from probe.store.journal import Journal

COMMANDS_EVERY_S = 0.3


class Runner:
    """Owns the device tasks. ``client`` is the packet helper's client, None where there is none."""

    def __init__(self, journal: Journal, client: PacketClient | None) -> None:
        self.journal = journal
        self.recorder = JournalRecorder(journal)
        self.client = client
        self.guard = ScopeGuard(self.run_head.scope)
        self.catalogues = registry.chosen_catalogues(self.run_head.plan.catalogues)
        self._tasks: dict[DeviceId, DeviceTask] = {}
        self._running: dict[DeviceId, asyncio.Task[None]] = {}
        self._discovery: Discovery | None = None
        self._watch = TrafficWatch(client)
        self._began = 0.0
        self._stopping = ""

    @property
    def run_head(self) -> Run:
        assert self.journal.state.run is not None
        return self.journal.state.run

    async def run(self) -> None:
        """Returns when every device is done, or after a stop command. Never raises on device trouble."""
        self._began = asyncio.get_running_loop().time()
        self.recorder.append(ev.StatusChanged(status=RunStatus.RUNNING))
        listener = asyncio.create_task(self._discover(), name="discovery")
        commander = asyncio.create_task(self._obey(), name="commands")
        try:
            await self._until_all_done(listener)
            status = RunStatus.STOPPED if self._stopping else RunStatus.FINISHED
            for device in list(self.journal.state.devices):
                if device not in self.journal.state.devices_done:
                    self._finish(device, complete=not self._stopping)
            self.recorder.append(ev.StatusChanged(status=status, reason=self._stopping))
        finally:
            for task in (listener, commander, *self._running.values()):
                task.cancel()
            await asyncio.gather(
                listener, commander, *self._running.values(), return_exceptions=True
            )

    async def _until_all_done(self, listener: asyncio.Task[None]) -> None:
        while not self._stopping:
            if listener.done() and listener.exception() is not None:
                self._note("error", f"Discovery ended early: {listener.exception()}")
            for device, task in list(self._running.items()):
                if task.done():
                    del self._running[device]
                    self._device_ended(device, task)
            if not self._running and not self._resting():
                return
            await asyncio.wait(
                [*self._running.values(), asyncio.create_task(asyncio.sleep(0.3))],
                return_when=asyncio.FIRST_COMPLETED,
            )
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _device_ended(self, device: DeviceId, task: asyncio.Task[None]) -> None:
        error = task.exception() if not task.cancelled() else None
        if isinstance(error, ProbeError):
            raise error
        if error is not None:
            self._note("error", f"The work on {device} ended by a defect of the probe: {error}")
        self._finish(device, complete=error is None)

    # --- discovery ---------------------------------------------------------------------------

    async def _discover(self) -> None:
        link = LinkSession.open(self.guard, self.client, self._link_note)
        self._discovery = Discovery(
            link=link,
            plan=self.run_head.plan,
            on_device=self._device_seen,
            observe=self._discovered,
            keep=self.recorder.keep_bytes,
        )
        for device in list(self.journal.state.devices):
            if device not in self.journal.state.devices_done:
                self._begin(device)
        await self._discovery.run()

    def _discovered(self, device: DeviceId, fact: Fact, *proof: Proof) -> None:
        self.recorder.observe_fact("discovery", device, fact, *proof)
        if device in self._tasks:
            self._tasks[device].wake.set()

    def _device_seen(self, device: Device) -> None:
        if self.journal.state.devices.get(device.id) != device:
            self.recorder.append(ev.DeviceSeen(device=device))
        self._begin(device.id)

    def _begin(self, device: DeviceId) -> None:
        if device in self._tasks:
            self._tasks[device].wake.set()
            return
        if device in self.journal.state.devices_done:
            return
        bench = Bench(
            plan=self.run_head.plan,
            guard=self.guard,
            recorder=self.recorder,
            collectors=tuple(_collectors()),
            ping=self._ping if self.client is not None else None,
            resting=self._resting,
            changed=self._assess_early,
        )
        self._tasks[device] = DeviceTask(bench, device)
        self._running[device] = asyncio.create_task(self._tasks[device].run(), name=str(device))
        self._assess_early(device)

    async def _ping(self, mac: str, address: str) -> bool | None:
        return await self.client.alive(mac, address, 1.0) if self.client is not None else None

    def _resting(self) -> bool:
        """Whether discovery may still find devices or addresses, or traffic must still be watched."""
        if self._stopping:
            return False
        listened = asyncio.get_running_loop().time() - self._began
        discovering = self._discovery is None or not self._discovery.active_done.is_set()
        return discovering or (bool(self._tasks) and listened < self.run_head.plan.listen_s)

    # --- judging -----------------------------------------------------------------------------

    def _assess_early(self, device: DeviceId) -> None:
        dut = self.journal.state.dut(device)
        found = early(assess(dut, self.recorder.keep_text))
        self._publish(found, verdicts(dut, found, self.catalogues, final=False))

    def _finish(self, device: DeviceId, *, complete: bool) -> None:
        """Traffic and discovery have their last word, then everything is judged."""
        listened = asyncio.get_running_loop().time() - self._began
        if self._discovery is not None:
            self._discovery.settled(device)
        for fact, records in self._watch.facts(self.journal.state.devices[device], listened):
            proof: list[Proof] = [
                self.recorder.keep_bytes(data, media_type=media_type, caption=caption)
                for data, caption, media_type in records
            ]
            tried = Coverage(tried="listening on the interface", times=1, deadline_s=listened)
            self.recorder.observe_fact("traffic", device, fact, *(proof or [tried]))
        dut = self.journal.state.dut(device)
        found = assess(dut, self.recorder.keep_text)
        self._publish(found, verdicts(dut, found, self.catalogues, final=True))
        if complete:
            self.recorder.append(ev.DeviceDone(device=device))

    def _publish(self, findings: Iterable[Finding], made: Iterable[Verdict]) -> None:
        state = self.journal.state
        for finding in findings:
            if state.findings.get(finding.id) != finding:
                self.recorder.append(ev.Found(finding=finding))
        for v in made:
            if state.verdicts.get((v.catalogue, v.edition, v.requirement, v.device)) != v:
                self.recorder.append(ev.Judged(verdict=v))

    # --- commands ----------------------------------------------------------------------------

    async def _obey(self) -> None:
        """Pause, resume and stop, as left in the store by the terminal UI or the command line."""
        store, run = self.journal.store, self.journal.run
        last = store.last_command(run)
        while True:
            await asyncio.sleep(COMMANDS_EVERY_S)
            for number, verb in store.commands_after(run, last):
                last = number
                if verb == "stop":
                    self._stopping = "stopped by the operator"
                elif verb in ("pause", "resume"):
                    self._hold(verb == "pause")
            if self.journal.state.status is RunStatus.PAUSED:
                for task in self._tasks.values():
                    task.budget.gate.clear()

    def _hold(self, paused: bool) -> None:
        status = RunStatus.PAUSED if paused else RunStatus.RUNNING
        if status is self.journal.state.status:
            return
        for task in self._tasks.values():
            if paused:
                task.budget.gate.clear()
            else:
                task.budget.gate.set()
        self.recorder.append(ev.StatusChanged(status=status, reason="by the operator"))

    def _link_note(self, text: str, owner: Owner) -> None:
        self._note("warning", f"{text} (cause: {owner})")

    def _note(self, level: str, text: str) -> None:
        self.recorder.append(ev.Noted(level=level, text=text))


def _collectors() -> list[Collector]:
    return [cast(Collector, module.COLLECTOR) for module in registry.collector_modules()]
