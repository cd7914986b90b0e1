"""All commands and their options; the work is in the modules beside this one, imported when needed."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

from probe.errors import Exit, ProbeError

app = typer.Typer(
    name="probe",
    help="Measures whether IoT devices meet minimum security requirements, and proves it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
catalogue_app = typer.Typer(
    help="The requirement catalogues: list, show, lint.", no_args_is_help=True
)
app.add_typer(catalogue_app, name="catalogue")


class Format(StrEnum):
    """Report formats."""

    html = "html"
    json = "json"
    junit = "junit"
    text = "text"


StoreOption = Annotated[
    Optional[str],
    typer.Option("--store", help="Folder (or database URL) of the results.", metavar="PATH"),
]
DeclarationOption = Annotated[
    Optional[list[Path]],
    typer.Option("--declaration", help="The manufacturer's declaration (ICS/IXIT), a TOML file."),
]
CatalogueOption = Annotated[
    Optional[list[str]],
    typer.Option("--catalogue", "-c", help="Judge under this catalogue; may be repeated."),
]
FormatOption = Annotated[
    Optional[Format], typer.Option("--format", "-f", help="Write this report to stdout.")
]
OutputOption = Annotated[
    Optional[Path], typer.Option("--output", "-o", help="Write to this file instead of stdout.")
]
SecretsOption = Annotated[
    bool, typer.Option("--show-passwords", help="Do not mask passwords in the report.")
]
SlowOption = Annotated[
    bool, typer.Option("--slow-link", help="Fewer repaints, for a serial line or a bad connection.")
]
PlainOption = Annotated[
    bool, typer.Option("--plain", help="No terminal UI: plain progress on stderr.")
]


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version.")] = False,
) -> None:
    if version:
        from probe import __version__

        typer.echo(f"probe {__version__}")
        raise typer.Exit


@app.command()
def run(
    interface: Annotated[
        Optional[str], typer.Option("--interface", "-i", help="The interface of the test network.")
    ] = None,
    target: Annotated[
        Optional[list[str]],
        typer.Option("--target", "-t", help="Test only this address; may be repeated."),
    ] = None,
    plan: Annotated[
        str, typer.Option("--plan", "-p", help="quick, standard or full.")
    ] = "standard",
    ports: Annotated[
        Optional[str], typer.Option("--ports", help="TCP ports instead of the plan's, e.g. 1-1024.")
    ] = None,
    catalogue: CatalogueOption = None,
    declaration: DeclarationOption = None,
    format: FormatOption = None,
    output: OutputOption = None,
    resume: Annotated[
        Optional[str], typer.Option("--resume", help="Go on with this run.", metavar="RUN")
    ] = None,
    operator: Annotated[str, typer.Option("--operator", help="Who runs the test.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done, and every login, then end.")
    ] = False,
    no_logins: Annotated[
        bool, typer.Option("--no-logins", help="Try no default credentials.")
    ] = False,
    router_advertisement: Annotated[
        bool,
        typer.Option(
            "--router-advertisement", help="Announce a prefix to elicit IPv6 addresses (intrusive)."
        ),
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Start the run, print its id, and return.")
    ] = False,
    plain: PlainOption = False,
    show_passwords: SecretsOption = False,
    slow_link: SlowOption = False,
    store: StoreOption = None,
) -> None:
    """Discover the devices on a test network, check them, judge them."""
    from probe.cli import run as command

    wish = command.Wish(
        interface=interface,
        targets=tuple(target or ()),
        plan=plan,
        ports=ports,
        catalogues=tuple(catalogue or ()),
        declarations=tuple(declaration or ()),
        operator=operator,
        logins=not no_logins,
        router_advertisement=router_advertisement,
    )
    show = command.Show(
        format=format.value if format else None,
        output=output,
        plain=plain,
        detach=detach,
        show_passwords=show_passwords,
        slow_link=slow_link,
    )
    if dry_run:
        raise typer.Exit(command.dry_run(wish))
    raise typer.Exit(command.run(wish, show, store, resume))


@app.command()
def demo(
    plain: PlainOption = False,
    plan: Annotated[
        str, typer.Option("--plan", "-p", help="quick, standard or full.")
    ] = "standard",
    loopback: Annotated[
        bool, typer.Option("--loopback", help="Use loopback addresses instead of namespaces.")
    ] = False,
    format: FormatOption = None,
    output: OutputOption = None,
    slow_link: SlowOption = False,
    store: StoreOption = None,
) -> None:
    """Test a small network of reference devices, brought up on this machine for the purpose."""
    import probe.cli.demo as command
    from probe.cli.run import Show

    show = Show(
        format=format.value if format else None, output=output, plain=plain, slow_link=slow_link
    )
    raise typer.Exit(command.demo(show, store, plan, loopback=loopback))


@app.command()
def tui(
    run: Annotated[Optional[str], typer.Argument(help="A run's id, its start, or 'last'.")] = None,
    slow_link: SlowOption = False,
    store: StoreOption = None,
) -> None:
    """Watch a run, or look through a finished one."""
    from probe.cli import results

    raise typer.Exit(results.tui(run, store, slow_link=slow_link))


@app.command()
def stop(
    run: Annotated[str, typer.Argument(help="A run's id, its start, or 'last'.")],
    store: StoreOption = None,
) -> None:
    """Stop a run; what was measured is kept and judged."""
    from probe.cli import results

    raise typer.Exit(results.stop(run, store))


@app.command()
def runs(store: StoreOption = None) -> None:
    """List the runs, newest first."""
    from probe.cli import results

    raise typer.Exit(results.runs(store))


@app.command()
def show(
    run: Annotated[str, typer.Argument(help="A run's id, its start, or 'last'.")],
    requirement: Annotated[
        Optional[str], typer.Argument(help="One requirement, e.g. 5.1-1.")
    ] = None,
    show_passwords: SecretsOption = False,
    store: StoreOption = None,
) -> None:
    """Show a run, or one requirement of it with findings and evidence."""
    from probe.cli import results

    raise typer.Exit(results.show(run, requirement, store, show_passwords=show_passwords))


@app.command()
def judge(
    run: Annotated[str, typer.Argument(help="A run's id, its start, or 'last'.")],
    catalogue: CatalogueOption = None,
    declaration: DeclarationOption = None,
    format: FormatOption = None,
    output: OutputOption = None,
    show_passwords: SecretsOption = False,
    store: StoreOption = None,
) -> None:
    """Judge a recorded run again, under another catalogue or declaration. Needs no device."""
    from probe.cli import results

    raise typer.Exit(
        results.judge(
            run,
            tuple(catalogue or ()),
            tuple(declaration or ()),
            format.value if format else "text",
            output,
            store,
            show_passwords=show_passwords,
        )
    )


@app.command()
def report(
    run: Annotated[str, typer.Argument(help="A run's id, its start, or 'last'.")],
    format: Annotated[Format, typer.Option("--format", "-f")] = Format.html,
    output: OutputOption = None,
    show_passwords: SecretsOption = False,
    store: StoreOption = None,
) -> None:
    """Write the report of a run: html, json, junit or text."""
    from probe.cli import results

    raise typer.Exit(
        results.report(run, format.value, output, store, show_passwords=show_passwords)
    )


@app.command()
def evidence(
    run: Annotated[str, typer.Argument(help="A run's id, its start, or 'last'.")],
    sha256: Annotated[
        Optional[str], typer.Argument(help="Start of the hash; none lists all.")
    ] = None,
    output: OutputOption = None,
    store: StoreOption = None,
) -> None:
    """List the evidence of a run, or write the bytes of one piece."""
    from probe.cli import results

    raise typer.Exit(results.evidence(run, sha256, output, store))


@app.command()
def doctor(
    interface: Annotated[
        Optional[str], typer.Option("--interface", "-i", help="Look at this interface closely.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Tell what this machine can and cannot test, and how to mend it."""
    from probe.cli.common import default_store
    from probe.doctor import examine, render

    reports = examine(interface, store or default_store())
    typer.echo(render(reports))
    raise typer.Exit(Exit.ENVIRONMENT if any(r.blocks for r in reports) else Exit.PASS)


