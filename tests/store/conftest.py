"""A genuine PostgreSQL server on a socket of its own, for the stores of a laboratory of many probes."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The folder of the server's socket. It refuses to run as root, so root lends it another user."""
    if not SERVERS:
        pytest.skip("PostgreSQL is not installed (Debian package postgresql)")
    programs, home = SERVERS[-1], tempfile.mkdtemp(prefix="probe-pg-")
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    shutil.chown(home, user)
    other = {"user": user} if os.geteuid() == 0 else {}
    make = [programs / "initdb", "-D", f"{home}/data", "-A", "trust", "-U", "tester", "-E", "UTF8"]
    subprocess.run([*make, "--no-sync"], check=True, capture_output=True, cwd="/", **other)
    settings = {"listen_addresses": "", "unix_socket_directories": home, "fsync": "off"}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    process = subprocess.Popen(
        [programs / "postgres", "-D", f"{home}/data", *options],
        stderr=subprocess.DEVNULL,
        cwd="/",
        **other,
    )
    ready = [programs / "pg_isready", "-q", "-h", home, "-t", "30"]
    try:
        for _ in range(100):
            if subprocess.run(ready, check=False, cwd="/").returncode == 0:
                break
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                pass
        yield home
    finally:
        process.send_signal(signal.SIGINT)  # at once, and not when the last connection is gone
        process.wait(20)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def empty_database(server: str) -> Callable[[], str]:
    """Makes the URL of a fresh database."""
    import psycopg

    def made() -> str:
        name = f"probe_{uuid.uuid4().hex[:12]}"
        url = f"postgresql:///{{}}?host={server}&user=tester"
        with psycopg.connect(url.format("postgres"), autocommit=True) as db:
            db.execute(f'CREATE DATABASE "{name}"')
        return url.format(name)

    return made


@pytest.fixture(params=["sqlite", "postgresql"])
def location(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Where a store may be: a folder, or a database on a server."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    if request.param == "sqlite":
        return str(tmp_path)
    url: str = request.getfixturevalue("empty_database")()
    return url
