"""The zoo: what is measured of each server is what it is declared to be, and never cleaner."""

from typing import Any

import pytest
from zoo.files import NAME, Files, make_files
from zoo.posture import Expect, Posture, postures
from zoo.running import NotInstalled, running

from probe.collect.tls import exchange, interview
from probe.collect.tls.suites import PHASE_OUT, WEAK
from probe.model.tls import TlsService

ZOO = postures()
assert len({p.name for p in ZOO}) == len(ZOO)
ORDINARY_HELLOS = 13
PSK_HELLOS = 16
"""PSK suites are offered alone, so a server that has nothing else is asked twice about the rest."""
PACE = 0.1
YES, NO, UNKNOWN = "accepted", "refused", "no answer"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The prober waits ten times shorter for stubs, which take ten times shorter themselves."""
    posture: Posture = request.node.callspec.params["posture"]
    if posture.program != "stub":
        return
    for module in (interview, exchange):
        for name, value in vars(module).items():
            if name.endswith("_S") and isinstance(value, float):
                monkeypatch.setattr(module, name, value * PACE)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("zoo"))


def truth(posture: Posture) -> dict[str, str]:
    """What an answer about each topic has to be."""
    said = dict.fromkeys(posture.versions, YES)
    return said | {WEAK: YES if posture.weak else NO, PHASE_OUT: YES if posture.phase_out else NO}


def never_cleaner(posture: Posture, said: dict[str, str]) -> None:
    """No answer is contrary to the declaration: above all nothing offered is called refused."""
    true = truth(posture)
    wrong = {t: a for t, a in said.items() if a not in (UNKNOWN, true.get(t, NO))}
    assert not wrong, posture.note


def said_of(result: Any) -> dict[str, str]:
    return {**result.versions, **result.suites}


async def once(posture: Posture, files: Files, measured: Any) -> Any:
    try:
        async with running(posture, files, pace=PACE) as port:
            return await measured(port, transport=posture.transport)
    except NotInstalled as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("posture", ZOO, ids=lambda p: p.name)
async def test_posture(posture: Posture, files: Files, measured: Any) -> None:
    result = await once(posture, files, measured)
    if posture.expect in (Expect.NOTHING, Expect.NEVER_FALSE) and result.service is None:
        assert result.missing.owner
        assert result.missing.settle
        assert "\x1b" not in result.missing.reason
        assert posture.expect is Expect.NOTHING or posture.open == ("everything",)
        return
    assert posture.expect is not Expect.NOTHING
    said = said_of(result)
    never_cleaner(posture, said)
    unasked = set(posture.versions) - set(said)
    assert unasked <= {"SSLv2"}
    if posture.expect is Expect.EXACT:
        assert UNKNOWN not in said.values()
    else:
        opened = {topic for topic, answer in said.items() if answer == UNKNOWN}
        assert opened <= set(posture.open), posture.note
    the_certificate(posture, result.service)
    if unasked:
        pytest.xfail(f"accepted, and never asked: {unasked}")


def the_certificate(posture: Posture, service: TlsService) -> None:
    if posture.certificate == "none" or posture.program == "stub":
        return
    if not service.chain:
        # Of several suites the server chose one without certificate: then that is what is said.
        assert "no certificate" in service.chain_problem
        assert "anon" in service.chain_problem
        return
    leaf = service.chain[0]
    assert leaf.subject == f"CN={NAME}"
    assert leaf.key_type.lower() in posture.certificate.split("+")


@pytest.mark.parametrize("posture", [p for p in ZOO if p.repeat], ids=lambda p: p.name)
async def test_three_runs_alike(posture: Posture, files: Files, measured: Any) -> None:
    said = [said_of(await once(posture, files, measured)) for _ in range(3)]
    assert said[0] == said[1] == said[2]


ORDINARY = [p for p in ZOO if p.program != "stub" and p.transport == "tcp"]


@pytest.mark.parametrize("posture", ORDINARY, ids=lambda p: p.name)
async def test_few_hellos(posture: Posture, files: Files, measured: Any) -> None:
    result = await once(posture, files, measured)
    psk = posture.traits.get("psk_only", False)
    assert result.service.hellos <= (PSK_HELLOS if psk else ORDINARY_HELLOS)
