"""Genuine daemons under wrong passwords: each is told as what it is."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from probe.model.access import Guard

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@needs("lighttpd")
async def test_lighttpd_delays_each_connection(
    guess: Any, told: Any, start: Any, port: int, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("inside")
    (tmp_path / "users").write_text("admin:admin\n")
    (tmp_path / "conf").write_text(f"""
server.document-root = "{tmp_path}"
server.port = {port}
server.bind = "127.0.0.1"
index-file.names = ("index.html")
server.modules = ("mod_auth", "mod_authn_file")
auth.backend = "plain"
auth.backend.plain.userfile = "{tmp_path}/users"
auth.require = ("/" => ("method" => "basic", "realm" => "a cam", "require" => "valid-user"))
""")
    start("lighttpd", "-D", "-f", str(tmp_path / "conf"), port=port)
    test = told(await guess("http", port, n=8))
    one, many = test.rounds
    assert test.guard is Guard.DELAY_PER_CONNECTION
    assert one.refused == many.refused == 8
    assert 2000 < one.per_hour < 4000  # one second each
    assert many.per_hour > 4 * one.per_hour
    assert one.still_lets_in
    assert many.still_lets_in


@pytest.mark.skipif(not Path(SSHD).exists(), reason="sshd is not installed")
async def test_openssh_turns_connections_away(
    guess: Any, told: Any, start: Any, port: int, tmp_path: Path, with_account: Any
) -> None:
    key = str(tmp_path / "key")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    run("mkdir", "-p", "/run/sshd")
    words = [
        f"-o{o}"
        for o in ("UsePAM=yes", "ListenAddress=127.0.0.1", "PidFile=none", "MaxStartups=3:100:3")
    ]
    command = [SSHD, "-D", "-e", "-f", "/dev/null", "-h", key, "-p", str(port)]
    start(*with_account("admin"), *command, *words, port=port)
    test = told(await guess("ssh", port, n=6))
    assert test.guard is Guard.FEW_CONNECTIONS
    assert test.rounds[0].refused == 6
    assert test.rounds[1].refused < 6
    assert test.rounds[1].still_lets_in


@needs("dropbear")
async def test_dropbear_limits_connections_of_an_address(
    guess: Any, told: Any, start: Any, port: int, tmp_path: Path, with_account: Any
) -> None:
    key = str(tmp_path / "key")
    run("dropbearkey", "-t", "rsa", "-f", key)
    command = ["dropbear", "-F", "-E", "-r", key, "-p", f"127.0.0.1:{port}"]
    start(*with_account("admin"), *command, port=port)
    test = told(await guess("ssh", port, n=12))
    assert test.guard in (Guard.FEW_CONNECTIONS, Guard.DELAY_PER_CONNECTION)
    assert test.rounds[0].refused == 12
    assert test.rounds[1].still_lets_in


@needs("vsftpd")
async def test_vsftpd_delays(
    guess: Any, told: Any, start: Any, port: int, tmp_path: Path, with_account: Any
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "conf").write_text(
        f"listen=YES\nlisten_port={port}\nlisten_address=127.0.0.1\nbackground=NO\n"
        f"seccomp_sandbox=NO\nsecure_chroot_dir={tmp_path}/empty\nlocal_enable=YES\n"
        "anonymous_enable=NO\n"
    )
    start(*with_account("admin"), "vsftpd", str(tmp_path / "conf"), port=port)
    test = told(await guess("ftp", port, n=6))
    assert test.guard is Guard.DELAY_PER_CONNECTION
    assert test.rounds[0].refused == 6


@needs("mosquitto")
@pytest.mark.parametrize("password", ["admin", None])
async def test_mosquitto_does_nothing(
    guess: Any, told: Any, start: Any, port: int, tmp_path: Path, password: str | None
) -> None:
    file = tmp_path / "users"
    run("mosquitto_passwd", "-c", "-b", str(file), "admin", "admin")
    file.chmod(0o644)
    (tmp_path / "conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {file}\n"
    )
    start("mosquitto", "-c", str(tmp_path / "conf"), port=port)
    test = told(await guess("mqtt", port, password))
    assert test.guard is Guard.NOTHING
    assert [r.refused for r in test.rounds] == [20, 20]
    assert [r.still_lets_in for r in test.rounds] == ([True, True] if password else [None, None])
    assert test.account_known is bool(password)
