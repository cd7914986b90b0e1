"""See ``default_coap.toml``; the protocols with a login share one answer."""

from collections.abc import Iterator

from probe.checks.access.defaults import default_answers
from probe.model.dut import Dut
from probe.model.finding import Answer


def check(dut: Dut) -> Iterator[Answer]:
    yield from default_answers(dut, "coaps")
