"""Judging a finished run again under any catalogue: no device, no network, no journal entry."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from probe.model.catalogue import Catalogue
from probe.model.declaration import Declaration
from probe.model.evidence import EvidenceRef
from probe.model.policy import Policy
from probe.model.state import RunState
from probe.runner.assess import assess, verdicts


def rejudge(
    state: RunState,
    catalogues: Sequence[Catalogue],
    declarations: Sequence[Declaration] = (),
    policy: Policy | None = None,
) -> RunState:
    """The state with findings and verdicts made anew from its observations, by today's checks.

    ``declarations`` replace the run's own when given, ``policy`` the usual rule table. The state that came in is left as it was.
    """
    run = state.run
    if run is not None and declarations:
        run = replace(run, declarations=tuple(declarations))
    judged = replace(state, run=run, findings={}, verdicts={})
    for device_id in judged.devices:
        dut = judged.dut_among_others(device_id)
        if policy is not None:
            dut = dut.under(policy)
        found = assess(dut, _label_only)
        judged.findings.update((finding.id, finding) for finding in found)
        for v in verdicts(dut, found, catalogues, final=True):
            judged.verdicts[v.catalogue, v.edition, v.requirement, v.device] = v
    return judged


def _label_only(text: str, caption: str) -> EvidenceRef:
    # Nothing is written when judging again; the text itself stands in the caption.
    return EvidenceRef(
        sha256=hashlib.sha256(text.encode()).hexdigest(), caption=f"{caption}: {text}"
    )
