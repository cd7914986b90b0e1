"""What is said of a device, early and at the end, written to the journal as far as it is new."""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from probe import registry
from probe.model import event as ev
from probe.model.catalogue import Catalogue
from probe.model.finding import Finding, Outcome
from probe.model.given import Given
from probe.model.ids import DeviceId
from probe.model.verdict import Verdict
from probe.runner.assess import assess, compares, comparing, early, verdicts
from probe.runner.recorder import JournalRecorder


class Judging:
    """The checks and the judge of one run."""

    def __init__(self, recorder: JournalRecorder, catalogues: Sequence[Catalogue]) -> None:
        self._recorder, self._catalogues = recorder, catalogues

    def prepare(self, given: Given) -> None:
        """Import the checks that will be asked, so that nobody waits for it at the end."""
        for check in registry.checks():
            if not given.absent(check):
                # One that cannot be imported is a finding, which is made when it is asked.
                with suppress(Exception):
                    registry.check_function(check)

    def early(self, device: DeviceId) -> None:
        """What may be said while the device is still being measured."""
        dut = self._recorder.state.dut_among_others(device)
        found = early(assess(dut, self._recorder.keep_text))
        concerned = self._news_of_others(device, found)
        self._publish(found, verdicts(dut, found, self._catalogues, final=False))
        if concerned:
            self._tell_the_others(device)

    def final(self, device: DeviceId, *, tell_others: bool = True) -> None:
        """Every check and every requirement; what was said before and no longer holds is withdrawn. Who does
        not tell the others has to end with ``together``."""
        dut = self._recorder.state.dut_among_others(device)
        found = assess(dut, self._recorder.keep_text)
        concerned = tell_others and self._news_of_others(device, found)
        self._publish(found, verdicts(dut, found, self._catalogues, final=True))
        self._recorder.append(ev.Assessed(device=device, findings=tuple(f.id for f in found)))
        if concerned:
            self._tell_the_others(device)

    def together(self) -> None:
        """The last word on what compares devices, when all of them are judged."""
        for device in list(self._recorder.state.devices):
            if self._is_stale(device, final=True):
                self.final(device, tell_others=False)  # each of them is asked here

    def _news_of_others(self, device: DeviceId, found: Iterable[Finding]) -> bool:
        """Two devices are found to share something and it was not said before, or no longer holds."""
        return _shared(found) != _shared(self._said(device))

    def _said(self, device: DeviceId) -> list[Finding]:
        return [f for f in self._recorder.state.findings.values() if f.device == device]

    def _tell_the_others(self, device: DeviceId) -> None:
        state = self._recorder.state
        for other in list(state.devices):
            done = other in state.devices_done
            if other != device and self._is_stale(other, final=done):
                (self.final if done else self.early)(other)

    def _is_stale(self, device: DeviceId, *, final: bool) -> bool:
        """Whether what was said of the device beside the others is no longer what is known."""
        dut = self._recorder.state.dut_among_others(device)
        checks = comparing(dut.device)
        now = assess(dut, self._recorder.keep_text, checks)
        said = [f for f in self._said(device) if f.check in checks]
        if final:
            return {f.id: f for f in now} != {f.id: f for f in said}
        return not _shared(now).items() <= _shared(said).items()

    def _publish(self, findings: Iterable[Finding], made: Iterable[Verdict]) -> None:
        state = self._recorder.state
        for finding in findings:
            if state.findings.get(finding.id) != finding:
                self._recorder.append(ev.Found(finding=finding))
        for v in made:
            if state.verdicts.get((v.catalogue, v.edition, v.requirement, v.device)) != v:
                self._recorder.append(ev.Judged(verdict=v))


def _shared(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Those that say of several devices that they share something."""
    return {f.id: f for f in findings if f.answer.outcome is Outcome.VIOLATED and compares(f.check)}
