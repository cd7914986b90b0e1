"""What ``probe firmware`` says at its end: one image on one screen of 80 columns, many as a list."""

from collections.abc import Iterator

from probe.report.firmware_text import layer_line
from probe.report.groups import short_name
from probe.report.lines import Lines, fact, wrap
from probe.report.viewmodel import DeviceView, ProblemView, ReportView

MOST_LAYERS = 4
MOST_PROBLEMS = 5


def summary(view: ReportView) -> str:
    """Each image with its verdicts, then what to mend first; where the whole report is."""
    tell = _whole if len(view.devices) == 1 else _short
    lines = [line for device in view.devices for line in tell(device)]
    for note in view.run.notes:
        if note.level == "error":
            lines += fact("Error", note.text)
    lines += [f"All of it: probe show {view.run.id}   or: probe tui {view.run.id}"]
    lines.append(f"Report:    probe report {view.run.id} -o FILE.html")
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _whole(device: DeviceView) -> Lines:
    yield from fact("Image", f"{device.label}, {_verdicts(device)}")
    yield from _layers(device)
    signed = next((t.rows for t in device.inventory if t.id == "protections"), ())
    for row in signed[:1]:
        yield from _cut(fact(f"Layer {row[0]}", f"{row[1]}; {row[2]}", indent="  "))
    yield from _unread(device)
    yield ""
    every = device.problems
    yield f"To mend, worst first ({len(every)}):" if every else _nothing(device)
    for problem in every[:MOST_PROBLEMS]:
        yield from _cut(_problem(device, problem))
    if len(every) > MOST_PROBLEMS:
        yield f"  and {len(every) - MOST_PROBLEMS} more"


def _layers(device: DeviceView) -> Lines:
    """Layers without the files in them, a line each."""
    rows = next((t.rows for t in device.inventory if t.id == "layers"), ())
    wanted = [row for row in rows if row[0]]
    for row in wanted[:MOST_LAYERS]:
        yield from _cut(layer_line(row), 1)
    if len(wanted) > MOST_LAYERS:
        yield f"    and {len(wanted) - MOST_LAYERS} more layers"


def _short(device: DeviceView) -> Lines:
    yield from fact(device.label, f"{_verdicts(device)}, {len(device.problems)} to mend")
    for problem in device.problems[:1]:
        yield from _cut(_problem(device, problem))


def _verdicts(device: DeviceView) -> str:
    return ", ".join(f"{short_name(c)} {c.overall}" for c in device.catalogues)


def _unread(device: DeviceView) -> Lines:
    for table in device.inventory:
        if table.id == "images":
            for row in table.rows:
                if row[4] != "nothing":
                    yield from _cut(fact("Not read", row[4], indent="  "))
    for gap in device.gaps[:1]:
        yield from _cut(fact("Not measured", gap.reason, indent="  "))


def _nothing(device: DeviceView) -> str:
    if device.gaps:
        return "The image was not examined to its end, so nothing can be said of it."
    unread = any(r[4] != "nothing" for t in device.inventory if t.id == "images" for r in t.rows)
    return "Nothing to mend was found" + (" in what could be read." if unread else ".")


def _problem(device: DeviceView, problem: ProblemView) -> Lines:
    found = [f for f in device.findings if f.id in problem.findings]
    said = found[0].summary if found else problem.why
    more = f" And {len(found) - 1} more." if len(found) > 1 else ""
    where = f" [{found[0].subject}]" if found else ""
    word = "FAIL" if problem.fails else "sign"
    return wrap(f"{said}{more}{where}", f"  {word} {problem.severity:<8} ", " " * 16)


def _cut(lines: Iterator[str], most: int = 2) -> Lines:
    """The first lines of a text; what is left off is in the report."""
    every = list(lines)
    if len(every) > most:
        every = [*every[: most - 1], every[most - 1][:79].rstrip() + "\N{HORIZONTAL ELLIPSIS}"]
    yield from every
