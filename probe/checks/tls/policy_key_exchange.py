"""Does the policy call no accepted group, DHE prime or signature scheme insufficient?"""

from collections.abc import Iterator

from probe.checks.tls import grading
from probe.checks.tls.policy import under_policy
from probe.model.dut import Dut
from probe.model.finding import Answer


def check(dut: Dut) -> Iterator[Answer]:
    yield from under_policy(dut, grading.key_exchange, "groups, primes and signature schemes")
