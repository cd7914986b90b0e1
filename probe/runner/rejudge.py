"""Judging a finished run again under any catalogue: no device, no network, no journal entry."""

from collections.abc import Sequence

from probe.model.catalogue import Catalogue
from probe.model.declaration import Declaration
from probe.model.dut import Dut
from probe.model.evidence import EvidenceRef
from probe.model.finding import Finding
from probe.model.ids import DeviceId
from probe.model.state import RunState
from probe.model.verdict import Verdict
from probe.runner.assess import assess, verdicts


def rejudge(
    state: RunState, catalogues: Sequence[Catalogue], declarations: Sequence[Declaration] = ()
) -> tuple[dict[DeviceId, list[Finding]], list[Verdict]]:
    """Findings and verdicts from the recorded observations, with today's checks.

    ``declarations`` replace the run's own when given.
    """
    findings: dict[DeviceId, list[Finding]] = {}
    made: list[Verdict] = []
    for device_id in state.devices:
        dut = state.dut(device_id)
        if declarations:
            device = dut.device
            speaking = [d for d in declarations if d.speaks_for(device.addresses, device.mac)]
            dut = Dut(device, dut.observations, speaking[0] if speaking else None)
        found = assess(dut, _label_only)
        findings[device_id] = found
        made += verdicts(dut, found, catalogues, final=True)
    return findings, made


def _label_only(text: str, caption: str) -> EvidenceRef:
    # Nothing is written when judging again; the text itself stands in the caption.
    import hashlib

    return EvidenceRef(
        sha256=hashlib.sha256(text.encode()).hexdigest(), caption=f"{caption}: {text}"
    )
