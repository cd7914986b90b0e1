"""What services say about themselves, recorded from daemons or composed from protocol texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.services.signatures import recognise
from probe.collect.services.tcp_probes import PROBES, order, order_inside_tls, tls_hello

SAID = [
    (b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", "ssh", "OpenSSH", "9.2p1"),
    (b"SSH-2.0-dropbear_2022.83\r\n\x00\x00\x01\xe4", "ssh", "dropbear", "2022.83"),
    (b"SSH-2.0-dropbear\r\n", "ssh", "dropbear", ""),
    (b"please wait\r\nSSH-1.99-Cisco-1.25\r\n", "ssh", "Cisco", "1.25"),
    (b"HTTP/1.0 200 OK\r\nServer: lighttpd/1.4.69\r\n\r\n", "http", "lighttpd", "1.4.69"),
    (b"HTTP/1.1 401 Unauthorized\r\nserver: GoAhead-Webs\r\n\r\n", "http", "GoAhead-Webs", ""),
    (b"HTTP/1.1 200 OK\r\n\r\n", "http", "", ""),
    (b"<!DOCTYPE HTML><html>", "http", "", ""),
    (
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: Hipcam RealServer/V1.0\r\n",
        "rtsp",
        "RealServer",
        "1.0",
    ),
    (b"SIP/2.0 200 OK\r\nServer: Asterisk PBX 18.1.0\r\n\r\n", "sip", "PBX", "18.1.0"),
    (b"220 (vsFTPd 3.0.3)\r\n", "ftp", "vsFTPd", "3.0.3"),
    (b"220-welcome\r\n220 ready\r\n", "ftp", "", ""),
    (b"220 host.example ESMTP Exim 4.96 Sat\r\n", "smtp", "Exim", "4.96"),
    (b"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n", "imap", "", ""),
    (b"+OK Dovecot ready.\r\n", "pop3", "", ""),
    (b"RFB 003.008\n", "vnc", "", ""),
    (b"@RSYNCD: 31.0\n", "rsync", "", ""),
    (b"+PONG\r\n", "redis", "", ""),
    (b"-NOAUTH Authentication required.\r\n", "redis", "", ""),
    (b"-ERR wrong number of arguments for 'get' command\r\n", "redis", "", ""),
    (b"\x20\x02\x00\x00", "mqtt", "", ""),
    (b"\x20\x02\x00\x05", "mqtt", "", ""),
    (b"\x20\x03\x00\x84\x00", "mqtt", "", ""),
    (b"\xff\xfd\x01\xff\xfd\x1f\xff\xfb\x01\xff\xfb\x03\r\nlogin: ", "telnet", "", ""),
    (b"\r\nUser Name:", "telnet", "", ""),
    (b"Open On-Chip Debugger\r\n> ", "openocd", "OpenOCD", ""),
    (b"\r\nBusyBox v1.35.0 built-in shell (ash)\r\n\r\n/ # ", "shell", "", ""),
    (b"\x16\x03\x03\x00\x4a\x02\x00\x00\x46\x03\x03", "tls", "", ""),
    (b"\x15\x03\x01\x00\x02\x02\x46", "tls", "", ""),
    (b"\x4a\0\0\0\x0a5.5.5-10.11.6-MariaDB\0\x01\0\0\0", "mysql", "", "5.5.5-10.11.6-MariaDB"),
    (b"\x70\x72\0\0\0\x03\x01\xab\x01", "modbus", "", ""),
    (b"AUTH\x01\0\0\0\0\0\0\0\x14\0\0\0\0\0\0\0\xbe\xaa\xab\xb7", "adb", "", ""),
    (b"+$PacketSize=3fff;qXfer:features:read+#70", "gdbserver", "", ""),
    (b"\x03\x00\x00\x13\x0e\xd0\x00\x00\x124\x00\x02\x1f\x08\x00\x02\x00\x00\x00", "rdp", "", ""),
    (b"\x50\xe1\x23\x81\x00\x20\x00", "coap", "", ""),
    (b"VERSION 1.6.18\r\n", "memcached", "", "1.6.18"),
]


@pytest.mark.parametrize(("data", "protocol", "product", "version"), SAID)
def test_known_answers(data, protocol, product, version):
    match = recognise(data)
    assert match is not None
    assert (match.protocol, match.product, match.version) == (protocol, product, version)
    assert match.reason


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        b"hello\r\n",
        b"\0" * 64,
        b"\xff" * 64,
        b"blah blah",
        b"220",
        b"\x20\x02\x00\xff",
    ],
)
def test_unknown_answers(data):
    assert recognise(data) is None


@pytest.mark.parametrize(
    ("data", "given"),
    [
        (b"+PONG\r\n", True),
        (b"-NOAUTH Authentication required.\r\n", False),
        (b"CNXN\0\0\0\x01\0\x10\0\0\x0e\0\0\0\0\0\0\0\xbc\xb1\xa7\xb1device::ro.x=1;", True),
        (b"AUTH" + b"\0" * 20, False),
        (b"\x70\x73\0\0\0\x05\x01\x03\x02\0\x2a", True),
        (b"$OK#9a", True),
    ],
)
def test_what_is_given_to_strangers(data, given):
    match = recognise(data)
    assert match is not None
    assert bool(match.open_access) is given


@given(st.binary(max_size=6000))
def test_no_bytes_break_it(data):
    recognise(data)


@given(st.sampled_from(SAID), st.binary(max_size=40), st.integers(0, 60))
def test_no_mangled_answer_breaks_it(said, noise, at):
    recognise(said[0][:at] + noise + said[0][at:])


def test_each_order_names_each_probe_once_the_expected_first():
    assert order(443)[0] == "tls"
    assert order(1883)[0] == "mqtt"
    assert order(31337) == ("http", "tls", "newline")
    for names in (order(502), order_inside_tls(8883), order_inside_tls(1)):
        assert len(set(names)) == len(names)
        assert set(names) <= set(PROBES)


def test_the_hello_is_a_whole_record():
    hello = tls_hello()
    assert hello[:3] == b"\x16\x03\x01"
    assert int.from_bytes(hello[3:5], "big") == len(hello) - 5
    assert int.from_bytes(hello[6:9], "big") == len(hello) - 9
