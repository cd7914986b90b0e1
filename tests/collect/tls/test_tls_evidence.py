"""Each part of a measurement names the hello that shows it, and findings cite just that one."""

from collections.abc import Iterator
from typing import Any

import pytest
from zoo.files import Files, make_files
from zoo.posture import postures
from zoo.running import NotInstalled, running

from probe import registry
from probe.model.device import Device, device_id
from probe.model.dut import Dut
from probe.model.finding import Outcome
from probe.model.ids import CheckId
from probe.model.observation import Observation
from probe.model.plan import Plan, TlsDepth
from probe.model.tls import Reply, TlsService

ZOO = {p.name: p for p in postures()}
WHOLE = Plan(name="t", summary="", catalogues=(), tcp_ports="quick", tls=TlsDepth.INVENTORY)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("evidence"))


@pytest.fixture
def whole(files: Files, measured: Any) -> Any:
    async def run(name: str) -> Any:
        try:
            async with running(ZOO[name], files) as port:
                return await measured(port, transport=ZOO[name].transport, plan=WHOLE)
        except NotInstalled as error:
            pytest.skip(str(error))

    return run


def parts(service: TlsService) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Everything that was accepted, with its evidence."""
    for version in service.versions:
        yield version.name, version.evidence
    for one in service.lists:
        for place, name in enumerate(one.accepted):
            yield f"{one.kind} {one.version} {name}", one.evidence[place : place + 1]
    for trait in service.traits:
        if trait.reply is Reply.ACCEPTED and trait.name not in ("psk_only", "starttls"):
            yield trait.name, trait.evidence
    for prime in service.primes:
        yield f"prime of {prime.bits}", prime.evidence
    for chain in (service.chain, *service.other_chains):
        for certificate in chain[:1]:
            yield certificate.subject, certificate.evidence


@pytest.mark.parametrize(
    "name",
    ["nginx_old", "openssl_everything", "openssl_two_certificates", "openssl_good", "gnutls_psk"],
)
async def test_every_part_names_recorded_bytes(whole: Any, name: str) -> None:
    result = await whole(name)
    recorded = {p.sha256 for p in result.proof}
    for part, evidence in parts(result.service):
        assert set(evidence) & recorded, part
    assert len(result.service.other_complete) == len(result.service.other_chains)


async def test_a_suite_is_shown_by_the_hello_that_it_answers(whole: Any) -> None:
    result = await whole("nginx_old")
    texts = {sha: data.decode() for sha, data in result.recorded.evidence.items()}
    for one in result.service.lists:
        if one.kind != "suites":
            continue
        for name, sha in zip(one.accepted, one.evidence, strict=False):
            assert f"chose {name}" in texts[sha]
            assert one.version in texts[sha]


async def test_findings_cite_what_shows_them_and_no_more(whole: Any) -> None:
    result = await whole("nginx_old")
    device = Device(id=device_id(None, "127.0.0.1"), addresses=("127.0.0.1",))
    known = Observation(
        id="t#1", device=device.id, collector="t", at=0.0, fact=result.service, proof=result.proof
    )
    dut = Dut(device, [known])

    def cited(check: str) -> list[str]:
        found = list(registry.check_function(CheckId(f"tls/{check}"))(dut))
        (answer,) = (a for a in found if a.outcome is Outcome.VIOLATED)
        return [p.caption for p in answer.proof]

    old = [v.name for v in result.service.versions if v.reply is Reply.ACCEPTED][:2]
    assert old == ["TLSv1.0", "TLSv1.1"]
    assert len(result.proof) > 20
    for check in ("old_versions", "policy_versions"):
        assert sorted(cited(check)) == [f"{name} hello: ServerHello" for name in old]
    assert len(cited("attack_block_ciphers")) <= 3


async def test_primes_of_genuine_servers_are_known_by_name(whole: Any) -> None:
    found = {(p.bits, p.group): p for p in (await whole("openssl_everything")).service.primes}
    assert (2048, "MODP group 14") in found
    assert all(p.generator == 2 and not p.defect for p in found.values())


async def test_a_server_that_puts_the_better_first_is_called_so(
    s_server: Any, measured: Any
) -> None:
    suites = "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-SHA256:AES128-SHA256"
    async with s_server("-tls1_2", "-serverpref", "-cipher", suites) as port:
        result = await measured(port, plan=WHOLE)
    device = Device(id=device_id(None, "127.0.0.1"), addresses=("127.0.0.1",))
    known = Observation(
        id="t#1", device=device.id, collector="t", at=0.0, fact=result.service, proof=result.proof
    )
    for policy in ("ncsc-nl-2025-05", "rfc9325"):
        dut = Dut(device, [known]).under(registry.chosen_policy(policy))
        answer, *_ = registry.check_function(CheckId("tls/policy_order"))(dut)
        assert answer.outcome is Outcome.SATISFIED, answer.summary
        assert "its own order counts" in answer.summary
