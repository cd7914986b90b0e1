"""Options that several commands share."""

from pathlib import Path

import click

FORMATS = ("html", "json", "junit", "text")
SEVERITIES = ("critical", "high", "medium", "low")
"""Of ``probe.model.check``, without its import; what is only information fails nothing."""

store_option = click.option(
    "--store", metavar="PATH", help="Folder (or database URL) of the results."
)
declaration_option = click.option(
    "--declaration",
    "declarations",
    type=click.Path(path_type=Path),
    multiple=True,
    help="The manufacturer's declaration (ICS/IXIT), a TOML file.",
)
catalogue_option = click.option(
    "-c",
    "--catalogue",
    "catalogues",
    multiple=True,
    help="Judge under this catalogue; may be repeated.",
)
format_option = click.option(
    "-f",
    "--format",
    type=click.Choice(FORMATS),
    help="Write this report to stdout; with --output its suffix says which.",
)
output_option = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write to this file instead of stdout.",
)
fail_on_option = click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    callback=lambda _context, _option, value: value or "",
    help="Exit with 1, and count as a failure in JUnit, also when a check found something of this "
    "severity or worse that fails no requirement by itself.",
)
secrets_option = click.option(
    "--show-passwords", is_flag=True, help="Do not mask passwords, in reports and on the screens."
)
slow_option = click.option(
    "--slow-link", is_flag=True, help="Fewer repaints, for a serial line or a bad connection."
)
key_option = click.option(
    "--key",
    "keys",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A public key or certificate (PEM or DER) that should have signed; may be repeated.",
)
plain_option = click.option(
    "--plain", is_flag=True, help="No terminal UI: plain progress on stderr."
)
plan_option = click.option(
    "-p", "--plan", default="standard", show_default=True, help="quick, standard or full."
)
run_argument = click.argument("run")
