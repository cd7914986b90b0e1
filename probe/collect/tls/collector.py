"""The TLS collector: one job for each service that speaks TLS or DTLS, whatever its port."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from probe.collect.answers import NoAnswer, Why
from probe.collect.collector import Task, task
from probe.collect.services.udp.encrypted import DTLS_PROTOCOLS
from probe.collect.session import DeviceSession
from probe.collect.tls import starttls
from probe.collect.tls.codec import Version
from probe.collect.tls.duration import Estimate
from probe.collect.tls.exchange import Met, Reaction, TcpExchange
from probe.collect.tls.handshake import finish_handshake
from probe.collect.tls.interview import MOST_HELLOS, MOST_IN_INVENTORY, Interview, Say
from probe.collect.tls.key_exchange import dh_bits
from probe.collect.tls.learned import certificates_of
from probe.collect.tls.names import announced_name, server_names
from probe.collect.tls.questions import ask_the_rest
from probe.collect.tls.survey import Survey
from probe.collect.tls.traits import trait_facts
from probe.model.device import endpoint
from probe.model.dut import Dut
from probe.model.evidence import Coverage, Proof
from probe.model.finding import Owner
from probe.model.plan import Plan, TlsDepth
from probe.model.service import Service
from probe.model.tls import DhPrime, Reply, TlsService, TlsTrait

if TYPE_CHECKING:
    from probe.collect.tls.inventory import Inventory
    from probe.collect.tls.renegotiation import Renegotiated

USUAL_S = 20
"""For an inventory of fifty entries at the pace that devices bear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """How TLS begins: at once, or inside ``protocol`` after a request; ``name`` is the device's own."""

    protocol: str = ""
    name: str = ""

    @property
    def traits(self) -> tuple[TlsTrait, ...]:
        return (TlsTrait(name="starttls", reply=Reply.ACCEPTED),) if self.protocol else ()


@dataclass(frozen=True, slots=True)
class TlsCollector:
    """Versions, weak suites and certificate of every TLS service."""

    name: str = "tls"

    def tasks(self, dut: Dut, plan: Plan) -> Iterator[Task]:
        for seen in dut.services():
            service = seen.fact
            subject = endpoint(service.transport, service.address, service.port)
            work = partial(measure, address=service.address, port=service.port)
            if speaks_dtls(service):
                work = partial(work, transport="udp")
                title = f"DTLS on {subject}"
            elif service.transport == "udp":
                continue
            elif service.tls:
                title = f"TLS on {subject}"
            elif service.protocol in starttls.DIALOGUES:
                work = partial(work, protocol=service.protocol)
                title = f"TLS begun inside {service.protocol.upper()} on {subject}"
            else:
                continue
            if plan.tls is TlsDepth.INVENTORY:
                title += f", every suite by name: about {USUAL_S} s, more on a slow device"
            yield task(self.name, dut.device, subject, title, work, priority=30)


COLLECTOR = TlsCollector()


async def measure(
    session: DeviceSession, address: str, port: int, *, transport: str = "tcp", protocol: str = ""
) -> None:
    """Record a TlsService, or why there is none. ``protocol``: one that begins TLS when asked."""
    begun = Begun()
    if protocol:
        begun = Begun(protocol=protocol, name=announced_name(session.dut) or "")
        if not await _agreed(session, address, port, begun):
            return
        session.opening = partial(starttls.begin, protocol=protocol, name=begun.name)
    say: Say
    survey: type[Survey]
    if transport == "udp":
        from probe.collect.tls.dtls import DtlsExchange
        from probe.collect.tls.dtls_survey import DtlsSurvey

        say, survey = DtlsExchange(session, address, port), DtlsSurvey
    else:
        say, survey = TcpExchange(session, address, port), Survey
    whole = session.plan.tls is TlsDepth.INVENTORY
    most = MOST_IN_INVENTORY if whole else MOST_HELLOS
    interview = Interview(say, os.urandom, most_hellos=most)
    found = survey(interview)
    names = server_names(session.dut)
    found.further_names = names[1:]
    found.after_first = Estimate(session.tell, endpoint(transport, address, port), whole)
    found.more = (partial(ask_the_rest, without_end=whole),)
    if transport == "tcp":
        found.finish = partial(finish_handshake, session, address, port)
        found.renegotiate = partial(_renegotiate, session, address, port)
    inventory = _inventory(found, session, address, port, transport) if whole else None
    if inventory:
        found.more += (inventory.take,)
    await found.carry_out(next(iter(names), None))
    if interview.control is not None:
        await _record(session, address, port, found, inventory, transport, begun)
        return
    subject = endpoint(transport, address, port)
    reason, owner, settle = _why_nothing(interview.reactions)
    proof = _proofs(interview) or (Coverage(tried="TLS hellos", times=0, deadline_s=0.0),)
    session.not_measured(subject, reason, *proof, owner=owner, settle=settle)


async def _renegotiate(
    session: DeviceSession, address: str, port: int, server_name: str | None
) -> "Renegotiated":
    from probe.collect.tls.renegotiation import renegotiate

    return await renegotiate(session, address, port, server_name)


def _inventory(
    found: Survey, session: DeviceSession, address: str, port: int, transport: str
) -> "Inventory":
    from probe.collect.tls.inventory import Inventory
    from probe.collect.tls.pace import overlap

    return Inventory(found, overlap(session, address, port) if transport == "tcp" else None)


