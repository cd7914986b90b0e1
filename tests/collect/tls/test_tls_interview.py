"""Whatever a device's answers are drowned in, nothing false is concluded from them."""

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from probe.collect.tls.codec import ClientHello, ServerFlight, Version
from probe.collect.tls.codec.flight import AlertMessage, ServerHello
from probe.collect.tls.exchange import Met, Reaction
from probe.collect.tls.interview import MOST_HELLOS, Interview
from probe.collect.tls.suites import WEAK, table
from probe.collect.tls.survey import Survey
from probe.model.evidence import EvidenceRef
from probe.model.tls import Reply

NOISE = (Met.RESET, Met.SILENT, Met.GARBAGE, Met.UNREACHABLE)
SUITES = sorted(n for n, s in table().items() if n and not s.needs_more)


class Device:
    """A simulated stack that is right about itself whenever it gets to say something."""

    def __init__(
        self, versions: set[Version], suites: set[int], number: int, noise: Callable[[], Met | None]
    ) -> None:
        self.versions, self.suites, self.number, self.noise = versions, suites, number, noise
        self.said = 0

    def choose(self, hello: ClientHello) -> tuple[int, int] | None:
        tls13 = hello.version is Version.TLS13
        alone = tls13 or hello.version is Version.SSL2
        possible = [
            v
            for v in self.versions
            if (v == hello.version if alone else Version.SSL2 < v <= hello.version)
        ]
        if not possible:
            return None
        version = max(possible)
        if version is Version.SSL2:
            return version, hello.suites[0]
        for number in hello.suites:
            suite = table()[number]
            fits = suite.tls13 == tls13 and (version >= Version.TLS12 or not suite.since_tls12)
            if number in self.suites and fits:
                return version, number
        return None

    async def __call__(self, hello: ClientHello, *, patience: float, to_the_end: bool) -> Reaction:
        self.said += 1
        flight, met = ServerFlight(), self.noise()
        if met is None:
            chosen = self.choose(hello)
            if chosen is None:
                met = Met.ALERT
                right = hello.version in self.versions
                # protocol_version is never said about a version that is spoken.
                number = 40 if self.number == 70 and right else self.number
                flight.alerts.append(AlertMessage(2, number))
            else:
                met = Met.HELLO
                flight.hello = ServerHello(
                    version=chosen[0], suite=chosen[1], compression=0, retry=chosen[0] > 0x0303
                )
        return Reaction(
            hello=hello,
            met=met,
            flight=flight,
            detail=str(met),
            seconds=0.001,
            proof=EvidenceRef(sha256=f"{self.said:064x}"),
        )


def surveyed(device: Device) -> Survey:
    async def no_pause(seconds: float) -> None:
        assert seconds < 10

    async def run() -> Survey:
        found = Survey(Interview(device, bytes, no_pause))
        await found.carry_out()
        return found

    return asyncio.run(run())


def true_of(device: Device, kind: str) -> bool:
    """Whether some version and suite of the kind go together."""
    for number in device.suites:
        suite = table()[number]
        if suite.kind != kind:
            continue
        for version in device.versions - {Version.SSL2}:
            if suite.tls13 == (version is Version.TLS13) and (
                version >= Version.TLS12 or not suite.since_tls12
            ):
                return True
    return False


def usable(device: Device, version: Version) -> bool:
    probe = Device({version}, device.suites, 0, lambda: None)
    hello: Any = ClientHello(version=version, suites=tuple(SUITES), random=b"")
    return probe.choose(hello) is not None


stacks = st.tuples(
    st.sets(st.sampled_from(list(Version)), min_size=1),
    st.sets(st.sampled_from(SUITES), min_size=1, max_size=8),
    st.sampled_from([40, 47, 70, 71, 80, 50]),
)


def nothing_false(device: Device, found: Survey) -> None:
    if found.interview.control is None:
        return  # Nothing was ever accepted: such a service is recorded as not measured.
    for fact in found.version_facts():
        version = next(v for v in Version if v.label == fact.name)
        if fact.reply is Reply.ACCEPTED:
            assert version in device.versions
        elif fact.reply is Reply.REFUSED:
            # A stack that always takes its newest version shows an older one only where that fits.
            assert not (version in device.versions and usable(device, version)), fact
    for group in found.group_facts():
        if group.reply is Reply.ACCEPTED:
            assert true_of(device, group.kind)


@given(stacks)
@settings(max_examples=150, deadline=None)
def test_without_noise(stack: tuple[set[Version], set[int], int]) -> None:
    device = Device(*stack, lambda: None)
    found = surveyed(device)
    nothing_false(device, found)
    assert device.said <= MOST_HELLOS


@given(stacks, st.randoms(use_true_random=False), st.floats(0.05, 0.9))
@settings(max_examples=200, deadline=None)
def test_with_noise(stack: tuple[set[Version], set[int], int], random: Any, share: float) -> None:
    device = Device(*stack, lambda: random.choice(NOISE) if random.random() < share else None)
    found = surveyed(device)
    nothing_false(device, found)
    assert device.said <= MOST_HELLOS


@given(stacks, st.integers(1, 12), st.sampled_from(list(Met)[1:]))
@settings(max_examples=200, deadline=None)
def test_a_device_that_falls_silent_on_the_way(
    stack: tuple[set[Version], set[int], int], after: int, met: Met
) -> None:
    """From some hello on it meets everything alike; an alert then is a lie about what it supports."""
    versions, suites, number = stack
    device = Device(versions, suites, number, lambda: None)
    truthful = device.choose

    def choose(hello: ClientHello) -> tuple[int, int] | None:
        return truthful(hello) if device.said <= after else None

    def noise() -> Met | None:
        return met if device.said > after and met is not Met.ALERT else None

    device.choose, device.noise = choose, noise  # type: ignore[method-assign]
    found = surveyed(device)
    device.choose = truthful  # type: ignore[method-assign]
    nothing_false(device, found)
    weak = next(g for g in found.group_facts() if g.kind == WEAK)
    if found.interview.control is not None and weak.reply is Reply.REFUSED:
        assert not true_of(device, WEAK)
