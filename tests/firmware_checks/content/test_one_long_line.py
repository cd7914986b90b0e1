"""Files that are one long line, asked of every topic: none costs more than a second of the processor."""

import time
from collections.abc import Callable
from typing import Any

import pytest

MIB = 1 << 20
MOST_S = 1.0
SMALL = (
    "etc/passwd",
    "etc/init.d/S1",
    "etc/a.xml",
    "etc/config/wireless",
    "www/cgi-bin/a.sh",
    "usr/bin/program",
)
LARGE = ("etc/a.xml", "usr/bin/program")
UNITS = (
    b"a",
    b" ",
    b"\xff",
    b"<!--",
    b"curl -k http://x.net/firmware ",
    b"sysupgrade -FFFF",
    b"eyJhbGciOiJIUzI1NiJ9.",
    b"-----BEGIN CERTIFICATE-----",
    b"-----BEGIN RSA PRIVATE KEY-----AAAA",
    b"AKIAQ7Q7Q7Q7Q7Q7Q7Q7",
    b"verify_ssl skip",
    b"OpenSSL 1.0.1",
)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(("size", "paths"), [(MIB, SMALL), (10 * MIB, LARGE)])
def test_one_line_of_the_same_words(
    size: int, paths: tuple[str, ...], unit: bytes, facts: Callable[..., list[Any]]
) -> None:
    facts({"etc/a": b"the search for all words is made when the first file comes"})
    line = (unit * (size // len(unit) + 1))[:size]
    for path in paths:
        before = time.thread_time()
        facts({path: line})
        assert time.thread_time() - before < MOST_S, path


def test_an_xml_whose_comments_do_not_end_is_read(facts: Callable[..., list[Any]]) -> None:
    """What no comment's end follows is no comment; what stands in one is no setting."""
    begins = b"<!--" * 100_000
    data = b'<!--<p password="Zaq1xsw2q"/>\n-->\n<p password="Kw8rtz5mn"/>\n' + begins
    (one,) = facts({"etc/a.xml": data})
    assert (one.secret, one.line) == ("Kw8rtz5mn", 3)


def test_far_inside_a_large_text_the_line_is_not_counted(facts: Callable[..., list[Any]]) -> None:
    """500 hits in 64 MiB of text took eight seconds of counting."""
    hit = b"fetch http://updates.maker.net/firmware/update.bin\n"
    filler = b"nothing of interest\n" * (20 * MIB // 20 // 100)
    near = [f for f in facts({"usr/share/a": hit}) if getattr(f, "line", 0)]
    assert near, "near the beginning it is"
    data = b"".join(hit + filler for _ in range(100))
    before = time.thread_time()
    found = facts({"usr/share/a": data})
    assert time.thread_time() - before < MOST_S
    assert found
