"""Giving up what only the packet helper needs.

Started with sudo, the process becomes the user who called sudo; started as plain root, it keeps its
user id but gives up every capability, so that it can no more than any user with root's files.
"""

import ctypes
import os

_LINUX_CAPABILITY_VERSION_3 = 0x20080522
"""linux/capability.h; version 3 has two 32-bit words for each set."""


def drop() -> str:
    """Give up privileges; says in a few words what the process is now."""
    if os.geteuid() != 0:
        return "unprivileged"
    uid, gid = os.environ.get("SUDO_UID"), os.environ.get("SUDO_GID")
    if uid and gid and int(uid):
        os.setgroups([])
        os.setresgid(int(gid), int(gid), int(gid))
        os.setresuid(int(uid), int(uid), int(uid))
        return f"user {uid}"
    header = (ctypes.c_uint32 * 2)(_LINUX_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(header, nothing) != 0:
        return f"root, capabilities kept: {os.strerror(ctypes.get_errno())}"
    return "root without capabilities"
