"""The zoo: what is measured of each server is what it is declared to be, and never cleaner."""

from typing import Any

import pytest
from zoo.files import NAME, Files, make_files
from zoo.posture import Expect, Posture, postures
from zoo.running import NotInstalled, running

from probe.collect.tls import dtls, exchange, interview
from probe.collect.tls.suites import PHASE_OUT, WEAK
from probe.model.plan import Gentleness, Plan, TlsDepth
from probe.model.tls import Reply, TlsService

ZOO = postures()
assert len({p.name for p in ZOO}) == len(ZOO)
GENUINE = [p for p in ZOO if p.program != "stub"]
ORDINARY_HELLOS = 13
MORE_THAN_ENTRIES = 25
"""An inventory costs a hello for each entry of a list, of suites, groups and signature schemes."""
PACE = 0.1
YES, NO, UNKNOWN = "accepted", "refused", "no answer"
GENTLE = Gentleness(packets_per_s=2_000.0, burst=8)
INVENTORY = Plan(
    name="i",
    summary="",
    catalogues=(),
    tcp_ports="quick",
    gentleness=GENTLE,
    tls=TlsDepth.INVENTORY,
)


def each(zoo: list[Posture]) -> Any:
    return pytest.mark.parametrize("posture", zoo, ids=lambda p: p.name)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("zoo"))


@pytest.fixture(scope="session")
def kept() -> dict[str, Any]:
    """The first measurement of each server, which several tests look at."""
    return {}


async def measure_it(posture: Posture, files: Files, measured: Any, **options: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        hurry(patch, posture)
        try:
            async with running(posture, files, pace=PACE) as port:
                return await measured(port, transport=posture.transport, **options)
        except NotInstalled as error:
            pytest.skip(str(error))


def hurry(patch: pytest.MonkeyPatch, posture: Posture) -> None:
    """Stubs take ten times shorter than the devices they stand for, so the prober waits that much less.

    Genuine servers are given their time, but not the pauses between many connections, nor the wait
    for datagrams of a device that is slow.
    """
    if posture.program != "stub":
        patch.setattr(interview, "WINDOW_S", interview.WINDOW_S * PACE)
        patch.setattr(dtls, "SLOW_PATIENCE_S", dtls.SLOW_PATIENCE_S / 4)
        return
    for module in (interview, exchange):
        for name, value in vars(module).items():
            if name.endswith("_S") and isinstance(value, float):
                patch.setattr(module, name, value * PACE)


@pytest.fixture
async def result(posture: Posture, files: Files, measured: Any, kept: dict[str, Any]) -> Any:
    if posture.name not in kept:
        kept[posture.name] = await measure_it(posture, files, measured)
    return kept[posture.name]


def said_of(result: Any) -> dict[str, str]:
    """Topic and answer; nothing when there was no service to speak of."""
    return {**result.versions, **result.suites} if result.service else {}


# --- verdict -------------------------------------------------------------------------------------


@each([*ZOO])
def test_nothing_false(posture: Posture, result: Any) -> None:
    """No answer is contrary to the declaration: nothing that is offered is called refused."""
    true = dict.fromkeys(posture.versions, YES)
    true |= {WEAK: YES if posture.weak else NO, PHASE_OUT: YES if posture.phase_out else NO}
    wrong = {t: a for t, a in said_of(result).items() if a not in (UNKNOWN, true.get(t, NO))}
    assert not wrong, posture.note
    if result.service is None:
        assert posture.expect is not Expect.EXACT
        assert result.missing.owner
        assert result.missing.settle
        assert "\x1b" not in result.missing.reason
    elif not result.service.chain:
        assert result.service.chain_problem
    else:
        the_certificate(posture, result.service)


@each([p for p in ZOO if p.expect is not Expect.NOTHING])
def test_everything_is_found(posture: Posture, result: Any) -> None:
    """What the server answers is answered; only what it leaves open may be."""
    said = said_of(result)
    opened = {topic for topic, answer in said.items() if answer == UNKNOWN}
    assert opened <= set(posture.open), posture.note
    assert set(posture.versions) <= {topic for topic, answer in said.items() if answer == YES}
    if posture.certificate != "none" and posture.program != "stub" and not result.service.chain:
        # Of several suites the server chose one without certificate: then that is what is said.
        assert "anon" in result.service.chain_problem


@each([p for p in ZOO if p.expect is Expect.NOTHING])
def test_nothing_there(posture: Posture, result: Any) -> None:
    assert result.service is None


def the_certificate(posture: Posture, service: TlsService) -> None:
    if posture.program == "stub":
        return
    leaf = service.chain[0]
    assert leaf.subject == f"CN={NAME}"
    assert leaf.key_type.lower() in posture.certificate.split("+")


@each([p for p in ZOO if p.repeat])
async def test_three_runs_alike(posture: Posture, result: Any, files: Files, measured: Any) -> None:
    for _ in range(2):
        again = await measure_it(posture, files, measured)
        assert said_of(again) == said_of(result)


@each(GENUINE)
def test_few_hellos(posture: Posture, result: Any) -> None:
    """Also of one that has pre-shared keys only, which are offered in hellos of their own."""
    assert result.service.hellos <= ORDINARY_HELLOS


@each([p for p in ZOO if p.traits])
def test_traits(posture: Posture, result: Any) -> None:
    """A trait that got an answer is as declared."""
    true_traits(posture, result.service)


def true_traits(posture: Posture, service: TlsService) -> None:
    known = {t.name: t.reply for t in service.traits if t.reply is not Reply.NO_ANSWER}
    true = {n: Reply.ACCEPTED if has else Reply.REFUSED for n, has in posture.traits.items()}
    wrong = {n: known[n] for n in true.keys() & known.keys() if known[n] is not true[n]}
    assert not wrong, posture.note


# --- inventory -----------------------------------------------------------------------------------


@each([p for p in GENUINE if p.suites])
async def test_inventory(posture: Posture, files: Files, measured: Any) -> None:
    """The suites of each version are exactly those that are declared."""
    service = (await measure_it(posture, files, measured, plan=INVENTORY)).service
    found: dict[str, set[str]] = {}
    for taken in service.lists:
        if taken.kind in ("suites", "psk suites"):
            assert taken.complete, taken
            found.setdefault(taken.version, set()).update(taken.accepted)
    assert found == {version: set(names) for version, names in posture.suites.items()}
    entries = sum(len(taken.accepted) for taken in service.lists)
    assert service.hellos <= entries + MORE_THAN_ENTRIES
    true_traits(posture, service)
