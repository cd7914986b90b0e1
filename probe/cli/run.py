"""``probe run``: from the options to a running process, then to its result."""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from probe import __version__
from probe.cli.common import default_store, read_declarations
from probe.cli.show import Show
from probe.errors import Exit, ProbeError
from probe.model.plan import Permission, Plan
from probe.model.ports import parse_ports
from probe.model.run import Authorisation, Run, Scope
from probe.model.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address, IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the operator asked to be tested."""

    interface: str | None
    targets: tuple[str, ...] = ()
    plan: str = "standard"
    ports: str | None = None
    catalogues: tuple[str, ...] = ()
    declarations: tuple[Path, ...] = ()
    operator: str = ""
    authorised_by: str = ""
    permits: tuple[str, ...] = ()
    """Values of ``Permission``."""
    logins: bool = True
    credentials: tuple[Path, ...] = ()
    second_source: str = ""
    wan: tuple[str, ...] = ()
    """``INTERFACE=ADDRESS`` or ``INTERFACE=ADDRESS=DEVICE``."""
    router_advertisement: bool = False
    firmware: tuple[str, ...] = ()
    """``ADDRESS=FILE``."""
    keys: tuple[Path, ...] = ()


def run(wish: Wish, show: Show, store: str | None, resume: str | None) -> int:
    """Start or resume a run, follow it, print its result; the exit code says what came out."""
    from probe.cli.output import check_output
    from probe.runner import launch

    where = store or default_store()
    check_output(show.output)
    if resume is not None:
        if wish.interface is not None or wish.targets or wish.firmware or wish.keys:
            raise ProbeError(
                "A run that is resumed keeps its interface, targets, images and keys",
                f"Leave them out: probe run --resume {resume}; or start a new run.",
            )
        run_id = resumed(resume, where)
    else:
        head, files = described(wish)
        run_id = launch.start(ask_for_authorisation(head, show), where, files=files)
    return watch(run_id, show, where)


def resumed(wanted: str, where: str) -> str:
    """Take a run up again; the network of a demonstration is built anew for it."""
    from probe.cli import results
    from probe.demo.stage import demo_command
    from probe.runner import launch

    reader = results.opened(wanted, where)
    head = reader.state.run
    if head is None or not head.demonstration:
        return launch.resume(reader.run, where)
    loopback = head.demonstration == "loopback"
    return launch.resume(reader.run, where, demo_command(launch.WORKER, loopback=loopback))


def watch(run_id: str, show: Show, where: str) -> int:
    """Show a running run in the way that was asked for, and return the exit code of its result."""
    from probe.cli import results
    from probe.runner import privileges

    privileges.drop()
    if show.detach:
        sys.stdout.write(f"{run_id}\n")
        return Exit.PASS
    if show.wants_tui:
        return results.tui(
            run_id, where, slow_link=show.slow_link, show_passwords=show.show_passwords
        )
    return results.follow_to_end(run_id, show, where)


def described(wish: Wish) -> tuple[Run, tuple[Path, ...]]:
    """The run's head from the options; raises ProbeError for anything that cannot be."""
    from probe.cli.images import images_of, keys_of
    from probe.cli.wan import wan_sides
    from probe.collect.packet.interface import interface_facts
    from probe.runner.launch import new_run_id

    if wish.keys and not wish.firmware:
        raise ProbeError(
            "--key says who should have signed an image, and no image was given",
            "Name it with --firmware ADDRESS=FILE, or leave --key out.",
        )

    if wish.interface is None:
        raise ProbeError(
            f"No interface was named; this machine has {', '.join(interfaces())}",
            "Name the one of the test network: probe run -i INTERFACE.",
        )
    facts = interface_facts(wish.interface)
    ours = [str(i.ip) for i in facts.ipv4] + [str(i.ip) for i in facts.ipv6]
    plan = with_own(chosen_plan(wish), wish, ours)
    scope, started = scope_of(wish, facts.networks), now()
    scope = replace(scope, wan=wan_sides(wish.wan, facts, scope.targets))
    head = Run(
        id=new_run_id(),
        started_at=started,
        scope=scope,
        plan=plan,
        declarations=read_declarations(wish.declarations),
        operator=wish.operator,
        authorisation=authorised(wish.authorised_by, plan, scope, started),
        tool_version=__version__,
        host=os.uname().nodename,
        images=images_of(wish.firmware, scope),
        keys=keys_of(wish.keys),
    )
    return head, (*wish.declarations, *wish.credentials)


def authorised(by: str, plan: Plan, scope: Scope, at: float) -> Authorisation | None:
    """The record of who allowed what on which devices; None when nothing needs to be allowed."""
    if not (plan.logins or plan.permits):
        return None
    return Authorisation(
        by=clean(by, 200).strip(),
        at=at,
        logins=plan.logins,
        permits=plan.permits,
        devices=(*(scope.targets or scope.networks), *(w.address for w in scope.wan)),
    )


def ask_for_authorisation(head: Run, show: Show) -> Run:
    """The run with a named authorisation: asked for at a terminal, demanded otherwise."""
    wanted = head.authorisation
    if wanted is None or wanted.by:
        return head
    acts = ", ".join([*(["default logins"] if wanted.logins else []), *wanted.permits])
    devices = ", ".join(wanted.devices)
    if sys.stdin.isatty() and sys.stderr.isatty() and not show.detach:
        sys.stderr.write(f"This run does {acts} on {devices}.\nWho authorised that (name, role)? ")
        sys.stderr.flush()
        by = clean(sys.stdin.readline(), 200).strip()
        if by:
            return replace(head, authorisation=replace(wanted, by=by))
    raise ProbeError(
        f"Nobody is named who authorised {acts} on {devices}",
        "Name them: --authorised-by 'NAME, ROLE'; or leave logins out: --no-logins.",
    )


