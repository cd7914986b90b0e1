"""Commands on runs that exist: tui, stop, runs, show, judge, report, evidence."""

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from probe import __version__, registry
from probe.cli.common import EXIT_OF, default_store, overall_status, read_declarations
from probe.cli.output import format_of, rendered, write
from probe.errors import Exit, ProbeError
from probe.model.catalogue import Catalogue
from probe.model.check import at_least
from probe.model.finding import Outcome
from probe.model.run import RunStatus
from probe.model.state import RunState
from probe.store.journal import RunReader
from probe.store.store import Store

STOP_POLL_S = 0.2

if TYPE_CHECKING:
    from probe.cli.show import Show
    from probe.report.viewmodel import ReportView


def opened(run: str | None, store: str | None) -> RunReader:
    """A reader of the named run that has read everything written so far."""
    found = Store(store or default_store(), create=False)
    reader = RunReader(found, found.find(run))
    reader.poll()
    return reader


def tui(
    run: str | None, store: str | None, *, slow_link: bool, show_passwords: bool = False
) -> int:
    """Open the terminal UI on a run, or on the list of runs; the exit code is that of the result."""
    from probe.cli.screen import StoredRuns
    from probe.tui.launch import is_terminal, launch

    if not is_terminal():
        raise ProbeError(
            "The terminal UI needs a terminal",
            "Use 'probe show' or 'probe report' for plain output.",
        )
    found = Store(store or default_store(), create=False)
    several = run is None and len(found.runs()) > 1
    reader = None if several else RunReader(found, found.find(run))
    launch(
        reader,
        registry.catalogues,
        registry.checks,
        store=StoredRuns(found),
        slow_link=slow_link,
        show_passwords=show_passwords,
    )
    if reader is None:
        return Exit.PASS
    reader.poll()
    return Exit.PASS if reader.alive() else result_code(reader)


def follow_to_end(run_id: str, show: "Show", store: str) -> int:
    """Plain progress, then the summary or the wanted report on stdout."""
    from probe.cli.follow import follow

    reader = RunReader(Store(store, create=False), Store(store, create=False).find(run_id))
    status = follow(reader)
    return told(reader, status, show)


def told(reader: RunReader, status: RunStatus, show: "Show") -> int:
    """The summary or the wanted report of a run that is over; the exit code of its result."""
    if status in (RunStatus.FAILED, RunStatus.INTERRUPTED):
        words = reader.state.status_reason or reader.last_words() or "its process is gone"
        sys.stderr.write(f"probe: the run did not reach its end: {words}\n")
        sys.stderr.write(f"       Continue with 'probe run --resume {reader.run}'.\n")
    view = view_of(reader, show_passwords=show.show_passwords, fail_on=show.fail_on)
    if show.format is not None or show.output is not None:
        write(rendered(view, format_of(show.format, show.output)), show.output)
    else:
        from probe.report import text

        html, warning = Path(f"probe-{reader.run}.html"), ""
        try:
            write(rendered(view, "html"), html)
        except ProbeError as error:
            # Nobody asked for this file by name: the result of the run is told all the same.
            warning = f"probe: {error.what}. Write it elsewhere: probe report {reader.run} --output FILE.\n"
        sys.stdout.write(text.summary(view, "" if warning else str(html)))
        sys.stdout.write(f"screen: probe tui {reader.run}\n")
        sys.stdout.flush()
        sys.stderr.write(warning)
    if status in (RunStatus.FAILED, RunStatus.INTERRUPTED):
        return Exit.ENVIRONMENT
    return Exit.STOPPED if status is RunStatus.STOPPED else result_code(reader, show.fail_on)


def stop(run: str, store: str | None) -> int:
    """Ask a run to end, and wait until it has."""
    reader = opened(run, store)
    if not reader.alive():
        raise ProbeError(
            f"The run {reader.run} is not going on, it is {reader.status()}",
            f"Look at it with 'probe show {reader.run}'.",
        )
    reader.command("stop")
    while reader.alive():
        time.sleep(STOP_POLL_S)
    reader.poll()
    sys.stderr.write(f"The run {reader.run} is {reader.status()}.\n")
    return Exit.PASS


def runs(store: str | None) -> int:
    """One line for each run, newest first."""
    from probe.report import text
    from probe.store.summaries import summaries

    found = Store(store or default_store(), create=False)
    sys.stdout.write(text.runs_table(summaries(found)))
    return Exit.PASS


