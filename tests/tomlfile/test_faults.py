"""Every fault of a TOML file is one clear line with file, line, key and a way out; never a traceback."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe import registry
from probe.errors import ProbeError
from probe.model.finding import Owner
from probe.tomlfile import (
    FileFault,
    read_catalogue,
    read_check,
    read_declaration,
    read_plan,
)
from probe.tomlfile.source import places

ROOT = registry.HERE.parent
EXAMPLE = ROOT / "docs" / "declaration-example.toml"
SHIPPED = [
    EXAMPLE,
    *sorted(registry.HERE.glob("*/*.toml")),
    *sorted(registry.HERE.glob("checks/*/*.toml")),
]
READERS: list[Callable[[Path], Any]] = [read_catalogue, read_check, read_declaration, read_plan]

CATALOGUE = """\
[catalogue]
id = "x"
title = "X"
edition = "1"
publisher = "P"
published = "2026"
note = ""
sources = []

[[requirement]]
id = "A-1"
title = "First"
level = "M"
mandatory = true
check = [
    { check = "tls/old_versions", strength = "partial" },
    { check = "tls/weak_suites", strength = "full", requires = { n = 1 } },
]

[[requirement]]
id = "A-2"
title = "Second"
level = "R"
mandatory = false
part_of = "A-1"
"""
CHECK = """\
question = "Is it?"
why = "w"
fix = "f"
plain_risk = "p"
severity = "high"
effort = "days"
observes = ["PortScan", "Declaration"]
limitations = ["l"]
"""
PLAN = """\
summary = "s"
catalogues = ["psti"]
tcp_ports = "1-1024,8080"

[gentleness]
packets_per_s = 20
"""
DECLARATION = """\
product = "Camera"
applies_to = ["02-00-5E-10-00-01"]

[[service]]
transport = "tcp"
port = 80

[support]
end = 2031-12-31

