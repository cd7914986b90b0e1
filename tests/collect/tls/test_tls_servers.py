"""The short plan against genuine servers: what is said of them must be so, and cost few hellos."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

LEVEL0 = ("-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0")
ORDINARY_HELLOS = 13


def expect(*, ssl3: str = "refused", tls10: str, tls11: str, tls12: str, tls13: str) -> Any:
    names = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
    return dict(zip(names, ("refused", ssl3, tls10, tls11, tls12, tls13), strict=True))


YES, NO = "accepted", "refused"


async def test_a_modern_server(s_server: Any, measured: Any) -> None:
    async with s_server() as port:
        result = await measured(port)
    assert result.versions == expect(tls10=NO, tls11=NO, tls12=YES, tls13=YES)
    assert result.suites == {"weak": NO, "phase-out": YES}
    assert result.service.hellos <= ORDINARY_HELLOS
    assert [c.subject for c in result.service.chain] == ["CN=device.local", "CN=Test CA"]
    assert result.service.chain_complete is True
    assert (result.service.chain[0].key_type, result.service.chain[0].key_bits) == ("RSA", 2048)
    certificates = [p for p in result.proof if p.caption.startswith("certificate")]
    assert len(result.proof) - len(certificates) == result.service.hellos


async def test_only_tls13_needs_a_handshake_for_the_certificate(
    s_server: Any, measured: Any
) -> None:
    async with s_server("-tls1_3") as port:
        result = await measured(port)
    assert result.versions == expect(tls10=NO, tls11=NO, tls12=NO, tls13=YES)
    assert result.suites == {"weak": NO, "phase-out": NO}
    assert [c.subject for c in result.service.chain] == ["CN=device.local", "CN=Test CA"]
    assert result.service.chain_complete is True
    assert result.service.hellos <= ORDINARY_HELLOS
    assert "application/pkix-cert" in {label.media_type for label in result.recorded.labels}


async def test_strong_suites_only(s_server: Any, measured: Any) -> None:
    async with s_server("-cipher", "ECDHE+AESGCM", "-no_tls1_1", "-no_tls1") as port:
        result = await measured(port)
    assert result.versions == expect(tls10=NO, tls11=NO, tls12=YES, tls13=YES)
    assert result.suites == {"weak": NO, "phase-out": NO}
    assert result.service.hellos <= ORDINARY_HELLOS


async def test_every_version_that_openssl_has(s_server: Any, measured: Any) -> None:
    async with s_server(*LEVEL0) as port:
        result = await measured(port)
    assert result.versions == expect(tls10=YES, tls11=YES, tls12=YES, tls13=YES)
    assert result.suites == {"weak": YES, "phase-out": YES}
    weak = next(g for g in result.service.suites if g.kind == "weak")
    assert weak.chosen.startswith("TLS_")
    assert weak.detail


@pytest.mark.parametrize(
    ("option", "truth"),
    [
        ("-tls1", expect(tls10=YES, tls11=NO, tls12=NO, tls13=NO)),
        ("-tls1_1", expect(tls10=NO, tls11=YES, tls12=NO, tls13=NO)),
        ("-tls1_2", expect(tls10=NO, tls11=NO, tls12=YES, tls13=NO)),
    ],
)
async def test_one_version_only(
    s_server: Any, measured: Any, option: str, truth: dict[str, str]
) -> None:
    async with s_server(option, *LEVEL0) as port:
        result = await measured(port)
    assert result.versions == truth
    assert result.service.chain


async def test_anonymous_only_shows_weak_and_no_certificate(s_server: Any, measured: Any) -> None:
    options = ("-tls1_2", "-cipher", "aNULL:@SECLEVEL=0")
    async with s_server(*options, certificate=False) as port:
        result = await measured(port)
    assert result.versions["TLSv1.2"] == YES
    assert result.suites["weak"] == YES
    assert result.service.chain == ()
    assert "no certificate" in result.service.chain_problem


async def test_null_encryption(s_server: Any, measured: Any) -> None:
    async with s_server("-tls1_2", "-cipher", "NULL:@SECLEVEL=0") as port:
        result = await measured(port)
    assert result.suites["weak"] == YES
    assert "NULL" in next(g.chosen for g in result.service.suites if g.kind == "weak")


async def test_preshared_keys_only(s_server: Any, measured: Any) -> None:
    options = ("-tls1_2", "-psk", "00112233", "-cipher", "PSK-AES128-CCM8:@SECLEVEL=0")
    async with s_server(*options, certificate=False) as port:
        result = await measured(port)
    assert result.versions == expect(tls10=NO, tls11=NO, tls12=YES, tls13=NO)
    assert result.suites["weak"] == NO
    assert "PSK" in result.service.chain_problem


async def test_preshared_keys_are_found_below_tls12(s_server: Any, measured: Any) -> None:
    options = ("-psk", "00112233", "-cipher", "PSK-AES128-CBC-SHA:@SECLEVEL=0", "-no_tls1_3")
    async with s_server(*options, certificate=False) as port:
        result = await measured(port)
    assert result.versions == expect(tls10=YES, tls11=YES, tls12=YES, tls13=NO)


async def test_client_certificate_required(s_server: Any, measured: Any) -> None:
    async with s_server("-Verify", "1") as port:
        result = await measured(port)
    assert result.versions["TLSv1.2"] == YES
    assert result.service.chain


def run_as(pair: tuple[Path, Path], where: Path, port: int) -> dict[str, tuple[str, list[str]]]:
    """Configuration and command of genuine daemons."""
    chain, key = pair
    both = where / "both.pem"
    both.write_bytes(key.read_bytes() + chain.read_bytes())
    nginx = f"""
        daemon off; master_process off; pid {where}/nginx.pid; error_log {where}/error.log;
        events {{}}
        http {{ access_log off;
            server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {chain};
                ssl_certificate_key {key}; ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
                ssl_ciphers ALL:@SECLEVEL=0; }} }}"""
    lighttpd = f"""
        server.modules = ("mod_openssl")
        server.document-root = "{where}"
        server.bind = "127.0.0.1"
        server.port = {port}
        ssl.engine = "enable"
        ssl.pemfile = "{both}" """
    mosquitto = f"""
        listener {port} 127.0.0.1
        certfile {chain}
        keyfile {key}
        allow_anonymous true
        user root"""
    conf = str(where / "conf")
    return {
        "nginx": (nginx, ["nginx", "-e", f"{where}/error.log", "-p", str(where), "-c", conf]),
        "lighttpd": (lighttpd, ["lighttpd", "-D", "-f", conf]),
        "mosquitto": (mosquitto, ["mosquitto", "-c", conf]),
    }


@pytest.mark.parametrize("name", ["nginx", "lighttpd", "mosquitto"])
async def test_daemons(
    name: str, pair: tuple[Path, Path], tmp_path: Path, running: Any, free_port: int, measured: Any
) -> None:
    text, command = run_as(pair, tmp_path, free_port)[name]
    (tmp_path / "conf").write_text(text)
    async with running(*command, port=free_port) as port:
        result = await measured(port)
    assert result.versions["TLSv1.2"] == YES
    assert result.versions["TLSv1.3"] == YES
    assert result.versions["SSLv3"] == NO
    old = {result.versions["TLSv1.0"], result.versions["TLSv1.1"]}
    assert old == ({YES} if name == "nginx" else {NO})
    assert result.service.chain[0].subject == "CN=device.local"
    if name != "nginx":
        assert result.service.hellos <= ORDINARY_HELLOS


def test_openssl_is_there() -> None:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed: none of the servers above were tried")
    assert subprocess.run(["openssl", "version"], check=True, capture_output=True).stdout
