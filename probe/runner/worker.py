"""The process of one run: ``python -m probe.runner.worker``.

Reads one JSON document from stdin, answers with one line on stdout, then runs on its own, whatever
happens to the terminal that started it. Input::

    {"store": "…", "run": {Run as plain JSON}}     or     {"store": "…", "resume": "RUN-ID"}

Output: ``{"run": "RUN-ID"}`` or ``{"error": "…", "next": "…", "owner": "…"}``.
"""

import asyncio
import base64
import contextlib
import json
import os
import signal
import sys
import traceback
from typing import Any

from probe.codec import from_plain
from probe.collect.packet.client import PacketClient
from probe.errors import Exit, ProbeError
from probe.model.event import Noted, RunStarted, StatusChanged
from probe.model.finding import Owner
from probe.model.ids import RunId
from probe.model.run import Run, RunStatus
from probe.model.text import clean
from probe.runner import privileges
from probe.runner.recorder import JournalRecorder
from probe.runner.runner import Runner
from probe.store.journal import Journal
from probe.store.lock import RunLock
from probe.store.store import Store


def main() -> int:
    """Exit codes as in ``probe.errors.Exit``; what was found is in the journal, not in the code."""
    spec: dict[str, Any] = json.load(sys.stdin)
    return asyncio.run(_main(spec))


async def _main(spec: dict[str, Any]) -> int:
    notes = Notes()
    lock: RunLock | None = None
    client: PacketClient | None = None
    try:
        head = from_plain(spec["run"], Run) if "run" in spec else None
        store_path = spec["store"]
        if head is None:
            # Only the scope is needed before the privileges go; it stands in the journal.
            store = Store(store_path, create=False)
            journal, lock = _taken_up(store, store.find(spec["resume"]))
            head = journal.state.run
            assert head is not None
            client = await _helper(head, notes)
            became = privileges.drop()
        else:
            client = await _helper(head, notes)
            became = privileges.drop()
            store = Store(store_path)
            lock = store.lock(head.id)
            if not lock.acquire():
                raise ProbeError(f"Another process has the run {head.id}", "Start the run again.")
            journal = Journal(store, head.id)
            journal.begin(RunStarted(run=head))
            _keep_files(journal, spec.get("files", []))
        notes.to_journal(journal)
        journal.append(Noted(level="info", text=f"The run's process is now {became}."))
        _say({"run": head.id})
    except ProbeError as error:
        _say({"error": error.what, "next": error.next_step, "owner": error.owner.value})
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - nobody would hear of it otherwise
        traceback.print_exc()
        _say(
            {
                "error": f"A defect of the probe kept the run from starting: {type(error).__name__}: {error}",
                "next": "Report what stands above as a defect of the probe.",
                "owner": Owner.TOOL.value,
            }
        )
        return Exit.TOOL
    finally:
        _detach()
    code = await _run(journal, lock, client)
    lock.release()
    return code


class Notes:
    """Takes what the packet helper has to say, also before there is a journal to write it to."""

    def __init__(self) -> None:
        self._early: list[Noted] = []
        self._journal: Journal | None = None

    def take(self, text: str, owner: Owner) -> None:
        note = Noted(level="warning", text=f"{text} (cause: {owner})")
        if self._journal is None:
            self._early.append(note)
        else:
            self._journal.append(note)

    def to_journal(self, journal: Journal) -> None:
        self._journal = journal
        for note in self._early:
            journal.append(note)


async def _helper(head: Run, notes: Notes) -> PacketClient | None:
    return await PacketClient.start(head.scope.interface, head.scope, on_note=notes.take)


def _taken_up(store: Store, run: RunId) -> tuple[Journal, RunLock]:
    lock = store.lock(run)
    if not lock.acquire():
        raise ProbeError(f"The run {run} is still going on", f"Watch it with 'probe tui {run}'.")
    journal = Journal(store, run)
    journal.replay()
    if journal.state.status is RunStatus.FINISHED and journal.state.complete():
        raise ProbeError(
            f"The run {run} is finished and every job did its work, there is nothing to resume",
            f"Look at it with 'probe show {run}', or start a new one with 'probe run'.",
        )
    journal.append(Noted(level="info", text="The run was taken up again."))
    return journal, lock


async def _run(journal: Journal, lock: RunLock, client: PacketClient | None) -> int:
    runner = Runner(journal, client)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: journal.store.command(journal.run, "stop"))
    try:
        await runner.run()
    except ProbeError as error:
        lock.say(str(error))
        with contextlib.suppress(ProbeError):
            journal.append(StatusChanged(status=RunStatus.FAILED, reason=str(error)))
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last place that can still tell the user
        lock.say(f"A defect of the probe ended the run: {type(error).__name__}: {error}")
        with contextlib.suppress(ProbeError):
            runner.recorder.keep_text(traceback.format_exc(), "the defect that ended the run")
            reason = f"a defect of the probe: {type(error).__name__}: {error} (cause: {Owner.TOOL})"
            journal.append(StatusChanged(status=RunStatus.FAILED, reason=reason))
        return Exit.TOOL
    finally:
        if client is not None:
            await client.close()
    return Exit.PASS


def _keep_files(journal: Journal, files: list[dict[str, str]]) -> None:
    """The declarations as they were read: findings point at their bytes."""
    recorder = JournalRecorder(journal)
    for file in files:
        recorder.keep_bytes(
            base64.b64decode(file["data"]),
            media_type="application/toml",
            caption=f"declaration file {clean(file['name'])}",
            collector="operator",
        )


def _say(answer: dict[str, str]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _detach() -> None:
    """Let go of the starter's terminal, so that closing it cannot disturb the run."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