@catalogue_app.command("list")
def catalogue_list() -> None:
    """The catalogues with their editions and sizes."""
    from probe.cli import catalogue as command

    raise typer.Exit(command.list_catalogues())


@catalogue_app.command("show")
def catalogue_show(
    name: Annotated[str, typer.Argument(help="A catalogue's id, e.g. psti.")],
    requirement: Annotated[Optional[str], typer.Argument(help="One requirement.")] = None,
) -> None:
    """The requirements of a catalogue, or one of them whole."""
    from probe.cli import catalogue as command

    raise typer.Exit(command.show(name, requirement))


@catalogue_app.command("lint")
def catalogue_lint(
    files: Annotated[
        Optional[list[Path]], typer.Argument(help="Files; none: the shipped ones.")
    ] = None,
) -> None:
    """Look for faults in catalogue files: file, line, key and the nearest valid name."""
    from probe.cli import catalogue as command

    raise typer.Exit(command.lint(tuple(files or ())))


def run_app() -> int:
    """Run the command line; every foreseen error is one clear line on stderr."""
    try:
        code = app(standalone_mode=False, prog_name="probe")
    except ProbeError as error:
        sys.stderr.write(f"probe: {error.what} (cause: {error.owner}).\n       {error.next_step}\n")
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write("probe: stopped.\n")
        return Exit.STOPPED
    except BrokenPipeError:
        # The reader of our stdout had enough; closing it here keeps Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.PASS
    except Exception as error:
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        # A usage error of the command line library, which keeps its exception classes to itself.
        text = message() if sys.argv[1:] else ""
        hint = "'probe --help' lists what there is."
        sys.stderr.write(f"probe: {text}\n       {hint}\n" if text else f"{error}\n")
        return Exit.USAGE
    return code if isinstance(code, int) else Exit.PASS
