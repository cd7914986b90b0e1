"""The long plan: every suite, group and signature scheme by name, in few hellos more than there are."""

from typing import Any

import pytest
from zoo.files import Files, make_files
from zoo.posture import postures
from zoo.running import NotInstalled, running
from zoo.stack import Stub, alert, close, reset

from probe.collect.tls import interview
from probe.model.plan import Gentleness, Plan, TlsDepth
from probe.model.tls import TlsList, TlsService

ZOO = {p.name: p for p in postures()}
SERVERS = [n for n, p in ZOO.items() if p.program != "stub" and p.transport == "tcp" and p.suites]
MORE_THAN_ENTRIES = 25


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers on loopback bear more; the pace has tests of its own."""
    monkeypatch.setattr(interview, "MOST_IN_WINDOW", 10_000)
    for name, value in list(vars(interview).items()):
        if name.endswith("_S") and isinstance(value, float):
            monkeypatch.setattr(interview, name, value / 10)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("zoo"))


@pytest.fixture
def inventory(measured: Any) -> Any:
    gentle = Gentleness(packets_per_s=5_000.0, burst=8)
    plan = Plan(
        name="t",
        summary="",
        catalogues=(),
        tcp_ports="quick",
        gentleness=gentle,
        tls=TlsDepth.INVENTORY,
    )

    async def run(port: int) -> TlsService:
        service: TlsService = (await measured(port, plan=plan)).service
        return service

    return run


def entries(service: TlsService) -> int:
    return sum(len(taken.accepted) for taken in service.lists)


def taken(service: TlsService, kind: str, version: str) -> TlsList:
    (found,) = [s for s in service.lists if (s.kind, s.version) == (kind, version)]
    return found


@pytest.mark.parametrize("name", SERVERS)
async def test_all_suites_of_the_zoo(name: str, files: Files, inventory: Any) -> None:
    posture = ZOO[name]
    try:
        async with running(posture, files, pace=0.1) as port:
            service = await inventory(port)
    except NotInstalled as error:
        pytest.skip(str(error))
    for version, declared in posture.suites.items():
        found = [s for s in service.lists if s.version == version and "suites" in s.kind]
        names = {suite for one in found for suite in one.accepted}
        assert names == set(declared), version
        assert all(one.complete for one in found)
    assert service.hellos <= entries(service) + MORE_THAN_ENTRIES


async def test_order_of_the_server(s_server: Any, inventory: Any) -> None:
    ciphers = "AES256-SHA:ECDHE-RSA-AES128-GCM-SHA256:AES128-GCM-SHA256"
    async with s_server("-tls1_2", "-cipher", ciphers, "-serverpref") as port:
        service = await inventory(port)
    found = taken(service, "suites", "TLSv1.2")
    assert found.order == "server"
    assert list(found.accepted) == [
        "TLS_RSA_WITH_AES_256_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_RSA_WITH_AES_128_GCM_SHA256",
    ]
    async with s_server("-tls1_2", "-cipher", ciphers) as port:
        service = await inventory(port)
    assert taken(service, "suites", "TLSv1.2").order == "client"


async def test_groups_signatures_and_prime(s_server: Any, inventory: Any) -> None:
    async with s_server("-groups", "P-256:P-384", "-sigalgs", "RSA-PSS+SHA256:RSA+SHA384") as port:
        service = await inventory(port)
    assert set(taken(service, "groups", "TLSv1.3").accepted) == {"secp256r1", "secp384r1"}
    assert set(taken(service, "groups", "TLSv1.2").accepted) == {"secp256r1", "secp384r1"}
    signed = taken(service, "signatures", "TLSv1.2")
    assert set(signed.accepted) == {"rsa_pss_rsae_sha256", "rsa_pkcs1_sha384"}
    assert signed.complete
    assert service.dh_bits == 2048


async def test_groups_beside_an_ec_certificate(files: Files, inventory: Any) -> None:
    """The curve of the certificate must be in every offer, or nothing is accepted at all."""
    try:
        async with running(ZOO["openssl_ccm8"], files, pace=0.1) as port:
            service = await inventory(port)
    except NotInstalled as error:
        pytest.skip(str(error))
    assert {"secp256r1", "x25519"} <= set(taken(service, "groups", "TLSv1.2").accepted)


async def test_a_chain_for_each_kind_of_key(files: Files, inventory: Any) -> None:
    async with running(ZOO["openssl_two_certificates"], files, pace=0.1) as port:
        service = await inventory(port)
    kinds = {chain[0].key_type for chain in (service.chain, *service.other_chains)}
    assert kinds == {"RSA", "EC"}
    assert len(service.other_chains) == 1


# --- stubs ---------------------------------------------------------------------------------------

FOUR = frozenset({0xC02F, 0xC013, 0x002F, 0x009C})


@pytest.mark.parametrize("refuse", [alert(40), alert(80), close])
async def test_refusals_of_every_kind_end_a_list(refuse: Any, serve: Any, inventory: Any) -> None:
    async with serve(Stub(suites=FOUR, refuse=refuse)) as port:
        service = await inventory(port)
    found = taken(service, "suites", "TLSv1.2")
    assert len(found.accepted) == 4
    assert found.complete


async def test_a_reset_ends_no_list(serve: Any, inventory: Any) -> None:
    async with serve(Stub(suites=FOUR, refuse=reset)) as port:
        service = await inventory(port)
    found = taken(service, "suites", "TLSv1.2")
    assert len(found.accepted) == 4
    assert not found.complete
    assert "reset" in found.detail


@pytest.mark.parametrize("limit", [{"max_size": 256}, {"max_suites": 32}])
async def test_small_hellos_for_a_stack_that_wants_them(
    limit: dict[str, int], serve: Any, inventory: Any
) -> None:
    async with serve(Stub(suites=FOUR, **limit)) as port:  # type: ignore[arg-type]
        service = await inventory(port)
    found = taken(service, "suites", "TLSv1.2")
    assert len(found.accepted) == 4
    assert found.complete


async def test_a_device_that_gives_up_leaves_an_open_list(serve: Any, inventory: Any) -> None:
    async with serve(Stub(suites=FOUR, most=13)) as port:
        service = await inventory(port)
    for one in service.lists:
        assert not one.complete or len(one.accepted) == 4 or not one.accepted
    assert not all(one.complete for one in service.lists)


async def test_a_server_that_takes_what_is_not_offered(serve: Any, inventory: Any) -> None:
    """Always the same suite: the list ends, and the number of hellos too."""

    class Stubborn(Stub):
        def decide(self, hello: Any) -> Any:
            again = type(hello)(hello.version, [0xC02F], 0)
            return super().decide(again if hello.version == 0x0303 else hello)

    async with serve(Stubborn()) as port:
        service = await inventory(port)
    assert taken(service, "suites", "TLSv1.2").accepted == (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    )
    assert not taken(service, "suites", "TLSv1.2").complete
    assert service.hellos < 100
