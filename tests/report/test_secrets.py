"""Passwords stay out of every format unless they are asked for."""

import base64

import pytest
import report_sample
from report_sample import BASIC, PASSWORD

from probe.model.dut import Seen
from probe.model.evidence import EvidenceRef
from probe.model.firmware import ImageSecret
from probe.report import FORMATS
from probe.report.masks import Masks
from probe.report.secrets import bytes_mask, masked, text_mask


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_shows_the_password(name: str) -> None:
    out = FORMATS[name](report_sample.view())
    for form in (PASSWORD.encode(), b"Sommer2019%21", BASIC, b"Sommer2019"):
        assert form not in out


def test_the_switch_shows_it() -> None:
    out = FORMATS["html"](report_sample.view(secrets=True))
    assert PASSWORD.encode() in out
    assert b"Sommer2019%21" in out
    assert b"contains passwords in the clear" in out


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("accepted admin:hunter2 twice", "accepted admin:h*** twice"),
        ("accepted admin / hunter2", "accepted admin / h***"),
        ("the password 'hunter2' was accepted", "the password 'h***' was accepted"),
        ("password is hunter2.", "password is h***."),
        ("it took hunter2", "it took h***"),
        ("hunter22 is another word", "hunter22 is another word"),
    ],
)
def test_sentences_are_masked(text: str, shown: str) -> None:
    assert text_mask([("admin", "hunter2")])(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("The user admin may log in.", "The user admin may log in."),
        ("accepted admin:admin", "accepted admin:a***"),
        ("let 'admin' in", "let 'admin' in"),
        ("community admin answered", "community a*** answered"),
        ("port 1234 is open", "port 1234 is open"),
    ],
)
def test_ordinary_words_stay_readable(text: str, shown: str) -> None:
    assert text_mask([("admin", "admin"), ("", "1234")])(text) == shown


@pytest.mark.parametrize(
    "written",
    [
        b"PASS p@ss/w",
        b"password=p%40ss%2Fw",
        b'{"password": "p@ss/w"}',
        base64.b64encode(b"\0root\0p@ss/w"),
        base64.b64encode(b"root:p@ss/w"),
        "p@ss/w".encode("utf-16-le"),
    ],
)
def test_recorded_bytes_are_masked_in_every_writing(written: bytes) -> None:
    hidden = bytes_mask([("root", "p@ss/w")])(b"before " + written + b" after")
    assert written not in hidden
    assert b"p***" in hidden
    assert hidden.startswith(b"before ")
    assert hidden.endswith(b" after")


def test_short_passwords_do_not_shred_the_evidence() -> None:
    mask = bytes_mask([("root", "1")])
    assert mask(b"HTTP/1.1 200 item 11, PASS 1\r\n") == b"HTTP/1***.1*** 200 item 11, PASS 1***\r\n"


def test_authorization_is_hidden_whoever_it_names() -> None:
    mask = bytes_mask([])
    assert mask(b"Authorization: Basic QTpC\r\nX: y") == b"Authorization: Basic ***\r\nX: y"
    digest = b'authorization: Digest username="a", response="0f"\r\n'
    assert mask(digest) == b"authorization: Digest ***\r\n"


def test_the_length_is_not_told() -> None:
    assert masked("ab") == masked("a much longer one") == "a***"
    assert masked("") == "(empty)"


@pytest.mark.parametrize(
    "page",
    [
        b'{"wpa_psk": "geheim1234"}',
        b"\toption psk 'geheim1234'\n",
        b"<wlanKey>geheim1234</wlanKey>",
        b'<input type=password name=p value="geheim1234">',
        b"-----BEGIN PRIVATE KEY-----\nMIIEgeheim1234AAAAAAAAAAAA\n-----END PRIVATE KEY-----",
    ],
)
def test_what_a_page_gave_away_is_not_passed_on(page: bytes) -> None:
    assert b"geheim1234" not in bytes_mask([])(page)


@pytest.mark.parametrize("page", [b"Enter your password: ", b"<b>Password</b>", b"secret = ***"])
def test_what_is_no_secret_stays(page: bytes) -> None:
    assert bytes_mask([])(page) == page


def test_a_secret_of_an_image_is_hidden_in_its_own_evidence_also_where_that_is_only_a_part() -> (
    None
):
    def secret(text: str, sha256: str) -> Seen[ImageSecret]:
        where = {"image": "i", "place": "0", "path": "etc/a", "kind": "token", "line": 1}
        return Seen(
            ImageSecret(**where, excerpt="***", secret=text),  # type: ignore[arg-type]
            (EvidenceRef(sha256=sha256),),
        )

    long = "eyJhbGciOiJIUzI1NiJ9." + "Ab3" * 400
    masks = Masks(images=[secret("1234", "a" * 64), secret(long, "b" * 64)])
    assert masks.bytes_of("a" * 64)(b"PIN=1234") == b"PIN=1***"
    assert masks.bytes_of("c" * 64)(b"year 1234") == b"year 1234", "an ordinary word elsewhere"
    assert long[50:80].encode() not in masks.bytes_of("b" * 64)(long[:600].encode())
    assert long.encode() not in masks.bytes_of("c" * 64)(b"t=" + long.encode())
    latin = Masks(images=[secret("gr\ufffd\ufffden77", "d" * 64)])
    assert latin.bytes_of("d" * 64)(b"key=gr\xfc\xdfen77") == b"key=g***"
    shown = Masks(images=[secret("1234", "a" * 64)], shown=True)
    assert shown.bytes_of("a" * 64)(b"PIN=1234") == b"PIN=1234"
