"""Certificates of every kind, and genuine TLS servers on loopback."""

import asyncio
import datetime
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from probe.collect.tls.collector import measure
from probe.model.observation import NotMeasured
from probe.model.tls import TlsService

UTC = datetime.UTC
NOW = datetime.datetime.now(UTC)

sys.path.insert(0, str(Path(__file__).parent))  # the zoo beside this file


@dataclass
class Made:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def make(
    name: str = "device.local",
    *,
    issuer: Made | None = None,
    key: Any = None,
    ca: bool = False,
    not_after: datetime.datetime | None = None,
    not_before: datetime.datetime | None = None,
    digest: Any = None,
) -> Made:
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    signer = issuer or Made(None, key)  # type: ignore[arg-type]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before or NOW - datetime.timedelta(days=1))
        .not_valid_after(not_after or NOW + datetime.timedelta(days=90))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(signer.key, digest or hashes.SHA256())
    )
    return Made(certificate, key)


@pytest.fixture(scope="session")
def make_certificate() -> Callable[..., Made]:
    return make


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Certificate chain and key files of an RSA 2048 server with a private CA."""
    where = tmp_path_factory.mktemp("tls")
    root = make("Test CA", ca=True)
    leaf = make(issuer=root, key=rsa.generate_private_key(public_exponent=65537, key_size=2048))
    chain, key = where / "chain.pem", where / "key.pem"
    chain.write_bytes(leaf.pem + root.pem)
    (where / "ca.pem").write_bytes(root.pem)
    key.write_bytes(
        leaf.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return chain, key


def a_free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@asynccontextmanager
async def program(*command: str, port: int) -> AsyncIterator[int]:
    """A server program that is up when it accepts a connection; ended by its process id."""
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=quiet, stderr=quiet
    )
    try:
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.025)
            else:
                writer.close()
                break
        yield port
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 5)


@pytest.fixture
def free_port() -> int:
    return a_free_port()


@pytest.fixture
def running() -> Callable[..., Any]:
    """``async with running("program", "option", port=1234)``."""
    return program


@pytest.fixture
def s_server(pair: tuple[Path, Path]) -> Callable[..., Any]:
    """``async with s_server("-tls1_2") as port``: openssl s_server with these options."""

    def run(*options: str, certificate: bool = True) -> Any:
        port = a_free_port()
        files = [
            "-cert_chain",
            str(pair[0].with_name("ca.pem")),
            "-cert",
            str(pair[0]),
            "-key",
            str(pair[1]),
        ]
        command = [
            "openssl",
            "s_server",
            "-accept",
            f"127.0.0.1:{port}",
            "-quiet",
            "-naccept",
            "999",
        ]
        return program(*command, *(files if certificate else ["-nocert"]), *options, port=port)

    return run


@dataclass
class Result:
    """What one measurement recorded."""

    service: TlsService | None
    missing: NotMeasured | None
    recorded: Any
    proof: tuple[Any, ...]

    @property
    def versions(self) -> dict[str, str]:
        assert self.service, self.missing
        return {v.name: v.reply.value for v in self.service.versions}

    @property
    def suites(self) -> dict[str, str]:
        assert self.service, self.missing
        return {g.kind: g.reply.value for g in self.service.suites}


@pytest.fixture
def measured(bench: Callable[..., Any]) -> Callable[..., Any]:
    """``await measured(port)`` runs the collector's job against 127.0.0.1."""

    async def run(
        port: int, *, transport: str = "tcp", protocol: str = "", **options: Any
    ) -> Result:
        made = bench("127.0.0.1", **options)
        await measure(made.session, "127.0.0.1", port, transport=transport, protocol=protocol)
        (observation,) = made.recorded.observations
        services, missing = made.recorded.facts(TlsService), made.recorded.facts(NotMeasured)
        return Result(
            services[0] if services else None,
            missing[0] if missing else None,
            made.recorded,
            observation.proof,
        )

    return run