def scope_of(wish: Wish, networks: tuple[str, ...]) -> Scope:
    """The interface's networks, narrowed to the targets; a name or nonsense as target is refused."""
    import ipaddress

    targets: list[str] = []
    for target in wish.targets:
        try:
            address = ipaddress.ip_address(target.partition("%")[0])
        except ValueError:
            raise ProbeError(
                f"'{target}' is not an IP address",
                "Give the device's address; names would have to be resolved outside the scope.",
            ) from None
        refuse_target(address, wish.interface)
        targets.append(str(address))
    if not networks and not targets:
        raise ProbeError(
            f"The interface {wish.interface} has no address",
            "Give it one in the test network, e.g. 'ip addr add 192.0.2.2/24 dev "
            f"{wish.interface}', or name targets with --target.",
        )
    assert wish.interface is not None
    return Scope(interface=wish.interface, networks=networks, targets=tuple(targets))


def refuse_target(address: "IPv4Address | IPv6Address", interface: str | None) -> None:
    """Raises ProbeError for what is no single device, or cannot be on that interface."""
    if address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255":
        raise ProbeError(
            f"{address} is not the address of one device",
            "Name each device by its own address, or leave --target out to test all.",
        )
    if address.is_loopback != (interface == "lo"):
        raise ProbeError(
            f"The target {address} cannot be reached over the interface {interface}",
            "Name the interface of the network that the device is on.",
        )


def chosen_plan(wish: Wish) -> Plan:
    """The named plan with the changes that the options make to it."""
    from probe import registry

    plan = registry.chosen_plan(wish.plan)
    if wish.ports is not None:
        try:
            parse_ports(wish.ports)
        except ValueError as error:
            raise ProbeError(f"--ports: {error}", "Write it like 1-1024,8080.") from None
        plan = replace(plan, tcp_ports=wish.ports)
    if wish.catalogues:
        plan = replace(plan, catalogues=wish.catalogues)
    registry.chosen_catalogues(plan.catalogues)
    return replace(
        plan,
        permits=tuple(Permission(name) for name in sorted(set(wish.permits))),
        logins=plan.logins and wish.logins,
        router_advertisement=plan.router_advertisement or wish.router_advertisement,
    )


def with_own(plan: Plan, wish: Wish, ours: "Iterable[str]") -> Plan:
    """The plan with the operator's credentials and second address; that has to be one of ``ours``."""
    import ipaddress

    from probe.collect.access.listed import own_rows

    second = ""
    if wish.second_source:
        try:
            second = str(ipaddress.ip_address(wish.second_source))
        except ValueError:
            second = wish.second_source
        if second not in set(ours):
            raise ProbeError(
                f"{wish.second_source} is no address of {wish.interface}",
                f"Give it to the interface first: ip addr add ADDRESS/PREFIX dev {wish.interface}.",
            )
    rows = tuple(row for path in wish.credentials for row in own_rows(path))
    return replace(plan, credentials=rows, second_source=second)


def dry_run(wish: Wish) -> int:
    """Print scope, budget, and every login that could be tried; nothing is sent."""
    from probe.collect.access.credentials import attempt_list
    from probe.model.device import Device, device_id
    from probe.model.dut import Dut

    head, _ = described(wish)
    gentleness = head.plan.gentleness
    out = sys.stdout.write
    out(f"plan {head.plan.name}: {head.plan.summary}\n")
    out(f"interface {head.scope.interface}\n")
    out(f"scope {', '.join(head.scope.targets or head.scope.networks)}\n")
    for side in head.scope.wan:
        out(
            f"outside of {side.device}: {side.address} on {side.interface}, no other address there\n"
        )
    for image in head.images:
        out(f"firmware of {image.address}: {clean(image.path, 300)}, SHA-256 {image.sha256}\n")
    for key in head.keys:
        out(f"key that should have signed it: {clean(key, 300)}\n")
    out(
        f"budget per device: {gentleness.packets_per_s:g} packets/s, "
        f"{gentleness.connections_at_once} connection at once, "
        f"{gentleness.logins_per_account} logins per account, "
        f"{gentleness.failures_per_name} failures per user name, "
        f"{gentleness.logins_per_device} logins in all, {gentleness.seconds:g} s\n"
    )
    out(f"catalogues {', '.join(head.plan.catalogues)}\n")
    out(f"permitted beyond the ordinary: {', '.join(head.plan.permits) or 'nothing'}\n")
    by = head.authorisation.by if head.authorisation else "not needed"
    out(f"authorised by: {by or 'not named yet, see --authorised-by'}\n")
    address = head.scope.targets[0] if head.scope.targets else "203.0.113.1"
    declaration = next((d for d in head.declarations if d.speaks_for((address,), None)), None)
    unknown = Device(id=device_id(None, address), addresses=(address,))
    out("login attempts, if such a service is found and nothing more is learnt of the device:\n")
    for line in attempt_list(Dut(unknown, [], declaration), head.plan):
        out(f"  {line}\n")
    if Permission.BRUTE_FORCE in head.plan.permits:
        from probe.collect.guessing.target import guess_list

        out("guessing, last of all, on each service that refuses wrong logins:\n")
        for line in guess_list(Dut(unknown, [], declaration), head.plan):
            out(f"  {line}\n")
    return Exit.PASS


def interfaces() -> list[str]:
    """Names of the network interfaces of this machine."""
    import socket

    return [name for _, name in socket.if_nameindex()]


def now() -> float:
    """Unix time; the one clock reading of the command line."""
    import time

    return time.time()
