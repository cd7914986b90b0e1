"""Is nothing accepted that the policy wants phased out?"""

from collections.abc import Iterator

from probe.checks.tls import grading
from probe.checks.tls.policy import under_policy
from probe.model.dut import Dut
from probe.model.finding import Answer
from probe.model.policy import Grade


def check(dut: Dut) -> Iterator[Answer]:
    yield from under_policy(
        dut,
        grading.everything,
        "versions, suites, groups, features and keys",
        against=Grade.PHASE_OUT,
    )
