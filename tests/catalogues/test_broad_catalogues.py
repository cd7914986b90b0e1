"""The Cyber Resilience Act, EN 18031, NIST IR 8425: all requirements, and no measurement passes one."""

import re
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe import registry
from probe.judge.judge import judge
from probe.model.catalogue import Catalogue, Strength
from probe.model.declaration import Declaration, ManualResult, NotApplicable
from probe.model.evidence import Coverage
from probe.model.finding import Answer, Finding, Outcome, Owner
from probe.model.ids import CheckId, DeviceId
from probe.model.verdict import Status, Verdict

DEVICE = DeviceId("ip-198.51.100.1")
PROOF = (Coverage(tried="TCP SYN", times=2, deadline_s=1.0),)
BROAD = ["cra", "en18031", "nistir8425"]
CRA = [
    "CRA-I-1", *(f"CRA-I-2{letter}" for letter in "abcdefghijklm"),
    *(f"CRA-II-{n}" for n in range(1, 9)),
    *(f"CRA-AII-{n}" for n in range(1, 10)),
]  # fmt: skip
NIST = (
    "AI AI-1 AI-2 PC PC-1 PC-2 PC-3 DP DP-1 DP-2 DP-3 IAC IAC-1 IAC-1a IAC-1b IAC-1c IAC-2 IAC-2a IAC-2b"
    " IAC-2c SU SU-1 SU-2 CSA CSA-1 DOC DOC-1a DOC-1b DOC-1c DOC-1d DOC-1e DOC-1f DOC-1g IQR IQR-1 IQR-2"
    " ID ID-1 ID-2 PEA PEA-1a PEA-1b PEA-1c PEA-1d PEA-1e"
)
PARTS = {
    "parts 1, 2 and 3": "ACM-1 ACM-2 AUM-1-1 AUM-1-2 AUM-2 AUM-3 AUM-4 AUM-5-1 AUM-5-2 AUM-6 SUM-1 SUM-2"
    " SUM-3 SSM-1 SSM-2 SSM-3 SCM-1 SCM-2 SCM-3 SCM-4 CCK-1 CCK-2 CCK-3 GEC-1 GEC-2 GEC-3 GEC-4 GEC-5"
    " GEC-6 CRY-1",
    "parts 2 and 3": "AUM-2-2 LGM-1 LGM-2 LGM-3 LGM-4",
    "part 1": "RLM-1 NMM-1 TCM-1",
    "part 2": "ACM-3 ACM-4 ACM-5 ACM-6 DLM-1 UNM-1 UNM-2 GEC-7",
    "part 3": "AUM-1-3 GEC-8",
}
"""Which requirement of EN 18031 stands in which parts."""
RESTRICTED = ["ACM-3", "ACM-4", "ACM-5", "ACM-6", "AUM-5-1", "AUM-5-2", "SUM-2"]
"""Named by the restrictions in Implementing Decision (EU) 2025/138."""
PAPER = {
    "cra": "CRA-I-1 CRA-I-2l CRA-I-2m CRA-II-3 CRA-II-4 CRA-II-8 CRA-AII-1 CRA-AII-4 CRA-AII-5 CRA-AII-6"
    " CRA-AII-8 CRA-AII-9",
    "en18031": "ACM-3 ACM-5 ACM-6 AUM-1-3 AUM-2-2 NMM-1 TCM-1 LGM-1 LGM-2 LGM-3 LGM-4 DLM-1 UNM-1 UNM-2"
    " GEC-3 GEC-7",
    "nistir8425": "AI-2 PC-3 DP-2 IAC-2c CSA CSA-1 DOC DOC-1b DOC-1c DOC-1d DOC-1e DOC-1f IQR-2 ID-2 PEA"
    " PEA-1a PEA-1b PEA-1c PEA-1d PEA-1e",
}
"""What no check says anything about: documents, processes, and what a person has to do on the unit."""


def shipped(name: str) -> Catalogue:
    return registry.catalogues()[name]


