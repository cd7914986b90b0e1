"""What there is of a device to be measured: the device on a network, a firmware image of it, or both."""

from dataclasses import dataclass

from probe.model.device import Device
from probe.model.ids import CheckId

FIRMWARE = "firmware/"
"""Checks of this family speak for a device with a firmware image."""
DECLARED = "declaration/"
"""Checks of this family speak for every device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Every other family of checks speaks for a device on a network."""

    network: bool = True
    image: bool = True

    def absent(self, check: CheckId) -> str:
        """Why a check cannot speak for the device; empty when it can."""
        if check.startswith(FIRMWARE):
            return "" if self.image else "no firmware image was given"
        return "" if self.network or check.startswith(DECLARED) else "no device was measured"


def given_of(device: Device) -> Given:
    """What there is of this device."""
    return Given(network=not device.is_image_only, image=bool(device.images))
