"""Names and lines that were made to cost time: what is asked of each name takes a time that grows with its length."""

import time
from collections.abc import Callable

import pytest

from firmware_checks.content import accounts, files, kernel, startup

LONG = 60_000
"""Characters. What tries again at each of them needs seconds here, what does not a few milliseconds."""
MOST_S = 0.1
"""Of the processor for one name."""
ASKED: dict[str, Callable[[str], object]] = {
    "accounts": accounts._UNIX.match,
    "mosquitto": accounts._MOSQUITTO.search,
    "servers": accounts._server,
    "documentation": files.is_documentation,
    "kernel": kernel._PATH.search,
    "startup": startup._LINKED.search,
}
UNITS = (
    "a",
    "0",
    "/",
    "a/",
    "x/config/shadow",
    "/lib",
    "pass",
    "mosquitto/",
    "users.a",
    ".htpasswd",
)
BEGINS = ("", "/mosquitto/", "config-0.", "/etc/rc0.d/S", "/lib/", "lighttpd/")


@pytest.mark.parametrize("asked", ASKED)
def test_a_name_of_any_length_costs_no_more_than_its_length(asked: str) -> None:
    ask = ASKED[asked]
    for begin in BEGINS:
        for unit in UNITS:
            name = begin + unit * (LONG // len(unit)) + "/!"
            before = time.thread_time()
            ask(name)
            assert time.thread_time() - before < MOST_S, (begin, unit)


@pytest.mark.parametrize(
    ("path", "root"),
    [("etc/passwd", None), ("a/b/etc/shadow", "a/b"), ("config/passwd", None), ("xetc/passwd", 0)],
)
def test_where_the_accounts_of_a_tree_are(path: str, root: str | int | None) -> None:
    found = accounts._UNIX.match(path)
    assert (found[1] if found else 0) == root


def test_examples_below_a_folder_of_code_at_any_depth() -> None:
    for path in (
        "usr/lib/python3/tests/a.py",
        "lib/test/x",
        "src/a/b/examples/c",
        "share/lib/test/x",
    ):
        assert files.is_documentation(path), path
    for path in ("opt/tests/a.py", "tests/lib/a.py", "usr/lib/tests", "usr/mylib/tests/a"):
        assert not files.is_documentation(path), path
