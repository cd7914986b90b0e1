"""The judge on single, spelled-out cases."""

from dataclasses import replace

from strategies import CHECKS, DEVICE, answer, catalogue_of

from probe.judge.judge import judge
from probe.model.catalogue import Mapping, Requirement, Strength
from probe.model.declaration import Declaration, ManualResult, NotApplicable
from probe.model.finding import Answer, Finding, Outcome
from probe.model.ids import RequirementId
from probe.model.verdict import Status, Verdict


def requirement(*strengths: Strength, condition: str = "", needs: int = 0) -> Requirement:
    return Requirement(
        id=RequirementId("5.6-1"),
        title="Unused interfaces are disabled",
        level="M",
        mandatory=True,
        condition=condition,
        checks=tuple(
            Mapping(check=c, strength=s, requires={"tcp_ports": needs} if needs else {})
            for c, s in zip(CHECKS, strengths, strict=False)
        ),
        manual="1. Look at the label.",
        settle="Declare the interfaces.",
    )


def judged(
    wanted: Requirement, *answers: Answer, declaration: Declaration | None = None
) -> Verdict:
    found = [
        Finding(check=c, device=DEVICE, answer=a) for c, a in zip(CHECKS, answers, strict=False)
    ]
    return judge(catalogue_of(wanted), DEVICE, found, declaration)[0]


def by_hand(result: str) -> Declaration:
    entry = ManualResult(
        catalogue="test",
        requirement="5.6-1",
        result=result,
        by="R. Roe",
        on="2026-02-03",
        note="ok",
    )
    return Declaration(product="P", manual=(entry,))


SATISFIED, VIOLATED = answer(Outcome.SATISFIED), answer(Outcome.VIOLATED)
UNKNOWN, FAILED = answer(Outcome.INCONCLUSIVE), answer(Outcome.ERROR)
NOTHING = answer(Outcome.NOT_APPLICABLE)


def test_full_passes_and_partial_does_not() -> None:
    assert judged(requirement(Strength.FULL), SATISFIED).status is Status.PASS
    partial = judged(requirement(Strength.PARTIAL), SATISFIED)
    assert partial.status is Status.INCONCLUSIVE
    assert partial.manual_owed
    assert "Declare the interfaces." in partial.settle


def test_a_satisfied_partial_check_does_not_stand_in_the_way_of_a_full_one() -> None:
    both = requirement(Strength.FULL, Strength.PARTIAL, Strength.INDICATIVE)
    assert judged(both, SATISFIED, SATISFIED, SATISFIED).status is Status.PASS
    assert judged(both, SATISFIED, UNKNOWN, SATISFIED).status is Status.INCONCLUSIVE
    assert judged(both, SATISFIED, SATISFIED).status is Status.INCONCLUSIVE, "one did not run"
    assert judged(both, NOTHING, SATISFIED, SATISFIED).status is Status.INCONCLUSIVE
    assert judged(both, SATISFIED, VIOLATED, SATISFIED).status is Status.FAIL


def test_a_full_check_that_measured_too_little_does_not_pass() -> None:
    wanted = requirement(Strength.FULL, needs=65_535)
    few = judged(wanted, answer(Outcome.SATISFIED, measured=1000))
    assert few.status is Status.INCONCLUSIVE
    assert "1000" in few.reason
    assert judged(wanted, answer(Outcome.SATISFIED, measured=65_535)).status is Status.PASS


def test_five_errors_are_not_compliant() -> None:
    wanted = requirement(*[Strength.FULL] * 4)
    assert judged(wanted, FAILED, FAILED, FAILED, FAILED).status is Status.ERROR


def test_an_untested_sibling_does_not_vanish() -> None:
    wanted = requirement(Strength.FULL, Strength.FULL)
    assert judged(wanted, SATISFIED).status is Status.INCONCLUSIVE
    assert judged(wanted, SATISFIED, UNKNOWN).status is Status.INCONCLUSIVE


def test_violations_fail_unless_they_are_only_a_sign() -> None:
    assert judged(requirement(Strength.PARTIAL), VIOLATED).status is Status.FAIL
    sign = judged(requirement(Strength.INDICATIVE), VIOLATED)
    assert sign.status is Status.INCONCLUSIVE
    assert sign.reason.startswith("A sign against it")
    unread = replace(UNKNOWN, summary="1 part was not read.")
    both = judged(requirement(Strength.INDICATIVE, Strength.INDICATIVE), unread, VIOLATED)
    assert both.reason.startswith("A sign against it")


def test_nothing_to_apply_it_to_is_not_tested() -> None:
    assert judged(requirement(Strength.FULL), NOTHING).status is Status.NOT_TESTED


def test_a_person_settles_the_unknown_but_never_a_violation_or_an_error() -> None:
    wanted = requirement(Strength.PARTIAL)
    assert judged(wanted, SATISFIED, declaration=by_hand("pass")).status is Status.PASS
    assert judged(wanted, UNKNOWN, declaration=by_hand("fail")).status is Status.FAIL
    assert judged(wanted, FAILED, declaration=by_hand("pass")).status is Status.ERROR
    kept = judged(wanted, VIOLATED, declaration=by_hand("pass"))
    assert kept.status is Status.FAIL
    assert "does not overrule" in kept.reason


def test_not_applicable_needs_a_condition_and_a_decision() -> None:
    waived = Declaration(
        product="P",
        not_applicable=(
            NotApplicable(
                catalogue="*", requirement="5.6-1", reason="no radio", decided_by="R. Roe"
            ),
        ),
    )
    with_condition = requirement(Strength.PARTIAL, condition="there is a radio")
    assert judged(with_condition, UNKNOWN, declaration=waived).status is Status.NOT_APPLICABLE
    refused = judged(requirement(Strength.PARTIAL), UNKNOWN, declaration=waived)
    assert refused.status is Status.INCONCLUSIVE
    assert "gives it no condition" in refused.reason
    assert judged(with_condition, VIOLATED, declaration=waived).status is Status.FAIL