async def _agreed(session: DeviceSession, address: str, port: int, begun: Begun) -> bool:
    """Whether the service begins TLS when asked. A refusal is recorded as what it is, a fact."""
    subject = endpoint("tcp", address, port)
    asked = f"request to begin TLS inside {begun.protocol.upper()}"
    met = await starttls.ask_to_begin(session, address, port, begun.protocol, begun.name)
    proof = met.proof or Coverage(tried=asked, times=1, deadline_s=starttls.GREETING_S)
    if met.reply is Reply.REFUSED:
        refused = TlsTrait(name="starttls", reply=met.reply, detail=met.detail)
        fact = TlsService(
            address=address,
            port=port,
            starttls=begun.protocol,
            versions=(),
            suites=(),
            traits=(refused,),
            chain_problem="the service refused to begin TLS",
            measured_at=session.clock(),
        )
        session.observe(fact, proof)
    elif met.reply is Reply.NO_ANSWER:
        session.not_measured(
            subject,
            f"The {asked} got no answer that can be relied on ({met.detail}).",
            proof,
            owner=NoAnswer(met.why, "").owner if met.why else Owner.DEVICE,
            settle="Ask the service to begin TLS with a client of its protocol, and record the result.",
        )
    return met.reply is Reply.ACCEPTED


async def _record(
    session: DeviceSession,
    address: str,
    port: int,
    found: Survey,
    inventory: "Inventory | None",
    transport: str,
    begun: Begun,
) -> None:
    from probe.collect.tls.certificates import Chain, read_chain
    from probe.collect.tls.chains import other_chains, presented, shown_by

    interview, finished = found.interview, found.finished
    proof: tuple[Proof, ...] = _proofs(interview)
    ders = certificates_of(interview.reactions)
    hellos = len(interview.reactions)
    chain = read_chain(ders) if ders else Chain(problem=_no_certificate(interview.reactions))
    if not ders and found.accepted(Version.TLS13) and transport == "udp":
        chain = Chain(problem="a certificate in DTLSv1.3 is encrypted, no handshake was finished")
    elif not ders and finished is not None:
        chain = read_chain(finished.ders, whole=finished.whole)
    elif not ders and found.not_finished:
        chain = Chain(problem=found.not_finished)
    hellos += found.handshakes
    if finished is not None:
        # The certificates on record beside the transcript, where they are encrypted.
        proof += tuple(
            session.keep(der, media_type="application/pkix-cert", caption=f"certificate {place}")
            for place, der in enumerate(finished.ders, 1)
        )
        proof += (finished.proof,)
    proof += (found.renegotiated.proof,) if found.renegotiated else ()
    shortest = dh_bits(interview.reactions)
    primes: tuple[DhPrime, ...] = ()
    if shortest is not None:
        from probe.collect.tls.primes import primes_of

        primes = primes_of(interview.reactions)
    shown = presented(interview.reactions, finished)
    others = other_chains(interview.reactions, finished)
    fact = TlsService(
        address=address,
        port=port,
        transport=transport,
        starttls=begun.protocol,
        versions=found.version_facts(),
        suites=found.group_facts(),
        lists=inventory.facts() if inventory else (),
        traits=(*begun.traits, *trait_facts(found, finished)),
        dh_bits=shortest,
        primes=primes,
        server_name=interview.server_name or "",
        chain=shown_by(chain, shown),
        chain_problem=chain.problem,
        chain_complete=chain.complete,
        other_chains=tuple(shown_by(other, shown) for other in others),
        other_problems=tuple(other.problem for other in others),
        other_complete=tuple(other.complete for other in others),
        measured_at=session.clock(),
        hellos=hellos,
    )
    if transport == "udp":
        from probe.collect.tls.dtls_survey import in_dtls_terms

        fact = in_dtls_terms(fact)
    session.observe(fact, *proof)


def speaks_dtls(service: Service) -> bool:
    """It was found by an answer in DTLS."""
    return service.transport == "udp" and (service.tls or service.protocol in DTLS_PROTOCOLS)


def _proofs(interview: Interview) -> tuple[Proof, ...]:
    return tuple(dict.fromkeys(r.proof for r in interview.reactions))


def _no_certificate(reactions: list[Reaction]) -> str:
    """Why no certificate came in the clear, as far as it shows."""
    below = [r for r in reactions if r.met is Met.HELLO and r.hello.version < Version.TLS13]
    if not below:
        return ""
    if broken := [r for r in below if r.broken_off]:
        return f"the answer broke off before its certificate: {broken[-1].broken_off}"
    return f"the service presented no certificate; it {below[-1].detail}"


def _why_nothing(reactions: list[Reaction]) -> tuple[str, Owner, str]:
    """Reason, owner and the way out when no hello was accepted."""
    met = {r.met for r in reactions}
    count = f"{len(reactions)} hellos"
    last = reactions[-1].detail if reactions else "none was sent"
    if Met.ALERT in met:
        return (
            f"The service speaks TLS but accepted none of {count} ({last}).",
            Owner.DEVICE,
            "Tell the server name, pre-shared key or client that the service expects, and test it "
            "with the manufacturer's client beside.",
        )
    if met <= {Met.RESET, Met.UNREACHABLE, Met.ENDED}:
        return (
            f"The service closed or reset every connection: {count} ({last}).",
            Owner.DEVICE,
            "Make sure that nothing else talks to the device, restart it and run again.",
        )
    if met <= {Met.SILENT, Met.UNREACHABLE}:
        return (
            f"The service answered none of {count} within the deadline ({last}).",
            OWNER_OF_SILENCE,
            "Check that the device is up and that no filter is in the way, then run again.",
        )
    return (
        f"The service answered {count} with something that is not TLS ({last}).",
        Owner.DEVICE,
        "Look at the recorded bytes: the port may speak another protocol, or start TLS only later.",
    )


OWNER_OF_SILENCE = NoAnswer(Why.SILENT, "").owner
