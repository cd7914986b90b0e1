"""The configuration of the kernel: beside it in the file system, or embedded in it (IKCONFIG)."""

import re
import zlib
from collections.abc import Iterator

from firmware_checks.content import Facts
from firmware_checks.content.scan import Pattern, hits
from firmware_checks.reading import Entry, Kind
from firmware_checks.view import View
from probe.model.firmware import ImageKernel
from probe.model.text import clean

LARGEST = 4 << 20
"""Of a configuration; those of distributions have 250 kB."""
EMBEDDED = b"IKCFG_ST"
PATTERNS = (Pattern("kernel.config", rb"IKCFG_ST\x1f\x8b\x08", once=True),)
_PATH = re.compile(
    r"(?:^|/)(?:boot/config-[^/]+|config-\d+\.\d[^/]*|(?:proc/|boot/)?config\.gz|modules/[^/]+/(?:config|build/\.config))$"
)
_VERSION = re.compile(r"^# (?:Linux/\S+ )?(?:Linux kernel version: )?(\d+\.\d+\S*)", re.MULTILINE)
_SET = re.compile(r"^CONFIG_(\w+)=(.{0,100})$|^# CONFIG_(\w+) is not set$", re.MULTILINE)
ASKED = frozenset(
    """
    STRICT_KERNEL_RWX DEBUG_RODATA STRICT_MODULE_RWX DEBUG_SET_MODULE_RONX STACKPROTECTOR STACKPROTECTOR_STRONG
    CC_STACKPROTECTOR CC_STACKPROTECTOR_STRONG CC_STACKPROTECTOR_REGULAR RANDOMIZE_BASE FORTIFY_SOURCE
    HARDENED_USERCOPY SECURITY_DMESG_RESTRICT DEVMEM STRICT_DEVMEM IO_STRICT_DEVMEM DEVKMEM KEXEC MODULES MODULE_SIG
    MODULE_SIG_FORCE DEBUG_FS MAGIC_SYSRQ SECCOMP SECCOMP_FILTER SECURITY SECURITY_SELINUX SECURITY_APPARMOR
    SECURITY_SMACK SECURITY_LOCKDOWN_LSM DM_VERITY FS_VERITY IMA IKCONFIG IKCONFIG_PROC PROC_KCORE BPF_SYSCALL
    BPF_UNPRIV_DEFAULT_OFF USER_NS SLAB_FREELIST_RANDOM SLAB_FREELIST_HARDENED INIT_ON_ALLOC_DEFAULT_ON
    VMAP_STACK PAGE_TABLE_ISOLATION UNMAP_KERNEL_AT_EL0 ARM64_SW_TTBR0_PAN CPU_SW_DOMAIN_PAN LEGACY_PTYS
    COMPAT_BRK DEFAULT_MMAP_MIN_ADDR SYN_COOKIES LOCALVERSION KALLSYMS KGDB COREDUMP MODULE_FORCE_LOAD
    BINFMT_MISC HIBERNATION LEGACY_VSYSCALL_NONE UBSAN KASAN DEBUG_KERNEL SCHED_STACK_END_CHECK BUG_ON_DATA_CORRUPTION
    """.split()  # noqa: SIM905 - a list of 70 quoted words is harder to read
)


class Kernel:
    """One file system."""

    name = "kernel configuration"

    def __init__(self, image: str, place: str) -> None:
        self.image, self.place = image, place

    def look(self, entry: Entry, view: View) -> Facts:
        if entry.kind is not Kind.FILE or not len(view):
            return
        text = b""
        if _PATH.search(entry.path):
            text = inflated(view.read(0, min(len(view), LARGEST)))
        elif ends := hits(view).get("kernel.config"):
            begin = ends[0] - 3
            text = inflated(view.read(begin, min(len(view) - begin, LARGEST)))
        if text and (fact := self._fact(entry.path, text.decode("utf-8", "replace"))):
            yield fact, b"\n".join(lines_of(text))

    def end(self) -> Facts:
        yield from ()

    def _fact(self, path: str, text: str) -> ImageKernel | None:
        options = options_of(text)
        if not options:
            return None
        version = _VERSION.search(text[:2000])
        return ImageKernel(
            image=self.image,
            place=self.place,
            path=clean(path, 300),
            version=clean(version.group(1), 60) if version else "",
            options=options,
        )


TOPIC = Kernel


def inflated(data: bytes) -> bytes:
    """Text as it is; of gzip what comes out, bounded. Empty when neither."""
    if not data.startswith(b"\x1f\x8b"):
        return data if b"CONFIG_" in data[:20_000] else b""
    try:
        text = zlib.decompressobj(31).decompress(data, LARGEST)
    except zlib.error:
        return b""
    return text if b"CONFIG_" in text[:20_000] else b""


def lines_of(text: bytes) -> Iterator[bytes]:
    """The lines of the configuration that name its version and the options that are asked about."""
    if version := re.search(rb"^# [^\n]{0,40}\d+\.\d+[^\n]{0,100}", text[:2000], re.MULTILINE):
        yield version.group()
    for line in re.finditer(rb"^(?:# )?CONFIG_(\w+)[= ][^\n]{0,100}", text, re.MULTILINE):
        if line.group(1).decode("ascii", "replace") in ASKED:
            yield line.group()


def options_of(text: str) -> tuple[tuple[str, str], ...]:
    """The options that are asked about, with ``n`` for what is said not to be set."""
    found: dict[str, str] = {}
    for name, value, unset in _SET.findall(text):
        if (name or unset) in ASKED:
            found[name or unset] = clean(value.strip('"'), 60) if name else "n"
    return tuple(sorted(found.items()))
