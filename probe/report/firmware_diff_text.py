"""The difference of two images as plain text."""

from collections.abc import Sequence

from probe.report.firmware_diff import Difference, Side
from probe.report.lines import Lines, fact, wrap

MOST = 60
"""Lines of one kind; the JSON has all."""


def as_text(found: Difference) -> str:
    return "".join(f"{line.rstrip()}\n" for line in _text(found))


def _text(found: Difference) -> Lines:
    for word, one in (("Old", found.old), ("New", found.new)):
        yield from fact(word, f"{one.name}, {one.size} bytes, sha256 {one.sha256}")
        if one.unread:
            yield from fact("Not read", "; ".join(one.unread[:3]), indent="  ")
    yield ""
    if found.worse:
        yield from fact("Worse", "; ".join(found.worse))
    else:
        yield "Nothing is shown to be worse." if found.unsure else "Nothing is worse."
    if found.unsure:
        yield from fact("Not known", "; ".join(found.unsure))
    none = (_none(found.old), _none(found.new))
    for title, rows in (
        ("Changed", [_pair(k, v, none) for k, v in found.changed.items()]),
        (
            "Components",
            [
                f"{_pair(k, (c.old, c.new), none)} ({c.how.value})"
                for k, c in found.components.items()
            ],
        ),
        (
            "Findings that say something else now",
            [_pair(k, v, none) for k, v in found.altered.items()],
        ),
    ):
        yield from _listed(f"{title}:", rows)
    older = " (some may be older: the old image was not read whole)" if found.old.unread else ""
    for title, told in (
        (f"New findings{older}", found.appeared),
        ("Gone findings", found.gone),
        ("Findings that may be there still", found.not_shown),
    ):
        yield from _listed(f"{title}: {len(told)}", [f"{k}: {v}" for k, v in told.items()])


def _listed(title: str, rows: Sequence[str]) -> Lines:
    if rows:
        yield ""
        yield title
    for row in rows[:MOST]:
        yield from wrap(row, "  ", "    ")
    if len(rows) > MOST:
        yield f"  and {len(rows) - MOST} more, see --format json"


def _pair(name: str, pair: tuple[str, str], none: tuple[str, str]) -> str:
    return f"{name}: {pair[0] or none[0]} -> {pair[1] or none[1]}"


def _none(one: Side) -> str:
    return "not seen" if one.unread else "none"
