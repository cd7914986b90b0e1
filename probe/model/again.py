"""The command that measures a device again in the same way."""

import shlex
from collections.abc import Iterator

from probe.model.device import Device
from probe.model.plan import Plan
from probe.model.run import Run


def command_again(run: Run, device: Device | None) -> str:
    """``probe run …`` with what the run was told to do and to leave out, on the device's first address; of
    an image alone ``probe firmware``. A comment names the options whose values the run does not keep."""
    if device is not None and device.is_image_only:
        words, left = ["probe", "firmware", device.label], _declared(run)
        words += [word for key in run.keys for word in ("--key", key)]
    else:
        words, left = ["probe", "run", *_how(run, device)], [*_allowed(run), *_declared(run)]
    words += [word for name in run.plan.catalogues for word in ("-c", name)]
    return shlex.join(words) + (f"  # and {', '.join(left)}" if left else "")


def _how(run: Run, device: Device | None) -> Iterator[str]:
    yield from ("-i", run.scope.interface)
    if device is not None and device.lan:
        yield from ("--target", device.lan[0])
        for side in run.scope.wan:
            if side.address in device.wan:
                yield from ("--wan", f"{side.interface}={side.address}={device.lan[0]}")
        images = [i for i in run.images if i.address in device.addresses]
        for image in images:
            yield from ("--firmware", f"{image.address}={image.path}")
        for key in run.keys if images else ():
            yield from ("--key", key)
    yield from _options(run.plan)


def _options(plan: Plan) -> Iterator[str]:
    yield from ("--plan", plan.name)
    if plan.tcp_ports[:1].isdecimal():  # The plan's own have a name.
        yield from ("--ports", plan.tcp_ports)
    if not plan.logins:
        yield "--no-logins"
    for permit in plan.permits:
        yield from ("--permit", permit.value)
    if plan.second_source:
        yield from ("--second-source", plan.second_source)
    if plan.router_advertisement:
        yield "--router-advertisement"


def _allowed(run: Run) -> list[str]:
    """Who allows it is to be named anew; the file of own credentials is not known by name."""
    asked = ["--authorised-by WHO"] if run.plan.logins or run.plan.permits else []
    return asked + (["--credentials FILE"] if run.plan.credentials else [])


def _declared(run: Run) -> list[str]:
    return ["--declaration FILE"] if run.declarations else []
