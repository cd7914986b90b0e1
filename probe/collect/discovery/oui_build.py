"""Writes the shipped table of MAC address blocks from the IEEE's public assignments.

    python -m probe.collect.discovery.oui_build ASSIGNMENTS.json YYYY-MM-DD

ASSIGNMENTS.json maps 6, 7 or 9 hexadecimal digits (MA-L, MA-M, MA-S) to the organisation's name; what
follows the first line, the postal address, is left out. The date is that of the assignments.
"""

import datetime
import json
import re
import sys
from pathlib import Path

from probe.collect.discovery.oui import TABLE, WIDTHS, pack

BLOCK = re.compile(r"[0-9A-Fa-f]+")


def blocks(assignments: dict[str, str]) -> dict[int, list[tuple[int, str]]]:
    """The blocks by width. Raises ValueError for one that is not 24, 28 or 36 bits long."""
    found: dict[int, list[tuple[int, str]]] = {bits: [] for bits in WIDTHS}
    for block, text in assignments.items():
        if BLOCK.fullmatch(block) is None or len(block) * 4 not in found:
            raise ValueError(f"'{block}' is not a block of 24, 28 or 36 bits")
        name = " ".join((text.splitlines() or [""])[0].split())[:120]
        found[len(block) * 4].append((int(block, 16), name))
    return found


def main() -> None:
    """Write the table beside ``oui.py``."""
    source, date = sys.argv[1:]
    day = datetime.date.fromisoformat(date).isoformat()
    TABLE.write_bytes(pack(blocks(json.loads(Path(source).read_text())), day))


if __name__ == "__main__":
    main()
