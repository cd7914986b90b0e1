"""The command that measures a device again in the same way."""

import shlex

from probe.model.device import Device
from probe.model.run import Run


def command_again(run: Run, device: Device | None) -> str:
    """``probe run …`` with the interface and plan of the run, on the device's first address; of an image
    alone ``probe firmware``."""
    if device is not None and device.is_image_only:
        return shlex.join(["probe", "firmware", device.label])
    parts = ["probe", "run", "-i", run.scope.interface]
    if device is not None and device.lan:
        parts += ["--target", device.lan[0]]
        for side in run.scope.wan:
            if side.address in device.wan:
                parts += ["--wan", f"{side.interface}={side.address}={device.lan[0]}"]
        for image in run.images:
            if image.address in device.addresses:
                parts += ["--firmware", f"{image.address}={image.path}"]
    return shlex.join([*parts, "--plan", run.plan.name])
