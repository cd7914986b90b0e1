"""Genuine servers without the faults: each is called what it is, survives, and is asked few things."""

import sys
from pathlib import Path
from typing import Any

import pytest

NO = "not vulnerable"
ZOO = Path(__file__).parents[1] / "zoo"
MOST_CONNECTIONS = 30


def command(kind: str, pair: tuple[Path, Path], where: Path, port: int) -> list[str]:
    chain, key = map(str, pair)
    if kind == "gnutls":
        weak = "NORMAL:+RSA:+VERS-TLS1.1:+VERS-TLS1.0"
        files = ["--x509certfile", chain, "--x509keyfile", key]
        return ["gnutls-serv", "-q", "--heartbeat", "-p", str(port), *files, "--priority", weak]
    if kind == "tlslite":
        return [sys.executable, str(ZOO / "serve_tlslite.py"), str(port), chain, key, "{}"]
    conf = where / "nginx.conf"
    conf.write_text(f"""
        daemon off; master_process off; pid {where}/nginx.pid; error_log {where}/error.log;
        events {{}}
        http {{ access_log off;
            server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {chain};
                ssl_certificate_key {key}; ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
                ssl_ciphers ALL:@SECLEVEL=0; }} }}""")
    return ["nginx", "-e", f"{where}/error.log", "-p", str(where), "-c", str(conf)]


@pytest.mark.parametrize(
    ("kind", "truth"),
    [
        ("nginx", {"ticketbleed": NO, "ccs-injection": NO, "robot": NO}),
        # It refuses every heartbeat until the handshake is finished: nothing is known of afterwards.
        (
            "gnutls",
            {"ticketbleed": NO, "ccs-injection": NO, "robot": NO, "heartbleed": "no answer"},
        ),
        ("tlslite", {"ccs-injection": NO, "robot": NO, "heartbleed": NO}),
    ],
)
async def test_a_genuine_server(
    running: Any,
    tried: Any,
    pair: tuple[Path, Path],
    tmp_path: Path,
    free_port: int,
    kind: str,
    truth: dict[str, str],
) -> None:
    async with running(*command(kind, pair, tmp_path, free_port), port=free_port) as port:
        result = await tried(port)
    assert result.replies == truth, result.told
    assert result.well
    assert result.connections <= MOST_CONNECTIONS


async def test_openssl(s_server: Any, tried: Any) -> None:
    async with s_server("-cipher", "ALL:@SECLEVEL=0") as port:
        result = await tried(port)
    assert result.replies == {"ticketbleed": NO, "ccs-injection": NO, "robot": NO}, result.told
    assert result.well


async def test_openssl_that_insists_on_a_client_certificate(s_server: Any, tried: Any) -> None:
    """Behind that request the padding is not reached, and no handshake is finished."""
    async with s_server("-cipher", "ALL:@SECLEVEL=0", "-tls1_2", "-Verify", "1") as port:
        result = await tried(port)
    assert result.replies["ccs-injection"] == NO
    assert result.replies["robot"] == "no answer"
    assert "client certificate" in result.told["robot"]
    assert result.replies["ticketbleed"] in ("no answer", NO)


async def test_openssl_with_preshared_keys_only(s_server: Any, tried: Any) -> None:
    options = ("-tls1_2", "-psk", "00112233", "-cipher", "PSK-AES128-CCM8:@SECLEVEL=0")
    async with s_server(*options, certificate=False) as port:
        result = await tried(port)
    assert result.replies["ccs-injection"] == NO
    assert "robot" not in result.replies


async def test_tls13_only_is_left_alone(s_server: Any, tried: Any) -> None:
    async with s_server("-tls1_3") as port:
        result = await tried(port)
    assert not result.tests
