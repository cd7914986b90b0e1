"""What is known of a test device beforehand, and the comparison of a run with it.

The world is closed: whatever a run claims as satisfied or violated must be declared, so a claim that
nobody thought of counts as false, and a check that errs does too. The file format is a table for each
device, with rows of ``check subject`` where ``*`` stands for anything::

    [camera]
    address = "198.51.100.11"
    violated = ["access/default_telnet tcp *:23"]
    satisfied = ["exposure/tftp device"]
    inconclusive = ["update/version_in_clear *"]
    permitted = ["satisfied exposure/* *"]       # may be claimed, need not be
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from probe.model.device import Device
from probe.model.finding import Finding, Outcome
from probe.model.state import RunState

FILE = Path(__file__).with_name("truth.toml")
CLAIMS = (Outcome.SATISFIED, Outcome.VIOLATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Findings of ``check`` about a subject like ``subject`` have ``outcome``."""

    outcome: Outcome
    check: str
    subject: str

    def about(self, finding: Finding) -> bool:
        """Whether the row speaks of this check and subject."""
        return fnmatchcase(finding.check, self.check) and fnmatchcase(
            finding.answer.subject.replace("[", "(").replace("]", ")"),
            self.subject.replace("[", "(").replace("]", ")"),
        )

    def says(self, finding: Finding) -> bool:
        return self.about(finding) and finding.answer.outcome is self.outcome

    def __str__(self) -> str:
        return f"{self.outcome}: {self.check} {self.subject}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceTruth:
    """Everything declared of one device, found again by its address."""

    name: str
    address: str
    facts: tuple[Row, ...]
    permitted: tuple[Row, ...] = ()


@dataclass(slots=True)
class Comparison:
    """Texts for people: which declared facts were found, which were not, and what was claimed falsely."""

    found: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.missed and not self.false

    @property
    def sentence(self) -> str:
        total = len(self.found) + len(self.missed)
        return f"{len(self.found)} of {total} declared facts found, {len(self.false)} false"


def load(path: Path = FILE) -> list[DeviceTruth]:
    """Read a truth file; raises ValueError or KeyError when it is not one."""
    tables: Mapping[str, Mapping[str, object]] = tomllib.loads(path.read_text())
    return [
        DeviceTruth(
            name=name,
            address=str(table["address"]),
            facts=tuple(
                _row(outcome, text)
                for outcome in (*CLAIMS, Outcome.INCONCLUSIVE, Outcome.NOT_APPLICABLE)
                for text in _texts(table, outcome.name.lower())
            ),
            permitted=tuple(
                _row(Outcome(text.split(" ")[0]), text.partition(" ")[2])
                for text in _texts(table, "permitted")
            ),
        )
        for name, table in tables.items()
    ]


def compare(state: RunState, truths: Iterable[DeviceTruth] | None = None) -> Comparison:
    """Compare a run with what is known; without ``truths``, with the demonstration network's."""
    result = Comparison()
    known = list(truths if truths is not None else load())
    devices = {d.name: _device(state, d.address) for d in known}
    for truth in known:
        device = devices[truth.name]
        if device is None:
            result.missed.append(f"{truth.name}: the device itself ({truth.address})")
            continue
        findings = [f for f in state.findings.values() if f.device == device.id]
        for row in truth.facts:
            if any(row.says(finding) for finding in findings):
                result.found.append(f"{truth.name}: {row}")
            else:
                result.missed.append(f"{truth.name}: {row}{_instead(row, findings)}")
        result.false += [f"{truth.name}: {text}" for text in _false(truth, findings)]
    expected = {d.id for d in devices.values() if d is not None}
    for device in state.devices.values():
        if device.id not in expected:
            result.false.append(f"a device that is not there: {device.label} {device.addresses}")
    return result


def _instead(row: Row, findings: Iterable[Finding]) -> str:
    """What was found of the same check, for the person who wonders why a fact is missed."""
    answers = [f.answer for f in findings if fnmatchcase(f.check, row.check)]
    said = "; ".join(f"{a.outcome}: {a.subject}: {a.summary}" for a in answers[:3])
    return f" (instead {said})" if said else " (no answer of that check)"


def _false(truth: DeviceTruth, findings: Iterable[Finding]) -> Iterator[str]:
    rows = (*truth.facts, *truth.permitted)
    for finding in findings:
        answer = finding.answer
        claim = f"{answer.outcome}: {finding.check} {answer.subject} ({answer.summary})"
        if answer.outcome is Outcome.ERROR or (
            answer.outcome in CLAIMS and not any(row.says(finding) for row in rows)
        ):
            yield claim


def _device(state: RunState, address: str) -> Device | None:
    return next((d for d in state.devices.values() if address in d.addresses), None)


def _texts(table: Mapping[str, object], key: str) -> list[str]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError(f"'{key}' is not a list of texts")
    return value


def _row(outcome: Outcome, text: str) -> Row:
    check, space, subject = text.partition(" ")
    if not space:
        raise ValueError(f"'{text}' is not 'check subject'")
    return Row(outcome=outcome, check=check, subject=subject)
