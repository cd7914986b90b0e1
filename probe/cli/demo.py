"""``probe demo``: the main job on reference devices, and whether it found what they are known to be."""

import os
import sys

from probe import __version__
from probe.cli import run as run_command
from probe.cli.common import default_store
from probe.cli.run import Wish
from probe.cli.show import Show
from probe.errors import Exit
from probe.model.run import Run, RunStatus, Scope


def demo(show: Show, store: str | None, plan: str, *, loopback: bool) -> int:
    """Exit code 0: everything declared about the reference devices was found, and nothing false."""
    from probe.demo import network
    from probe.demo.stage import demo_command
    from probe.runner import launch

    where = store or default_store()
    setting = network.setting(loopback=loopback)
    if setting.loopback:
        sys.stderr.write(f"The demonstration runs on loopback addresses: {setting.reason}.\n")
    scope = Scope(interface=setting.interface, networks=setting.networks, targets=setting.targets)
    chosen, started = (
        run_command.chosen_plan(Wish(interface=setting.interface, plan=plan)),
        run_command.now(),
    )
    head = Run(
        id=launch.new_run_id(),
        started_at=started,
        scope=scope,
        plan=chosen,
        operator="demonstration",
        authorisation=run_command.authorised(
            "nobody: the devices are the demonstration's own", chosen, scope, started
        ),
        tool_version=__version__,
        host=os.uname().nodename,
        demonstration="loopback" if setting.loopback else "namespaces",
        note="Reference devices of known posture on a network made for the purpose.",
    )
    sys.stderr.write("Bringing up the demonstration network …\n")
    run_id = launch.start(head, where, argv=demo_command(launch.WORKER, loopback=loopback))
    code = run_command.watch(run_id, show, where)
    if show.format is not None or show.detach:
        return code
    return compared(run_id, where)


def compared(run_id: str, where: str) -> int:
    """Hold the run against the declared truth of the reference devices."""
    from probe.cli import results
    from probe.demo import loopback, truth

    reader = results.opened(run_id, where)
    status = reader.status()
    if status in (RunStatus.RUNNING, RunStatus.PAUSED):
        return Exit.PASS
    if status is not RunStatus.FINISHED:
        return Exit.STOPPED if status is RunStatus.STOPPED else Exit.ENVIRONMENT
    run = reader.state.run
    on_loopback = run is not None and run.demonstration == "loopback"
    comparison = truth.compare(reader.state, loopback.known() if on_loopback else None)
    sys.stdout.write(f"reference devices: {comparison.sentence}\n")
    for line in (*comparison.missed, *comparison.false):
        sys.stdout.write(f"  {line}\n")
    return Exit.PASS if comparison.holds else Exit.TOOL
