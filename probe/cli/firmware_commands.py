"""``probe firmware``: its commands and their options."""

from pathlib import Path
from typing import Any

import click

from probe.cli.options import (
    catalogue_option,
    declaration_option,
    fail_on_option,
    format_option,
    key_option,
    output_option,
    run_argument,
    secrets_option,
    store_option,
)


class ImagesOrCommand(click.Group):
    """``probe firmware IMAGE…`` means ``probe firmware check IMAGE…``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["check", *args]
        return super().parse_args(ctx, args)


@click.group(
    "firmware",
    cls=ImagesOrCommand,
    help="Firmware and update images: who signed what, and what is inside. "
    "'probe firmware IMAGE' takes --key and the other options of 'check': probe firmware check --help.",
)
def firmware() -> None:
    """The root of the commands on images."""


@firmware.command(
    "check", help="Examine images, or every file of a folder; 'check' may be left out."
)
@click.argument("images", type=click.Path(path_type=Path), nargs=-1, required=True)
@key_option
@catalogue_option
@declaration_option
@format_option
@fail_on_option
@output_option
@click.option(
    "--resume", metavar="RUN", help="Go on with this run: images done before are left out."
)
@secrets_option
@store_option
def firmware_check(
    *,
    images: tuple[Path, ...],
    keys: tuple[Path, ...],
    catalogues: tuple[str, ...],
    declarations: tuple[Path, ...],
    store: str | None,
    resume: str | None,
    **how: Any,
) -> int:
    """``how`` holds fields of ``Show``."""
    import probe.cli.firmware as command
    from probe.cli.show import Show

    return command.check(images, keys, catalogues, declarations, Show(**how), store, resume)


@firmware.command("diff", help="Two images: version, signer, counter, components, findings.")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@key_option
@click.option(
    "-f", "--format", type=click.Choice(("text", "json")), default="text", show_default=True
)
@output_option
@store_option
def firmware_diff(
    *,
    old: Path,
    new: Path,
    keys: tuple[Path, ...],
    format: str,
    output: Path | None,
    store: str | None,
) -> int:
    import probe.cli.firmware_more as command

    return command.diff(old, new, keys, format, output, store)


@firmware.command("sbom", help="The components of a run's images as CycloneDX 1.6 JSON.")
@run_argument
@output_option
@store_option
def firmware_sbom(run: str, output: Path | None, store: str | None) -> int:
    import probe.cli.firmware_more as command

    return command.sbom(run, output, store)


@firmware.group("advisories", help="Advisories that you fetched, to compare components with.")
def advisories() -> None:
    """The root of the commands on advisories."""


@advisories.command(
    "import", help="Take in files of OSV (JSON), NVD (JSON 2.0) or the Debian security tracker."
)
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True)
@store_option
def advisories_import(files: tuple[Path, ...], store: str | None) -> int:
    import probe.cli.firmware_more as command

    return command.import_advisories(files, store)


@advisories.command("list", help="The tables that components are compared with, and their age.")
@store_option
def advisories_list(store: str | None) -> int:
    import probe.cli.firmware_more as command

    return command.list_advisories(store)
