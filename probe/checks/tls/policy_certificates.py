"""Does the policy call no key or signature of the presented certificates insufficient?"""

from collections.abc import Iterator

from probe.checks.tls import grading
from probe.checks.tls.policy import under_policy
from probe.model.dut import Dut
from probe.model.finding import Answer


def check(dut: Dut) -> Iterator[Answer]:
    yield from under_policy(dut, grading.certificates, "keys and signatures")
