"""All typed UDP probes to one address: first all of them, then the silent ones again, patiently."""

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from probe.collect.answers import NoAnswer, Why
from probe.collect.services.udp import encrypted, infrastructure, names, things
from probe.collect.services.udp.probe import Heard, UdpProbe
from probe.collect.session import DeviceSession
from probe.collect.together import together
from probe.model.evidence import Coverage, EvidenceRef, Proof
from probe.model.observation import Announced, OpenAccess, PortScan, Service, UdpSilence
from probe.model.ports import format_ports
from probe.model.text import clean

PROBES: tuple[UdpProbe, ...] = (
    *names.PROBES,
    *infrastructure.PROBES,
    *things.PROBES,
    *encrypted.PROBES,
)

FIRST_WITHIN_S = 0.6
AGAIN_WITHIN_S = 1.1
"""Linux sends one ICMP "port unreachable" a second to one peer after the first six (icmp_ratelimit), so
that a closed port among many needs a second question, a second after the one before, to be told from a
silent one."""
MAX_ANNOUNCED = 32
MOST_REQUESTS = 12
"""To one service, however much it names that could be asked for."""


@dataclass(slots=True)
class _Result:
    state: Why | None = None
    """None: it answered."""
    proof: list[Proof] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    raw: bytes = b""
    tries: int = 0


async def survey(
    session: DeviceSession,
    address: str,
    probes: Sequence[UdpProbe] = (),
    list_name: str = "typed probes",
) -> None:
    """Record for every probe a Service or a UdpSilence, and one PortScan that sums up.

    ``probes`` empty: all that are known.
    Raises NoAnswer(LOCAL) when the probe itself could not send, and records nothing then.
    """
    probes = probes or PROBES
    results = {probe: _Result() for probe in probes}
    await _ask_all(session, address, probes, results, FIRST_WITHIN_S)
    silent = [p for p in probes if results[p].state is Why.SILENT]
    if any(r.state is Why.CLOSED for r in results.values()):
        for probe in silent:
            await together(
                _ask(session, address, probe, results[probe], AGAIN_WITHIN_S),
                asyncio.sleep(AGAIN_WITHIN_S),
            )
    else:
        await _ask_all(session, address, silent, results, AGAIN_WITHIN_S)
    for probe, result in results.items():
        _record(session, address, probe, result)
    _summary(session, address, results, list_name)


async def _ask_all(
    session: DeviceSession,
    address: str,
    probes: Sequence[UdpProbe],
    results: dict[UdpProbe, _Result],
    within: float,
) -> None:
    # The budget paces the datagrams; only the waiting for answers overlaps.
    await together(*(_ask(session, address, p, results[p], within) for p in probes))


async def _ask(
    session: DeviceSession, address: str, probe: UdpProbe, result: _Result, within: float
) -> None:
    nonce = hashlib.sha256(f"{session.job}/{probe.protocol}".encode()).digest()
    requests = [probe.build(nonce)]
    asked = 0
    while asked < len(requests):
        request = requests[asked]
        asked += 1
        result.tries += 1
        try:
            answers, proof = await session.ask(
                address,
                probe.port,
                request,
                within=within,
                tries=1,
                more_within=probe.more_within,
                any_port=probe.any_port,
                at_most=MAX_ANNOUNCED,
            )
        except NoAnswer as error:
            if error.why is Why.LOCAL:
                # The datagram never left: nothing is known of this port, nor of the others.
                raise
            if asked == 1:
                result.state = error.why
                result.proof = [error.proof] if error.proof else []
            continue
        result.state = None
        result.proof.append(proof)
        result.raw = result.raw or answers[0].data
        understood = [(a.data, h) for a in answers if (h := probe.parse(a.data, request))]
        result.heard += [h for _, h in understood]
        if understood and (asked == 1 or probe.chained):
            more = [r for r in probe.follow(understood[0][0], nonce) if r not in requests]
            requests += more[: MOST_REQUESTS - len(requests)]


def _record(session: DeviceSession, address: str, probe: UdpProbe, result: _Result) -> None:
    proof = [p for p in result.proof if isinstance(p, EvidenceRef)] if result.state is None else []
    cover = Coverage(
        tried=f"{probe.protocol.upper()} request to UDP port {probe.port} of {address}",
        times=result.tries,
        deadline_s=AGAIN_WITHIN_S if result.tries > 1 else FIRST_WITHIN_S,
        answered=int(result.state is None),
    )
    if result.state is not None:
        state = result.state.value
        fact = UdpSilence(address=address, port=probe.port, protocol=probe.protocol, state=state)
        session.observe(fact, cover, *result.proof)
        return
    dtls = None if result.heard else encrypted.parse_dtls(result.raw, b"")
    best = result.heard[0] if result.heard else dtls or Heard(banner=clean(result.raw))
    session.observe(
        Service(
            transport="udp",
            address=address,
            port=probe.port,
            protocol=probe.protocol if result.heard else "dtls" if dtls else "unknown",
            product=_first(h.product for h in result.heard),
            version=_first(h.version for h in result.heard),
            banner=clean(" ".join(dict.fromkeys(h.banner for h in result.heard)) or best.banner),
            reason=best.reason or f"the answer is not {probe.protocol.upper()}",
            refuses_strangers=any(h.refused for h in result.heard)
            and not any(h.open_access for h in result.heard),
        ),
        *proof,
    )
    anything = any(h.anything for h in result.heard)
    given = dict.fromkeys(w for h in result.heard for w in h.open_access if not anything)
    for what in given:
        session.observe(
            OpenAccess(
                transport="udp",
                address=address,
                port=probe.port,
                protocol=probe.protocol,
                what=what,
            ),
            *proof,
        )
    told: dict[tuple[str, str], Announced] = {}
    for heard in result.heard:
        for announced in heard.announced:
            told.setdefault((announced.name, announced.kind), announced)
    for announced in list(told.values())[:MAX_ANNOUNCED]:
        session.observe(announced, *proof)


def _first(texts: Iterable[str]) -> str:
    return next((t for t in texts if t), "")


def _summary(
    session: DeviceSession, address: str, results: dict[UdpProbe, _Result], list_name: str
) -> None:
    def ports(*states: Why | None) -> list[int]:
        return sorted({p.port for p, r in results.items() if r.state in states})

    fact = PortScan(
        transport="udp",
        address=address,
        list_name=list_name,
        tested=format_ports(p.port for p in results),
        open=tuple(ports(None)),
        filtered=format_ports(ports(Why.FILTERED)),
        silent=format_ports(ports(Why.SILENT)),
    )
    cover = Coverage(
        tried=f"{len(results)} typed UDP probes to {address}",
        times=max(r.tries for r in results.values()),
        deadline_s=AGAIN_WITHIN_S,
        answered=sum(r.state is None for r in results.values()),
    )
    session.observe(fact, cover)
