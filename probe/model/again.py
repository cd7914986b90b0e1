"""The command that measures a device again in the same way."""

import shlex

from probe.model.device import Device
from probe.model.run import Run


def command_again(run: Run, device: Device | None) -> str:
    """``probe run …`` with the interface and plan of the run, on the device's first address."""
    parts = ["probe", "run", "-i", run.scope.interface]
    if device is not None and device.addresses:
        parts += ["--target", device.addresses[0]]
    return shlex.join([*parts, "--plan", run.plan.name])
