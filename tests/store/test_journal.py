"""The journal: ordered, durable, readable while it is written."""

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from probe.model.device import Device
from probe.model.event import DeviceSeen, Noted, RunStarted, StatusChanged
from probe.model.evidence import Evidence
from probe.model.ids import DeviceId, RunId
from probe.model.plan import Plan
from probe.model.run import Run, RunStatus, Scope
from probe.store.errors import StoreError
from probe.store.journal import Journal, RunReader
from probe.store.lock import RunLock
from probe.store.store import Store


def head(run: str = "20260101-000000-aaaa") -> Run:
    return Run(
        id=RunId(run),
        started_at=1.0,
        scope=Scope(interface="lo", networks=("127.0.0.0/8",)),
        plan=Plan(name="quick", summary="", catalogues=("psti",), tcp_ports="quick"),
    )


def begun(store: Store, run: str = "20260101-000000-aaaa") -> Journal:
    journal = Journal(store, RunId(run))
    journal.begin(RunStarted(run=head(run)))
    return journal


def label(data: bytes) -> Evidence:
    import hashlib

    return Evidence(
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        media_type="text/plain",
        caption="c",
        collector="t",
        captured_at=2.0,
    )


def test_a_reader_sees_what_the_writer_wrote_in_order(location: str) -> None:
    store = Store(location)
    journal = begun(store)
    reader = RunReader(Store(location), journal.run)
    assert [e.seq for e in reader.poll()] == [1]
    device = Device(id=DeviceId("ip-127.0.0.1"), addresses=("127.0.0.1",))
    journal.append(DeviceSeen(device=device))
    journal.append(Noted(level="info", text="x"))
    assert [e.seq for e in reader.poll()] == [2, 3]
    assert reader.poll() == []
    assert reader.state.devices == {device.id: device}
    assert reader.state.run == head()


def test_evidence_comes_back_byte_by_byte_and_is_stored_once(location: str) -> None:
    store = Store(location)
    first, second = begun(store, "20260101-000000-aaaa"), begun(store, "20260101-000000-bbbb")
    data = bytes(range(256))
    for journal in (first, first, second):
        journal.keep(label(data), data)
    for journal in (first, second):
        found = store.evidence(journal.run, label(data).sha256)
        assert found == (label(data), data)
        assert store.evidence_index(journal.run) == [label(data)]
    assert store.database.execute("SELECT count(*) FROM blob") == [(1,)]


