"""Does the policy object to no extension or feature that is there or missing?"""

from collections.abc import Iterator

from probe.checks.tls import grading
from probe.checks.tls.policy import under_policy
from probe.model.dut import Dut
from probe.model.finding import Answer


def check(dut: Dut) -> Iterator[Answer]:
    yield from under_policy(dut, grading.features, "features")
