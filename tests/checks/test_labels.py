"""How passwords of labels are compared: what chance makes is not called a relation, what a recipe makes is."""

import hashlib
import random
import string
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probe.checks.access.labels import derived, distance, shape, step, word
from probe.model.declaration import UnitLabel

MAC = "02:00:5e:12:34:56"
SERIAL = "SN40012231"


def label(password: str, mac: str = MAC, serial: str = SERIAL) -> UnitLabel:
    return UnitLabel(password=password, mac=mac, serial=serial, ssid="home-AB12")


@pytest.mark.parametrize(
    ("password", "how"),
    [
        ("02005e123456", "the whole of the MAC"),
        ("123456", "the last 6 characters of the MAC"),
        ("5E123456", "the last 8 characters of the MAC"),
        ("wifi3456", "contains the last 4 characters of the MAC"),
        ("654321", "reversed"),
        ("02005e123457", "a neighbour"),
        (SERIAL.lower(), "the whole of the serial"),
        ("40012231", "the last 8 characters of the serial"),
        (
            hashlib.sha256(b"02:00:5e:12:34:56").hexdigest()[-12:],
            "SHA256 in hexadecimal of the MAC",
        ),
        (hashlib.md5(bytes.fromhex("02005e123456")).hexdigest()[:8].upper(), "MD5"),
        (f"{zlib.crc32(SERIAL.encode()):08x}", "CRC-32 in hexadecimal of the serial"),
        (str(int(hashlib.sha1(SERIAL.encode()).hexdigest(), 16))[-8:], "SHA1 in decimal digits"),
    ],
)
def test_each_recipe_is_found(password: str, how: str) -> None:
    found = derived(label(password)).lower().replace("-", "").replace("_", "")
    assert how.lower().replace("-", "") in found


def test_chance_makes_no_relation() -> None:
    draw = random.Random(7)
    letters = string.ascii_letters + string.digits
    hits = sum(bool(derived(label("".join(draw.choices(letters, k=10))))) for _ in range(2000))
    assert hits == 0
    digits = sum(
        bool(derived(label("".join(draw.choices(string.digits, k=8))))) for _ in range(2000)
    )
    assert digits <= 4  # four digits of an identifier within eight


def test_numbers_that_follow_each_other() -> None:
    assert step(label("cam-0017"), label("cam-0018")) == (1, 3e-4)
    assert step(label("a1f0"), label("a1f1")) is not None
    far = step(label("10000000"), label("90000000"))
    assert far
    assert far[1] > 0.5
    assert step(label("abc-1"), label("xyz!")) is None


def test_the_shape_is_what_varies() -> None:
    seen = shape((label("cam-4812-x"), label("cam-9377-x")))
    assert (seen.prefix, seen.suffix, seen.varying, seen.called) == (4, 2, 4, "digits")
    assert 13.2 < seen.bits < 13.4


@pytest.mark.parametrize("password", ["admin", "Password1", "c4mera99", "sunshine!"])
def test_words(password: str) -> None:
    assert word(label(password))
    assert not word(label("kX7rT2mQw9"))


TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=24)


@example("", "", "00000000000G")
@given(TEXT, TEXT, TEXT)
def test_nothing_that_is_printed_breaks_the_comparison(a: str, b: str, mac: str) -> None:
    one, other = label(a, mac=mac, serial=b), label(b, serial=a)
    for each in (one, other):
        derived(each)
        word(each)
    step(one, other)
    seen = shape((one, other))
    assert 0 <= seen.varying <= seen.shortest
    assert distance(a, b) == distance(b, a)
    assert (distance(a, b) == 0) == (a == b)
