"""What a report says, before it has a format. Every renderer reads this and nothing else.

Texts are cleaned and secrets masked when the view is built, so that no renderer has to remember it.
The JSON report is this module written out; ``docs/report.schema.json`` is made from its types and
from the texts below the fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass

SCHEMA = "probe-report/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteView:
    """Something that a person should read about the run."""

    at: str
    level: str
    """``info``, ``warning`` or ``error``."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """Who, when, where, with what. Whether the run completed says nothing about the device."""

    id: str
    status: str
    """``finished``, or ``running``, ``paused``, ``stopped``, ``interrupted``, ``failed``."""
    completed: bool
    status_sentence: str
    started: str
    """UTC, ``YYYY-MM-DD hh:mm:ss UTC``, as all times in the report."""
    last_entry: str
    """Time of the journal's last entry."""
    duration_s: float
    operator: str
    authorisation: str
    """Who allowed logins and all else that touches accounts or may disturb; on what and when."""
    host: str
    """The machine that measured."""
    interface: str
    networks: tuple[str, ...]
    """The scope: no packet went to an address outside it."""
    targets: tuple[str, ...]
    plan: str
    plan_summary: str
    gentleness: str
    tool_version: str
    """Of the probe that measured."""
    note: str
    jobs_known: int
    jobs_done: int
    jobs_failed: int
    notes: tuple[NoteView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofView:
    """What stands behind a finding: recorded bytes, or a statement of what was tried."""

    kind: str
    """``evidence`` or ``coverage``."""
    text: str
    """Caption of the evidence, or the statement."""
    sha256: str = ""
    excerpt: tuple[str, ...] = ()
    """Bounded, decoded lines of the recorded bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingView:
    """The answer of one check about one subject."""

    id: str
    check: str
    subject: str
    outcome: str
    summary: str
    owner: str
    """Whose doing it is that something is not known; empty when it is known."""
    settle: str
    policy: str
    measured: Mapping[str, int]
    proof: tuple[ProofView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingView:
    """One check that speaks for a requirement, and what it said about this device."""

    check: str
    strength: str
    """``full``, ``partial`` or ``indicative``."""
    requires: Mapping[str, int]
    outcome: str
    """Worst outcome on this device; ``did not run`` when there is none, ``no firmware image was given`` or
    ``no device was measured`` when it could not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementView:
    """One requirement of the catalogue with its verdict on this device."""

    id: str
    title: str
    section: str
    level: str
    mandatory: bool
    condition: str
    plain: str
    status: str
    """``PASS``, ``FAIL``, ``ERROR``, ``INCONCLUSIVE``, ``NOT TESTED`` or ``N/A``."""
    reason: str
    settle: tuple[str, ...]
    """What to do next; never empty unless the status is ``PASS``."""
    mappings: tuple[MappingView, ...]
    findings: tuple[str, ...]
    """Ids of the findings that were weighed, worst first."""
    manual: tuple[str, ...]
    """Steps of the manual procedure."""
    manual_owed: bool
    confidence: str
    """How sure the project is of the requirement's number, level and condition."""
    note: str
    show: str
    """The command that shows the whole chain from verdict to evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountView:
    """How many requirements have one status."""

    status: str
    all: int
    mandatory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionView:
    """Something that a person decided or did by hand, from the declaration."""

    requirement: str
    kind: str
    """``not applicable`` or ``manual result``."""
    text: str
    by: str
    honoured: bool
    """False when the measurement or the standard says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueView:
    """One device judged under one edition of one standard."""

    id: str
    title: str
    edition: str
    publisher: str
    published: str
    note: str
    sources: tuple[str, ...]
    overall: str
    """The worst status of the mandatory requirements."""
    limit: str
    """The sentences that limit the overall status; they belong wherever it is shown."""
    counts: tuple[CountView, ...]
    """Every status; ``all`` adds up to ``total``."""
    total: int
    total_mandatory: int
    decisions: tuple[DecisionView, ...]
    requirements: tuple[RequirementView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementRef:
    """Points at a requirement of a catalogue in this report."""

    catalogue: str
    requirement: str
    title: str
    mandatory: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemView:
    """One thing to mend: all violations that one check found, and every requirement they fail."""

    check: str
    """Empty when a person failed the requirement by hand."""
    question: str
    severity: str
    effort: str
    risk: str
    """One sentence for a buyer."""
    why: str
    fix: str
    """For the engineer."""
    ask: str = ""
    """What a buyer can ask the manufacturer."""
    references: tuple[str, ...]
    findings: tuple[str, ...]
    fails: tuple[RequirementRef, ...]
    """Empty when the violations are signs for a person to judge, and fail nothing by themselves."""
    reproduce: tuple[str, ...]
    """Commands, the measurement first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GapView:
    """Something that could not be measured on the device."""

    what: str
    reason: str
    owner: str
    settle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """One part of the inventory."""

    id: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_off: int
    """Rows beyond the limit of the report; all of them are in the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeView:
    """Something said about the device, and by whom."""

    name: str
    value: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclarationView:
    """What the manufacturer declared, in short."""

    product: str
    manufacturer: str
    model: str
    firmware: str
    sha256: str
    """Of the declaration file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One line of the log of login attempts."""

    number: int
    at: str
    """When its answer came, UTC."""
    service: str
    method: str
    purpose: str
    """``no credential``, ``random``, ``default``, ``old password``, ``guess`` or ``right credential``."""
    account: str
    presented: str
    """The password, masked unless the report shows secrets."""
    origin: str
    """Tier and source of the credential."""
    answer: str
    """``accepted``, with proof or without, ``refused``, ``no answer`` or ``not tried``."""
    detail: str
    seconds: float
    """From the moment the credential was sent to the answer."""
    proof: tuple[str, ...]
    """SHA-256 of its transcripts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceView:
    """One device under test."""

    number: int
    id: str
    label: str
    mac: str
    addresses: tuple[str, ...]
    attributes: tuple[AttributeView, ...]
    seen_by: tuple[str, ...]
    done: bool
    """Every job of the plan was tried on it."""
    spent: str
    """What the measurement cost the device: packets, connections, logins."""
    declaration: DeclarationView | None
    catalogues: tuple[CatalogueView, ...]
    problems: tuple[ProblemView, ...]
    """Worst first."""
    gaps: tuple[GapView, ...]
    findings: tuple[FindingView, ...]
    inventory: tuple[TableView, ...]
    attempts: tuple[AttemptView, ...]
    """Every login attempt, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenView:
    """A device that was discovered and not tested."""

    id: str
    label: str
    mac: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodView:
    """How one check works and what it cannot see."""

    id: str
    question: str
    severity: str
    policy: str
    observes: tuple[str, ...]
    limitations: tuple[str, ...]
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceView:
    """The label of one recorded sequence of bytes."""

    sha256: str
    size: int | None
    """Bytes; null when they are not in the store that the report was made from."""
    media_type: str
    caption: str
    collector: str
    captured: str
    devices: tuple[int, ...]
    """Numbers of the devices that it speaks about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """The whole report."""

    schema: str
    tool_version: str
    """Of the probe that judged and wrote the report."""
    secrets_shown: bool
    """False: passwords that were tried or declared are masked wherever they would appear."""
    fail_on: str
    """The least severity of a finding that fails a build by itself; empty: only requirements do."""
    run: RunView
    devices: tuple[DeviceView, ...]
    seen_only: tuple[SeenView, ...]
    checks: tuple[MethodView, ...]
    evidence: tuple[EvidenceView, ...]
