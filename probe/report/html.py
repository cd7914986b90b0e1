"""The report for people: one HTML file without scripts, links outwards or pictures."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from probe.model.verdict import Status
from probe.report.groups import booklet, other_ways, owed, short_name, slug, unknown_groups
from probe.report.viewmodel import ReportView

GLYPHS = {
    Status.FAIL.value: "\N{BALLOT X}",
    Status.ERROR.value: "!",
    Status.INCONCLUSIVE.value: "?",
    Status.NOT_TESTED.value: "\N{MIDDLE DOT}",
    Status.PASS.value: "\N{CHECK MARK}",
    Status.NOT_APPLICABLE.value: "\N{EN DASH}",
}
"""In the order of the view's counts: worst first."""


def render(view: ReportView) -> bytes:
    """UTF-8 HTML. Every value is escaped by the template engine; none is ever markup."""
    template = _environment().get_template("report.html.j2")
    return template.render(view=view, booklet=booklet(view)).encode("utf-8")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals["glyphs"] = GLYPHS
    made.filters.update(
        slug=slug,
        unknown_groups=unknown_groups,
        owed=owed,
        other_ways=other_ways,
        short_name=short_name,
    )
    made.filters["by_id"] = lambda items: {item.id: item for item in items}
    made.filters["breakable"] = _breakable
    return made


def _breakable(text: Any) -> Any:
    """A long identifier with places where a line may break, so that a table keeps to the page."""
    from markupsafe import Markup, escape

    pieces = [str(text)[at : at + 8] for at in range(0, len(str(text)), 8)]
    return Markup("<wbr>").join(escape(piece) for piece in pieces)
