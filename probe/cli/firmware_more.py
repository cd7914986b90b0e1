"""``probe firmware diff``, ``sbom`` and ``advisories``."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from probe import __version__
from probe.cli.common import default_store
from probe.errors import Exit, ProbeError


def diff(
    old: Path, new: Path, keys: Sequence[Path], format: str, output: Path | None, store: str | None
) -> int:
    """Examine both images, or take them from the store, and tell what changed.

    Exit code: FAIL when something got worse, INCONCLUSIVE when one of them was not read whole.
    """
    from probe.cli import firmware
    from probe.cli.output import write
    from probe.model.finding import Finding
    from probe.report.firmware_diff import as_json, difference, side
    from probe.report.firmware_diff_text import as_text
    from probe.runner.versions import newer

    state = firmware.examined((old, new), keys, store).state
    sides = []
    for path in (old, new):
        device = firmware.device_of(path)
        found: list[Finding] = [f for f in state.findings.values() if f.device == device]
        sides.append(side(state.dut(device), found))
    told = difference(sides[0], sides[1], newer)
    write(as_json(told) if format == "json" else as_text(told).encode(), output)
    if told.worse:
        return Exit.FAIL
    return Exit.INCONCLUSIVE if told.unsure else Exit.PASS


def sbom(run: str, output: Path | None, store: str | None) -> int:
    """The components of a run's images as CycloneDX JSON."""
    from probe.cli import results
    from probe.cli.output import write
    from probe.model.firmware import ImageComponent, ImageSurvey
    from probe.report.cyclonedx import Subject, render
    from probe.runner.advisories import AGES

    reader = results.opened(run, store)
    every = [reader.state.dut(device) for device in reader.state.devices]
    surveys = [seen.fact for dut in every for seen in dut.all(ImageSurvey)]
    components = [seen.fact for dut in every for seen in dut.all(ImageComponent)]
    if not surveys:
        raise ProbeError(
            f"The run {reader.run} examined no firmware image",
            "Examine one: probe firmware IMAGE, or probe run --firmware ADDRESS=FILE.",
        )
    for survey in surveys:
        if survey.unread:
            one = len(survey.unread) == 1
            parts = "1 part was" if one else f"{len(survey.unread)} parts were"
            sys.stderr.write(
                f"probe: {survey.name}: {parts} not read; components there are missing.\n"
            )
    only = surveys[0] if len(surveys) == 1 else None
    subject = Subject(name=only.name, sha256=only.image) if only else None
    head = reader.state.run
    at = head.started_at if head else None
    notes = dict.fromkeys(noted.text for _, noted in reader.state.notes)
    tables = [text for text in notes if text.startswith(AGES)]
    document = render(components, subject, tool_version=__version__, at=at, tables=tables)
    write(document, output)
    return Exit.PASS


def import_advisories(files: Sequence[Path], store: str | None) -> int:
    """Take advisories that the user fetched into the store."""
    from probe.runner.advisories import Advisories

    known = Advisories(_folder(store))
    for path in files:
        rows = known.take_in(path, time.time())
        statements = "1 statement" if rows == 1 else f"{rows} statements"
        sys.stderr.write(f"{path.name}: {statements} on versions taken in.\n")
    return list_advisories(store)


def list_advisories(store: str | None) -> int:
    """The tables that components are compared with, and their age."""
    from probe.runner.advisories import Advisories

    for text in Advisories(_folder(store)).ages(time.time()):
        sys.stdout.write(f"{text}\n")
    return Exit.PASS


def _folder(store: str | None) -> Path:
    where = store or default_store()
    if "://" in where:
        from platformdirs import user_data_path

        return user_data_path("secure-by-design-probe")
    return Path(where).expanduser().absolute()
