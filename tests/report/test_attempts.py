"""The log of attempts: complete, in order, masked unless asked, and harmless in every format."""

import re

import report_sample
from report_sample import PASSWORD

from probe.report import FORMATS
from probe.report.text import show_run


def test_each_attempt_is_a_line_with_its_evidence() -> None:
    camera = report_sample.view().devices[0]
    assert [a.number for a in camera.attempts] == [1, 2, 3, 4]
    assert [a.purpose for a in camera.attempts] == ["no credential", "random", "default", "guess"]
    assert all(re.fullmatch(r"[0-9a-f]{64}", sha) for a in camera.attempts for sha in a.proof)
    assert camera.attempts[0].presented == "nothing"
    assert camera.attempts[2].answer == "accepted and proved"
    assert camera.attempts[2].origin == "declared, declaration"
    assert not report_sample.view().devices[1].attempts


def test_passwords_are_masked_unless_asked_for() -> None:
    masked, shown = report_sample.view(), report_sample.view(secrets=True)
    assert PASSWORD not in masked.devices[0].attempts[2].presented
    assert shown.devices[0].attempts[2].presented == PASSWORD
    assert shown.devices[0].attempts[3].presented == "(empty)"
    for render in FORMATS.values():
        assert PASSWORD.encode() not in render(masked)
        assert b"8899aabbccddeeff" not in render(masked)


def test_the_text_has_every_attempt() -> None:
    text = show_run(report_sample.view())
    assert "Login attempts: 4" in text
    assert "3. 20" in text
    assert "\x1b" not in text
