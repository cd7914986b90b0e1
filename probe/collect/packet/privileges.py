"""Gives up everything that is not needed once the raw sockets are open. Best effort, and honest.

Started with sudo, the process becomes the user who called sudo; started as plain root, it keeps its user
id without any capability, so that it can no more than any user with root's files.
"""

import ctypes
import os

PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 24, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
LINUX_CAPABILITY_VERSION_3 = 0x20080522
HIGHEST_CAP = 63


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Data(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")]


def give_up() -> str:
    """Drop every capability and, under sudo, root itself; says in words what is left.

    The open sockets stay usable, so not even CAP_NET_RAW is kept.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(HIGHEST_CAP + 1):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    user = _sudo_user()
    if user is not None:
        try:
            os.setgroups([])
            os.setresgid(user[1], user[1], user[1])
            os.setresuid(user[0], user[0], user[0])
        except OSError:
            user = None
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = _Header(LINUX_CAPABILITY_VERSION_3, 0)
    nothing = (_Data * 2)()
    failed = libc.capset(ctypes.byref(header), ctypes.byref(nothing)) != 0
    who = f"uid {os.getuid()}"
    return f"{who}, capabilities could not be dropped" if failed else f"{who}, no capability"


def _sudo_user() -> tuple[int, int] | None:
    """Who called sudo. Nobody else is guessed: the interpreter must stay readable."""
    try:
        uid, gid = int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"])
    except (KeyError, ValueError):
        return None
    return (uid, gid) if os.geteuid() == 0 and uid > 0 else None
