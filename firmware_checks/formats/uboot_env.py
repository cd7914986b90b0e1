"""The environment of U-Boot as it lies in flash: CRC-32, a flag where there are two copies, and its variables.

Source: U-Boot, doc/usage/environment.rst, include/env_internal.h (``env_t``). Its size stands nowhere; the checksum,
which covers the padding, tells it. What a boot loader has built in where no environment is stored is not read here.
"""

import re
import zlib
from collections.abc import Iterator
from functools import partial

from firmware_checks.reading import Context, Facts, Format, Part, Quote, Reading
from firmware_checks.view import View
from probe.model.firmware import ImageWeakness, LayerKind
from probe.model.text import clean

SIZES = tuple(sorted({n << k for k in range(10, 19) for n in (1, 3)}))
"""1 KiB to 768 KiB: the erase blocks of flash chips, and some times three of them."""
MOST_VARIABLES = 2000
LONGEST = 8192
"""Bytes of the first variable."""
FIRST = (
    *("addip", "addcon", "altbootcmd", "arch", "args", "autoload", "baudrate", "board", "bootargs", "bootcmd"),
    *("bootcount", "bootdelay", "bootfile", "bootlimit", "boot_", "console", "consoledev", "cpu", "ethact", "ethaddr"),
)  # fmt: skip
"""How an environment begins: ``saveenv`` writes the variables in the order of their names."""
_VARIABLE = re.compile(rb"[!-<>-~]{1,128}=[^\0]*")
_KEYED = ("bootstopkey", "bootdelaykey", "bootstopkeysha256", "bootstopkeycrypt", "bootstopkey2")
"""With one of them the countdown stops for a secret only (CONFIG_AUTOBOOT_KEYED)."""
_SHELL = re.compile(
    r"(?:^|\s)(?:init=\S*/(?:sh|ash|bash|busybox)|single|systemd\.debug-shell=?1?)(?=\s|$)"
)
_NETWORK = re.compile(r"(?:^|[\s;&])(?:tftpboot|tftp|dhcp|bootp|nfs)(?=\s|;|$)")
MOST_QUOTED = 2000
Variables = tuple[tuple[str, str], ...]


class UBootEnvironment(Format):
    name = "U-Boot environment"
    anchors = tuple(
        (f"{name}{'' if name.endswith('_') else '='}".encode(), at)
        for name in FIRST
        for at in (4, 5)
    )
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        """Only with a checksum that holds."""
        for begin in (4, 5):
            if len(view) >= SIZES[0] and (size := _size(view, begin)):
                content = view.read(begin, size - begin)
                return _reading(content.split(b"\0\0", 1)[0], size, begin)
        return None


FORMAT = UBootEnvironment()


def _size(view: View, begin: int) -> int:
    """Bytes that its checksum covers, with those in front of them; 0 when it does not hold for any size."""
    # A text that has the word somewhere is not summed up: a variable ends, and the next one or the end follows.
    first, end, rest = bytes(view.raw[begin : begin + LONGEST]).partition(b"\0")
    if (
        not end
        or not _VARIABLE.fullmatch(first)
        or not (rest[:1] == b"\0" or _VARIABLE.match(rest))
    ):
        return 0
    wanted = {view.u32(0, "<"), view.u32(0, ">")}
    found, at = 0, begin
    for size in SIZES:
        if size > len(view):
            break
        found, at = zlib.crc32(view.raw[at:size], found), size
        if found in wanted:
            return size
    return 0


def _reading(text: bytes, size: int, begin: int) -> Reading | None:
    """``begin``: where the text stands; behind the flag where there are two copies."""
    words = text.split(b"\0")[:MOST_VARIABLES]
    if not all(_VARIABLE.fullmatch(word) for word in words):
        return None
    pairs = (word.decode("utf-8", "replace").partition("=") for word in words)
    variables = tuple((name, value) for name, _, value in pairs)
    known = dict(variables)
    shown = ("bootdelay", "bootcmd", "bootargs", "verify", "console", "ethaddr", "ver")
    kept = "one of two copies" if begin == 5 else "one copy"
    # As lines, so that it is looked at as the settings file that it is.
    lines = b"\n".join(words) + b"\n"
    return Reading(
        format=FORMAT.name,
        kind=LayerKind.DATA,
        size=size,
        version=known.get("ver", ""),
        details=(
            ("kept in", kept),
            ("variables", str(len(variables))),
            *((name, known[name]) for name in shown if name in known),
            *(
                (("boots from the network", "bootcmd says so"),)
                if _boots_from_network(known)
                else ()
            ),
        ),
        parts=(Part(name="environment", view=View(lines), offset=None),),
        says=partial(_says, variables, tuple(words), begin),
    )


def _boots_from_network(known: dict[str, str]) -> bool:
    """The command that it starts with, or one that this runs, loads from a server."""
    todo, seen = ["bootcmd"], set[str]()
    while todo and len(seen) < 100:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        command = known.get(name, "")
        if _NETWORK.search(command):
            return True
        todo += re.findall(r"\brun\s+(\w+)", command)[:20]
    return False


def _says(
    variables: Variables, words: tuple[bytes, ...], begin: int, image: str, place: str
) -> Facts:
    at = begin
    for number, (name, value) in enumerate(variables, 1):
        word = words[number - 1]
        for kind, why in _weak(name, value, dict(variables)):
            what = clean(f"{name}={value[:80]}: {why}", 200)
            fact = ImageWeakness(
                image=image, place=place, path="environment", kind=kind, what=what, line=number
            )
            where = f"at {at:#x} of layer {place}"
            yield fact, (Quote("environment", number, word[:MOST_QUOTED], where),)
        at += len(word) + 1


def _weak(name: str, value: str, known: dict[str, str]) -> Iterator[tuple[str, str]]:
    if name == "bootdelay" and _waits(value) and not any(key in known for key in _KEYED):
        yield "console without login", "the boot loader's console stops for any key"
    if name == "verify" and value[:1] not in tuple("1yYtT"):
        yield "verification skipped", "the boot loader does not check the images that it starts"
    if name in ("bootargs", "bootcmd", "optargs", "extraargs") and _SHELL.search(value):
        yield "console without login", "the kernel is started into a shell"


def _waits(value: str) -> bool:
    """Seconds to wait; -1 means that nothing is started without a command, -2 that no key stops it."""
    found = re.match(r"\s*(-?\d{1,9})", value)
    return found is not None and (int(found[1]) > 0 or int(found[1]) == -1)
