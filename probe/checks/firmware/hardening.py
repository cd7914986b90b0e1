"""Were the native programs built with the protections that compilers offer?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image, each_file_system, in_files, listed
from probe.model.dut import Dut
from probe.model.finding import Answer
from probe.model.firmware import ImageHardening

MOST_PARTS = 10
"""One program in so many may lack position independence or RELRO: boot loaders, odd builds."""
NEARLY_ALL = 0.9
"""A program without arrays needs no canary and no FORTIFY, so only a build without them shows."""


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        bad = (s for s in image.all(ImageHardening) if _lacks(s.fact))
        yield from in_files(image, bad, lambda found: _sentence(found[-1]))

    absent = "The native programs were built with the usual protections."
    yield from each_file_system(dut, judge, absent)


def _lacks(fact: ImageHardening) -> list[str]:
    if not fact.programs:
        return []
    few, many = fact.programs / MOST_PARTS, fact.programs * NEARLY_ALL
    counted = (
        (fact.without_nx, 0.0, "a memory that is not executable (NX)"),
        (fact.without_pie, few, "position independence (PIE)"),
        (fact.without_relro, few, "read-only relocations (RELRO)"),
        (fact.without_canary, many, "stack canaries"),
        (fact.without_fortify, many, "FORTIFY"),
    )
    return [f"{n} without {what}" for n, allowed, what in counted if n > allowed]


def _sentence(fact: ImageHardening) -> str:
    some = f" For instance {listed(fact.examples, 3)}." if fact.examples else ""
    return f"Of {fact.programs} native programs {', '.join(_lacks(fact))}.{some}"
