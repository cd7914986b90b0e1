"""The report for programs: the view model as it is, described by ``docs/report.schema.json``."""

import dataclasses
import json

from probe.report.viewmodel import ReportView


def render(view: ReportView) -> bytes:
    """JSON, ASCII only, keys in the order of the schema, one final newline."""
    return (json.dumps(dataclasses.asdict(view), indent=1) + "\n").encode("ascii")
