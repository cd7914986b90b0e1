"""Is the Linux kernel configured with its protections, where the image holds its configuration?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image, each_image, in_files, listed
from probe.checks.firmware.kernel_options import ON, unknown_of, wrong
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive
from probe.model.firmware import ImageKernel, ImageLayer

TOO_OLD = "Ask the manufacturer which protections the kernel has on this processor, and for a newer kernel if there are none."
NO_CONFIG = "Ask the manufacturer for the configuration of the kernel, or build it with IKCONFIG."


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        found = image.all(ImageKernel)
        yield from in_files(image, (s for s in found if wrong(s.fact)), _sentence)
        for seen in found:
            if (
                seen.fact.options
                and not wrong(seen.fact)
                and len(unknown_of([seen.fact])) == len(ON)
            ):
                where = image.at(seen.fact.place, seen.fact.path)
                summary = (
                    f"{_called(seen.fact)}: its configuration knows none of the usual protections."
                )
                yield inconclusive(where, summary, *seen.proof, owner=Owner.DEVICE, settle=TOO_OLD)
        if not any(s.fact.options for s in found) and image.survey is not None and _linux(image):
            summary = "The configuration of the kernel is not in the image."
            owner = Owner.DEVICE
            yield inconclusive(image.subject, summary, *image.proof, owner=owner, settle=NO_CONFIG)

    def without(image: Image) -> str:
        return "" if _linux(image) else "No Linux kernel was found in the image."

    yield from each_image(dut, judge, _none, no_object=without)


def _none(image: Image) -> str:
    """An option that the configuration does not name is no protection that is on."""
    unknown = unknown_of([s.fact for s in image.all(ImageKernel)])
    said = f" It does not know {listed(unknown, 7)}." if unknown else ""
    return f"No usual protection that the kernel's configuration knows is off.{said}"


def _linux(image: Image) -> bool:
    layers = image.all(ImageLayer)
    named = any("linux" in f"{s.fact.format} {s.fact.title}".lower() for s in layers)
    return named or image.has_files() or bool(image.all(ImageKernel))


def _sentence(kernels: list[ImageKernel]) -> str:
    fact = kernels[-1]
    return f"{_called(fact)}: {listed(wrong(fact), 6)}."


def _called(fact: ImageKernel) -> str:
    return f"Linux {fact.version or 'of unknown version'}"
