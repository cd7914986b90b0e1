"""Nothing is sent without permission, nothing to who cannot be open to it, and it comes last."""

from dataclasses import replace
from typing import Any

import pytest
from attack_twins import Bleeding, EarlyCipher

from probe import registry
from probe.collect.tls.attacks.collector import COLLECTOR
from probe.model.evidence import EvidenceRef
from probe.model.finding import Outcome
from probe.model.ids import CheckId
from probe.model.observation import NotMeasured, Service
from probe.model.plan import Permission, Plan
from probe.model.tls import Reply, TlsAttackTest, TlsService, TlsTrait, TlsVersion

PLAN = Plan(name="t", summary="", catalogues=(), tcp_ports="quick")
PERMITTED = replace(PLAN, permits=(Permission.TLS_ATTACKS,))
PROOF = EvidenceRef(sha256="0" * 64)


def known(bench: Any, service: TlsService) -> Any:
    made = bench("127.0.0.1")
    made.session.observe(
        Service(transport="tcp", address="127.0.0.1", port=service.port, protocol="http", tls=True),
        PROOF,
    )
    made.session.observe(service, PROOF)
    return made


async def do(made: Any, plan: Plan) -> list[Any]:
    tasks = list(COLLECTOR.tasks(made.dut, plan))
    for task in tasks:
        await task.work(made.session)
    return tasks


async def test_without_permission_nothing_is_sent(serve: Any, bench: Any, tls12: Any) -> None:
    twin = Bleeding()
    async with serve(twin) as port:
        made = known(bench, replace(tls12, port=port))
        (task,) = await do(made, PLAN)
    assert task.job.title.startswith("No TLS attacks")
    (missing,) = made.recorded.facts(NotMeasured)
    assert "--permit tls-attacks" in missing.settle
    assert missing.owner == "operator"
    assert "heartbleed" in missing.reason
    assert not twin.hellos
    assert made.session.budget.connections == 0


async def test_with_permission_every_attack_is_tried_last(
    serve: Any, bench: Any, tls12: Any
) -> None:
    async with serve(Bleeding()) as port:
        made = known(bench, replace(tls12, port=port))
        (task,) = await do(made, PERMITTED)
    assert (task.lane, task.priority) == ("last", 90)
    names = [t.name for t in made.recorded.facts(TlsAttackTest)]
    assert names == ["ticketbleed", "ccs-injection", "robot", "heartbleed"]
    assert all(o.proof for o in made.recorded.observations)


async def test_tls_that_is_asked_for_is_attacked_inside(serve: Any, tried: Any, tls12: Any) -> None:
    twin = Bleeding()

    async def smtp(reader: Any, writer: Any) -> None:
        writer.write(b"220 device ESMTP\r\n")
        await reader.readline()
        writer.write(b"250-device\r\n250 STARTTLS\r\n")
        await reader.readline()
        writer.write(b"220 go on\r\n")
        await twin(reader, writer)

    async with serve(smtp) as port:
        result = await tried(port, "heartbleed", service=replace(tls12, starttls="smtp"))
    assert result.one.reply.value == "vulnerable"
    assert result.well


def service(**options: Any) -> TlsService:
    versions = options.pop("versions", {"TLSv1.2": Reply.ACCEPTED})
    return TlsService(
        address="127.0.0.1",
        port=443,
        suites=(),
        versions=tuple(TlsVersion(name=n, reply=r) for n, r in versions.items()),
        traits=tuple(TlsTrait(name=n, reply=r) for n, r in options.pop("traits", {}).items()),
        **options,
    )


ALL = {"heartbleed", "ccs-injection", "robot", "ticketbleed"}


@pytest.mark.parametrize(
    ("fact", "names"),
    [
        (service(), ALL),
        (service(traits={"heartbeat": Reply.REFUSED}), ALL - {"heartbleed"}),
        (service(traits={"session_ticket": Reply.REFUSED}), ALL - {"ticketbleed"}),
        (service(traits={"psk_only": Reply.ACCEPTED}), ALL - {"robot"}),
        (service(transport="udp", versions={"DTLSv1.2": Reply.ACCEPTED}), {"heartbleed"}),
        (service(versions={"TLSv1.3": Reply.ACCEPTED}), set()),
        (service(versions={"TLSv1.2": Reply.NO_ANSWER}), set()),
    ],
)
def test_only_what_may_work_is_tried(bench: Any, fact: TlsService, names: set[str]) -> None:
    made = known(bench, fact)
    tasks = list(COLLECTOR.tasks(made.dut, PERMITTED))
    assert len(tasks) == bool(names)
    if names:
        assert set(tasks[0].work.keywords["names"]) == names


async def test_what_was_tried_is_what_the_checks_say(serve: Any, bench: Any, tls12: Any) -> None:
    async with serve(Bleeding()) as port, serve(EarlyCipher(heartbeat=False)) as early:
        made = known(bench, replace(tls12, port=port))
        made.session.observe(replace(tls12, port=early), PROOF)
        await do(made, PERMITTED)
    answers = {
        (name, a.subject.rpartition(":")[2]): a.outcome
        for name in ("attack_heartbleed", "attack_ccs_injection", "attack_survived")
        for a in registry.check_function(CheckId(f"tls/{name}"))(made.dut)
    }
    assert answers["attack_heartbleed", str(port)] is Outcome.VIOLATED
    assert answers["attack_ccs_injection", str(early)] is Outcome.VIOLATED
    assert answers["attack_heartbleed", str(early)] is Outcome.SATISFIED
    assert answers["attack_survived", str(port)] is Outcome.SATISFIED


def test_the_registry_finds_it() -> None:
    assert COLLECTOR in [module.COLLECTOR for module in registry.collector_modules()]
