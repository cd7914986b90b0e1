"""FTP: TLS that is offered or needed, public accounts and what they show, and servers that take everybody."""

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.access.protocols.ftp_codec import (
    Listing,
    names_in,
    offers_tls,
    permissions,
)
from probe.model.observation import LoginResult

ACCEPTED, REFUSED = LoginResult.ACCEPTED, LoginResult.REFUSED
NO_ANSWER, NOT_TRIED = LoginResult.NO_ANSWER, LoginResult.NOT_TRIED


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate and its key in one file."""
    both = tmp_path / "both.pem"
    words = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=cam -days 9 -keyout key.pem -out cert.pem"
    made = subprocess.run(words.split(), check=False, capture_output=True, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    both.write_text((tmp_path / "key.pem").read_text() + (tmp_path / "cert.pem").read_text())
    return both


def vsftpd(start: Any, port: int, tmp_path: Path, prefix: list[str], *lines: str) -> None:
    (tmp_path / "empty").mkdir()
    root = tmp_path / "files"
    root.mkdir()
    (root / "manual.pdf").write_text("x")
    (root / "backup").mkdir()
    (tmp_path / "conf").write_text(
        f"listen=YES\nlisten_port={port}\nlisten_address=127.0.0.1\nbackground=NO\n"
        f"seccomp_sandbox=NO\nsecure_chroot_dir={tmp_path}/empty\nanon_root={root}\n"
        + "\n".join(lines)
        + "\n"
    )
    start(*prefix, "vsftpd", str(tmp_path / "conf"), port=port)


@needs("vsftpd")
@pytest.mark.parametrize(
    ("lines", "tls", "also_clear"),
    [
        ((), False, False),
        (("ssl_enable=YES", "force_local_logins_ssl=NO", "force_local_data_ssl=NO"), True, True),
        (("ssl_enable=YES", "force_local_logins_ssl=YES"), True, False),
    ],
    ids=["plain", "TLS offered", "TLS needed"],
)
async def test_vsftpd_and_tls(
    login: Any,
    service: Any,
    start: Any,
    port: int,
    tmp_path: Path,
    with_account: Any,
    certificate: Path,
    lines: tuple[str, ...],
    tls: bool,
    also_clear: bool,
) -> None:
    more = ("local_enable=YES", "anonymous_enable=NO", f"rsa_cert_file={certificate}", *lines)
    vsftpd(start, port, tmp_path, with_account("admin"), *more)
    got = await login(service("ftp", port))
    assert got.opened == [("admin", "admin")]
    assert got.test.without_credential is got.test.random_credential is REFUSED
    assert (got.test.tls, got.test.also_clear) == (tls, also_clear)
    clear = b"".join(got.evidence.values())
    passed = b"PASS admin".hex().encode() in clear
    assert passed, "the transcript shows what was presented, inside TLS or not"


@needs("vsftpd")
async def test_vsftpd_implicit_tls(
    login: Any,
    service: Any,
    start: Any,
    port: int,
    tmp_path: Path,
    with_account: Any,
    certificate: Path,
) -> None:
    more = ("local_enable=YES", "anonymous_enable=NO", "ssl_enable=YES", "implicit_ssl=YES")
    vsftpd(start, port, tmp_path, with_account("admin"), *more, f"rsa_cert_file={certificate}")
    got = await login(service("ftp", port, tls=True))
    assert got.opened == [("admin", "admin")]
    assert (got.test.tls, got.test.also_clear) == (True, False)


@needs("vsftpd")
async def test_vsftpd_for_anonymous_users_only(
    login: Any, service: Any, start: Any, port: int, tmp_path: Path
) -> None:
    vsftpd(start, port, tmp_path, [], "local_enable=NO", "anonymous_enable=YES")
    got = await login(service("ftp", port))
    assert got.test.without_credential is ACCEPTED
    assert got.test.no_password == "it takes anonymous users only"
    assert {c.result for c in got.test.candidates} == {NOT_TRIED}
    [public] = got.open
    assert public.what.startswith("an anonymous session: the current directory, 2 entries")
    assert "manual.pdf" in public.what
    assert "backup" in public.what


@needs("pure-ftpd")
@pytest.mark.parametrize("tls", ["0", "1", "2"])
async def test_pure_ftpd(
    login: Any,
    service: Any,
    start: Any,
    port: int,
    tmp_path: Path,
    with_account: Any,
    certificate: Path,
    tls: str,
) -> None:
    prefix = with_account("admin")
    pidfile = str(tmp_path / "pid")
    words = ["pure-ftpd", "-S", f"127.0.0.1,{port}", "-E", "-l", "unix", "-Y", tls, "-g", pidfile]
    start(*prefix, *words, "-u", "1", "-2", str(certificate), port=port)
    got = await login(service("ftp", port))
    assert got.opened == [("admin", "admin")]
    assert (got.test.tls, got.test.also_clear) == (tls != "0", tls == "1")


async def test_a_server_that_takes_everybody_is_named_so(
    login: Any, serve: Any, service: Any
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        while line := await reader.readline():
            writer.write(b'257 "/"\r\n' if line.startswith(b"PWD") else b"230 welcome\r\n")

    async with serve(talk) as port:
        got = await login(service("ftp", port))
    assert got.test.without_credential is got.test.random_credential is ACCEPTED
    assert {c.result for c in got.test.candidates} == {NOT_TRIED}
    assert got.opened == []


async def test_nothing_is_written_or_fetched(login: Any, serve: Any, service: Any) -> None:
    said: set[str] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line.partition(" ")[0]
            said.add(verb)
            answers = {
                "USER": "331 password",
                "PASS": "230 in",
                "PWD": '257 "/"',
                "FEAT": "211-Features:\r\n MLST type*;perm*;\r\n211 End",
                "MLST": "250-Listing\r\n type=dir;perm=cdelmp; /\r\n250 End",
            }
            writer.write(answers.get(verb, "502 no").encode() + b"\r\n")

    async with serve(talk) as port:
        got = await login(service("ftp", port))
    assert said <= {"USER", "PASS", "PWD", "FEAT", "MLST", "STAT", "QUIT"}
    assert "writing is granted by its own word" in got.open[0].what


def test_features_are_read_as_servers_write_them() -> None:
    assert offers_tls("211-Features:\r\n AUTH TLS\r\n PBSZ\r\n211 End")
    assert offers_tls("211-Extensions supported:\r\n AUTH TLS;SSL;TLS-C;TLS-P;\r\n211 End")
    assert offers_tls("211- AUTH SSL\r\n211 End")
    assert not offers_tls("211-Features:\r\n SIZE\r\n MDTM\r\n211 End")


def test_listings() -> None:
    stat = (
        "213-Status follows:\r\n"
        "drwxr-xr-x    2 0        0            4096 Nov 21 18:00 backup\r\n"
        "-rw-r--r--    1 0        0               1 Nov 21  2024 a manual.pdf\r\n"
        "213 End of status\r\n"
    )
    assert names_in(stat) == ["backup", "a manual.pdf"]
    assert permissions("250-x\r\n type=dir;perm=el; /\r\n250 End") is False
    assert permissions("250-x\r\n type=dir;Perm=elc; /\r\n250 End") is True
    assert permissions("550 no") is None
    assert str(Listing(None, (), None)) == "the current directory"


@given(st.text(max_size=400))
def test_nothing_that_a_server_says_is_too_much(text: str) -> None:
    offers_tls(text)
    permissions(text)
    names_in(text)
