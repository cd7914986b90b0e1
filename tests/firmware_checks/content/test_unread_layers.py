"""Whatever cannot be read, no check concludes that something is absent: no false clean by a layer lost.

One image is an archive that holds three, each with files of its own; by turns one of them is replaced by bytes
that nobody can read, is cut short, or its facts are taken away. A check may lose a violation by that; what it
may never do is end as satisfied or not applicable, unless it did so without any files.
"""

import dataclasses
import gzip
import hashlib
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passlib.hash import sha512_crypt

from firmware_checks.content import accounts
from firmware_checks.content.hidden import hidden
from firmware_checks.content.passwords import Cracker
from firmware_checks.view import View
from probe import registry
from probe.model.device import image_device
from probe.model.dut import Dut
from probe.model.finding import Outcome
from probe.model.firmware import ImageLayer, ImageSurvey, LayerKind
from tests.firmware_checks.conftest import examined as examine
from tests.firmware_checks.content.planted import archive, plants
from tests.firmware_checks.content.test_planted import answers

Examine = Callable[..., Any]
RANK = (Outcome.VIOLATED, Outcome.ERROR, Outcome.INCONCLUSIVE, Outcome.SATISFIED, Outcome.NOT_APPLICABLE)  # fmt: skip
CLEAN = (Outcome.SATISFIED, Outcome.NOT_APPLICABLE)


TEXT = "".join(f"service{n} {n}/tcp # {n * 7919}\n" for n in range(2000)).encode()


def third(number: int, *, bad: bool) -> bytes:
    chosen = [p for index, p in enumerate(plants()) if index % 3 == number]
    # Enough of ordinary text that what is spoilt of it is no trifle.
    return archive({p.path: p.bad if bad else p.good for p in chosen} | {"etc/services": TEXT})


