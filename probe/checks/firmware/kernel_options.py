"""Which protections the configuration of a Linux kernel names, under their names of all times."""

from probe.model.firmware import ImageKernel

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


def wrong(fact: ImageKernel) -> list[str]:
    """What is off that protects, and on that should not be."""
    options = _options(fact)
    missing = [f"{name} is off" for name in ON if _is_off(name, options)]
    if options.get("DEVMEM") == "y" and options.get("STRICT_DEVMEM") != "y":
        missing.append("DEVMEM is on without STRICT_DEVMEM")
    return missing + [f"{name} is on" for name in OFF if options.get(name) in ("y", "m")]


def _options(fact: ImageKernel) -> dict[str, str]:
    return {name.removeprefix("CONFIG_"): value for name, value in fact.options}


def unknown_of(kernels: list[ImageKernel]) -> list[str]:
    """Protections that the configuration of one of these names neither as on nor as off."""
    return [name for name in ON if not all(_values(name, _options(k)) for k in kernels)]


def _is_off(name: str, options: dict[str, str]) -> bool:
    """Said to be off, under its name or an older one, and under none said to be on."""
    values = _values(name, options)
    return bool(values) and not any(v in ("y", "m") for v in values)


def _values(name: str, options: dict[str, str]) -> list[str]:
    names = (name, *OLD_NAMES.get(name, ()))
    return [
        value
        for key, value in options.items()
        if key in names or key.startswith(tuple(f"{n}_" for n in names[1:]))
    ]