[[manual]]
catalogue = "*"
requirement = "5.1-1"
result = "pass"
by = "A"
on = "2026-01-02"
note = ""
"""


def fault(read: Callable[[Path], Any], text: str | bytes, tmp_path: Path) -> FileFault:
    path = tmp_path / "faulty.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FileFault) as caught:
        read(path)
    return caught.value


@pytest.mark.parametrize(
    ("read", "text", "old", "new", "line", "said", "hint"),
    [
        (read_catalogue, CATALOGUE, 'title = "First"', 'titel = "First"', 12, "titel: unknown key", "'title'"),
        (read_catalogue, CATALOGUE, "mandatory = true", 'mandatory = "yes"', 14, "mandatory: text where true or false", "true or false"),
        (read_catalogue, CATALOGUE, '"partial"', '"partly"', 16, "requirement A-1, check 1, strength: 'partly'", "'partial'"),
        (read_catalogue, CATALOGUE, "n = 1", 'n = "1"', 17, "check 2, requires, n: text where a whole number", "without quotes"),
        (read_catalogue, CATALOGUE, '"tls/weak_suites"', '"tls/old_versions"', 17, "twice", "one of the two"),
        (read_catalogue, CATALOGUE, 'id = "A-2"', 'id = "A-1"', 20, "this requirement is there twice", "one of the two"),
        (read_catalogue, CATALOGUE, 'level = "R"\n', "", 20, "the key 'level' is missing", "level"),
        (read_catalogue, CATALOGUE, 'part_of = "A-1"', 'part_of = "B"', 25, "part_of: unknown requirement", "this file"),
        (read_catalogue, CATALOGUE, "[catalogue]", "[catalog]", 1, "catalog: unknown table", "[catalogue]"),
        (read_catalogue, CATALOGUE, 'id = "A-2"', 'id = "A-2"\nlike = "A-1"', 22, "like: unknown requirement", "Possible"),
        (read_check, CHECK, '"high"', '"hihg"', 5, "severity: 'hihg'", "'high'"),
        (read_check, CHECK, '"PortScan"', '"PortScans"', 7, "observes 1: 'PortScans'", "'PortScan'"),
        (read_check, CHECK, 'observes = ["PortScan", "Declaration"]', 'observes = "PortScan"', 7, "text where a list", "[ … ]"),
        (read_check, CHECK, 'fix = "f"', 'fix = "f"\nid = "a/b"', 4, "id: unknown key", "fix"),
        (read_plan, PLAN, "1-1024,8080", "1-70000", 3, "tcp_ports: '1-70000' is not within", "quick"),
        (read_plan, PLAN, "1-1024,8080", "fulll", 3, "tcp_ports: 'fulll' is not a port", "full"),
        (read_plan, PLAN, "packets_per_s = 20", "packets_per_s = inf", 6, "not a finite number", "number"),
        (read_plan, PLAN, "packets_per_s = 20", "packets_per_s = -1", 6, "not between", "limits"),
        (read_plan, PLAN, "packets_per_s", "packet_per_s", 6, "gentleness, packet_per_s: unknown key", "'packets_per_s'"),
        (read_declaration, DECLARATION, "[[service]]", "[[services]]", 4, "services: unknown key", "'service'"),
        (read_declaration, DECLARATION, "port = 80", "port = 80000", 6, "service 1, port: not within", "port number"),
        (read_declaration, DECLARATION, "port = 80", "port = true", 6, "true or false where a whole number", "whole"),
        (read_declaration, DECLARATION, '"02-00-5E-10-00-01"', '"the kitchen"', 2, "neither an IP nor a MAC", "02:00"),
        (read_declaration, DECLARATION, "2031-12-31", '"end of 2031"', 9, "support, end: 'end of 2031' is not a date", "YYYY"),
        (read_declaration, DECLARATION, "2031-12-31", "2031-12-31T00:00:00Z", 9, "a date or time where text", "quotes"),
        (read_declaration, DECLARATION, '"pass"', '"passed"', 14, "manual 1, result: 'passed'", "'pass'"),
        (read_declaration, DECLARATION, '"A"', '"A\\u001b[31m"', 15, "control character", "Remove"),
        (read_declaration, DECLARATION, "[support]\n", "[support]\nend = 1\n", 10, "not TOML", "Correct"),
    ],
)  # fmt: skip
def test_a_fault_is_named_where_it_is(
    read: Callable[[Path], Any],
    text: str,
    old: str,
    new: str,
    line: int,
    said: str,
    hint: str,
    tmp_path: Path,
) -> None:
    assert old in text
    sound = tmp_path / "sound.toml"
    sound.write_text(text)
    read(sound)
    problem = fault(read, text.replace(old, new, 1), tmp_path)
    assert f"faulty.toml:{line}: " in problem.what
    assert said in problem.what
    assert hint in problem.next_step
    assert problem.owner is Owner.OPERATOR


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x7fELF\x02\x01\x01\x00\xff\xfe", "not UTF-8"),
        (b"\x00\x01\x02", "not TOML"),
        (b"product = \n", "not TOML"),
        (b"a = 1\nb = [1, 2\n", "not TOML"),
        (b"a = " + b"[" * 100_000, "nested too deeply"),
        (b"a = " + b"9" * 10_000, "not TOML"),
        (b"#" * (5 * 1024 * 1024), "larger than"),
        ("\ufeffproduct = 'x'".encode(), "not TOML"),
    ],
)
def test_garbage_is_one_clear_line(
    read: Callable[[Path], Any], content: bytes, said: str, tmp_path: Path
) -> None:
    problem = fault(read, content, tmp_path)
    assert said in problem.what
    assert "\n" not in str(problem)
    assert len(str(problem)) < 600


@pytest.mark.parametrize("read", READERS)
def test_what_is_not_a_file_is_refused_at_once(read: Callable[[Path], Any], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, said in (
        (tmp_path / "none.toml", "no such file"),
        (tmp_path, "not a regular file"),
        (tmp_path / "pipe", "not a regular file"),
        (Path("/dev/zero"), "not a regular file"),
        (tmp_path / "nul\0.toml", "cannot be read"),
        (tmp_path / ("n" * 300), "cannot be read"),
        (EXAMPLE / "below", "cannot be read"),
    ):
        with pytest.raises(FileFault, match=said):
            read(path)


def test_all_faults_are_counted_and_kept(tmp_path: Path) -> None:
    text = DECLARATION.replace("port = 80", "port = 0").replace('"pass"', '"ok"')
    problem = fault(read_declaration, text.replace("port = 0", "prot = 0"), tmp_path)
    assert [f.line for f in problem.faults] == [6, 14]
    assert "(1 more fault in this file)" in problem.what


def test_a_fault_in_a_shipped_file_is_the_tools_doing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.tomlfile.source.PACKAGE", tmp_path)
    assert fault(read_plan, "x = 1", tmp_path).owner is Owner.TOOL


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_no_bytes_make_a_traceback(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "random.toml"
    path.write_bytes(raw)
    for read in READERS:
        with pytest.raises(ProbeError) as caught:
            read(path)
        assert str(caught.value).isprintable()


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_no_slip_of_the_pen_makes_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    read, text = data.draw(
        st.sampled_from(
            [(read_catalogue, CATALOGUE), (read_check, CHECK), (read_plan, PLAN), (read_declaration, EXAMPLE.read_text())]
        )
    )  # fmt: skip
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 12))
    put = data.draw(st.sampled_from(["", '"', "'", "[", "]", "{", "=", "\n", "1", "true", '"""', "[[a]]\n", "x.y", "\\", "#", "é\u202e", "-1", "inf", "{}", "[]"]))  # fmt: skip
    path = tmp_path_factory.getbasetemp() / "slip.toml"
    path.write_text(text[:start] + put + text[start + length :])
    problem: FileFault | None = None
    try:
        read(path)
    except FileFault as caught:
        problem = caught
    if problem is not None:
        assert problem.faults[0].line <= text.count("\n") + 3
        assert str(path) in problem.what
        assert problem.next_step
        assert str(problem).isprintable()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_places_are_where_the_keys_are(path: Path) -> None:
    import tomllib

    text = path.read_text()
    lines, values = text.splitlines(), tomllib.loads(text)
    found = places(text)
    for place, line in found.items():
        value: Any = values
        for part in place:
            value = value[part]
        last = place[-1]
        assert (last if isinstance(last, str) else str(place[-2])) in lines[line - 1] or lines[
            line - 1
        ].lstrip().startswith("{")
    assert {p[0] for p in found} == set(values)


def test_places_of_awkward_but_valid_toml() -> None:
    text = (
        'a."b.c".d = 1 # x = 2\n'
        "text = '''\n[not] = a table\n'''\n"
        'more = """\n\\"""[[no]]\n"""\n'
        "list = [ # comment ]\n  [1, 2], { k = ']' },\n  { k = 2 }\n]\n"
        "[t.u]\nx = 1\n[[t.v]]\n[[t.v]]\n[t.v.w]\ny = 1\n"
    )
    assert places(text) == {
        ("a", "b.c", "d"): 1,
        ("text",): 2,
        ("more",): 5,
        ("list",): 8,
        ("list", 0): 9,
        ("list", 1): 10,
        ("t", "u"): 12,
        ("t", "u", "x"): 13,
        ("t", "v"): 14,
        ("t", "v", 0): 14,
        ("t", "v", 1): 15,
        ("t", "v", 1, "w"): 16,
        ("t", "v", 1, "w", "y"): 17,
    }
