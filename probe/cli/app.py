"""All commands and their options; the work is in the modules beside this one, imported when needed."""

import errno
import os
import sys
from pathlib import Path
from typing import Any

import click

from probe.cli.firmware_commands import firmware
from probe.cli.options import (
    FORMATS,
    catalogue_option,
    declaration_option,
    fail_on_option,
    format_option,
    key_option,
    output_option,
    plain_option,
    plan_option,
    run_argument,
    secrets_option,
    slow_option,
    store_option,
)
from probe.errors import Exit, ProbeError

PERMISSIONS = ("tls-attacks", "brute-force", "snmp-write")
"""The values of ``probe.model.plan.Permission``, without its import."""


@click.group(help="Measures whether IoT devices meet minimum security requirements, and proves it.")
@click.version_option(None, "-V", "--version", package_name="secure-by-design-probe")
def app() -> None:
    """The root of all commands."""


@app.command(help="Discover the devices on a test network, check them, judge them.")
@click.option("-i", "--interface", help="The interface of the test network.")
@click.option(
    "-t", "--target", "targets", multiple=True, help="Test only this address; may be repeated."
)
@plan_option
@click.option("--ports", help="TCP ports instead of the plan's, e.g. 1-1024.")
@catalogue_option
@declaration_option
@format_option
@fail_on_option
@output_option
@click.option("--resume", metavar="RUN", help="Go on with this run.")
@click.option("--operator", default="", help="Who runs the test.")
@click.option(
    "--authorised-by",
    envvar="PROBE_AUTHORISED_BY",
    default="",
    metavar="WHO",
    help="Name and role of who allowed logins and all else that is permitted. Asked for at a terminal.",
)
@click.option(
    "--permit",
    "permits",
    type=click.Choice(PERMISSIONS),
    multiple=True,
    help="Also do this test, which may disturb the device; may be repeated.",
)
@click.option(
    "--credentials",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Also try the defaults of this TOML file (see 'probe credentials list').",
)
@click.option(
    "--second-source",
    default="",
    metavar="ADDRESS",
    help="A further address of the interface, to tell a ban of an address from a lock of an account.",
)
@click.option(
    "--wan",
    multiple=True,
    metavar="IF=ADDRESS[=DEVICE]",
    help="Test the outside of a gateway, too: a second interface, the gateway's address there, and its "
    "address on the test network where more than one device is tested.",
)
@click.option(
    "--firmware",
    multiple=True,
    metavar="ADDRESS=FILE",
    help="A firmware image of the device with that address, examined too; may be repeated.",
)
@key_option
@click.option(
    "--dry-run", is_flag=True, help="Print what would be done, and every login, then end."
)
@click.option("--no-logins", is_flag=True, help="Try no default credentials.")
@click.option(
    "--router-advertisement",
    is_flag=True,
    help="Announce a prefix to elicit IPv6 addresses (intrusive).",
)
@click.option("--detach", is_flag=True, help="Start the run, print its id, and return.")
@plain_option
@secrets_option
@slow_option
@store_option
def run(
    *,
    store: str | None,
    resume: str | None,
    dry_run: bool,
    no_logins: bool,
    format: str | None,
    output: Path | None,
    plain: bool,
    detach: bool,
    show_passwords: bool,
    slow_link: bool,
    fail_on: str,
    **wanted: Any,
) -> int:
    """``wanted`` holds the fields of ``Wish``."""
    from probe.cli import run as command
    from probe.cli.show import Show

    wish = command.Wish(logins=not no_logins, **wanted)
    if dry_run:
        return command.dry_run(wish)
    show = Show(
        format=format,
        output=output,
        plain=plain,
        detach=detach,
        show_passwords=show_passwords,
        slow_link=slow_link,
        fail_on=fail_on,
    )
    return command.run(wish, show, store, resume)


@app.command(help="Test reference devices on a network made for the purpose.")
@plain_option
@plan_option
@click.option("--loopback", is_flag=True, help="Use loopback addresses instead of namespaces.")
@format_option
@output_option
@slow_option
@store_option
def demo(*, plan: str, loopback: bool, store: str | None, **how: Any) -> int:
    """``how`` holds fields of ``Show``."""
    import probe.cli.demo as command
    from probe.cli.show import Show

    return command.demo(Show(**how), store, plan, loopback=loopback)


@app.command(help="Watch a run, or look through a finished one.")
@click.argument("run", required=False)
@slow_option
@secrets_option
@store_option
def tui(run: str | None, store: str | None, *, slow_link: bool, show_passwords: bool) -> int:
    from probe.cli import results

    return results.tui(run, store, slow_link=slow_link, show_passwords=show_passwords)


@app.command(help="Stop a run; what was measured is kept and judged.")
@run_argument
@store_option
def stop(run: str, store: str | None) -> int:
    from probe.cli import results

    return results.stop(run, store)


@app.command(help="List the runs, newest first.")
@store_option
def runs(store: str | None) -> int:
    from probe.cli import results

    return results.runs(store)


