"""``python -m probe.demo.devices NAME --address A``: be one reference device until ended."""

import argparse
import asyncio
import ctypes
import signal
from pathlib import Path

from probe.demo.devices.twins import TWINS, Place, run

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Read the arguments and run; exits with 2 on a wrong one."""
    parser = argparse.ArgumentParser(prog="probe.demo.devices", description=__doc__)
    parser.add_argument("name", choices=sorted(TWINS))
    parser.add_argument("--address", required=True)
    parser.add_argument("--interface", default="eth0")
    parser.add_argument("--link-local", default="")
    parser.add_argument("--update-server", default="")
    parser.add_argument("--state", type=Path, default=None)
    parser.add_argument("--loopback", action="store_true")
    given = parser.parse_args()
    if given.loopback:
        # No namespace ends this process with its parent, so the kernel is asked to.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    place = Place(
        address=given.address,
        interface=given.interface,
        loopback=given.loopback,
        update_server=given.update_server,
        state=given.state,
        link_local=given.link_local,
    )
    asyncio.run(run(given.name, place))


if __name__ == "__main__":
    main()
