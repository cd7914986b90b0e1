"""The dialogues before TLS: each yes, no and maybe of the protocols, and daemons that speak them."""

import asyncio
import itertools
import ssl
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.checks.tls.services import without_tls
from probe.collect.services.identify import identify
from probe.collect.services.signatures import recognise
from probe.collect.services.tcp_probes import PROBES
from probe.collect.tls import interview
from probe.collect.tls.collector import COLLECTOR
from probe.collect.tls.starttls import DIALOGUES, Refusal, Unclear
from probe.model.evidence import EvidenceRef
from probe.model.observation import Service
from probe.model.tls import Reply

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


# --- whole services ------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between connections ten times shorter; the rules stay as they are."""
    for name in ("BACK_OFF_S", "GAP_S", "WINDOW_S"):
        monkeypatch.setattr(interview, name, getattr(interview, name) / 10)


ASKS = {
    "smtp": (b"EHLO probe.invalid\r\n", b"STARTTLS\r\n"),
    "ftp": (b"AUTH TLS\r\n",),
    "imap": (b"a1 STARTTLS\r\n",),
    "pop3": (b"STLS\r\n",),
    "xmpp": (b"'>", b"/>"),
    "ldap": (b"20037",),
    "postgresql": (b"\x16\x2f",),
}


def twin(protocol: str, replies: list[bytes], pair: tuple[Path, Path]) -> Any:
    """A service that says the given replies and, when that was a yes, is OpenSSL from there on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    said = list(replies)
    greets = said.pop(0) if protocol in ("smtp", "ftp", "imap", "pop3") else b""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greets)
        for ask, answer in zip(ASKS[protocol], said, strict=False):
            await reader.readuntil(ask)
            for byte in answer:
                writer.write(bytes([byte]))
            await writer.drain()
        if replies == READY[protocol]:
            try:
                await writer.start_tls(context)
                await reader.read(1)
            except (ssl.SSLError, OSError):
                pass
        else:
            await reader.read(1)

    return talk


@pytest.mark.parametrize("protocol", DIALOGUES)
async def test_it_is_measured_like_any_other(
    serve: Any, measured: Any, pair: Any, protocol: str
) -> None:
    async with serve(twin(protocol, READY[protocol], pair)) as port:
        result = await measured(port, protocol=protocol)
    assert result.versions["TLSv1.2"] == result.versions["TLSv1.3"] == "accepted"
    assert "accepted" not in {result.versions[v] for v in ("SSLv2", "SSLv3", "TLSv1.0")}
    assert result.service.starttls == protocol
    assert result.service.chain
    traits = {t.name: t.reply for t in result.service.traits}
    assert traits["starttls"] is Reply.ACCEPTED


@pytest.mark.parametrize("protocol", DIALOGUES)
async def test_a_refusal_is_a_fact(serve: Any, measured: Any, pair: Any, protocol: str) -> None:
    async with serve(twin(protocol, REFUSED[protocol], pair)) as port:
        result = await measured(port, protocol=protocol)
    assert result.missing is None
    (trait,) = result.service.traits
    assert (trait.name, trait.reply, bool(trait.detail)) == ("starttls", Reply.REFUSED, True)
    assert (result.service.starttls, result.service.versions) == (protocol, ())
    assert without_tls(result.service)


@pytest.mark.parametrize("protocol", DIALOGUES)
async def test_what_is_neither_is_inconclusive(
    serve: Any, measured: Any, pair: Any, protocol: str
) -> None:
    async with serve(twin(protocol, UNCLEAR[protocol], pair)) as port:
        result = await measured(port, protocol=protocol)
    assert result.service is None
    assert result.missing.reason
    assert result.missing.settle


async def test_a_service_that_changes_its_mind(serve: Any, measured: Any, pair: Any) -> None:
    """Ready once, then never again: nothing is known, and nothing is refused."""
    first, later = (twin("smtp", r, pair) for r in (READY["smtp"], UNCLEAR["smtp"]))
    count = itertools.count()

    async def talk(reader: Any, writer: Any) -> None:
        await (later if next(count) else first)(reader, writer)

    async with serve(talk) as port:
        result = await measured(port, protocol="smtp")
    assert result.service is None
    assert "454" in result.missing.reason


def vsftpd(where: Path, port: int, pair: tuple[Path, Path], *, tls: bool) -> tuple[str, str]:
    settings = (
        f"listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\n"
        f"anonymous_enable=YES\nanon_root={where}\nsecure_chroot_dir={where}\n"
        f"run_as_launching_user=YES\nssl_enable={'YES' if tls else 'NO'}\n"
        f"rsa_cert_file={pair[0]}\nrsa_private_key_file={pair[1]}\n"
    )
    (where / "vsftpd.conf").write_text(settings)
    return "vsftpd", str(where / "vsftpd.conf")


async def test_vsftpd(
    running: Any, measured: Any, pair: Any, free_port: int, tmp_path: Path
) -> None:
    command = vsftpd(tmp_path, free_port, pair, tls=True)
    async with running(*command, port=free_port):
        result = await measured(free_port, protocol="ftp")
    assert result.versions["TLSv1.2"] == "accepted"
    assert result.versions["TLSv1.0"] == "refused"
    assert result.service.chain


async def test_vsftpd_without_tls(
    running: Any, measured: Any, pair: Any, free_port: int, tmp_path: Path
) -> None:
    command = vsftpd(tmp_path, free_port, pair, tls=False)
    async with running(*command, port=free_port):
        result = await measured(free_port, protocol="ftp")
    assert result.service.traits[0].reply is Reply.REFUSED
    assert "530" in result.service.traits[0].detail


def test_its_job_comes_from_what_was_identified(bench: Any) -> None:
    made = bench("127.0.0.1")
    for n, (protocol, tls) in enumerate(
        [("smtp", False), ("ftp", True), ("http", False), ("amqp", True), ("rtsp", True)]
    ):
        fact = Service(
            transport="tcp", address="127.0.0.1", port=5000 + n, protocol=protocol, tls=tls
        )
        made.session.observe(fact, EvidenceRef(sha256="0" * 64))
    titles = [t.job.title for t in COLLECTOR.tasks(made.dut, made.session.plan)]
    assert titles == [
        "TLS begun inside SMTP on tcp 127.0.0.1:5000",
        *(f"TLS on tcp 127.0.0.1:{port}" for port in (5001, 5003, 5004)),
    ]


async def test_tls_is_found_on_any_port_whatever_is_in_it(bench: Any, s_server: Any) -> None:
    """MQTT, RTSP, AMQP, LwM2M and any other: it is the TLS that is recognised."""
    async with s_server("-www") as port:
        made = bench("127.0.0.1")
        await identify(made.session, "127.0.0.1", port)
    (service,) = made.recorded.facts(Service)
    assert service.tls
