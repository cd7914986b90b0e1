"""The one door to the database: transactions, troubles in words, two kinds of database."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from probe.model.ids import RunId
from probe.store.database import Database
from probe.store.errors import StoreError, shown
from probe.store.store import Store

IDLE = "idle_in_transaction_session_timeout"


def table(location: str) -> Database:
    database = Database(location if "://" in location else f"{location}/t.db", "the store")
    database.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, data TEXT)")
    return database


def rows(database: Database) -> list[object]:
    return [n for (n,) in database.execute("SELECT n FROM t ORDER BY n")]


def test_a_transaction_is_whole_or_not_there(location: str) -> None:
    database = table(location)
    with pytest.raises(ZeroDivisionError), database.together() as db:
        db.execute("INSERT INTO t (n) VALUES (?)", 1)
        raise ZeroDivisionError
    assert rows(database) == []
    with database.together() as db, database.together() as inner:
        db.execute("INSERT INTO t (n) VALUES (?)", 1)
        inner.execute("INSERT INTO t (n) VALUES (?)", 2)
    assert rows(database) == [1, 2]


def test_a_refused_statement_undoes_its_transaction_and_the_next_one_works(location: str) -> None:
    database = table(location)
    with pytest.raises(StoreError, match="the store failed"), database.together() as db:
        db.execute("INSERT INTO t (n) VALUES (?)", 1)
        db.execute("INSERT INTO t (n) VALUES (?)", 1)
    assert rows(database) == []
    database.execute("INSERT INTO t (n) VALUES (?)", 3)
    assert rows(database) == [3]


def test_a_value_is_never_a_statement(location: str) -> None:
    database = table(location)
    text = "'); DROP TABLE t; -- %s %(x)s ? \u202e"
    database.execute("INSERT INTO t (n, data) VALUES (?, ?)", 1, text)
    assert database.execute("SELECT data FROM t WHERE data = ?", text) == [(text,)]


def test_threads_take_turns(location: str) -> None:
    database = table(location)

    def write(first: int) -> None:
        for n in range(first, first + 50):
            with database.together() as db:
                db.execute("INSERT INTO t (n) VALUES (?)", n)

    threads = [threading.Thread(target=write, args=(at,)) for at in (0, 50, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows(database) == list(range(150))


def test_it_is_there_again_after_it_was_closed(location: str) -> None:
    database = table(location)
    database.execute("INSERT INTO t (n) VALUES (?)", 1)
    database.close()
    assert rows(database) == [1]


def test_a_server_that_ended_the_connection_is_asked_again(
    empty_database: Callable[[], str],
) -> None:
    url = empty_database()
    database, other = table(url), Database(url, "other")
    ((number,),) = database.execute("SELECT pg_backend_pid()")
    other.execute("SELECT pg_terminate_backend(?)", number)
    with pytest.raises(StoreError, match="ended the connection"):
        rows(database)
    assert rows(database) == []


def test_a_server_that_vanishes_or_another_that_stops_halfway_is_not_waited_for_long(
    empty_database: Callable[[], str],
) -> None:
    database = Database(empty_database(), "store")
    database.execute("SELECT 1")
    parameters = database._connection.info.get_parameters()
    assert int(parameters["tcp_user_timeout"]) <= 20_000
    waits = {name: database.execute(f"SHOW {name}") for name in ("lock_timeout", IDLE)}
    assert waits == {"lock_timeout": [("15s",)], IDLE: [("1min",)]}


def test_a_run_on_another_host_is_seen_to_live(
    empty_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, run = empty_database(), RunId("20260101-000000-aaaa")
    hosts = []
    for name in ("one", "two"):
        # What a host keeps on its own disk: the other one sees none of it.
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / name))
        hosts.append(Store(url))
    here, there = (host.lock(run) for host in hosts)
    assert not there.held()
    assert here.acquire()
    assert there.held()
    assert not there.acquire()
    here.release()
    assert not there.held()
    assert there.acquire()
    hosts[1].close()
    until = time.monotonic() + 5
    while here.held():
        assert time.monotonic() < until, "the lock goes with the connection of its process"


def test_the_lock_of_a_run_is_taken_again_after_its_connection_was_lost(
    empty_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, run = empty_database(), RunId("20260101-000000-aaaa")
    hosts = []
    for name in ("one", "two"):
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / name))
        hosts.append(Store(url))
    (one, two), (here, there) = hosts, [host.lock(run) for host in hosts]
    assert here.acquire()

    def cut() -> None:
        ((number,),) = one.database.execute("SELECT pg_backend_pid()")
        two.database.execute("SELECT pg_terminate_backend(?)", number)
        with pytest.raises(StoreError, match="ended the connection"):
            one.runs()

    cut()
    assert one.runs() == []
    assert there.held()
    assert not there.acquire()
    cut()
    assert there.acquire()
    for _ in range(2):
        with pytest.raises(StoreError, match="another process took this run up"):
            one.runs()


def test_two_hosts_that_keep_the_same_bytes_in_another_order_wait_for_each_other(
    empty_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, trouble = empty_database(), list[Exception]()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    stores = [Store(url), Store(url)]
    began = threading.Barrier(2)

    def write(store: Store, *blobs: str) -> None:
        try:
            began.wait()
            with store.database.together() as db:
                for blob in blobs:
                    row = "INSERT INTO blob (sha256, data) VALUES (?, ?) ON CONFLICT DO NOTHING"
                    db.execute(row, blob, b"x")
                    time.sleep(0.3)
        except StoreError as error:
            trouble.append(error)

    threads = [
        threading.Thread(target=write, args=(store, *blobs))
        for store, blobs in zip(stores, ("ab", "ba"), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trouble == []


@pytest.mark.parametrize(
    ("location", "match"),
    [
        ("postgresql://u:secret@127.0.0.1:9/x", "does not answer"),
        ("mysql://u:secret@127.0.0.1/x", "no kind of database"),
        ("postgresql://u:secret@/x?nonsense=1", "failed"),
    ],
)
def test_a_wrong_url_is_one_clear_line_without_the_password(
    location: str, match: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with pytest.raises(StoreError, match=match) as raised:
        Store(location)
    assert "secret" not in str(raised.value)


def test_an_unknown_database_and_user_of_a_server(
    empty_database: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    url = empty_database()
    with pytest.raises(StoreError, match="does not exist"):
        Store(url.replace("probe_", "nothing_"))
    with pytest.raises(StoreError, match="refuses this user"):
        Store(url.replace("tester", "stranger"))


def test_the_password_of_a_url_is_not_shown() -> None:
    assert shown("postgresql://me:pa:ss@host/db") == "postgresql://me:***@host/db"
    assert shown("postgresql://me@host/db") == "postgresql://me@host/db"
    assert shown("/home/me") == "/home/me"
    asked = "postgresql:///db?user=me&{}password=secret&sslmode=require"
    for kind in ("", "ssl"):
        assert shown(asked.format(kind)) == asked.format(kind).replace("secret", "***")
