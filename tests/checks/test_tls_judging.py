"""One measurement under several policies, and that knowing less never reads better."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe import registry
from probe.checks.tls.posture import Posture, Trust, posture
from probe.checks.tls.services import STARTTLS
from probe.codec import from_plain
from probe.collect.tls.starttls import DIALOGUES
from probe.model.device import Device
from probe.model.dut import Dut
from probe.model.evidence import EvidenceRef
from probe.model.finding import Answer, Outcome
from probe.model.ids import CheckId
from probe.model.observation import Fact, Observation
from probe.model.tls import Reply, TlsService

HERE = Path(__file__).parent / "tls"
JUDGING = sorted(
    c for c in registry.checks() if c.startswith(("tls/policy_", "tls/attack_", "tls/certificate_"))
)
UNDER_POLICY = [c for c in JUDGING if c.startswith("tls/policy_")]


def fixture(name: str) -> tuple[Device, list[Fact]]:
    plain = json.loads((HERE / f"{name}.json").read_text())
    return from_plain(plain["device"], Device), [from_plain(f, Fact) for f in plain["observations"]]


def dut_of(device: Device, facts: list[Fact]) -> Dut:
    made = [
        Observation(
            id=f"t#{n}",
            device=device.id,
            collector="t",
            at=1_750_000_000.0,
            fact=fact,
            proof=(EvidenceRef(sha256=f"{n:064x}"),),
        )
        for n, fact in enumerate(facts)
    ]
    return Dut(device, made)


def service_of(name: str) -> TlsService:
    return next(f for f in fixture(name)[1] if isinstance(f, TlsService))


def asked(check: str, dut: Dut, policy: str = registry.DEFAULT_POLICY) -> Answer:
    chosen = dut.under(registry.chosen_policy(policy))
    (answer,) = registry.check_function(CheckId(check))(chosen)
    return answer


# --- one measurement, several policies -----------------------------------------------------------


def test_a_psk_only_coap_server_is_judged_by_the_policy_for_things() -> None:
    dut = dut_of(*fixture("policy_suites/bad_psk_ccm8"))
    by_ncsc = asked("tls/policy_suites", dut)
    assert by_ncsc.outcome is Outcome.VIOLATED
    assert "TLS_PSK_WITH_AES_128_CCM_8" in by_ncsc.summary
    assert "RFC 7925 allows pre-shared keys" in by_ncsc.summary
    assert by_ncsc.policy == "NCSC-NL IT security guidelines for TLS 2025-05, appendix B"
    by_7925 = asked("tls/policy_suites", dut, "rfc7925")
    assert by_7925.outcome is Outcome.SATISFIED
    assert "good" in by_7925.summary
    assert by_7925.policy.startswith("RFC 7925")
    assert asked("tls/policy_certificates", dut).outcome is Outcome.NOT_APPLICABLE
    assert asked("tls/policy_versions", dut).outcome is Outcome.SATISFIED


def test_the_usual_policy_is_the_default() -> None:
    dut = dut_of(*fixture("policy_versions/bad"))
    (answer,) = registry.check_function(CheckId("tls/policy_versions"))(dut)
    assert answer == asked("tls/policy_versions", dut)
    assert "paragraph 3.3.1" in answer.policy


def test_cbc_is_bad_for_one_and_to_be_phased_out_for_another() -> None:
    dut = dut_of(*fixture("policy_suites/bad_cbc_sha1"))
    assert asked("tls/policy_suites", dut).outcome is Outcome.VIOLATED
    assert asked("tls/policy_suites", dut, "rfc9325").outcome is Outcome.SATISFIED
    assert asked("tls/policy_phase_out", dut, "rfc9325").outcome is Outcome.VIOLATED
    assert "SHOULD NOT" in asked("tls/policy_phase_out", dut, "rfc9325").summary


@pytest.mark.parametrize("policy", registry.policies())
@pytest.mark.parametrize("check", UNDER_POLICY)
def test_every_answer_names_policy_and_edition(check: str, policy: str) -> None:
    chosen = registry.chosen_policy(policy)
    for case in ("good", "inconclusive_not_measured"):
        dut = dut_of(*fixture(f"{check.partition('/')[2]}/{case}")).under(chosen)
        for answer in registry.check_function(CheckId(check))(dut):
            measured = case == "good" and answer.outcome is not Outcome.NOT_APPLICABLE
            assert chosen.edition in answer.policy or not measured
            assert answer.outcome is not Outcome.VIOLATED


# --- knowing less --------------------------------------------------------------------------------


def poorer(service: TlsService, data: st.DataObject) -> TlsService:
    """The same service with some answers lost: they become silence, or were never asked for."""
    draw = data.draw
    keep = st.booleans()
    return replace(
        service,
        versions=tuple(
            v if draw(keep) else replace(v, reply=Reply.NO_ANSWER) for v in service.versions
        ),
        suites=tuple(
            g if draw(keep) else replace(g, reply=Reply.NO_ANSWER, chosen="")
            for g in service.suites
        ),
        lists=tuple(
            one if draw(keep) else replace(one, complete=False, order="")
            for one in service.lists
            if draw(keep)
        ),
        traits=tuple(
            t if draw(keep) else replace(t, reply=Reply.NO_ANSWER)
            for t in service.traits
            if draw(keep)
        ),
        dh_bits=service.dh_bits if draw(keep) else None,
        primes=service.primes if draw(keep) else (),
        chain=service.chain if draw(keep) else (),
    )


CASES = sorted(
    p.relative_to(HERE).with_suffix("").as_posix()
    for p in HERE.glob("*/*.json")
    if p.parent.name.startswith(("policy_", "attack_")) and p.stem.startswith(("bad", "inconcl"))
)


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_knowing_less_is_never_clean(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(CASES))
    policy = data.draw(st.sampled_from(sorted(registry.policies())))
    check = CheckId(f"tls/{name.partition('/')[0]}")
    device, facts = fixture(name)
    changed = [poorer(f, data) if isinstance(f, TlsService) else f for f in facts]
    chosen = registry.chosen_policy(policy)
    before = {
        a.subject: a for a in registry.check_function(check)(dut_of(device, facts).under(chosen))
    }
    after = {
        a.subject: a for a in registry.check_function(check)(dut_of(device, changed).under(chosen))
    }
    assert before.keys() == after.keys()
    for subject, answer in after.items():
        if answer.outcome is Outcome.SATISFIED:
            assert before[subject].outcome in (Outcome.SATISFIED, Outcome.NOT_APPLICABLE), (
                before[subject].summary,
                answer.summary,
            )


# --- at a glance ---------------------------------------------------------------------------------


def glance(name: str, **changed: object) -> Posture:
    return posture(replace(service_of(name), **changed))  # type: ignore[arg-type]


def test_private_ca_identity_and_problem_are_told_apart() -> None:
    good = service_of("certificate_key/good")
    leaf = replace(good.chain[0], names=("cam.local",), not_after=good.measured_at + 1e6)
    root = replace(leaf, subject="CN=Root", self_signed=True)

    def trust(*chain: object, complete: bool | None = True, problem: str = "") -> Posture:
        return glance(
            "certificate_key/good", chain=chain, chain_complete=complete, chain_problem=problem
        )

    assert trust(leaf, root).trust is Trust.PRIVATE
    assert trust(leaf).trust is Trust.PRIVATE
    identity = trust(replace(leaf, names=("Camera 4711",), not_after=None))
    assert identity.trust is Trust.PRIVATE
    assert "device identity" in identity.trust_detail
    assert trust(replace(leaf, names=("cam.example.com",))).trust is Trust.ISSUED
    assert trust(replace(leaf, self_signed=True)).trust is Trust.SELF_SIGNED
    expired = trust(replace(leaf, not_after=good.measured_at - 1))
    assert (expired.trust, expired.trust_detail) == (Trust.PROBLEM, "expired")
    broken = trust(leaf, root, complete=False, problem="the chain has a gap")
    assert (broken.trust, broken.trust_detail) == (Trust.PROBLEM, "the chain has a gap")
    assert trust(leaf, complete=None).trust is Trust.UNKNOWN
    assert trust(complete=None, problem="a reset").trust is Trust.UNKNOWN
    twenty_years = trust(replace(leaf, not_after=good.measured_at + 20 * 365 * 86_400), root)
    assert twenty_years.trust is Trust.PRIVATE
    assert not twenty_years.bad


def test_kinds_of_service_and_what_is_weak() -> None:
    coap = glance("policy_suites/bad_psk_ccm8")
    assert (coap.kind, coap.where) == ("DTLS", "udp 198.51.100.11:5684")
    assert (coap.trust, coap.bad, coap.weak) == (Trust.PSK, False, ())
    assert glance("policy_suites/good_phase_out_only", starttls="smtp").kind == "STARTTLS smtp"
    assert glance("attack_drown/bad").weak[0] == "SSLv2"
    assert glance("attack_crime/bad").bad
    silent = glance("policy_versions/inconclusive_reset")
    assert silent.unknown == ("TLSv1.1",)
    assert not silent.certain


def test_every_protocol_that_is_asked_to_begin_tls_is_expected_to_have_been_asked() -> None:
    assert {*STARTTLS} == {*DIALOGUES}
