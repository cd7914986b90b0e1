"""Firmware images of devices on the network: known of a device from its first sight, examined at the end."""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from probe.model.device import Attribute, Device, image_device
from probe.model.run import GivenImage, Run, RunStatus
from probe.model.text import clean

if TYPE_CHECKING:
    from firmware_checks.reading import Keys
    from probe.store.journal import Journal

Note = Callable[[str, str], None]
"""``(level, text)``."""
SOURCE = "operator"
STEP_S = 0.05
"""The longest that a command of the operator waits."""


def with_images(device: Device, images: Iterable[GivenImage]) -> Device:
    """The device with the images that were given for one of its addresses."""
    mine = [i for i in images if i.address in device.addresses and i.sha256 not in device.images]
    more = tuple(Attribute(name="image", value=i.sha256, source=SOURCE) for i in mine)
    return replace(device, attributes=(*device.attributes, *more)) if more else device


async def examine_images(
    journal: "Journal", head: Run, note: Note, stopped: Callable[[], bool]
) -> None:
    """Examine the images of the run's head, each for its device; judges these devices anew.

    Returns at once when ``stopped``; while the run is paused the readers stand still.
    """
    from probe.runner.advisories import Advisories
    from probe.runner.firmware_reader import Early
    from probe.runner.firmware_steps import Examination

    keys, advice = _keys(head.keys, note), Advisories(journal.store.folder)
    said = {noted.text for _, noted in journal.state.notes}
    for text in advice.ages(time.time()):
        if text not in said:
            note("info", text)
    for given in head.images:
        path = Path(given.path)
        devices = journal.state.devices.values()
        of = next((d for d in devices if given.address in d.addresses), None)
        if of is None:
            note("warning", f"No device had the address {given.address}; its image stands alone.")
            of = image_device(given.sha256, clean(path.name, 100))
        done = of.id in journal.state.devices_done or not of.addresses
        early = Early(
            devices={path: of}, expected={path: given.sha256}, undone=set() if done else {of.id}
        )
        known = advice.said_of if advice else None
        run = Examination(journal, keys, lambda *_: None, early, known)
        with closing(run.steps([path], patience=STEP_S)) as steps:
            for _ in steps:
                await asyncio.sleep(0)
                if stopped():
                    return
                run.hold(journal.state.status is RunStatus.PAUSED)
        if stopped():
            return


def _keys(paths: Iterable[str], note: Note) -> "Keys":
    from firmware_checks.keys import NotAKey, read_key
    from firmware_checks.reading import Keys

    found = []
    for path in map(Path, paths):
        try:
            found += read_key(path.name, path.read_bytes())
        except (OSError, NotAKey) as error:
            note("error", f"The key {path.name} could not be read: {error}")
    return Keys(tuple(found))
