"""Debug services told by what they answer, on whatever port. Pure; the questions change nothing.

GDB remote protocol: GDB manual, appendix E. XVC: Xilinx Virtual Cable 1.0. TCF: Target Communication
Framework, hello message. JDWP: handshake of the Java Debug Wire Protocol. OpenOCD: manual, chapter 18.
"""

import re
from dataclasses import dataclass

from probe.model.text import clean

REQUESTS: dict[str, bytes] = {
    # What the stub can do; it neither stops nor starts the program by that.
    "gdb": b"$qSupported#37",
    "xvc": b"getinfo:",
    "openocd_tcl": b"version\x1a",
    # The handshake and, for an echo gives that back as well, the question for the version.
    "jdwp": b"JDWP-Handshake" + bytes.fromhex("0000000b 00000001 00 01 01"),
}
SHELL_QUESTION = b"echo probe-$((6*7))-$(id -u)\r\n"
"""Arithmetic that an echo does not do; the second number is the user's, 0 for root."""
_SHELL_ANSWER = re.compile(rb"probe-42-(\d{1,10})?\b")
_GDB = re.compile(rb"\+?\$([^#$]{0,1000})#([0-9a-fA-F]{2})", re.S)
_OPENOCD = re.compile(rb"(?:^|[\x00-\x20\x7f-\xff])Open On-Chip Debugger\s*(\d[\w.+-]{0,20})?")
_XVC = re.compile(rb"xvcServer_v(\d+\.\d+):\d+\n")
_SEGGER = re.compile(rb"SEGGER J-Link(?: (?:GDB Server|V)\s?V?(\d[\w.]{0,10}))?")
_TCF = re.compile(rb"E\0Locator\0Hello\0\[")


@dataclass(frozen=True, slots=True)
class Debugger:
    """A debug service. ``gives`` is what its very answer shows that anybody may do."""

    protocol: str
    product: str
    version: str
    reason: str
    gives: str


def debugger(data: bytes) -> Debugger | None:
    """The debug service that sent ``data``, None for anything else."""
    found = _GDB.match(data)
    # An echo gives our own question back.
    if found and sum(found[1]) % 256 == int(found[2], 16) and found[1] != b"qSupported":
        return Debugger("gdbserver", "", "", "GDB remote packet", "control of the debugger")
    found = _OPENOCD.search(data[:200])
    if found:
        version = clean(found[1] or b"", 20)
        return Debugger(
            "openocd", "OpenOCD", version, "it says its name", "control of the debugger"
        )
    found = _XVC.match(data)
    if found:
        what = f"Xilinx Virtual Cable {clean(found[1], 8)}"
        return Debugger("jtag", "", "", what, "the JTAG chain of the board")
    found = _SEGGER.search(data[:300])
    if found:
        version = clean(found[1] or b"", 12)
        return Debugger(
            "jtag", "SEGGER J-Link", version, "it says its name", "control of the debugger"
        )
    if _TCF.match(data):
        return Debugger("tcf", "", "", "TCF hello", "control of the target (TCF agent)")
    if re.match(rb"JDWP-Handshake.{4}\0\0\0\x01\x80", data, re.S):
        return Debugger("jdwp", "", "", "JDWP handshake", "control of the Java debugger")
    return None


def shell_user(heard: bytes) -> str | None:
    """Whose shell did the sum: the user's number, empty when it could not say; None when nobody did."""
    found = _SHELL_ANSWER.search(heard)
    return clean(found[1] or b"", 10) if found else None
