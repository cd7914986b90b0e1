"""The whole probe on the whole laboratory: every declared truth found, nothing false claimed."""

from pathlib import Path

import laboratory
import pytest

from probe.demo import truth
from probe.model.finding import Outcome
from probe.model.observation import NotMeasured
from probe.model.run import RunStatus

TRUTHS = [*truth.load(), *truth.load(Path(__file__).with_name("truth.toml"))]
NAMES = list(laboratory.ALL)


def test_every_device_of_the_laboratory_has_a_declared_truth():
    assert sorted(t.name for t in TRUTHS) == sorted(NAMES)
    assert {t.name: t.address for t in TRUTHS} == laboratory.ALL


@pytest.mark.parametrize("name", NAMES)
def test_device_is_what_it_is_known_to_be(lab_run, name):
    if name in lab_run.left_out:
        pytest.skip(f"{name} is not in the laboratory, it needs {lab_run.left_out[name]}")
    result = truth.compare(lab_run.state, [t for t in TRUTHS if t.name == name])
    foreign = "a device that is not there"
    false = [text for text in result.false if not text.startswith(foreign)]
    assert not result.missed, "\n".join(["not found:", *result.missed])
    assert not false, "\n".join(["falsely claimed:", *false])


def test_run_ended_by_itself_and_says_that_something_failed(lab_run):
    assert lab_run.state.status is RunStatus.FINISHED, lab_run.stderr[-3000:]
    assert lab_run.exit_code == 1
    assert "Traceback" not in lab_run.stderr


def test_exactly_the_devices_of_the_laboratory_were_found(lab_run):
    expected = {a for n, a in laboratory.ALL.items() if n not in lab_run.left_out}
    found = {a for d in lab_run.state.devices.values() for a in d.ipv4}
    assert found == expected
    assert len(lab_run.state.devices) == len(expected)


def test_every_device_was_done(lab_run):
    assert len(lab_run.state.devices_done) == len(lab_run.state.devices)


def test_fragile_device_lives_and_was_asked_gently(lab_run):
    assert lab_run.fragile["alive"], lab_run.fragile["died_of"]
    assert lab_run.fragile["peak_packets_per_s"] <= 40
    assert lab_run.fragile["peak_connections"] == 1
    assert lab_run.fragile["connections"] >= 1


def test_no_finding_is_an_error_of_the_probe(lab_run):
    errors = [
        f"{f.id}: {f.answer.summary}"
        for f in lab_run.state.findings.values()
        if f.answer.outcome is Outcome.ERROR
    ]
    assert not errors
    defects = [
        o.fact.reason
        for o in lab_run.state.observations.values()
        if isinstance(o.fact, NotMeasured) and o.fact.owner == "tool"
    ]
    assert not defects


def test_every_violation_can_be_proved_from_the_store(lab_run):
    from probe.model.evidence import EvidenceRef
    from probe.store.store import Store

    store = Store(str(lab_run.store), create=False)
    refs = [
        (f.id, proof)
        for f in lab_run.state.findings.values()
        if f.answer.outcome is Outcome.VIOLATED
        for proof in f.answer.proof
        if isinstance(proof, EvidenceRef)
    ]
    assert refs
    missing = [i for i, ref in refs if store.evidence(lab_run.state.run.id, ref.sha256) is None]
    assert not missing


def test_no_terminal_escape_of_a_device_reached_the_operator(lab_run):
    assert "\x1b" not in lab_run.stderr
    assert "\x9b" not in lab_run.stderr
    assert "\x07" not in lab_run.stderr
