"""What the report says is what the journal holds, and nothing unknown is lost on the way."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
import report_sample
from report_sample import CAM, CATALOGUES, CHECKS, EVIDENCE, PLUG, SAMPLE

from probe.judge import overall as judge_overall
from probe.model.evidence import Evidence
from probe.model.observation import Announced
from probe.model.run import RunStatus
from probe.model.state import RunState
from probe.model.verdict import Status
from probe.report.inventory import MAX_ROWS
from probe.report.limits import UNKNOWN
from probe.report.view import build_view, catalogues_of
from probe.report.viewmodel import ReportView


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict):
        yield from strings((*value, *value.values()))
    elif is_dataclass(value):
        for field in fields(value):
            yield from strings(getattr(value, field.name))


def test_counts_add_up_to_the_catalogue(view: ReportView) -> None:
    for device in view.devices:
        for catalogue, source in zip(device.catalogues, CATALOGUES, strict=True):
            assert sum(c.all for c in catalogue.counts) == catalogue.total
            assert catalogue.total == len(source.requirements) == len(catalogue.requirements)
            assert sum(c.mandatory for c in catalogue.counts) == catalogue.total_mandatory


def test_overall_and_counts_agree_with_the_verdicts(view: ReportView) -> None:
    state = report_sample.state()
    for device in view.devices:
        verdicts = [v for v in state.verdicts.values() if v.device == device.id]
        for catalogue, source in zip(device.catalogues, CATALOGUES, strict=True):
            assert catalogue.overall == judge_overall.overall(source, verdicts)
            made = {v.requirement: v.status for v in verdicts if v.catalogue == source.id}
            counted = Counter(made.get(r.id, Status.NOT_TESTED) for r in source.requirements)
            assert {c.status: c.all for c in catalogue.counts if c.all} == dict(counted)


def test_whatever_is_not_a_pass_says_what_to_do(view: ReportView) -> None:
    seen = set()
    for device in view.devices:
        for catalogue in device.catalogues:
            for requirement in catalogue.requirements:
                seen.add(requirement.status)
                assert requirement.reason
                assert bool(requirement.settle) == (requirement.status != "PASS"), requirement
                assert all(requirement.settle)
    assert seen == {"PASS", "FAIL", "ERROR", "INCONCLUSIVE", "NOT TESTED", "N/A"}


def test_the_overall_verdict_carries_its_limit(view: ReportView) -> None:
    cam, plug = view.devices
    assert cam.catalogues[0].limit.startswith("3 of 6 mandatory requirements failed. A further 2")
    assert "no pass can be given" in plug.catalogues[0].limit
    assert "says nothing about the device" in plug.catalogues[0].limit


def test_no_string_has_anything_a_terminal_or_xml_would_obey(view: ReportView) -> None:
    texts = list(strings(view))
    assert len(texts) > 300
    assert all(text.isprintable() or not text.strip() for text in texts), [
        t for t in texts if not t.isprintable()
    ]


def test_devices_are_those_that_were_tested(view: ReportView) -> None:
    assert [d.id for d in view.devices] == [CAM.id, PLUG.id]
    assert [s.label for s in view.seen_only] == ["198.51.100.99"]


def test_a_problem_gathers_every_requirement_that_it_fails(view: ReportView) -> None:
    first = view.devices[0].problems[0]
    assert first.check == "access/default_login"
    assert [(r.catalogue, r.requirement) for r in first.fails] == [
        ("sample", "S-1"),
        ("small", "S-1"),
    ]
    assert first.reproduce[0] == (
        "probe run -i eth1 --target 198.51.100.11 --plan standard -c sample -c small"
        "  # and --authorised-by WHO, --declaration FILE"
    )
    assert first.reproduce[1] == "probe show 20260921-1333-a1b2 S-1"
    last = view.devices[0].problems[-1]
    assert (last.check, last.fails) == ("sign/only", ())


def test_without_the_methods_all_else_is_the_same() -> None:
    given = (report_sample.state(), CATALOGUES, CHECKS, EVIDENCE.get)
    whole = build_view(*given, tool_version="0.1.0")
    short = build_view(*given, tool_version="0.1.0", methods=False)
    assert whole.checks
    assert short == replace(whole, checks=())


def test_a_run_judged_under_a_catalogue_of_another_plan_says_how_to_see_its_requirements() -> None:
    state = report_sample.state()
    assert state.run is not None
    state.run = replace(state.run, plan=replace(state.run.plan, catalogues=("small",)))
    made = build_view(state, CATALOGUES, CHECKS, EVIDENCE.get, tool_version="0.1.0")
    ways = {c.id: {r.show for r in c.requirements} for c in made.devices[0].catalogues}
    assert all(way.endswith(" --catalogue sample") for way in ways["sample"])
    assert not any("--catalogue" in way for way in ways["small"])


def test_every_failed_requirement_is_among_the_problems(view: ReportView) -> None:
    for device in view.devices:
        told = {(r.catalogue, r.requirement) for p in device.problems for r in p.fails}
        failed = {
            (c.id, r.id) for c in device.catalogues for r in c.requirements if r.status == "FAIL"
        }
        assert told == failed


def test_a_requirement_failed_by_hand_is_a_problem_too() -> None:
    state = report_sample.state()
    assert state.run
    manual = replace(report_sample.DECLARATION.manual[0], result="fail")
    declaration = replace(report_sample.DECLARATION, manual=(manual,))
    state.run = replace(state.run, declarations=(declaration,))
    verdicts = [
        replace(v, status=Status.FAIL, reason="Failed by hand")
        if v.requirement == "S-7" and v.device == CAM.id
        else v
        for v in state.verdicts.values()
    ]
    made = build_view(
        state, CATALOGUES, CHECKS, EVIDENCE.get, tool_version="0.1.0", verdicts=verdicts
    )
    by_hand = next(p for p in made.devices[0].problems if not p.check)
    assert by_hand.fails[0].requirement == "S-7"
    assert by_hand.why == "Failed by hand"


def test_requirements_without_verdict_of_this_edition_are_not_tested() -> None:
    newer = replace(SAMPLE, edition="V2.0")
    made = build_view(
        report_sample.state(), [newer], CHECKS, EVIDENCE.get, tool_version="0.1.0"
    ).devices[0]
    (catalogue,) = made.catalogues
    assert {r.status for r in catalogue.requirements} == {"NOT TESTED"}
    assert catalogue.overall == "NOT TESTED"
    assert all("probe judge" in r.settle[0] for r in catalogue.requirements)


def test_no_verdict_at_all_is_never_a_pass() -> None:
    made = build_view(
        report_sample.state(), CATALOGUES, CHECKS, EVIDENCE.get, tool_version="0.1.0", verdicts=[]
    )
    for device in made.devices:
        for catalogue in device.catalogues:
            assert catalogue.overall in UNKNOWN
            assert not any(c.all for c in catalogue.counts if c.status == "PASS")


@pytest.mark.parametrize("status", [s for s in RunStatus if s is not RunStatus.FINISHED])
def test_an_incomplete_run_limits_every_verdict(status: RunStatus) -> None:
    state = report_sample.state()
    state.status = status
    made = build_view(state, CATALOGUES, CHECKS, EVIDENCE.get, tool_version="0.1.0")
    assert not made.run.completed
    limits = [c.limit for d in made.devices for c in d.catalogues]
    assert all(f"did not complete ({status.value})" in text for text in limits)


def test_missing_evidence_is_said() -> None:
    made = build_view(
        report_sample.state(), CATALOGUES, CHECKS, lambda _: None, tool_version="0.1.0"
    )
    assert {e.size for e in made.evidence} == {None}
    proofs = [p for d in made.devices for f in d.findings for p in f.proof if p.sha256]
    assert {p.excerpt for p in proofs} == {("(these bytes are not in the store)",)}


def test_what_was_kept_within_a_second_stands_in_the_order_of_keeping() -> None:
    """Else two runs that saw the same would show it in another order, by chance of the clock."""
    state = report_sample.state()
    order = list(EVIDENCE)[::-1]
    at = {sha256: report_sample.T0 + 0.01 * n for n, sha256 in enumerate(order)}

    def read(sha256: str, moved: float) -> tuple[Evidence, bytes]:
        label, data = EVIDENCE[sha256]
        return replace(label, captured_at=at[sha256] + moved), data

    told = [
        build_view(state, CATALOGUES, CHECKS, lambda s, m=m: read(s, m), tool_version="0").evidence  # type: ignore[misc]
        for m in (0.0, 0.5, 0.99)
    ]
    shown = [[e.sha256 for e in one] for one in told]
    assert shown[0] == [sha256 for sha256 in order if sha256 in shown[0]]
    assert shown[0] == shown[1] == shown[2]


def test_decisions_say_whether_they_were_honoured(view: ReportView) -> None:
    decisions = view.devices[0].catalogues[0].decisions
    assert [(d.requirement, d.kind, d.honoured) for d in decisions] == [
        ("S-6", "not applicable", True),
        ("S-7", "manual result", True),
    ]
    assert view.devices[1].catalogues[0].decisions == ()


def test_a_journal_without_head_is_refused() -> None:
    with pytest.raises(ValueError, match="RunStarted"):
        build_view(RunState(), [], {}, EVIDENCE.get, tool_version="0.1.0")


def test_the_catalogues_of_a_run_are_those_of_its_plan() -> None:
    available = {"small": CATALOGUES[1], "sample": CATALOGUES[0], "other": CATALOGUES[0]}
    assert catalogues_of(report_sample.state(), available) == list(CATALOGUES)


def test_the_inventory_groups_silent_udp_ports(view: ReportView) -> None:
    ports = next(t for t in view.devices[0].inventory if t.id == "ports")
    assert ports.rows[-1] == (
        "udp 198.51.100.11",
        "typed questions",
        "1 without an answer, 0 of them closed",
        "see Services",
        "0",
        "snmp 161",
        "",
    )


def test_a_long_inventory_is_cut_and_says_so() -> None:
    state = report_sample.state()
    one = next(o for o in state.observations.values() if isinstance(o.fact, Announced))
    for n in range(MAX_ROWS + 50):
        fact = replace(one.fact, name=f"service {n}")  # type: ignore[type-var]
        state.observations[f"more#{n}"] = replace(one, id=f"more#{n}", fact=fact)
    made = build_view(state, CATALOGUES, CHECKS, EVIDENCE.get, tool_version="0.1.0")
    table = next(t for t in made.devices[0].inventory if t.id == "announced")
    assert (len(table.rows), table.left_off) == (MAX_ROWS, 51)