@app.command(help="Show a run, or one requirement of it (e.g. 5.1-1) with findings and evidence.")
@run_argument
@click.argument("requirement", required=False)
@catalogue_option
@secrets_option
@store_option
def show(
    run: str,
    requirement: str | None,
    catalogues: tuple[str, ...],
    store: str | None,
    *,
    show_passwords: bool,
) -> int:
    from probe.cli import results

    return results.show(run, requirement, catalogues, store, show_passwords=show_passwords)


@app.command(
    help="Judge a recorded run again, under another catalogue, policy or declaration. Needs no device."
)
@run_argument
@catalogue_option
@declaration_option
@click.option("--policy", help="Judge TLS by this rule table, e.g. rfc7925 or rfc9325.")
@format_option
@fail_on_option
@output_option
@secrets_option
@store_option
def judge(
    run: str,
    catalogues: tuple[str, ...],
    declarations: tuple[Path, ...],
    policy: str | None,
    format: str | None,
    output: Path | None,
    store: str | None,
    *,
    show_passwords: bool,
    fail_on: str,
) -> int:
    from probe.cli import results

    return results.judge(
        run,
        catalogues,
        declarations,
        format,
        output,
        store,
        policy=policy,
        show_passwords=show_passwords,
        fail_on=fail_on,
    )


@app.command(help="Write the report of a run: html, json, junit or text.")
@run_argument
@click.option(
    "-f", "--format", type=click.Choice(FORMATS), help="By the suffix of --output, else html."
)
@fail_on_option
@output_option
@secrets_option
@store_option
def report(
    run: str,
    format: str | None,
    output: Path | None,
    store: str | None,
    *,
    show_passwords: bool,
    fail_on: str,
) -> int:
    from probe.cli import results

    return results.report(
        run, format, output, store, show_passwords=show_passwords, fail_on=fail_on
    )


@app.command(help="List the evidence of a run, or write the bytes of the piece with that hash.")
@run_argument
@click.argument("sha256", required=False)
@output_option
@store_option
def evidence(run: str, sha256: str | None, output: Path | None, store: str | None) -> int:
    from probe.cli import results

    return results.evidence(run, sha256, output, store)


@app.command(help="Tell what this machine can and cannot test, and how to mend it.")
@click.option("-i", "--interface", help="Look at this interface closely.")
@store_option
def doctor(interface: str | None, store: str | None) -> int:
    from probe.cli.common import default_store
    from probe.doctor import examine, render

    reports = examine(interface, store or default_store())
    sys.stdout.write(render(reports) + "\n")
    return Exit.ENVIRONMENT if any(r.blocks for r in reports) else Exit.PASS


app.add_command(firmware)


@app.group(help="The requirement catalogues: list, show, lint.")
def catalogue() -> None:
    """The root of the catalogue commands."""


@catalogue.command("list", help="The catalogues with their editions and sizes.")
def catalogue_list() -> int:
    from probe.cli import catalogue as command

    return command.list_catalogues()


@catalogue.command("show", help="The requirements of a catalogue, or one of them whole.")
@click.argument("name")
@click.argument("requirement", required=False)
def catalogue_show(name: str, requirement: str | None) -> int:
    from probe.cli import catalogue as command

    return command.show(name, requirement)


@catalogue.command(
    "lint",
    help="Look for faults in catalogue files (none: the shipped ones): file, line, key and the "
    "nearest valid name.",
)
@click.argument("files", type=click.Path(path_type=Path), nargs=-1)
def catalogue_lint(files: tuple[Path, ...]) -> int:
    from probe.cli import catalogue as command

    return command.lint(files)


@app.group(help="The documented default credentials that a run may try.")
def credentials() -> None:
    """The root of the credential commands."""


@credentials.command("list", help="Print them with source, licence and year.")
@click.option("--vendor", default="", help="Only this vendor, or a part of its name.")
@click.option("--protocol", default="", help="Only for this protocol, e.g. http or ssh.")
@click.option(
    "-f", "--format", type=click.Choice(("text", "json")), default="text", show_default=True
)
def credentials_list(vendor: str, protocol: str, format: str) -> int:
    from probe.cli import credentials as command

    return command.list_credentials(vendor, protocol, format)


def run_app() -> int:
    """Run the command line; every foreseen error is one clear line on stderr."""
    try:
        code = app(standalone_mode=False, prog_name="probe")
    except ProbeError as error:
        sys.stderr.write(f"probe: {error.what} (cause: {error.owner}).\n       {error.next_step}\n")
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stderr.write(f"{error.format_message()}\n")
        return Exit.USAGE
    except click.ClickException as error:
        context = error.ctx if isinstance(error, click.UsageError) else None
        hint = f"'{context.command_path if context else 'probe'} --help' lists what there is."
        sys.stderr.write(f"probe: {error.format_message()}\n       {hint}\n")
        return Exit.USAGE
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("probe: stopped.\n")
        return Exit.STOPPED
    except BrokenPipeError:
        # The reader of our stdout had enough; closing it here keeps Python from complaining at exit.
        # The verdict is not known here, so it is no pass.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.STOPPED
    except Exception as error:  # noqa: BLE001
        # Python's own exit code, 1, would say that a requirement failed.
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.stderr.write("probe: There is no space left (cause: environment).\n")
            return Exit.ENVIRONMENT
        import traceback

        traceback.print_exc()
        return Exit.TOOL
    return code if isinstance(code, int) else Exit.PASS