def worst(done: Any) -> dict[str, Outcome]:
    """The worst answer of each check."""
    found: dict[str, Outcome] = {}
    for check, answer in answers(done):
        found[check] = min(found.get(check, answer.outcome), answer.outcome, key=RANK.index)
    return found


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "random": lambda data: noise(len(data)),
    "cut": lambda data: data[: len(data) // 2],
    "beginning lost": lambda data: noise(64) + data[64:],
    "gzip cut": lambda data: gzip.compress(data)[:-200],
    "gzip damaged": lambda data: gzip.compress(data)[:150] + noise(len(data) // 3),
}


@pytest.mark.parametrize("bad", [True, False])
@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("how", SPOILED)
def test_a_layer_that_cannot_be_read_makes_nothing_clean(
    how: str, number: int, bad: bool, examined: Examine
) -> None:
    parts = {f"part{n}.img": third(n, bad=bad) for n in range(3)}
    whole = examined(archive(dict(parts)))
    assert not whole.survey.unread
    parts[f"part{number}.img"] = SPOILED[how](parts[f"part{number}.img"])
    before, after = worst(whole), worst(examined(archive(dict(parts))))
    assert not [check for check, outcome in after.items() if outcome in CLEAN]
    assert not [c for c in after if before[c] is Outcome.INCONCLUSIVE and after[c] in CLEAN]


@given(
    bad=st.booleans(),
    at=st.integers(0, 100),
    told=st.sampled_from(["unread", "counted", "no survey"]),
)
@settings(max_examples=60, deadline=None)
def test_facts_that_are_lost_make_nothing_clean(bad: bool, at: int, told: str) -> None:
    """Any one layer with all that is in it, taken out of the facts; the survey says so in one of three ways."""
    data = archive({f"part{n}.img": third(n, bad=bad) for n in range(3)})
    done = examine(data)
    places = [layer.place for layer in done.all(ImageLayer)]
    place = places[at % len(places)]
    kept = [
        o
        for o in done.observations
        if not (o.fact.place == place or o.fact.place.startswith(f"{place}/"))
        or isinstance(o.fact, ImageSurvey)
    ]
    if told == "no survey":
        kept = [o for o in kept if not isinstance(o.fact, ImageSurvey)]
    if told == "unread":
        kept = [_unread(o, place, kept) for o in kept]
    dut = Dut(image_device(hashlib.sha256(data).hexdigest(), "x"), tuple(kept))
    for check in registry.checks():
        if check.startswith("firmware/"):
            found = [a.outcome for a in registry.check_function(check)(dut)]
            assert set(found) - set(CLEAN), (check, place, told)


def _unread(observation: Any, place: str, kept: list[Any]) -> Any:
    if not isinstance(observation.fact, ImageSurvey):
        return observation
    counted = Counter(type(o.fact).__name__ for o in kept if o is not observation)
    fact = dataclasses.replace(
        observation.fact,
        unread=(f"{place} part: 5000 bytes encrypted or compressed",),
        recorded=tuple(sorted(counted.items())),
    )
    return dataclasses.replace(observation, fact=fact)


UNREAD_FILES = {
    "etc/shadow": b"root:*:1::::::\n" + b"x:*:1:\n" * 200_000,
    "etc/passwd": b"\0root:x:0:0::/:/bin/sh\n",
    "etc/inittab": b"#\n" * 200_000,
    "etc/lighttpd/lighttpd.user": b"# \n" * 400_000,
    "root/.ssh/authorized_keys": b"# \n" * 400_000,
    "etc/nvram.default": b"a=1\n" * 300_000,
    "etc/hostapd.conf": b"# \n" * 400_000,
    "etc/snmp/snmpd.conf": b"# \n" * 400_000,
    "etc/app.json": b'{"a":1}\n' * 150_000,
    "www/cgi-bin/a.sh": b"# \n" * 100_000,
    "etc/a.conf": b"curl x \n" * 120_000,
    "etc/b.txt": b"AKIAAAAAAAAAAAAAAAAA\n" * 600,
    "etc/c.txt": b"-----BEGIN PRIVATE KEY-----\n" * 600,
    "etc/d.txt": b"http://a.test/firmware\n" * 900,
}


@pytest.mark.parametrize("path", UNREAD_FILES)
def test_a_file_over_a_limit_makes_nothing_clean(path: str, examined: Examine) -> None:
    done = examined(archive({path: UNREAD_FILES[path], "etc/hosts": b"a\n"}))
    assert any(path in said for said in done.survey.unread)
    assert not [check for check, outcome in worst(done).items() if outcome in CLEAN]


@pytest.mark.parametrize(
    "secret",
    ["$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7", "$z9$unknown$kind", "{XX}abcdefgh", "$6$rounds=99999999$aaaa$" + "b" * 86],
)  # fmt: skip
def test_a_hash_that_is_not_tried_is_not_clean(secret: str, examined: Examine) -> None:
    files = {"etc/passwd": b"root:x:0:0::/:/bin/sh\n", "etc/shadow": f"root:{secret}:1:::::\n"}
    done = examined(archive({k: v.encode() if isinstance(v, str) else v for k, v in files.items()}))
    assert worst(done)["default_accounts"] is Outcome.INCONCLUSIVE
    assert worst(done)["password_hashes"] is Outcome.VIOLATED


def test_an_encrypted_layer_is_not_clean(examined: Examine) -> None:
    done = examined(archive({"rootfs.enc": noise(9000), "etc/hosts": b"a\n"}))
    assert {layer.kind for layer in done.all(ImageLayer)} == {LayerKind.ARCHIVE}
    assert not [check for check, outcome in worst(done).items() if outcome in CLEAN]


@pytest.mark.parametrize(
    ("path", "data", "told"),
    [
        ("update/app.bin", noise(5000), True),
        ("lib/firmware/wifi.bin", noise(5000), False),
        ("www/logo.png", b"\x89PNG\r\n\x1a\n" + noise(5000), False),
        ("www/app.js.br", noise(5000), False),
        ("rootfs.img", b"\1\2\3\0" * 2000, True),
        ("etc/table.dat", b"\1\2\3\0" * 2000, False),
        ("lib/firmware/rootfs.img", noise(5000), True),
        ("lib/firmware/wifi.bin", b"\1\2\3\0" * 2000, False),
        ("opt/firmware_v2.bin", b"\1\2\3\0" * 2000, True),
        ("data/ota/app.bin", b"\1\2\3\0" * 2000, True),
        ("usr/lib/udev/hwdb.bin", b"\1\2\3\0" * 2000, False),
        ("org/Kernel32.class", b"\xca\xfe\xba\xbe" * 2000, False),
        ("boot/uimage.txt", b"text\n" * 2000, False),
    ],
)
def test_what_counts_as_hidden(path: str, data: bytes, told: bool) -> None:
    assert bool(hidden(path, View(data))) is told


def test_passwords_for_which_time_was_up_are_not_clean(
    examined: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "Cracker", lambda: Cracker(0.0))
    hashed = sha512_crypt.using(rounds=5000).hash("of-no-list-41")
    files = {"etc/passwd": b"root:x:0:0::/:/bin/sh\n", "etc/shadow": f"root:{hashed}:1::".encode()}
    done = examined(archive(dict(files)))
    (one,) = [a for c, a in answers(done) if c == "default_accounts"]
    assert one.outcome is Outcome.INCONCLUSIVE
    assert "time was up after 0 of" in one.summary


@pytest.mark.parametrize(
    "word", [b"a", b"password", b"a.", b"secret_", b"A1-", b"x=", b"/bin/sh -"]
)
def test_a_line_of_one_word_costs_nothing(word: bytes, facts: Any) -> None:
    """Short enough to be read by every topic: a pattern with nested repeats would need minutes."""
    line = (word * 2000)[:2000] + b"\n"
    paths = (
        *UNREAD_FILES,
        "etc/opkg.conf",
        "etc/config/cwmp",
        "sbin/up.sh",
        "www/a.php",
        "boot/config-1",
    )
    begin = time.process_time()
    facts(dict.fromkeys(paths, b"#!/bin/sh\n" + line * 20))
    assert time.process_time() - begin < 2


def test_what_begins_inside_a_file_of_no_known_format_is_read(examined: Examine) -> None:
    """A header of the maker's own, or a damaged beginning: low entropy, and a name that says nothing."""
    inner = archive({"etc/inittab": b"::respawn:/bin/sh\n", "etc/services": TEXT})
    head = b"\1\2\3\0" * 600
    done = examined(archive({"opt/part1": head + inner, "etc/hosts": b"a\n"}))
    found = [a.subject for c, a in answers(done) if c == "console_login"]
    assert any("etc/inittab" in subject for subject in found)
    assert any("opt/part1" in said for said in done.survey.unread)
    without = examined(archive({"opt/part1": head * 20, "etc/hosts": b"a\n"}))
    assert not without.survey.unread
    assert len(without.all(ImageLayer)) == 1


def test_parts_that_are_not_listed_are_parts_of_the_whole_image() -> None:
    """A judgement of the layer that holds all the listed ones does not cover what the list leaves out."""
    done = examine(archive({f"opt/{n}.img": noise(4096 + n) for n in range(230)}))
    unread = done.survey.unread
    assert len(unread) == 201
    assert unread[-1].startswith("0 ")
    assert unread[-1].endswith("and more parts, which are not listed")
