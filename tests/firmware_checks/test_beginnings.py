"""Both ways to search for magics say the same; bytes that are nothing but magics do not take long."""

import random
import time

from firmware_checks import guess
from firmware_checks.formats import found
from firmware_checks.view import View


def magics() -> tuple[bytes, ...]:
    rows = (magic for one in found() if one.searched for magic, _ in one.anchors)
    return tuple(dict.fromkeys(rows))


def test_one_pass_finds_what_one_by_one_does() -> None:
    chance = random.Random(1)
    data = bytearray(chance.randbytes(300_000))
    for magic in magics() * 3:
        at = chance.randrange(len(data) - 64)
        data[at : at + len(magic)] = magic
    view = View(bytes(data))
    wanted = guess._one_by_one(view, magics())
    assert sum(map(len, wanted.values())) > len(magics())
    assert guess._compiled(magics())(view) == wanted


def test_a_magic_across_the_border_of_two_windows() -> None:
    magic = magics()[0]
    search = guess._compiled(magics())
    for before in range(4090, 4097):
        view = View(bytes(before) + magic + bytes(100))
        window, guess.WINDOW = guess.WINDOW, 4096
        try:
            assert search(view)[magic] == [before]
        finally:
            guess.WINDOW = window


def test_nothing_but_magics() -> None:
    view = View(magics()[0] * (16 << 18))
    before = time.monotonic()
    assert len(guess._compiled(magics())(view)[magics()[0]]) == guess.MOST_BEGINNINGS
    assert time.monotonic() - before < 5
