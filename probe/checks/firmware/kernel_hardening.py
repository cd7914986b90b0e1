"""Is the Linux kernel configured with its protections, where the image holds its configuration?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image, each_image, in_files, listed
from probe.model.dut import Dut
from probe.model.finding import Answer, Owner, inconclusive
from probe.model.firmware import ImageKernel, ImageLayer

ON = (
    "STRICT_KERNEL_RWX",
    "STACKPROTECTOR",
    "RANDOMIZE_BASE",
    "SECCOMP",
    "HARDENED_USERCOPY",
    "FORTIFY_SOURCE",
    "VMAP_STACK",
)
OFF = ("DEVKMEM", "KGDB")
OLD_NAMES = {"STRICT_KERNEL_RWX": ("DEBUG_RODATA",), "STACKPROTECTOR": ("CC_STACKPROTECTOR",)}
"""What an option was called before Linux 4.11 and 4.18."""
NO_CONFIG = "Ask the manufacturer for the configuration of the kernel, or build it with IKCONFIG."


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        found = image.all(ImageKernel)
        yield from in_files(image, (s for s in found if _wrong(s.fact)), _sentence)
        if not any(s.fact.options for s in found) and image.survey is not None and _linux(image):
            summary = "The configuration of the kernel is not in the image."
            owner = Owner.DEVICE
            yield inconclusive(image.subject, summary, *image.proof, owner=owner, settle=NO_CONFIG)

    def without(image: Image) -> str:
        return "" if _linux(image) else "No Linux kernel was found in the image."

    absent = "The kernel is configured with its usual protections."
    yield from each_image(dut, judge, absent, no_object=without)


def _linux(image: Image) -> bool:
    layers = image.all(ImageLayer)
    named = any("linux" in f"{s.fact.format} {s.fact.title}".lower() for s in layers)
    return named or image.has_files() or bool(image.all(ImageKernel))


def _wrong(fact: ImageKernel) -> list[str]:
    options = {name.removeprefix("CONFIG_"): value for name, value in fact.options}
    missing = [f"{name} is off" for name in ON if _is_off(name, options)]
    if options.get("DEVMEM") == "y" and options.get("STRICT_DEVMEM") != "y":
        missing.append("DEVMEM is on without STRICT_DEVMEM")
    return missing + [f"{name} is on" for name in OFF if options.get(name) in ("y", "m")]


def _is_off(name: str, options: dict[str, str]) -> bool:
    """Said to be off, under its name or an older one, and under none said to be on."""
    names = (name, *OLD_NAMES.get(name, ()))
    values = [
        value
        for key, value in options.items()
        if key in names or key.startswith(tuple(f"{n}_" for n in names[1:]))
    ]
    return bool(values) and not any(v in ("y", "m") for v in values)


def _sentence(kernels: list[ImageKernel]) -> str:
    fact = kernels[-1]
    return f"Linux {fact.version or 'of unknown version'}: {listed(_wrong(fact), 6)}."
