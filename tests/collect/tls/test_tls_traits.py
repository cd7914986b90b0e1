"""Traits of genuine servers and of stubs: what is echoed, what is not, and what is not known."""

import os
from typing import Any

import pytest
from zoo.files import Files, make_files
from zoo.posture import Posture, postures
from zoo.running import NotInstalled, running
from zoo.stack import Stub, alert, reset, server_hello

from probe.collect.tls import interview
from probe.collect.tls.handshake import max_early_data
from probe.model.tls import TlsService

YES, NO, UNKNOWN = "accepted", "refused", "no answer"
ZOO = {p.name: p for p in postures()}
HELLOS = 13


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("zoo"))


def traits(service: TlsService) -> dict[str, str]:
    return {t.name: t.reply.value for t in service.traits}


async def of(name: str, files: Files, measured: Any) -> TlsService:
    posture: Posture = ZOO[name]
    try:
        async with running(posture, files, pace=0.1) as port:
            result = await measured(port)
    except NotInstalled as error:
        pytest.skip(str(error))
    service: TlsService = result.service
    return service


async def test_openssl(files: Files, measured: Any) -> None:
    service = await of("openssl_default", files, measured)
    found = traits(service)
    assert {name for name, reply in found.items() if reply == YES} == {
        *("extended_master_secret", "secure_renegotiation", "session_ticket", "encrypt_then_mac"),
        "max_fragment_length",
    }
    assert found["early_data"] == NO
    assert found["compression"] == found["heartbeat"] == found["truncated_hmac"] == NO
    assert found["client_renegotiation"] == NO
    assert "fallback_scsv" not in found
    assert service.hellos <= HELLOS


async def test_gnutls_with_heartbeat_and_several_versions(files: Files, measured: Any) -> None:
    found = traits(await of("gnutls_heartbeat", files, measured))
    assert found["heartbeat"] == YES
    assert found["extended_master_secret"] == YES
    assert found["record_size_limit"] == YES
    assert found["max_fragment_length"] == UNKNOWN
    assert found["fallback_scsv"] == YES
    assert found["early_data"] == found["post_quantum"] == NO  # no TLS 1.3


@pytest.mark.parametrize("name", ["openssl_mtls", "openssl_mtls_tls13"])
async def test_a_certificate_is_asked_of_the_client(name: str, files: Files, measured: Any) -> None:
    service = await of(name, files, measured)
    assert traits(service)["client_certificate"] == YES
    assert service.chain


async def test_post_quantum(files: Files, measured: Any) -> None:
    service = await of("post_quantum", files, measured)
    (trait,) = [t for t in service.traits if t.name == "post_quantum"]
    assert (trait.reply, trait.detail) == (YES, "X25519MLKEM768")


async def test_psk_only(files: Files, measured: Any) -> None:
    assert traits(await of("openssl_psk_tls12", files, measured))["psk_only"] == YES
    assert traits(await of("openssl_good", files, measured))["psk_only"] == NO


async def test_only_tls13_has_some_traits_built_in(files: Files, measured: Any) -> None:
    found = traits(await of("openssl_tls13_only", files, measured))
    assert found["extended_master_secret"] == found["secure_renegotiation"] == YES
    assert found["compression"] == found["client_renegotiation"] == NO
    assert found["session_ticket"] == YES
    assert found["post_quantum"] == NO
    assert found["alpn"] == NO


async def test_early_data_is_read_from_the_ticket(s_server: Any, measured: Any) -> None:
    async with s_server("-tls1_3", "-early_data", "-max_early_data", "4096") as port:
        result = await measured(port)
    (trait,) = [t for t in result.service.traits if t.name == "early_data"]
    assert trait.reply == YES
    assert "4096" in trait.detail


@pytest.mark.parametrize(("alpn", "reply"), [("http/1.1", YES), ("acme-tls/1", NO)])
async def test_alpn(alpn: str, reply: str, s_server: Any, measured: Any) -> None:
    """A server that knows none of the protocols refuses the handshake: that is an answer too."""
    async with s_server("-tls1_2", "-alpn", alpn) as port:
        result = await measured(port)
    (trait,) = [t for t in result.service.traits if t.name == "alpn"]
    # s_server goes on without ALPN where it knows none; others say no_application_protocol.
    assert trait.reply == reply or "none of its protocols" in trait.detail
    assert result.versions["TLSv1.2"] == YES


async def test_the_fallback_signal_and_sha1(s_server: Any, measured: Any) -> None:
    async with s_server("-cipher", "ALL:@SECLEVEL=0", "-no_tls1_3") as port:
        result = await measured(port)
    found = traits(result.service)
    assert found["fallback_scsv"] == YES
    assert found["sha1_signature"] == YES
    assert result.service.hellos <= HELLOS


@pytest.mark.parametrize(
    ("options", "reply"),
    [(("-client_renegotiation",), YES), ((), NO), (("-no_renegotiation",), NO)],
)
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1"])
async def test_renegotiation_by_the_client(
    version: str, options: tuple[str, ...], reply: str, s_server: Any, measured: Any
) -> None:
    async with s_server(version, "-cipher", "ALL:@SECLEVEL=0", *options) as port:
        result = await measured(port)
    (trait,) = [t for t in result.service.traits if t.name == "client_renegotiation"]
    assert trait.reply == reply, trait
    assert trait.evidence
    assert result.service.hellos <= HELLOS