def show(
    run: str,
    requirement: str | None,
    names: tuple[str, ...],
    store: str | None,
    *,
    show_passwords: bool,
) -> int:
    """A run, or one requirement down to its evidence, as plain text; under ``names`` judged anew."""
    from probe.report import text

    reader = opened(run, store)
    catalogues = registry.chosen_catalogues(names)
    if catalogues:
        from probe.runner.rejudge import rejudge

        state = rejudge(reader.state, catalogues)
        view = view_of(reader, catalogues=catalogues, state=state, show_passwords=show_passwords)
    else:
        view = view_of(reader, show_passwords=show_passwords)
    shown = text.show_requirement(view, requirement) if requirement else text.show_run(view)
    sys.stdout.write(shown)
    return Exit.PASS


def judge(
    run: str,
    names: tuple[str, ...],
    declarations: tuple[Path, ...],
    format: str | None,
    output: Path | None,
    store: str | None,
    *,
    policy: str | None = None,
    show_passwords: bool,
    fail_on: str = "",
) -> int:
    """Judge the recorded observations again, offline; the journal is not touched."""
    from probe.runner.rejudge import rejudge

    reader = opened(run, store)
    planned = reader.state.run.plan.catalogues if reader.state.run else ()
    catalogues = registry.chosen_catalogues(names or planned)
    rules = registry.chosen_policy(policy) if policy else None
    state = rejudge(reader.state, catalogues, read_declarations(declarations), rules)
    view = view_of(
        reader,
        catalogues=catalogues,
        state=state,
        show_passwords=show_passwords,
        fail_on=fail_on,
    )
    write(rendered(view, format_of(format, output)), output)
    if grave(state, fail_on):
        return Exit.FAIL
    return EXIT_OF[overall_status(catalogues, state.devices, state.verdicts.values())]


def report(
    run: str,
    format: str | None,
    output: Path | None,
    store: str | None,
    *,
    show_passwords: bool,
    fail_on: str = "",
) -> int:
    """Write one report of a recorded run."""
    view = view_of(opened(run, store), show_passwords=show_passwords, fail_on=fail_on)
    write(rendered(view, format_of(format, output, "html")), output)
    return Exit.PASS


def evidence(run: str, sha256: str | None, output: Path | None, store: str | None) -> int:
    """List evidence, or write one piece byte by byte."""
    reader = opened(run, store)
    index = reader.store.evidence_index(reader.run)
    if sha256 is None:
        for item in index:
            sys.stdout.write(f"{item.sha256}  {item.size:>8}  {item.collector}  {item.caption}\n")
        return Exit.PASS
    matches = [item for item in index if item.sha256.startswith(sha256)]
    if len(matches) != 1:
        raise ProbeError(
            f"{len(matches)} pieces of evidence begin with '{sha256}'",
            f"List them with 'probe evidence {reader.run}'.",
        )
    found = reader.evidence(matches[0].sha256)
    assert found is not None
    write(found[1], output)
    return Exit.PASS


def view_of(
    reader: RunReader,
    *,
    catalogues: list[Catalogue] | None = None,
    state: RunState | None = None,
    show_passwords: bool = False,
    fail_on: str = "",
    methods: bool = True,
) -> "ReportView":
    """The one view model behind every format; ``state`` replaces the recorded one when given."""
    from probe.report.view import build_view, catalogues_of

    shown = replace(state or reader.state, status=reader.status())
    if shown.run is None:
        raise ProbeError("The journal of this run has no beginning", "Start a new run.")
    return build_view(
        shown,
        catalogues_of(shown, registry.catalogues()) if catalogues is None else catalogues,
        registry.checks(),
        reader.evidence,
        tool_version=__version__,
        secrets=show_passwords,
        fail_on=fail_on,
        methods=methods,
    )


def grave(state: RunState, fail_on: str) -> bool:
    """Whether a check found something that is to fail by itself."""
    known = registry.checks()
    return any(
        finding.answer.outcome is Outcome.VIOLATED
        and finding.check in known
        and at_least(known[finding.check].severity, fail_on)
        for finding in state.findings.values()
    )


def result_code(reader: RunReader, fail_on: str = "") -> int:
    """The exit code that the recorded verdicts stand for, and with ``fail_on`` the findings."""
    state = reader.state
    if reader.status() is RunStatus.STOPPED:
        return Exit.STOPPED
    if grave(state, fail_on):
        return Exit.FAIL
    known = registry.catalogues()
    planned = state.run.plan.catalogues if state.run else ()
    catalogues = [known[name] for name in planned if name in known]
    return EXIT_OF[overall_status(catalogues, state.devices, state.verdicts.values())]
