"""What ``probe firmware`` says at its end: one image on one screen of 80 columns, many as a list.

The screen is for who has to mend the image: what comes first, in which file and line, and how.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from probe.model.check import SEVERITIES
from probe.model.firmware import Signing
from probe.report.firmware_text import layer_line
from probe.report.groups import short_name
from probe.report.lines import Lines, fact, wrap
from probe.report.viewmodel import DeviceView, FindingView, ProblemView, ReportView

MOST_LAYERS = 2
SCREEN = 24
"""Lines of a terminal, the two that close the summary among them."""
IN_FULL = 3
"""Problems with file, line and remedy; of the next ones a line each, as many as there is room for."""
MOST_FILES = 3
CHANGED = (Signing.TAMPERED, Signing.STRIPPED)
"""What a layer may be that must not be overlooked."""
WHOLE = 8
"""Lines, more than the longest reason of a protection has."""
NO_FORMAT = {"text", "data", "unknown"}
"""What a layer is called that no reader of a format knew."""
EFFORTS = ("hours", "days", "weeks")
Trim = Callable[..., Lines]
"""``_cut`` or ``_uncut``."""


def summary(view: ReportView, *, cut: bool = True) -> str:
    """Each image with its verdicts, then what to mend first; where the whole report is.

    ``cut`` for a terminal: one screen. Otherwise nothing is left off a text (a log keeps it all).
    """
    tell = _whole if len(view.devices) == 1 else _short
    trim = _cut if cut else _uncut
    # A run keeps images in the order in which they were done; a list is looked up by name.
    devices = sorted(view.devices, key=lambda device: device.label)
    lines = [line for device in devices for line in tell(device, trim)]
    for note in view.run.notes:
        if note.level == "error":
            lines += fact("Error", note.text)
    lines += [f"All of it: probe show {view.run.id}   or: probe tui {view.run.id}"]
    lines.append(f"To hand on: probe report {view.run.id} -o FILE.html")
    return "".join(f"{line.rstrip()}\n" for line in lines)


def in_order(problems: tuple[ProblemView, ...]) -> list[ProblemView]:
    """Most severe first; of equal ones what fails a requirement, then what is quickly mended."""

    def rank(problem: ProblemView) -> tuple[int, bool, int]:
        severe = SEVERITIES.index(problem.severity) if problem.severity in SEVERITIES else 9
        effort = EFFORTS.index(problem.effort) if problem.effort in EFFORTS else 9
        return severe, not problem.fails, effort

    return sorted(problems, key=rank)


def _whole(device: DeviceView, trim: Trim) -> Lines:
    above = list(_above(device, trim))
    yield from above
    every = in_order(device.problems)
    if not every:
        yield _nothing(device)
        return
    yield from wrap(f"To mend, in this order ({_counted(every)}):", "", "  ")
    room = SCREEN - len(above) - 4 if trim is _cut else 1000
    for number, problem in enumerate(every, 1):
        lines = list(_in_full(device, number, problem, trim)) if number <= IN_FULL else []
        if not lines or len(lines) > room:
            lines = list(trim(_in_short(device, number, problem), 1))
        if len(lines) > room:
            yield f"    and {len(every) - number + 1} more"
            return
        yield from lines
        room -= len(lines)


def _above(device: DeviceView, trim: Trim) -> Lines:
    """What the image is, who signed it, how far it was read."""
    yield from trim(fact("Image", f"{device.label}, {_verdicts(device)}"), 2)
    yield from _copies(device)
    signed = _worst_first(device)
    changed = [row for row in signed if row[1] in CHANGED]
    # Whole, whatever else there is to mend: nobody may install this.
    for row in changed[:1]:
        yield from fact(row[1].upper(), f"layer {row[0]}. {row[2]}", indent="  ")
    if len(changed) > 1:
        yield f"    and {len(changed) - 1} more layers are tampered or stripped"
    yield from _layers(device, trim)
    for row in signed[:1] if not changed else ():
        most = WHOLE if row[1] == Signing.UNSIGNED else 2
        yield from trim(fact(f"Layer {row[0]}", f"{row[1]}; {row[2]}", indent="  "), most)
    if not signed and not device.gaps:
        # Silence here would be taken for a good answer.
        yield from fact("Signature", "not known, no update format was recognised", indent="  ")
    yield from _unread(device, trim)


def _counted(problems: list[ProblemView]) -> str:
    """``6: 2 critical, 4 high``, each severity that there is."""
    numbers = Counter(p.severity or "by hand" for p in problems)
    said = ", ".join(f"{numbers[s]} {s}" for s in (*SEVERITIES, "by hand") if numbers[s])
    return f"{len(problems)}: {said}"


def _in_full(device: DeviceView, number: int, problem: ProblemView, trim: Trim) -> Lines:
    """What, where, how: at most five lines."""
    found = _found(device, problem)
    head = f"{number:>2}. {problem.severity or 'by hand':<8} "
    said = found[0].summary if found else problem.why
    yield from trim(wrap(said, head, " " * 13))
    if found:
        yield from trim(fact("In", _files(found), indent="    "), 1)
    if problem.fix:
        effort = f" ({problem.effort})" if problem.effort else ""
        yield from trim(fact(f"Mend{effort}", problem.fix, indent="    "))


def _in_short(device: DeviceView, number: int, problem: ProblemView) -> Lines:
    found = _found(device, problem)
    head = f"{number:>2}. {problem.severity or 'by hand':<8} "
    where = f"{_name(found[0])}: {found[0].summary}" if found else problem.why
    more = f"{len(found)} times, first {where}" if len(found) > 1 else where
    return wrap(more, head, " " * 13)


def _found(device: DeviceView, problem: ProblemView) -> list[FindingView]:
    return [f for f in device.findings if f.id in problem.findings]


def _name(finding: FindingView) -> str:
    """The file, and the layer that it is in when that is not the first."""
    return finding.subject.removesuffix(" in layer 0")


def _files(found: list[FindingView]) -> str:
    names = list(dict.fromkeys(_name(f) for f in found))
    left = len(names) - MOST_FILES
    return ", ".join(names[:MOST_FILES]) + (f" and {left} more" if left > 0 else "")


def _layers(device: DeviceView, trim: Trim) -> Lines:
    """Layers without the files in them, a line each."""
    wanted = [row for row in _rows(device, "layers") if row[0]]
    for row in wanted[:MOST_LAYERS]:
        yield from trim(layer_line(row), 1)
    if len(wanted) > MOST_LAYERS:
        yield f"    and {len(wanted) - MOST_LAYERS} more layers"


def _rows(device: DeviceView, table: str) -> Sequence[tuple[str, ...]]:
    return next((t.rows for t in device.inventory if t.id == table), ())


def _copies(device: DeviceView) -> Lines:
    names = [a.value for a in device.attributes if a.name == "same-content"]
    if names:
        yield from fact("The same content", ", ".join(names), indent="  ")


def _worst_first(device: DeviceView) -> list[tuple[str, ...]]:
    """Protections of the layers: those that were changed, then the outermost."""
    return sorted(_rows(device, "protections"), key=lambda row: row[1] not in CHANGED)


def _short(device: DeviceView, trim: Trim) -> Lines:
    signed = next((row[1] for row in _worst_first(device)), "signature not known")
    counted = f"to mend {_counted(list(device.problems))}" if device.problems else _nothing(device)
    yield from fact(device.label, f"{_verdicts(device)}, {signed}; {counted}")
    yield from _copies(device)
    for problem in in_order(device.problems)[:1]:
        yield from trim(_in_short(device, 1, problem))


def _verdicts(device: DeviceView) -> str:
    return ", ".join(f"{short_name(c)} {c.overall}" for c in device.catalogues)


def _unread(device: DeviceView, trim: Trim) -> Lines:
    for row in _rows(device, "images"):
        yield from trim(fact("Read", row[3], indent="  "), 1)
        if row[4] != "nothing":
            yield from trim(fact("Not read", row[4], indent="  "))
    for gap in device.gaps[:1]:
        yield from trim(fact("Not measured", gap.reason, indent="  "))


def _nothing(device: DeviceView) -> str:
    if device.gaps:
        return "The image was not examined to its end, so nothing can be said of it."
    if all(row[2] in NO_FORMAT for row in _rows(device, "layers") if row[0]):
        return "No format was recognised in what could be read, so nothing can be said of it."
    return "Nothing to mend was found in what was read."


def _cut(lines: Iterator[str], most: int = 2) -> Lines:
    """The first lines of a text; what is left off is in the report."""
    every = list(lines)
    if len(every) > most:
        every = [*every[: most - 1], every[most - 1][:79].rstrip() + "\N{HORIZONTAL ELLIPSIS}"]
    yield from every


def _uncut(lines: Iterator[str], _most: int = 2) -> Lines:
    """All of them."""
    yield from lines
