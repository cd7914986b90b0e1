"""See ``default_cwmp.toml``; the protocols with a login share one answer."""

from collections.abc import Iterator
from dataclasses import replace

from probe.checks.access.defaults import default_answers
from probe.checks.access.logins import subject_of
from probe.model.dut import Dut
from probe.model.finding import Answer
from probe.model.observation import LoginTest

BASIC = " It asks for Basic, where TR-069 section 3.2.2 demands Digest: the password goes over the network as it is."


def check(dut: Dut) -> Iterator[Answer]:
    tests = (seen.fact for seen in dut.all(LoginTest) if seen.fact.protocol == "cwmp")
    basic = {subject_of(test) for test in tests if test.method == "basic"}
    for answer in default_answers(dut, "cwmp"):
        noted = answer.subject in basic
        yield replace(answer, summary=answer.summary + BASIC) if noted else answer
