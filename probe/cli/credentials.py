"""``probe credentials list``: the list of documented defaults, to read, filter and add to."""

import dataclasses
import json
import sys

from probe.collect.access.listed import PROTOCOLS, Row, filtered, read_list
from probe.errors import Exit, ProbeError

COLUMNS = ("VENDOR", "MODEL", "PROTOCOLS", "USER", "PASSWORD", "SOURCE")


def list_credentials(vendor: str, protocol: str, format: str) -> int:
    """All rows, or those of a vendor and for a protocol; raises ProbeError for an unknown protocol."""
    if protocol and protocol not in PROTOCOLS:
        raise ProbeError(f"No row can be for '{protocol}'", f"Known are: {', '.join(PROTOCOLS)}.")
    made = read_list()
    rows = filtered(made.rows, vendor, protocol)
    if format == "json":
        plain = {"edition": made.edition, "rows": [dataclasses.asdict(row) for row in rows]}
        sys.stdout.write(json.dumps(plain, indent=1) + "\n")
        return Exit.PASS
    cells = [COLUMNS, *(_cells(row) for row in rows)]
    widths = [max(len(line[n]) for line in cells) for n in range(len(COLUMNS))]
    for line in cells:
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write(text.rstrip() + "\n")
    sys.stderr.write(f"{len(rows)} of {len(made.rows)} rows, edition {made.edition}\n")
    return Exit.PASS


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.vendor or "(any)",
        row.model,
        ",".join(row.protocols),
        row.username or "(none)",
        row.password or "(empty)",
        f"{row.source} ({row.year}), {row.licence}",
    )
