"""The dialogues before TLS: each yes, no and maybe of the protocols, and daemons that speak them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.services.signatures import recognise
from probe.collect.services.tcp_probes import PROBES
from probe.collect.tls.starttls import DIALOGUES, Refusal, Unclear

LDAP_NAME = b"1.3.6.1.4.1.1466.20037"
FEATURES = (
    b"<?xml version='1.0'?><stream:stream xmlns:stream='x'><stream:features>%s</stream:features>"
)
WITH_TLS = FEATURES % b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"


def ldap_result(code: int) -> bytes:
    body = b"\x0a\x01" + bytes([code]) + b"\x04\0\x04\0\x8a" + bytes([len(LDAP_NAME)]) + LDAP_NAME
    message = b"\2\1\1\x78" + bytes([len(body)]) + body
    return b"\x30" + bytes([len(message)]) + message


READY = {
    "smtp": [b"220-hello\r\n220 mail\r\n", b"250-mail\r\n250 STARTTLS\r\n", b"220 2.0.0 go\r\n"],
    "ftp": [b"220 (vsFTPd 3.0.3)\r\n", b"234 Proceed with negotiation.\r\n"],
    "imap": [b"* OK [CAPABILITY IMAP4rev1] hello\r\n", b"a1 OK Begin TLS now.\r\n"],
    "pop3": [b"+OK hello\r\n", b"+OK Begin TLS now.\r\n"],
    "xmpp": [WITH_TLS, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"],
    "ldap": [ldap_result(0)],
    "postgresql": [b"S"],
}
REFUSED = {
    "smtp": [*READY["smtp"][:2], b"502 5.5.1 Error: command not implemented\r\n"],
    "ftp": [READY["ftp"][0], b"530 Please login with USER and PASS.\r\n"],
    "imap": [READY["imap"][0], b"a1 BAD TLS support isn't enabled.\r\n"],
    "pop3": [READY["pop3"][0], b"-ERR TLS support isn't enabled.\r\n"],
    "xmpp": [FEATURES % b"<mechanisms/>"],
    "ldap": [ldap_result(2)],
    "postgresql": [b"N"],
}
UNCLEAR = {
    "smtp": [*READY["smtp"][:2], b"454 4.7.0 TLS not available due to local problem\r\n"],
    "ftp": [b"421 Too many users\r\n"],
    "imap": [b"* BYE too busy\r\n"],
    "pop3": [READY["pop3"][0], b"what?\r\n"],
    "xmpp": [b"<stream:stream><stream:error><host-unknown/></stream:error>"],
    "ldap": [ldap_result(52)],
    "postgresql": [b"E"],
}


def play(protocol: str, replies: list[bytes]) -> list[bytes]:
    """What was said. Every reply has to be taken for whole, and for unfinished when cut."""
    talk, said, left = DIALOGUES[protocol]("device.local"), [], list(replies)
    turn = next(talk)
    while True:
        said.append(turn.say)
        reply = left.pop(0)
        assert turn.whole(reply), reply
        assert not turn.whole(reply[:-1]), reply
        try:
            turn = talk.send(reply)
        except StopIteration:
            assert not left
            return said


@pytest.mark.parametrize("protocol", DIALOGUES)
def test_a_yes(protocol: str) -> None:
    assert play(protocol, READY[protocol])[-1]


@pytest.mark.parametrize("protocol", DIALOGUES)
def test_a_no(protocol: str) -> None:
    with pytest.raises(Refusal, match=r"\w"):
        play(protocol, REFUSED[protocol])


@pytest.mark.parametrize("protocol", DIALOGUES)
def test_what_is_neither(protocol: str) -> None:
    with pytest.raises(Unclear):
        play(protocol, UNCLEAR[protocol])


@given(st.sampled_from(sorted(DIALOGUES)), st.lists(st.binary(max_size=80), max_size=4))
def test_no_reply_breaks_a_dialogue(protocol: str, replies: list[bytes]) -> None:
    """Garbage is never a yes."""
    talk = DIALOGUES[protocol]("")
    turn = next(talk)
    for reply in replies:
        assert turn.whole(reply) in (True, False)
        try:
            turn = talk.send(reply)
        except (Refusal, Unclear):
            return
        except StopIteration:
            assert reply in (b"S",) or any(y in reply for y in (b"OK", b"220", b"234", b"\x0a\1\0"))
            return


def test_the_protocols_are_recognised() -> None:
    stream = WITH_TLS.replace(b"'x'", b"'http://etherx.jabber.org/streams'")
    entry = b"\x30\x0c\2\1\x71\x65\x07\x0a\1\0\4\0\4\0"
    for answer, protocol in (
        (stream, "xmpp"),
        (entry, "ldap"),
        (b"E\0\0\0\x40SFATAL\0VFATAL\0C0A000\0Munsupported\0", "postgresql"),
        (b"AMQP\0\0\x09\1", "amqp"),
    ):
        match = recognise(answer)
        assert match is not None
        assert match.protocol == protocol
    assert recognise(PROBES["ldap"]) is None, "an echo"
    assert recognise(b"E" + bytes(30)) is None
