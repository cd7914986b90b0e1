"""Genuine daemons of Debian with declared accounts: every true default found, nothing else."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probe.model.observation import LoginResult

ACCEPTED, REFUSED = LoginResult.ACCEPTED, LoginResult.REFUSED
Start = Callable[..., None]


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


@needs("lighttpd")
@pytest.mark.parametrize("scheme", ["basic", "digest-MD5", "digest-SHA-256"])
@pytest.mark.parametrize("password", ["admin", "zu-7Klo"])
async def test_lighttpd(
    login: Any, service: Any, start: Start, port: int, tmp_path: Path, scheme: str, password: str
) -> None:
    lighttpd(start, port, tmp_path, scheme, password)
    got = await login(service("http", port))
    assert got.test.method == scheme.partition("-")[0]
    assert got.test.without_credential is got.test.random_credential is REFUSED
    assert got.opened == ([("admin", "admin")] if password == "admin" else [])
    if not got.opened:
        assert {c.result for c in got.test.candidates} == {REFUSED}


@needs("lighttpd")
async def test_a_challenge_that_is_not_to_be_read_proves_nothing(
    login: Any, service: Any, start: Start, port: int, tmp_path: Path
) -> None:
    lighttpd(start, port, tmp_path, "digest-MD5", "admin", realm='a \\"cam\\"')
    got = await login(service("http", port))
    assert got.opened == []
    assert got.test.problem
    assert REFUSED not in {c.result for c in got.test.candidates}


def lighttpd(
    start: Start, port: int, tmp_path: Path, scheme: str, password: str, realm: str = "a cam"
) -> None:
    kind, _, algorithm = scheme.partition("-")
    (tmp_path / "index.html").write_text("inside")
    (tmp_path / "users").write_text(f"admin:{password}\n")
    extra = f', "algorithm" => "{algorithm}"' if algorithm else ""
    (tmp_path / "conf").write_text(f"""
server.document-root = "{tmp_path}"
server.port = {port}
server.bind = "127.0.0.1"
index-file.names = ("index.html")
server.modules = ("mod_auth", "mod_authn_file")
auth.backend = "plain"
auth.backend.plain.userfile = "{tmp_path}/users"
auth.require = ("/" => ("method" => "{kind}", "realm" => "{realm}", "require" => "valid-user"{extra}))
""")
    start("lighttpd", "-D", "-f", str(tmp_path / "conf"), port=port)


@needs("lighttpd")
async def test_lighttpd_without_login_is_no_login(
    login: Any, service: Any, start: Start, port: int, tmp_path: Path
) -> None:
    (tmp_path / "conf").write_text(
        f'server.document-root = "{tmp_path}"\nserver.port = {port}\nserver.bind = "127.0.0.1"\n'
    )
    start("lighttpd", "-D", "-f", str(tmp_path / "conf"), port=port)
    got = await login(service("http", port))
    assert got.tests == []
    assert "no login was found" in got.missing[0].reason


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@needs("dropbear")
@pytest.mark.parametrize("password", ["admin", "zu-7Klo"])
async def test_dropbear(
    login: Any,
    service: Any,
    start: Start,
    port: int,
    tmp_path: Path,
    with_account: Any,
    password: str,
) -> None:
    key = str(tmp_path / "key")
    run("dropbearkey", "-t", "rsa", "-f", key)
    start(
        *with_account(password),
        "dropbear",
        "-F",
        "-E",
        "-r",
        key,
        "-p",
        f"127.0.0.1:{port}",
        port=port,
    )
    got = await login(service("ssh", port))
    assert got.opened == ([("admin", "admin")] if password == "admin" else [])
    assert got.test.random_credential is REFUSED
    assert not got.test.problem


SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


@pytest.mark.skipif(not Path(SSHD).exists(), reason="sshd is not installed")
@pytest.mark.parametrize(
    ("options", "opened", "detail"),
    [
        (("UsePAM=no",), [("admin", "admin")], "logged in by password"),
        (
            ("UsePAM=yes", "PasswordAuthentication=no"),
            [("admin", "admin")],
            "logged in by keyboard-interactive",
        ),
        (
            ("UsePAM=no", "PasswordAuthentication=no", "KbdInteractiveAuthentication=no"),
            [],
            "no password is asked for: it takes publickey only",
        ),
    ],
    ids=["password", "keyboard-interactive", "keys only"],
)
async def test_openssh(
    login: Any,
    service: Any,
    start: Start,
    port: int,
    tmp_path: Path,
    with_account: Any,
    options: tuple[str, ...],
    opened: list[tuple[str, str]],
    detail: str,
) -> None:
    key = str(tmp_path / "key")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    run("mkdir", "-p", "/run/sshd")
    words = [f"-o{o}" for o in (*options, "ListenAddress=127.0.0.1", "PidFile=none")]
    prefix = with_account("admin")
    start(
        *prefix, SSHD, "-D", "-e", "-f", "/dev/null", "-h", key, "-p", str(port), *words, port=port
    )
    got = await login(service("ssh", port))
    assert got.opened == opened
    assert detail in {c.detail for c in got.test.candidates}


@needs("vsftpd")
@pytest.mark.parametrize("anonymous", [True, False])
async def test_vsftpd(
    login: Any,
    service: Any,
    start: Start,
    port: int,
    tmp_path: Path,
    with_account: Any,
    anonymous: bool,
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "conf").write_text(
        f"listen=YES\nlisten_port={port}\nlisten_address=127.0.0.1\nbackground=NO\n"
        f"seccomp_sandbox=NO\nsecure_chroot_dir={tmp_path}/empty\nlocal_enable=YES\n"
        f"anonymous_enable={'YES' if anonymous else 'NO'}\nanon_root={tmp_path}/empty\n"
    )
    start(*with_account("admin"), "vsftpd", str(tmp_path / "conf"), port=port)
    got = await login(service("ftp", port))
    assert got.test.without_credential is (ACCEPTED if anonymous else REFUSED)
    assert [o.protocol for o in got.open] == (["ftp"] if anonymous else [])
    assert got.opened == [("admin", "admin")], "an account behind a public one is found, too"


@needs("mosquitto")
@pytest.mark.parametrize("account", [None, "admin", "zu-7Klo"])
async def test_mosquitto(
    login: Any, service: Any, start: Start, port: int, tmp_path: Path, account: str | None
) -> None:
    lines = [f"listener {port} 127.0.0.1", f"allow_anonymous {str(account is None).lower()}"]
    if account:
        file = tmp_path / "users"
        run("mosquitto_passwd", "-c", "-b", str(file), "admin", account)
        file.chmod(0o644)
        lines.append(f"password_file {file}")
    (tmp_path / "conf").write_text("\n".join(lines) + "\n")
    start("mosquitto", "-c", str(tmp_path / "conf"), port=port)
    got = await login(service("mqtt", port))
    assert got.test.without_credential is (REFUSED if account else ACCEPTED)
    assert got.opened == ([("admin", "admin")] if account == "admin" else [])
    assert len(got.open) == (0 if account else 1)