def answered(outcome: Outcome) -> Answer:
    unknown = outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR)
    return Answer(
        outcome=outcome,
        subject="device",
        summary=f"It was {outcome}.",
        proof=PROOF,
        owner=Owner.TOOL if unknown else None,
        measured={"tcp_ports": 65_535, "ipv6": 1, "udp_probes": 18, "rows_v3": 78, "rows_v2": 68},
    )


def judged(
    name: str, outcomes: dict[CheckId, Outcome], declaration: Declaration | None = None
) -> dict[str, Verdict]:
    found = [
        Finding(check=check, device=DEVICE, answer=answered(outcome))
        for check, outcome in outcomes.items()
    ]
    return {v.requirement: v for v in judge(shipped(name), DEVICE, found, declaration)}


def everything(outcome: Outcome) -> dict[CheckId, Outcome]:
    return dict.fromkeys(registry.checks(), outcome)


def test_every_requirement_is_there_in_order_and_once() -> None:
    assert [r.id for r in shipped("cra").requirements] == CRA
    assert [r.id for r in shipped("nistir8425").requirements] == NIST.split()
    ids = sorted(r.id for r in shipped("en18031").requirements)
    assert ids == sorted(chain.from_iterable(named.split() for named in PARTS.values()))


@pytest.mark.parametrize("parts", PARTS)
def test_each_condition_says_first_which_parts_have_it(parts: str) -> None:
    for wanted in PARTS[parts].split():
        requirement = shipped("en18031").requirement(wanted)
        assert requirement is not None
        assert requirement.condition.startswith(f"{parts}; "), wanted


def test_restrictions_of_the_official_journal_stand_where_they_apply() -> None:
    catalogue = shipped("en18031")
    noted = [r.id for r in catalogue.requirements if "Restricted in the Official Journal" in r.note]
    assert noted == RESTRICTED
    for clause in ("6.2.5.1", "6.2.5.2", "6.1.3 to 6.1.6", "6.3.2.4", "rationale and guidance"):
        assert clause in catalogue.note


def test_part_i_2_follows_from_the_risk_assessment_and_part_ii_always_applies() -> None:
    for requirement in shipped("cra").requirements:
        if requirement.id.startswith("CRA-I-2"):
            assert "risk assessment" in requirement.condition, requirement.id
        elif not requirement.id.startswith("CRA-AII"):
            assert not requirement.condition, requirement.id


@pytest.mark.parametrize("name", BROAD)
def test_each_mapping_names_a_check_once_and_says_why_it_is_only_a_sign(name: str) -> None:
    for requirement in shipped(name).requirements:
        named = [mapping.check for mapping in requirement.checks]
        assert len(named) == len(set(named)), requirement.id
        assert set(named) <= set(registry.checks()), requirement.id
        assert all(m.strength is not Strength.FULL for m in requirement.checks), requirement.id


@pytest.mark.parametrize("name", BROAD)
def test_no_requirement_passes_though_every_check_is_satisfied(name: str) -> None:
    got = judged(name, everything(Outcome.SATISFIED))
    paper = set(PAPER[name].split())
    assert {i for i, v in got.items() if v.status is Status.NOT_TESTED} == paper
    assert {v.status for i, v in got.items() if i not in paper} == {Status.INCONCLUSIVE}
    assert all(v.settle and v.manual_owed for v in got.values())


@pytest.mark.parametrize("name", BROAD)
@given(data=st.data())
def test_whatever_is_found_nothing_passes_and_only_a_strong_violation_fails(
    name: str, data: st.DataObject
) -> None:
    checks = sorted(registry.checks())
    some = data.draw(st.lists(st.sampled_from(checks), unique=True, max_size=40))
    outcomes = {check: data.draw(st.sampled_from(Outcome)) for check in some}
    got = judged(name, outcomes)
    for requirement in shipped(name).requirements:
        strong = {m.check for m in requirement.checks if m.strength is not Strength.INDICATIVE}
        failed = any(outcomes.get(check) is Outcome.VIOLATED for check in strong)
        assert got[requirement.id].status is not Status.PASS
        assert (got[requirement.id].status is Status.FAIL) == failed, requirement.id