def test_two_processes_write_two_runs_at_once(location: str) -> None:
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        sys.path.insert(0, sys.argv[3])
        from test_journal import begun, Store
        from probe.model.event import Noted
        journal = begun(Store(sys.argv[1]), sys.argv[2])
        for n in range(60):
            journal.append(Noted(level="info", text=str(n)))
        """
    )
    here = str(Path(__file__).parent)
    names = ["20260101-000000-aaaa", "20260101-000000-bbbb"]
    both = [
        subprocess.Popen([sys.executable, "-c", script, location, name, here]) for name in names
    ]
    assert [p.wait(60) for p in both] == [0, 0]
    for name in names:
        reader = RunReader(Store(location), RunId(name))
        assert len(reader.poll()) == 61
        assert [n.text for _, n in reader.state.notes] == [str(n) for n in range(60)]


def test_a_killed_writer_loses_nothing_that_it_had_reported(location: str) -> None:
    script = textwrap.dedent(
        """
        import sys
        sys.path.insert(0, sys.argv[2])
        from test_journal import begun, Store
        from probe.model.event import Noted
        store = Store(sys.argv[1])
        lock = store.lock("20260101-000000-aaaa")
        assert lock.acquire()
        journal = begun(store)
        n = 0
        while True:
            journal.append(Noted(level="info", text=str(n)))
            print(n, flush=True)
            n += 1
        """
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", script, location, str(Path(__file__).parent)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    reported = [writer.stdout.readline() for _ in range(50)]
    reader = RunReader(Store(location), RunId("20260101-000000-aaaa"))
    assert reader.alive()
    os.kill(writer.pid, signal.SIGKILL)
    reported += writer.stdout.readlines()
    writer.wait()
    reader.poll()
    texts = [n.text for _, n in reader.state.notes]
    whole = [line.strip() for line in reported if line.endswith("\n")]
    assert texts[: len(whole)] == whole
    until = time.monotonic() + 10
    while reader.alive() and time.monotonic() < until:
        time.sleep(0.05)  # a server hears of the end a moment later
    assert reader.status() is RunStatus.INTERRUPTED


def test_an_interrupted_run_goes_on_with_the_next_number(location: str) -> None:
    store = Store(location)
    journal = begun(store)
    journal.append(Noted(level="info", text="before"))
    again = Journal(store, journal.run)
    again.replay()
    assert again.state.run == head()
    assert again.append(StatusChanged(status=RunStatus.FINISHED)).seq == 3


def test_a_damaged_database_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "probe.db").write_bytes(b"this is not a database, it only looks like one" * 50)
    with pytest.raises(StoreError, match="damaged"):
        Store(str(tmp_path))


def test_a_database_cut_in_half_is_said_to_be_damaged(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    journal = begun(store)
    for n in range(200):
        journal.append(Noted(level="info", text="x" * 400 + str(n)))
    store.close()
    with sqlite3.connect(tmp_path / "probe.db") as db:
        db.execute("pragma wal_checkpoint(truncate)")
    whole = (tmp_path / "probe.db").read_bytes()
    (tmp_path / "probe.db").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match="damaged"):
        RunReader(Store(str(tmp_path)), journal.run).poll()


def test_a_full_disk_is_one_clear_error_and_nothing_is_lost(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    journal = begun(store)
    (pages,) = store.database.execute("PRAGMA page_count")[0]
    # SQLite's own page limit gives the same error as a file system without space.
    store.database.execute(f"PRAGMA max_page_count={pages + 4}")
    written = 0
    with pytest.raises(StoreError, match="disk is full") as raised:
        for n in range(500):
            journal.append(Noted(level="info", text="x" * 500 + str(n)))
            written += 1
    assert "Free some space" in raised.value.next_step
    reader = RunReader(Store(str(tmp_path)), journal.run)
    reader.poll()
    assert len(reader.state.notes) == written > 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_said_to_be_one(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match=r"read-only|cannot be opened"):
        Store(str(tmp_path / "results"))


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(StoreError):
        Store(str(tmp_path / "taken"))


def test_runs_are_found_by_a_part_of_their_name(location: str) -> None:
    store = Store(location)
    with pytest.raises(StoreError, match="no runs yet"):
        store.find(None)
    begun(store, "20260101-000000-aaaa")
    begun(store, "20260102-000000-bbbb")
    assert store.find("20260101") == "20260101-000000-aaaa"
    with pytest.raises(StoreError, match="2 runs start with"):
        store.find("2026")
    with pytest.raises(StoreError, match="No run is called"):
        store.find("nonsense")


def test_commands_are_read_once_and_in_order(location: str) -> None:
    store = Store(location)
    journal = begun(store)
    store.command(journal.run, "pause")
    last = store.last_command(journal.run)
    store.command(journal.run, "resume")
    store.command(journal.run, "stop")
    assert [verb for _, verb in store.commands_after(journal.run, last)] == ["resume", "stop"]


def test_last_words_survive_the_process(location: str) -> None:
    store = Store(location)
    lock = store.lock(RunId("r"))
    assert lock.acquire()
    assert not store.lock(RunId("r")).acquire()
    lock.say("The disk is full.")
    lock.release()
    assert store.lock(RunId("r")).words() == "The disk is full."
    assert not store.lock(RunId("r")).held()


def test_a_look_at_the_lock_keeps_nobody_from_taking_it(tmp_path: Path) -> None:
    looking = os.open(tmp_path / "r", os.O_RDONLY | os.O_CREAT)
    fcntl.flock(looking, fcntl.LOCK_SH)
    threading.Timer(0.05, os.close, (looking,)).start()
    assert RunLock(tmp_path / "r").acquire()
