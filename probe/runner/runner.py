"""One run from its first packet to its last verdict."""

import asyncio
from typing import cast

from probe import registry
from probe.collect.collector import Collector
from probe.collect.discovery.discovery import Discovery
from probe.collect.discovery.link import LinkSession
from probe.collect.gate import Gate
from probe.collect.packet.client import PacketClient
from probe.collect.scope import ScopeGuard
from probe.collect.traffic.watch import TrafficWatch
from probe.errors import ProbeError
from probe.model import event as ev
from probe.model.device import Device
from probe.model.evidence import Coverage, Proof
from probe.model.finding import Owner
from probe.model.ids import DeviceId
from probe.model.observation import Announced, Fact
from probe.model.run import Run, RunStatus
from probe.runner.device_task import Bench, DeviceTask
from probe.runner.images import examine_images, with_images
from probe.runner.judging import Judging
from probe.runner.link_watch import LinkWatch
from probe.runner.outside import ownerless, with_wan
from probe.runner.recorder import JournalRecorder
from probe.runner.roster import Roster
from probe.store.errors import StoreError
from probe.store.journal import Journal

COMMANDS_EVERY_S = 0.3
TICK_S = 0.3
PAUSED = "paused"
"""The operator's reason for the closed gate."""


class Runner:
    """Owns the device tasks. ``client`` is the packet helper's client, None where there is none."""

    def __init__(self, journal: Journal, client: PacketClient | None) -> None:
        self.journal = journal
        self.recorder = JournalRecorder(journal)
        self.client = client
        self.guard = ScopeGuard(self.run_head.scope)
        catalogues = registry.chosen_catalogues(self.run_head.plan.catalogues)
        self._judging = Judging(self.recorder, catalogues)
        self.gate = Gate()
        self._roster = Roster(self.journal.state.devices)
        self._tasks: dict[DeviceId, DeviceTask] = {}
        self._running: dict[DeviceId, asyncio.Task[None]] = {}
        self._broken: list[str] = []
        """Why the run does not come to its end in order; it can be resumed then."""
        self._failed: set[DeviceId] = set()
        self._finishing: DeviceId | None = None
        self._discovery: Discovery | None = None
        self._searched = False
        """The active phase of discovery came to its end."""
        self._listener: asyncio.Task[None] | None = None
        self._link = LinkWatch(self.run_head.scope.interface, self.gate, self._link_note)
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
        for job in self.journal.state.failed_jobs():
            self.recorder.append(ev.JobReopened(job=job))
        self._listener = asyncio.create_task(self._discover(), name="discovery")
        watchers = [
            asyncio.create_task(self._obey(), name="commands"),
            asyncio.create_task(self._link.run(), name="link"),
        ]
        try:
            await self._until_all_done(self._listener, watchers)
            for device, known in list(self.journal.state.devices.items()):
                done = device in self.journal.state.devices_done or known.is_image_only
                if not done and device not in self._failed:
                    self._finish(device, complete=False)
            for side in ownerless(self.run_head.scope.wan, self.journal.state.devices.values()):
                text = f"No device had the address {side.device}; {side.address} was not tested."
                self._note("warning", text)
            if self.run_head.images and not self._stopping:
                # Nothing is asked of a device meanwhile, and nobody is looked for.
                self._listener.cancel()
                await asyncio.gather(self._listener, return_exceptions=True)
                await examine_images(self.journal, self.run_head, self._note, self._stopped)
            self._judging.together()
            self.recorder.append(self._ending())
        finally:
            tasks = (self._listener, *watchers, *self._running.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _stopped(self) -> bool:
        return bool(self._stopping)

    def _ending(self) -> ev.StatusChanged:
        if self._stopping:
            return ev.StatusChanged(status=RunStatus.STOPPED, reason=self._stopping)
        if self._broken:
            return ev.StatusChanged(status=RunStatus.FAILED, reason=" ".join(self._broken))
        return ev.StatusChanged(status=RunStatus.FINISHED)

    async def _until_all_done(
        self, listener: asyncio.Task[None], watchers: list[asyncio.Task[None]]
    ) -> None:
        told = False
        while not self._stopping:
            if listener.done() and not told:
                told = True
                self._discovery_ended(listener)
            for watcher in watchers:
                if watcher.done() and not self._watcher_ended(watcher):
                    await self._end_tasks()
                    return
            for device, task in list(self._running.items()):
                if task.done():
                    del self._running[device]
                    self._device_ended(device, task)
            if not self._searching():
                self._searched = self._searched or not listener.done()
                self._begin_the_rest()
            if not self._running and not self._resting():
                return
            await asyncio.wait(
                [*self._running.values(), asyncio.create_task(asyncio.sleep(TICK_S))],
                return_when=asyncio.FIRST_COMPLETED,
            )
        await self._end_tasks()

    async def _end_tasks(self) -> None:
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _discovery_ended(self, listener: asyncio.Task[None]) -> None:
        error = listener.exception()
        if isinstance(error, StoreError):
            raise error
        text = f"Discovery ended early: {error}"
        if not self._searched:
            # Who else is there was not found out: nothing that the run says is about all devices.
            self._broken.append(text)
        self._note("error", text)

    def _watcher_ended(self, watcher: asyncio.Task[None]) -> bool:
        """Whether the run can go on without it. Raises what is not the network's doing."""
        error = watcher.exception()
        if isinstance(error, ProbeError) and not isinstance(error, StoreError):
            self._broken.append(str(error))
            return False
        raise error or RuntimeError(f"the watch over {watcher.get_name()} ended")

    def _device_ended(self, device: DeviceId, task: asyncio.Task[None]) -> None:
        error = task.exception() if not task.cancelled() else None
        if isinstance(error, StoreError):
            raise error
        if error is not None:
            text = f"The work on {device} ended by a defect of the probe: {error}"
            self._note("error", text)
            self._broken.append(text)
            self._failed.add(device)
        self._finish(device, complete=error is None)

    # --- discovery ---------------------------------------------------------------------------

    async def _discover(self) -> None:
        await self.gate.passed()
        link = LinkSession.open(
            self.guard,
            self.client,
            self._link_note,
            gate=self.gate,
            disturbed=self._link.disturbed,
        )
        self._discovery = Discovery(
            link=link,
            plan=self.run_head.plan,
            on_device=self._device_seen,
            observe=self._discovered,
            keep=self.recorder.keep_bytes,
        )
        await self._discovery.run()

    def _discovered(self, device: DeviceId, fact: Fact, *proof: Proof) -> None:
        self.recorder.observe_fact("discovery", device, fact, *proof)
        if device in self._tasks:
            self._tasks[device].wake.set()

    def _device_seen(self, device: Device) -> None:
        for taken in self._roster.take_in(device):
            known = with_images(taken, self.run_head.images)
            known = with_wan(known, self.run_head.scope.wan)
            if self.journal.state.devices.get(known.id) != known:
                self.recorder.append(ev.DeviceSeen(device=known))
        self._begin(device.id)

    def _begin_the_rest(self) -> None:
        """Devices that only an earlier sitting saw, and done ones of which more became known since."""
        for device in list(self.journal.state.devices):
            # An image alone is no device that could be asked anything; it is examined at the end.
            if device not in self._running and not self.journal.state.devices[device].is_image_only:
                self._begin(device)

    def _begin(self, device: DeviceId) -> None:
        if device in self._running:
            self._tasks[device].wake.set()
            return
        done = device in self.journal.state.devices_done
        if done or device in self._failed or device == self._finishing:
            return
        bench = Bench(
            plan=self.run_head.plan,
            guard=self.guard,
            recorder=self.recorder,
            collectors=tuple(_collectors()),
            ping=self._ping if self.client is not None else None,
            resting=self._resting,
            changed=self._changed,
            gate=self.gate,
            disturbed=self._link.disturbed,
        )
        earlier = self._tasks.get(device)
        self._tasks[device] = DeviceTask(bench, device, earlier.budget if earlier else None)
        self._running[device] = asyncio.create_task(self._tasks[device].run(), name=str(device))
        self._judging.early(device)

    def _changed(self, device: DeviceId) -> None:
        """A job of the device is over: what it told may name the device, and may be a violation."""
        for seen in self.journal.state.dut(device).all(Announced):
            if seen.fact.via == "upnp" and self._discovery is not None:
                self._discovery.learned(device, seen.fact)
        self._judging.early(device)

    async def _ping(self, mac: str, address: str) -> bool | None:
        await self.gate.passed()
        return await self.client.alive(mac, address, 1.0) if self.client is not None else None

    def _searching(self) -> bool:
        """Whether the active phase of discovery goes on. One that broke off finds nothing any more."""
        if self._listener is not None and self._listener.done():
            return False
        return self._discovery is None or not self._discovery.active_done.is_set()

    def _resting(self) -> bool:
        """Whether discovery may still find devices or addresses, or traffic must still be watched."""
        if self._stopping:
            return False
        return self._searching() or (
            bool(self._tasks) and self._listened < self.run_head.plan.listen_s
        )

    @property
    def _listened(self) -> float:
        """Seconds in which the probe could hear the link."""
        return asyncio.get_running_loop().time() - self._began - self._link.away_s

    # --- the last word -----------------------------------------------------------------------

    def _finish(self, device: DeviceId, *, complete: bool) -> None:
        """Traffic and discovery have their last word, then everything is judged."""
        listened = self._listened
        before = self.journal.state.devices[device].addresses
        if self._discovery is not None:
            self._finishing = device
            self._discovery.settled(device)
            self._finishing = None
        known = self.journal.state.devices[device]
        if complete and not set(known.addresses) <= set(before):
            self._begin(device)
            return
        for fact, records in self._watch.facts(known, listened):
            proof: list[Proof] = [
                self.recorder.keep_bytes(data, media_type=media_type, caption=caption)
                for data, caption, media_type in records
            ]
            tried = Coverage(tried="listening on the interface", times=1, deadline_s=listened)
            self.recorder.observe_fact("traffic", device, fact, *(proof or [tried]))
        self._judging.final(device)
        if complete:
            self.recorder.append(ev.DeviceDone(device=device))

    # --- commands ----------------------------------------------------------------------------

    async def _obey(self) -> None:
        """Pause, resume and stop, as left in the store by the terminal UI or the command line."""
        store, run = self.journal.store, self.journal.run
        last = self.journal.commands_seen
        while True:
            await asyncio.sleep(COMMANDS_EVERY_S)
            for number, verb in store.commands_after(run, last):
                last = number
                if verb == "stop":
                    self._stopping = "stopped by the operator"
                elif verb in ("pause", "resume"):
                    self._hold(verb == "pause")

    def _hold(self, paused: bool) -> None:
        status = RunStatus.PAUSED if paused else RunStatus.RUNNING
        if status is self.journal.state.status:
            return
        if paused:
            self.gate.close(PAUSED)
        else:
            self.gate.open(PAUSED)
        self.recorder.append(ev.StatusChanged(status=status, reason="by the operator"))

    def _link_note(self, text: str, owner: Owner) -> None:
        self._note("warning", f"{text} (cause: {owner})")

    def _note(self, level: str, text: str) -> None:
        self.recorder.append(ev.Noted(level=level, text=text))


def _collectors() -> list[Collector]:
    return [cast(Collector, module.COLLECTOR) for module in registry.collector_modules()]