@pytest.mark.parametrize("name", ["openssl_mtls", "post_quantum", "openssl_psk_tls12"])
async def test_renegotiation_that_could_not_be_tried(
    name: str, files: Files, measured: Any
) -> None:
    """No certificate for the device, a close before the question, no key: none is a refusal."""
    service = await of(name, files, measured)
    (trait,) = [t for t in service.traits if t.name == "client_renegotiation"]
    assert trait.reply == UNKNOWN
    assert trait.detail


async def test_what_the_plan_leaves_out_is_named(files: Files, measured: Any) -> None:
    """It is another thing than a question that met no answer."""
    service = await of("openssl_default", files, measured)
    left = [t for t in service.traits if t.reply == UNKNOWN]
    assert {t.name for t in left} == {"post_quantum", "sha1_signature"}
    assert all("not asked by this plan" in t.detail for t in left)


def test_early_data_in_tickets() -> None:
    ticket = bytes(8) + b"\0" + b"\0\1t" + b"\0\x08" + b"\0\x2a\0\4" + (7).to_bytes(4, "big")
    assert max_early_data(ticket) == 7
    assert max_early_data(bytes(8) + b"\0" + b"\0\1t" + b"\0\0") == 0
    for cut in range(len(ticket)):
        assert max_early_data(ticket[:cut]) in (0, 7)
    assert max_early_data(os.urandom(40)) >= 0


# --- stubs ---------------------------------------------------------------------------------------


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in list(vars(interview).items()):
        if name.endswith("_S") and isinstance(value, float):
            monkeypatch.setattr(interview, name, value / 10)


async def test_what_is_echoed_by_a_stub(serve: Any, measured: Any) -> None:
    stub = Stub(deflate=True, heartbeat=True, renegotiation=True)
    async with serve(stub) as port:
        found = traits((await measured(port)).service)
    assert found["compression"] == found["heartbeat"] == found["secure_renegotiation"] == YES
    assert found["extended_master_secret"] == NO


PLAIN = frozenset({0, 10, 11, 13, 22, 23, 35, 43, 45, 51, 0xFF01})


async def test_an_old_stack_that_chokes_on_extensions(
    serve: Any, measured: Any, hurry: None
) -> None:
    """They are left out on a second try, and what nobody answered is not called refused."""
    stub = Stub(versions=(0x0301, 0x0303), known_extensions=PLAIN)
    async with serve(stub) as port:
        result = await measured(port)
    found = traits(result.service)
    assert result.versions["TLSv1.2"] == result.versions["TLSv1.0"] == YES
    assert found["extended_master_secret"] == NO  # offered and not echoed
    for name in ("heartbeat", "compression", "alpn", "truncated_hmac", "ocsp_staple"):
        assert found[name] == UNKNOWN, name


@pytest.mark.parametrize("number", [40, 47, 50, 71, 110, 120])
async def test_an_alert_about_an_extension_refuses_no_version(
    number: int, serve: Any, measured: Any
) -> None:
    class Picky(Stub):
        def decide(self, hello: Any) -> Any:
            return alert(number) if 16 in hello.extensions else super().decide(hello)

    async with serve(Picky()) as port:
        result = await measured(port)
    assert result.versions["TLSv1.2"] == YES
    assert traits(result.service)["alpn"] == (YES if number == 120 else UNKNOWN)
    assert traits(result.service)["heartbeat"] == UNKNOWN


PSK, RSA = frozenset({0x00A8, 0xC0A8}), frozenset({0xC02F, 0x002F})


@pytest.mark.parametrize("chokes", [True, False])
@pytest.mark.parametrize("known", [PSK, RSA, PSK | RSA])
@pytest.mark.parametrize("versions", [(0x0303,), (0x0301, 0x0303)])
async def test_handshake_failure_to_an_extension_refuses_no_suites(
    versions: tuple[int, ...], known: frozenset[int], chokes: bool, serve: Any, measured: Any
) -> None:
    """The alert for suites that are not wanted, said to a hello with ALPN whatever its suites."""

    class Picky(Stub):
        def decide(self, hello: Any) -> Any:
            return alert(40) if chokes and 16 in hello.extensions else super().decide(hello)

    async with serve(Picky(versions=versions, suites=known)) as port:
        result = await measured(port)
    assert result.versions["TLSv1.2"] == YES
    found = traits(result.service)
    assert found["psk_only"] == (YES if known == PSK else NO)
    assert found["heartbeat"] == (UNKNOWN if chokes and known != PSK else found["heartbeat"])
    assert found["heartbeat"] != YES
    assert result.suites["phase-out"] == (YES if 0x002F in known else NO)


@pytest.mark.parametrize("reply", [reset, alert(80)])
async def test_no_trait_is_refused_by_a_device_that_is_not_well(
    reply: Any, serve: Any, measured: Any, hurry: None
) -> None:
    """After a few hellos it only knows one way to end."""
    stub = Stub(versions=(0x0301, 0x0303), refuse=reply, most=6)
    async with serve(stub) as port:
        result = await measured(port)
    found = traits(result.service)
    for name in ("sha1_signature", "fallback_scsv", "client_renegotiation"):
        assert found.get(name, UNKNOWN) == UNKNOWN, name


async def test_a_raw_public_key(serve: Any, measured: Any) -> None:
    class Raw(Stub):
        def accept(self, hello: Any, version: int, suite: int) -> bytes:
            raw = version > 0x0300 and 20 in hello.extensions
            return server_hello(
                version, suite, extensions=b"\0\x14\0\1\2" if raw else b"", certificate=b""
            )

    async with serve(Raw()) as port:
        result = await measured(port)
    assert traits(result.service)["raw_public_key"] == YES
