"""Keys whose private half is published. The data is ``public_keys.csv``, a constant of the program."""

import csv
from functools import cache
from pathlib import Path


@cache
def published() -> dict[str, str]:
    """Where the private key stands, by the SHA-256 of the SubjectPublicKeyInfo."""
    text = (Path(__file__).parent / "public_keys.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {row["sha256"]: f"{row['source']}, {row['file']} ({row['key']})" for row in rows}
