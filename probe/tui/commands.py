"""What the command palette offers: only what is possible now."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.binding import Binding
from textual.dom import DOMNode

from probe.model.device import Device
from probe.tui.screens.base import TABS
from probe.tui.theme import PALETTES
from probe.tui.widgets.bars import key_name

if TYPE_CHECKING:
    from probe.tui.app import ProbeApp

MOST_DEVICES = 100
NOT_OFFERED = ("move.", "list.", "page.", "screen.", "palette")


@dataclass(frozen=True, slots=True)
class Command:
    key: str
    label: str
    help: str
    run: Callable[[], Awaitable[object]]


def commands(app: "ProbeApp") -> list[Command]:
    """Keys that work here, places to go, devices, catalogues, colours."""
    offered = [
        _of_action(app, active.binding, active.node)
        for active in app.screen.active_bindings.values()
        if active.enabled and active.binding.id and not active.binding.id.startswith(NOT_OFFERED)
    ]
    if app.follow.source is not None:
        offered += [
            _of_text(app, f"Go to {title}", f"key {k}", f"screen('{m}')") for k, m, title in TABS
        ]
        offered += [_of_device(app, d) for d in list(app.state.devices.values())[:MOST_DEVICES]]
    if app.store is not None:
        offered.append(_of_text(app, "Choose another run", "key 0", "runs"))
    others = (name for name in PALETTES if name != app.theme)
    offered += [_of_text(app, f"Colours: {n[6:]}", "", f"theme('{n}')") for n in others]
    first: dict[str, Command] = {}
    for command in offered:
        first.setdefault(command.key, command)
    return list(first.values())


def _of_action(app: "ProbeApp", binding: Binding, node: DOMNode) -> Command:
    async def run() -> object:
        return await app.run_action(binding.action, node)

    label = binding.description
    return Command(f"{binding.id}", label, f"key {key_name(binding.key)}", run)


def _of_text(app: "ProbeApp", label: str, text: str, action: str) -> Command:
    async def run() -> object:
        return await app.run_action(action, app)

    return Command(action, label, text, run)


def _of_device(app: "ProbeApp", device: Device) -> Command:
    async def run() -> None:
        app.open_target(("device", device.id))

    return Command(
        f"device {device.id}", f"Device {device.label}", ", ".join(device.addresses[:2]), run
    )