def test_a_default_login_fails_what_speaks_of_it_and_nothing_else() -> None:
    found = {CheckId("access/default_telnet"): Outcome.VIOLATED}
    for name, wanted in (
        ("cra", {"CRA-I-2b", "CRA-I-2d"}),
        ("en18031", {"AUM-5-1"}),
        ("nistir8425", {"IAC", "IAC-1", "IAC-1b"}),
    ):
        assert {i for i, v in judged(name, found).items() if v.status is Status.FAIL} == wanted


def test_an_unprotected_update_fails_what_speaks_of_it_and_nothing_else() -> None:
    found = {CheckId("firmware/unprotected_update"): Outcome.VIOLATED}
    for name, wanted in (
        ("cra", {"CRA-I-2f", "CRA-II-7"}),
        ("en18031", {"SUM-2"}),
        ("nistir8425", {"SU", "SU-1"}),
    ):
        assert {i for i, v in judged(name, found).items() if v.status is Status.FAIL} == wanted


@pytest.mark.parametrize(
    "check",
    [
        "firmware/components_known_vulnerabilities",
        "firmware/private_keys",
        "access/host_key_shared",
    ],
)
def test_what_a_person_must_weigh_fails_nothing(check: str) -> None:
    """Patches, documented reasons and keys of the operator are not seen by a measurement."""
    for name in BROAD:
        got = judged(name, {CheckId(check): Outcome.VIOLATED})
        assert not [i for i, v in got.items() if v.status is Status.FAIL]


def test_each_part_of_an_outcome_comes_after_it() -> None:
    seen: set[str] = set()
    for requirement in shipped("nistir8425").requirements:
        assert requirement.part_of in seen | {None}, requirement.id
        assert (requirement.part_of is None) == requirement.id.isalpha(), requirement.id
        seen.add(requirement.id)


# The parts of PSTI-1 are conditions on one of two ways to meet it.
@pytest.mark.parametrize("name", sorted({*registry.catalogues()} - {"psti"}))
def test_what_fails_a_part_of_an_outcome_fails_the_outcome(name: str) -> None:
    for requirement in shipped(name).requirements:
        for mapping in requirement.checks if requirement.part_of else ():
            if mapping.strength is not Strength.INDICATIVE:
                got = judged(name, {mapping.check: Outcome.VIOLATED})
                assert got[requirement.part_of or ""].status is Status.FAIL, mapping.check


def test_a_way_out_of_a_decision_tree_is_a_recorded_decision() -> None:
    declared = Declaration(
        product="x",
        sha256="5e" * 32,
        not_applicable=(
            NotApplicable(
                catalogue="en18031",
                requirement="NMM-1",
                reason="no network equipment",
                decided_by="R. Roe",
            ),
            NotApplicable(
                catalogue="cra", requirement="CRA-II-3", reason="no time", decided_by="R. Roe"
            ),
        ),
        manual=(
            ManualResult(
                catalogue="cra",
                requirement="CRA-II-4",
                result="pass",
                by="R. Roe",
                on="2026-02-03",
                note="advisories read",
            ),
        ),
    )
    assert judged("en18031", {}, declared)["NMM-1"].status is Status.NOT_APPLICABLE
    cra = judged("cra", {}, declared)
    assert cra["CRA-II-3"].status is Status.NOT_TESTED, "part II has no condition"
    assert "gives it no condition" in cra["CRA-II-3"].reason
    assert cra["CRA-II-4"].status is Status.PASS


def test_no_clause_number_is_that_of_another_mechanism() -> None:
    """ACM is 6.1, AUM 6.2, SUM 6.3, SSM 6.4, SCM 6.5: a section never names another mechanism's letters."""
    for requirement in shipped("en18031").requirements:
        letters = requirement.id.split("-")[0]
        assert re.search(rf"\({letters}\b", requirement.section), requirement.id
