"""The protocol parts alone: known answers, and no input that makes them raise what nobody awaits."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.access.attempt import Credential
from probe.collect.access.protocols import mqtt_codec
from probe.collect.access.protocols.telnet_codec import TelnetCodec
from probe.collect.access.protocols.telnet_text import Prompt, prompt_at_end
from probe.collect.access.protocols.web.auth import Challenge, basic, challenges, digest
from probe.collect.access.protocols.web.forms import Page, says_no
from probe.collect.answers import NoAnswer

# --- HTTP authentication -------------------------------------------------------------------------

RFC7616 = {
    "realm": "http-auth@example.org",
    "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    "qop": "auth, auth-int",
}


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_digest_gives_the_values_of_rfc_7616(algorithm: str, response: str) -> None:
    challenge = Challenge("digest", {**RFC7616, "algorithm": algorithm})
    who = Credential("Mufasa", "Circle of Life")
    nonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    value = digest(challenge, who, "GET", "/dir/index.html", nonce)
    assert f'response="{response}"' in value
    assert "qop=auth, nc=00000001" in value


def test_digest_without_qop_is_that_of_rfc_2069() -> None:
    # The corrected example value, see RFC 2069 errata 749.
    challenge = Challenge(
        "digest", {"realm": "testrealm@host.com", "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093"}
    )
    value = digest(challenge, Credential("Mufasa", "CircleOfLife"), "GET", "/dir/index.html", "x")
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in value


def test_an_unknown_algorithm_is_no_answer() -> None:
    with pytest.raises(NoAnswer):
        digest(Challenge("digest", {"algorithm": "ROT13"}), Credential("a", "b"), "GET", "/", "x")


def test_basic() -> None:
    assert basic(Credential("Aladdin", "open sesame")) == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


def test_several_challenges_in_one_header() -> None:
    found = challenges(('Digest realm="a, \\"b\\"", nonce=x, Basic realm="c"', "Negotiate"))
    assert [c.scheme for c in found] == ["digest", "basic", "negotiate"]
    assert found[0].parameters == {"realm": 'a, "b"', "nonce": "x"}


def test_a_challenge_that_cannot_be_read_is_marked() -> None:
    # lighttpd writes a realm with quotation marks like this.
    assert challenges(('Digest realm="a "cam"", nonce="x"',))[-1].scheme == ""


@given(st.lists(st.text(max_size=80), max_size=4))
def test_challenges_never_raise(values: list[str]) -> None:
    challenges(tuple(values))


# --- forms ---------------------------------------------------------------------------------------


def test_the_right_fields_are_filled() -> None:
    page = Page(
        "<form><input name=q></form>"
        "<form action=/go method=POST><input type=hidden name=t value='a&b'>"
        "<input name=Domain value=local><input name=User><input type=checkbox name=keep>"
        "<input type=checkbox name=eula checked><input type=password name=Pass>"
        "<button name=b1 value=1>OK</button><input type=submit name=b2 value=2></form>"
    )
    assert page.login is not None
    assert page.login.filled("me", "p w") == ("t=a%26b&Domain=local&User=me&eula=on&Pass=p+w&b1=1")


def test_a_form_to_change_a_password_is_no_login() -> None:
    page = Page("<form><input type=password name=old><input type=password name=new></form>")
    assert page.login is None


@pytest.mark.parametrize(
    ("body", "no"),
    [
        ('{"ok": false}', True),
        ('{"ok": true}', False),
        ('{"status": "fail"}', True),
        ('{"error": {"code": 1}}', True),
        ("[" * 100_000, False),
        ("<p>Wrong password</p>", True),
        ("<p>Welcome</p>", False),
    ],
)
def test_refusals_in_words(body: str, no: bool) -> None:
    assert says_no(body, Page(body)) is no


@given(st.text(max_size=300))
def test_pages_never_raise(text: str) -> None:
    page = Page("<form><input type=password name=p>" + text)
    for form in page.forms:
        form.filled("a", "b")
    says_no(text, page)


# --- Telnet --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("\r\nBusyBox v1.2\r\n(none) login: ", Prompt.LOGIN),
        ("Username:", Prompt.LOGIN),
        ("User Name : ", Prompt.LOGIN),
        ("login as: root\r\nPassword: ", Prompt.PASSWORD),
        ("root@cam's password: ", Prompt.PASSWORD),
        ("Last login: Mon\r\n\x1b[32mroot@cam\x1b[0m:~# ", Prompt.SHELL),
        ("~ $ ", Prompt.SHELL),
        ("router>", Prompt.SHELL),
        ("Last login: Mon May 4\r\n", Prompt.NONE),
        ("Password: \r\n", Prompt.PASSWORD),
        ("100% done\r\nplease wait", Prompt.NONE),
        ("", Prompt.NONE),
    ],
)
def test_prompts(text: str, prompt: Prompt) -> None:
    assert prompt_at_end(text) is prompt


def test_options_are_refused_but_echo() -> None:
    codec = TelnetCodec()
    text, reply = codec.feed(bytes([255, 251, 1, 255, 253, 24, 255, 253, 24]) + b"hi\xff\xff")
    assert text == b"hi\xff"
    assert reply == bytes([255, 253, 1, 255, 252, 24])
    assert codec.negotiated


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
def test_cutting_the_stream_changes_nothing(data: bytes, cuts: list[int]) -> None:
    whole = TelnetCodec().feed(data)
    codec, at = TelnetCodec(), 0
    text = reply = b""
    for cut in [*sorted(cuts), len(data)]:
        got = codec.feed(data[at : max(at, cut)])
        text, reply, at = text + got[0], reply + got[1], max(at, cut)
    assert (text, reply) == whole


# --- MQTT ----------------------------------------------------------------------------------------


def test_connect_bytes() -> None:
    assert mqtt_codec.connect("id", None) == bytes.fromhex("100e00044d5154540402001e00026964")
    with_user = mqtt_codec.connect("i", Credential("u", ""))
    assert with_user == bytes.fromhex("101200044d51545404c2001e0001690001750000")


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_packets_are_read_back(body: bytes, rest: bytes) -> None:
    got, left = mqtt_codec.parse(mqtt_codec.packet(0x30, body) + rest)
    assert got == mqtt_codec.Packet(3, body)
    assert left == rest


@given(st.binary(max_size=60))
def test_parse_raises_nothing_else(data: bytes) -> None:
    with contextlib.suppress(NoAnswer):
        mqtt_codec.parse(data)
