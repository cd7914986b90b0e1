"""What the checks say of genuine servers: bad ones are named, good ones are never called bad."""

from typing import Any

import pytest
from zoo.files import Files, make_files
from zoo.posture import postures
from zoo.running import NotInstalled, running

from probe import registry
from probe.model.device import Device, device_id
from probe.model.dut import Dut
from probe.model.finding import Answer, Outcome
from probe.model.ids import CheckId
from probe.model.observation import Observation, PortScan, Service
from probe.model.plan import Plan, TlsDepth

ZOO = {p.name: p for p in postures()}
V, S, NA = Outcome.VIOLATED, Outcome.SATISFIED, Outcome.NOT_APPLICABLE
WHOLE = Plan(name="t", summary="", catalogues=(), tcp_ports="quick", tls=TlsDepth.INVENTORY)
SHORT = Plan(name="t", summary="", catalogues=(), tcp_ports="quick")
FAMILY = sorted(c for c in registry.checks() if c.startswith("tls/"))


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("judged"))


@pytest.fixture
def judged(files: Files, measured: Any) -> Any:
    """``await judged("nginx_good", plan)``: what the checks get to know of that server."""

    async def run(name: str, plan: Plan) -> Dut:
        zoo = ZOO[name]
        try:
            async with running(zoo, files) as port:
                result = await measured(port, transport=zoo.transport, plan=plan)
        except NotInstalled as error:
            pytest.skip(str(error))
        assert result.service, result.missing
        device = Device(id=device_id(None, "127.0.0.1"), addresses=("127.0.0.1",))
        speaks = "coaps" if zoo.transport == "udp" else "http"
        known: list[Any] = [
            PortScan(
                transport="tcp", address="127.0.0.1", list_name="t", tested="1-65535", open=()
            ),
            Service(
                transport=zoo.transport,
                address="127.0.0.1",
                port=port,
                protocol=speaks,
                tls=zoo.transport == "tcp",
            ),
            result.service,
        ]
        seen = [
            Observation(
                id=f"t#{n}", device=device.id, collector="t", at=0.0, fact=f, proof=result.proof
            )
            for n, f in enumerate(known)
        ]
        return Dut(device, seen)

    return run


def answers(dut: Dut, policy: str = registry.DEFAULT_POLICY) -> dict[str, Answer]:
    """Of all TLS checks, under a policy."""
    found: dict[str, Answer] = {}
    for check in FAMILY:
        (answer,) = registry.check_function(CheckId(check))(
            dut.under(registry.chosen_policy(policy))
        )
        found[check.partition("/")[2]] = answer
    return found


BAD = [
    ("nginx_old", WHOLE, {"attack_block_ciphers": "BEAST", "policy_versions": "TLSv1.0"}),
    ("nginx_old", SHORT, {"policy_suites": "appendix B", "policy_versions": "paragraph 3.3.1"}),
    ("openssl_anonymous_and_null", SHORT, {"attack_readable": "suites", "weak_suites": "accepted"}),
    ("tlslite_museum", WHOLE, {"attack_block_ciphers": "POODLE", "attack_readable": "RC4"}),
    (
        "tlslite_museum",
        SHORT,
        {"attack_block_ciphers": "SWEET32", "policy_features": "requires extended"},
    ),
    ("stub_sslv2", SHORT, {"attack_drown": "SSLv2", "attack_readable": "RC4"}),
    ("stub_deflate", SHORT, {"attack_crime": "compresses", "policy_features": "paragraph 3.4.1"}),
    (
        "stub_export_dh512",
        WHOLE,
        {
            "attack_readable": "FREAK",
            "attack_short_dh": "512 bits",
            "attack_renegotiation": "RFC 5746",
        },
    ),
]


@pytest.mark.parametrize(
    ("name", "plan", "said"), BAD, ids=lambda v: v.tls.value if isinstance(v, Plan) else None
)
async def test_bad_ones_are_named(judged: Any, name: str, plan: Plan, said: dict[str, str]) -> None:
    found = answers(await judged(name, plan))
    for check, words in said.items():
        assert found[check].outcome is V, found[check].summary
        assert words in found[check].summary


async def test_the_order_of_suites_on_genuine_servers(judged: Any) -> None:
    client = answers(await judged("openssl_default", WHOLE))["policy_order"]
    assert client.outcome is V
    assert "takes whatever the client names first" in client.summary
    assert len(client.proof) <= 2
    # Its own order counts, and is a bad one: key transport before forward secrecy.
    own = await judged("openssl_server_order", WHOLE)
    for policy in ("ncsc-nl-2025-05", "rfc9325"):
        found = answers(own, policy)["policy_order"]
        assert found.outcome is V
        assert "prefers TLS_RSA_WITH_AES_128_CBC_SHA to TLS_ECDHE_RSA" in found.summary
    short = answers(await judged("openssl_default", SHORT))["policy_order"]
    assert short.outcome is Outcome.INCONCLUSIVE


async def test_a_good_one_is_called_good_under_every_topic(judged: Any) -> None:
    known = await judged("openssl_good", WHOLE)
    found = answers(known)
    clean = {c for c, a in found.items() if a.outcome is S}
    tried = {"attack_ccs_injection", "attack_ticketbleed", "attack_survived"}
    assert clean >= {c for c in found if c.startswith("attack_")} - tried
    assert clean >= {"policy_versions", "policy_suites", "policy_certificates", "policy_features"}
    assert clean >= {"certificate_known_key", "certificate_role", "certificate_profile"}
    # OpenSSL's TLS 1.3 takes ffdhe2048, which this policy calls insufficient; RFC 9325 does not.
    assert "ffdhe2048" in found["policy_key_exchange"].summary
    assert answers(known, "rfc9325")["policy_key_exchange"].outcome is S


@pytest.mark.parametrize("name", ["openssl_everything", "openssl_legacy_cbc", "openssl_default"])
async def test_the_short_plan_clears_nothing_that_it_did_not_ask(judged: Any, name: str) -> None:
    found = answers(await judged(name, SHORT))
    unknown = ("attack_short_dh", "policy_key_exchange", "policy_suites", "policy_phase_out")
    assert all(found[check].outcome is not S for check in unknown)


async def test_a_server_for_pre_shared_keys_needs_no_certificate(judged: Any) -> None:
    found = answers(await judged("libcoap_openssl_psk", SHORT))
    certificates = [a for c, a in found.items() if "certificate" in c and "shared" not in c]
    assert {a.outcome for a in certificates} == {NA}
    # Whether each unit has a pre-shared key of its own does not show from outside.
    assert found["certificate_key_shared"].outcome is Outcome.INCONCLUSIVE
    assert found["policy_versions"].outcome is S
    assert found["attack_drown"].outcome is NA
    assert not [c for c, a in found.items() if a.outcome is V]
