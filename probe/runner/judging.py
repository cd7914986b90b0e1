"""What is said of a device, early and at the end, written to the journal as far as it is new."""

from collections.abc import Iterable, Sequence

from probe.model import event as ev
from probe.model.catalogue import Catalogue
from probe.model.finding import Finding
from probe.model.ids import DeviceId
from probe.model.verdict import Verdict
from probe.runner.assess import assess, early, verdicts
from probe.runner.recorder import JournalRecorder


class Judging:
    """The checks and the judge of one run."""

    def __init__(self, recorder: JournalRecorder, catalogues: Sequence[Catalogue]) -> None:
        self._recorder, self._catalogues = recorder, catalogues

    def early(self, device: DeviceId) -> None:
        """What may be said while the device is still being measured."""
        dut = self._recorder.state.dut(device)
        found = early(assess(dut, self._recorder.keep_text))
        self._publish(found, verdicts(dut, found, self._catalogues, final=False))

    def final(self, device: DeviceId) -> None:
        """Every check and every requirement; what was said before and no longer holds is withdrawn."""
        dut = self._recorder.state.dut(device)
        found = assess(dut, self._recorder.keep_text)
        self._publish(found, verdicts(dut, found, self._catalogues, final=True))
        self._recorder.append(ev.Assessed(device=device, findings=tuple(f.id for f in found)))

    def _publish(self, findings: Iterable[Finding], made: Iterable[Verdict]) -> None:
        state = self._recorder.state
        for finding in findings:
            if state.findings.get(finding.id) != finding:
                self._recorder.append(ev.Found(finding=finding))
        for v in made:
            if state.verdicts.get((v.catalogue, v.edition, v.requirement, v.device)) != v:
                self._recorder.append(ev.Judged(verdict=v))
