"""``probe firmware``: images in, the same report out as for a device on the network."""

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from probe import __version__
from probe.errors import Exit, ProbeError
from probe.model.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware_checks.reading import Keys
    from probe.cli.show import Show
    from probe.model.declaration import Declaration
    from probe.model.ids import DeviceId
    from probe.model.run import Run
    from probe.store.journal import Journal

T = TypeVar("T")
LARGEST_KEY = 4 << 20
"""A file of many certificates; one key has a few hundred bytes."""
SUMMARY = "What is in the image, who signed it, and what should not be there. No packet is sent."


def check(
    images: Sequence[Path],
    keys: Sequence[Path],
    catalogues: tuple[str, ...],
    declarations: tuple[Path, ...],
    show: "Show",
    store: str | None,
    resume: str | None,
) -> int:
    """Examine the images, print the report; the exit code says what came out."""
    from probe.cli.output import check_output

    check_output(show.output)
    return told(examined(images, keys, store, catalogues, declarations, resume), show)


def examined(
    images: Sequence[Path],
    keys: Sequence[Path],
    store: str | None,
    catalogues: tuple[str, ...] = (),
    declarations: tuple[Path, ...] = (),
    resume: str | None = None,
) -> "Journal":
    """Examine the images in a run of their own; returns its journal, written to its end."""
    from probe.runner.firmware_reader import Early, files_of

    chosen, given, early = files_of(images), read_keys(keys), Early()
    paths = chosen.files
    for path in paths if len(paths) <= 2 else ():
        if resume is None:
            # It is read while this process gets ready to write down what is found.
            _image(partial(early.start, path, given), path)
        else:
            device_of(path)
    from probe import registry
    from probe.cli.common import default_store, read_declarations
    from probe.model.event import Noted, RunStarted
    from probe.model.ids import RunId
    from probe.runner.advisories import Advisories
    from probe.runner.firmware import FirmwareRun
    from probe.store.journal import Journal
    from probe.store.store import Store

    judged_by = catalogues or registry.chosen_plan("standard").catalogues
    registry.chosen_catalogues(judged_by)
    told_by = read_declarations(declarations)
    kept = Store(store or default_store())
    head = _head(judged_by, told_by, keys)
    run_id = head.id if resume is None else RunId(kept.find(resume))
    lock = kept.lock(run_id)
    if not lock.acquire():
        raise ProbeError(f"The run {run_id} is going on", "Wait for its end, or stop it.")
    try:
        journal = Journal(kept, run_id)
        if resume is None:
            journal.begin(RunStarted(run=head))
        else:
            journal.replay()
        advice = Advisories(kept.folder)
        told_before = {noted.text for _, noted in journal.state.notes}
        notes = [Noted(level="info", text=text) for text in advice.ages(_now())]
        notes += [Noted(level="error", text=_not_followed(link)) for link in chosen.links]
        with journal.together():
            for note in notes:
                if note.text not in told_before:
                    journal.append(note)
                if note.level == "error":
                    sys.stderr.write(f"probe: {note.text}\n")
        known = advice.said_of if advice else None
        run = FirmwareRun(journal, given, _tell, early, known)
        run.prepare()
        _get_ready_to_tell()
        run.run(paths)
    finally:
        lock.release()
    return journal


def _not_followed(link: Path) -> str:
    return clean(f"{link}: a link that leads out of the folder; to examine it, name it.", 300)


def device_of(path: Path) -> "DeviceId":
    """The id of the entry for an image. Raises ProbeError for what cannot be examined."""
    from firmware_checks.examine import opened
    from probe.model.device import image_device

    def look() -> "DeviceId":
        with opened(path) as (image, _):
            return image_device(image.sha256, "").id

    return _image(look, path)


def _image(do: "Callable[[], T]", path: Path) -> "T":
    from firmware_checks.examine import NotAnImage

    try:
        return do()
    except NotAnImage as error:
        raise ProbeError(f"{path} cannot be examined: {error}", "Name a firmware image.") from None


def _head(
    catalogues: tuple[str, ...], declarations: tuple["Declaration", ...], keys: Sequence[Path]
) -> "Run":
    from probe.model.plan import Plan
    from probe.model.run import Run, Scope
    from probe.runner.launch import new_run_id

    plan = Plan(name="firmware", summary=SUMMARY, catalogues=catalogues, tcp_ports="", logins=False)
    return Run(
        id=new_run_id(),
        started_at=_now(),
        scope=Scope(interface="", networks=()),
        plan=plan,
        declarations=declarations,
        keys=tuple(str(key.absolute()) for key in keys),
        tool_version=__version__,
        host=os.uname().nodename,
    )


def _get_ready_to_tell() -> None:
    """Import what the end needs, while the image is being read."""
    import probe.cli.results
    import probe.report.firmware_summary
    import probe.report.view  # noqa: F401


def told(journal: "Journal", show: "Show") -> int:
    """The wanted report, or the summary on one screen; the exit code of the result."""
    from probe.cli import output, results
    from probe.store.journal import RunReader

    reader = RunReader(journal.store, journal.run)
    reader.state = journal.state
    wants_report = show.format is not None or show.output is not None
    view = results.view_of(
        reader,
        show_passwords=show.show_passwords,
        fail_on=show.fail_on,
        methods=wants_report,
    )
    if wants_report:
        data = output.rendered(view, output.format_of(show.format, show.output))
        output.write(data, show.output)
    else:
        from probe.report.firmware_summary import summary

        sys.stdout.write(summary(view, cut=sys.stdout.isatty()))
        sys.stdout.flush()
    code = results.result_code(reader, show.fail_on)
    # A file of a folder that could not be examined stays unknown, whatever the others gave.
    missed = any(noted.level == "error" for _, noted in journal.state.notes)
    return Exit.INCONCLUSIVE if missed and code == Exit.PASS else code


def read_keys(paths: Sequence[Path]) -> "Keys":
    """Public keys and certificates, PEM or DER. Raises ProbeError for what is neither."""
    from firmware_checks.reading import Keys

    if not paths:
        return Keys()
    from firmware_checks.keys import NotAKey, read_key

    found = []
    for path in paths:
        try:
            found += read_key(path.name, _bytes_of(path))
        except OSError as error:
            raise ProbeError(
                f"The key {path} cannot be read: {error.strerror}", "Name a PEM or DER file."
            ) from None
        except NotAKey as error:
            raise ProbeError(
                f"{path} holds no public key: {error}",
                "Give a public key or certificate, PEM or DER.",
            ) from None
    return Keys(tuple(found))


def _bytes_of(path: Path) -> bytes:
    """Of a small regular file: a device would never end, a pipe never begin."""
    if path.exists() and not path.is_file():
        raise ProbeError(f"The key {path} is no regular file", "Name a PEM or DER file.")
    with path.open("rb") as file:
        data = file.read(LARGEST_KEY + 1)
    if len(data) > LARGEST_KEY:
        raise ProbeError(
            f"The key {path} is larger than {LARGEST_KEY >> 20} MiB", "Name a PEM or DER file."
        )
    return data


def _tell(sentence: str, done: int, known: int) -> None:
    sys.stderr.write(f"{done} of {known}  {sentence}\n")


def _now() -> float:
    import time

    return time.time()
