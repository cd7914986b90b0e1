"""The planted router image through all checks: every planted class is found at its line, and nothing else."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from firmware_checks.content import installers, web_pages
from probe import registry
from probe.model.device import image_device
from probe.model.dut import Dut
from probe.model.finding import Answer, Outcome
from tests.firmware_checks.content.planted import Plant, archive, plants

Examine = Callable[..., Any]


def answers(done: Any) -> Iterator[tuple[str, Answer]]:
    """Of every check on an image, with the check's name."""
    now = tuple(replace(o, at=time.time()) for o in done.observations)
    dut = Dut(image_device(done.survey.image, "router.bin"), now)
    for check in registry.checks():
        if check.startswith("firmware/"):
            yield from ((check[9:], answer) for answer in registry.check_function(check)(dut))


def violations(done: Any) -> dict[tuple[str, str], str]:
    """Check and path of what is wrong, with the sentence."""
    return {
        (check, answer.subject.removesuffix(" in layer 0")): answer.summary
        for check, answer in answers(done)
        if answer.outcome is Outcome.VIOLATED
    }


def expected(planted: tuple[Plant, ...]) -> dict[tuple[str, str], int]:
    return {(check, one.path): line for one in planted for check, line in one.found}


def test_every_planted_class_is_found_at_its_line_and_nothing_else(examined: Examine) -> None:
    found = violations(examined(archive({one.path: one.bad for one in plants()})))
    wanted = expected(plants())
    assert sorted(found) == sorted(wanted)
    for key, line in wanted.items():
        assert f"line {line}" in found[key] or not line, found[key]
    assert len({check for check, _ in wanted}) == 19


def test_the_twins_give_nothing(examined: Examine) -> None:
    done = examined(archive({one.path: one.good for one in plants()}))
    assert violations(done) == {}
    assert not done.survey.unread


@pytest.mark.parametrize("one", [p for p in plants() if p.found], ids=lambda p: p.path)
def test_each_one_alone(one: Plant, examined: Examine) -> None:
    """A finding does not hang on another file, but for the two that speak of each other."""
    files = {"etc/hosts": b"127.0.0.1 localhost\n", one.path: one.bad}
    if one.path.endswith(".crt"):
        key = one.path.replace(".crt", ".key")
        files[key] = next(p.bad for p in plants() if p.path == key)
    found = violations(examined(archive(files)))
    assert {(check, one.path) for check, _ in one.found} <= set(found)


def test_the_key_of_another_image_is_told(examined: Examine) -> None:
    key = next(p for p in plants() if p.path == "etc/ssl/server.key")
    mine, other = (
        examined(archive({"etc/ssl/server.key": key.bad, "etc/hosts": more}))
        for more in (b"a\n", b"b\n")
    )
    beside = Dut(image_device(other.survey.image, "camera.bin"), tuple(other.observations))
    device = image_device(mine.survey.image, "router.bin")
    dut = Dut(device, tuple(mine.observations), others=[beside])
    (one,) = registry.check_function("firmware/private_keys")(dut)
    assert "The same key is in camera.bin" in one.summary
    (alone,) = registry.check_function("firmware/private_keys")(
        Dut(device, tuple(mine.observations))
    )
    assert "same key" not in alone.summary


@pytest.mark.parametrize(
    ("line", "bad"),
    [
        ("usign -V -m /tmp/fw -P /etc/k || exit 1", False),
        ("openssl dgst -sha256 -verify /etc/k.pem -signature /tmp/s /tmp/fw", False),
        ("sha256sum -c /tmp/fw.sha256", True),
        ("true", True),
    ],
)
def test_what_is_written_after_which_check(line: str, bad: bool, facts: Any) -> None:
    text = f"#!/bin/sh\nwget https://a.test/x -O /tmp/fw\n{line}\nflashcp /tmp/fw /dev/mtd1\n"
    found = [one.kind for one in facts({"sbin/up": text.encode()}) if hasattr(one, "what")]
    assert found == [installers.SKIPPED] * bad
    assert not facts({"sbin/up": text.replace("wget https://a.test/x", "ls").encode()})


@pytest.mark.parametrize(
    ("path", "line", "bad"),
    [
        ("www/a.php", "shell_exec(\"ls $_POST[x]\");", True),
        ("www/a.php", "$this->exec($_GET['x']);", False),
        ("www/a.php", "// system($_GET['x']);", False),
        ("www/cgi-bin/a", "sh -c \"$QUERY_STRING\"", True),
        ("www/cgi-bin/a", "eval \"$SETTINGS\"", False),
        ("www/a.lua", "os.execute('ping ' .. http.formvalue('h'))", True),
        ("www/a.py", "os.system('ping ' + request.args['h'])", True),
        ("opt/a.php", "system($_GET['x']);", False),
    ],
)  # fmt: skip
def test_commands_from_a_request(path: str, line: str, bad: bool, facts: Any) -> None:
    found = [one.kind for one in facts({path: f"x\n{line}\n".encode()})]
    assert found == [web_pages.KIND] * bad


def test_accounts_that_are_a_link_elsewhere_are_not_known(examined: Examine) -> None:
    done = examined(archive({"etc/passwd": "->/tmp/passwd", "etc/hosts": b"a\n"}))
    (one,) = [a for c, a in answers(done) if c == "default_accounts"]
    assert one.outcome is Outcome.INCONCLUSIVE
    assert "/tmp/passwd" in one.summary
