"""Does the policy call none of the accepted protocol versions insufficient?"""

from collections.abc import Iterator

from probe.checks.tls import grading
from probe.checks.tls.policy import under_policy
from probe.model.dut import Dut
from probe.model.finding import Answer


def check(dut: Dut) -> Iterator[Answer]:
    yield from under_policy(dut, grading.versions, "versions")
