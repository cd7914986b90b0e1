"""The promises of the verdict arithmetic, as properties."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from strategies import DEVICE, answer, catalogue_of, findings, requirements

from probe.judge.judge import ALL_GIVEN, judge
from probe.judge.overall import overall
from probe.model.catalogue import Mapping, Requirement, Strength
from probe.model.declaration import Declaration, ManualResult, NotApplicable
from probe.model.finding import Finding, Outcome
from probe.model.given import Given
from probe.model.ids import CheckId
from probe.model.verdict import SEVERITY, Status, Verdict, combine

GOOD = {Status.PASS, Status.NOT_APPLICABLE}
UNKNOWN = {Status.INCONCLUSIVE, Status.NOT_TESTED, Status.ERROR}


def verdict(
    requirement: Requirement,
    found: list[Finding],
    declaration: Declaration | None = None,
    given: Given = ALL_GIVEN,
) -> Verdict:
    (made,) = judge(catalogue_of(requirement), DEVICE, found, declaration, given)
    return made


@given(requirements, findings, st.data())
def test_an_error_or_an_unknown_in_place_of_a_finding_never_improves(
    requirement: Requirement, found: list[Finding], data: st.DataObject
) -> None:
    if not found:
        return
    before = verdict(requirement, found)
    n = data.draw(st.integers(0, len(found) - 1))
    outcome = data.draw(st.sampled_from([Outcome.ERROR, Outcome.INCONCLUSIVE]))
    worse = replace(found[n], answer=answer(outcome, found[n].answer.subject))
    after = verdict(requirement, [*found[:n], worse, *found[n + 1 :]])
    if before.status not in GOOD:
        assert after.status not in GOOD
    if found[n].answer.outcome is not Outcome.VIOLATED:
        # An ERROR itself may be replaced by an unknown, which ranks below it, but is no better known.
        assert (
            SEVERITY[after.status] >= SEVERITY[before.status]
            or found[n].answer.outcome is Outcome.ERROR
        )


@given(requirements, findings, st.data())
def test_removing_evidence_never_makes_it_good(
    requirement: Requirement, found: list[Finding], data: st.DataObject
) -> None:
    if not found:
        return
    before = verdict(requirement, found)
    check = data.draw(st.sampled_from(sorted({f.check for f in found})))
    after = verdict(requirement, [f for f in found if f.check != check])
    if before.status not in GOOD:
        assert after.status not in GOOD


@given(requirements, findings, st.randoms())
def test_order_and_repetition_do_not_matter(
    requirement: Requirement, found: list[Finding], r
) -> None:  # type: ignore[no-untyped-def]
    shuffled = [*found, *found[:2]]
    r.shuffle(shuffled)
    before, after = verdict(requirement, found), verdict(requirement, shuffled)
    assert (before.status, before.reason, before.settle) == (
        after.status,
        after.reason,
        after.settle,
    )


@given(requirements)
def test_no_findings_is_not_tested(requirement: Requirement) -> None:
    assert verdict(requirement, []).status is Status.NOT_TESTED


@given(requirements, findings)
def test_only_full_strength_within_its_needs_passes(
    requirement: Requirement, found: list[Finding]
) -> None:
    if verdict(requirement, found).status is not Status.PASS:
        return
    strengths = {m.check: m for m in requirement.checks}
    counted = [f for f in found if f.check in strengths]
    satisfied = [f for f in counted if f.answer.outcome is Outcome.SATISFIED]
    assert any(strengths[f.check].strength.value == "full" for f in satisfied)
    assert {f.answer.outcome for f in counted} <= {Outcome.SATISFIED, Outcome.NOT_APPLICABLE}
    for f in satisfied:
        mapping = strengths[f.check]
        if mapping.strength.value != "full":
            continue  # It supports a full check; alone it would have left the requirement open.
        assert f.answer.measured["tcp_ports"] >= mapping.requires.get("tcp_ports", 0)
    assert {m.check for m in requirement.checks} == {f.check for f in counted}


@given(requirements, findings)
def test_an_unknown_always_says_what_would_settle_it(
    requirement: Requirement, found: list[Finding]
) -> None:
    made = verdict(requirement, found)
    assert bool(made.settle) == (made.status in UNKNOWN)
    assert made.reason
    if made.manual_owed:
        assert requirement.manual


@given(requirements, findings)
def test_a_violation_outweighs_every_word_of_the_declaration(
    requirement: Requirement, found: list[Finding]
) -> None:
    kind = ManualResult(
        catalogue="*", requirement="5.1-1", result="pass", by="A", on="2026-01-01", note="fine"
    )
    waived = NotApplicable(catalogue="*", requirement="5.1-1", reason="none", decided_by="A")
    declaration = Declaration(product="P", manual=(kind,), not_applicable=(waived,))
    plain = verdict(requirement, found)
    helped = verdict(requirement, found, declaration)
    if plain.status is Status.FAIL:
        assert helped.status is Status.FAIL
    elif requirement.mandatory and not requirement.condition:
        assert helped.status is not Status.NOT_APPLICABLE


@given(st.lists(st.sampled_from(Status)))
def test_combine_is_the_worst_and_never_a_pass_of_nothing(statuses: list[Status]) -> None:
    whole = combine(statuses)
    assert whole is combine(reversed(statuses))
    if not statuses:
        assert whole is Status.NOT_TESTED
    else:
        assert SEVERITY[whole] == max(SEVERITY[s] for s in statuses)


@given(requirements, findings)
def test_a_verdict_under_another_edition_says_nothing(
    requirement: Requirement, found: list[Finding]
) -> None:
    catalogue = catalogue_of(replace(requirement, mandatory=True))
    made = judge(catalogue, DEVICE, found)
    assert overall(catalogue, made) is made[0].status
    assert overall(replace(catalogue, edition="the next one"), made) is Status.NOT_TESTED
    assert overall(catalogue, []) is Status.NOT_TESTED


ON_AN_IMAGE = Mapping(check=CheckId("firmware/image_signed"), strength=Strength.FULL)
NO_IMAGE, IMAGE_ONLY = Given(image=False), Given(network=False)


@given(requirements, findings)
def test_an_image_that_was_not_given_changes_no_verdict(
    requirement: Requirement, found: list[Finding]
) -> None:
    more = replace(requirement, checks=(*requirement.checks, ON_AN_IMAGE))
    before, after = (
        verdict(requirement, found, given=NO_IMAGE),
        verdict(more, found, given=NO_IMAGE),
    )
    assert (before.status, before.findings) == (after.status, after.findings)


@given(requirements, findings)
def test_what_only_a_device_shows_is_unknown_of_an_image(
    requirement: Requirement, found: list[Finding]
) -> None:
    """With no device measured a check of devices never helps, whatever the image shows."""
    of_device = [m for m in requirement.checks if not m.check.startswith("firmware/")]
    spoken = {f.check for f in found}
    status = verdict(requirement, found, given=IMAGE_ONLY).status
    if any(m.check not in spoken for m in of_device):
        assert status not in GOOD
    assert status is verdict(requirement, found).status


def test_the_reason_says_what_was_not_there() -> None:
    of_device = Mapping(check=CheckId("exposure/telnet"), strength=Strength.PARTIAL)
    one = Requirement(id="1", title="", level="M", mandatory=True, checks=(of_device,))  # type: ignore[arg-type]
    assert "No device was measured" in verdict(one, [], given=IMAGE_ONLY).reason
    other = replace(one, checks=(ON_AN_IMAGE,))
    assert "Only a firmware image" in verdict(other, [], given=NO_IMAGE).reason
