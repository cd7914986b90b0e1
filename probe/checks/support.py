"""What several checks share: which services there can be, what is unknown about that, and its proof.

The rule behind all of it: "there is no such service" is known only of ports that the device itself
refused or that were identified. An address that was not scanned, a port that stayed silent or was
filtered, a scan that was cut short, and an open port that nobody could identify are each a gap, and a
gap is an ``inconclusive`` answer beside the others.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from probe.checks.outside import cut_short, known_ports, sealed
from probe.model.device import address_order, endpoint
from probe.model.dut import Dut, Seen
from probe.model.evidence import Proof
from probe.model.finding import Answer, Owner, inconclusive, not_applicable, satisfied
from probe.model.finding import violated as violation
from probe.model.observation import Health, Ipv6Survey, Service, UdpSilence
from probe.model.ports import format_ports, parse_ports

DEVICE = "device"
"""The subject of an answer about the device as a whole."""

ASKED_FOR_IPV6 = {"mld", "echo", "ns-eui64"}
"""Methods of discovery that every IPv6 node on the link has to answer."""

SCAN_SETTLE = "Run a plan that scans the TCP ports of every address of the device."
FILTER_SETTLE = (
    "Let the probe through the filter that drops its packets, or test from the network segment the "
    "device is made for; else record a manual result."
)
IDENTIFY_SETTLE = (
    "Declare the service in the declaration file, or find out by hand what listens on the port."
)


def where(seen: Seen[Service]) -> str:
    """The subject text of a service: ``tcp 198.51.100.11:23``."""
    return endpoint(seen.fact.transport, seen.fact.address, seen.fact.port)


def named(seen: Seen[Service]) -> str:
    """How a sentence names a service: ``HTTP over TLS (lighttpd 1.4.69)``."""
    fact = seen.fact
    product = " ".join(filter(None, (fact.product, fact.version)))
    return (
        fact.protocol.upper()
        + (" over TLS" if fact.tls else "")
        + (f" ({product})" * bool(product))
    )


def addresses(dut: Dut) -> list[str]:
    """Every address of the device that is known or was scanned, or that may be its own."""
    device = dut.device
    known = {*device.addresses, *device.unproven, *(s.fact.address for s in dut.scans())}
    return sorted(known, key=address_order)


def scan_proof(dut: Dut, transport: str = "tcp") -> tuple[Proof, ...]:
    """The proofs of every scan: what a statement that something is absent rests on."""
    return tuple(proof for scan in dut.scans(transport) for proof in scan.proof)


def searches(dut: Dut) -> list[Seen[Ipv6Survey]]:
    """Surveys that asked for IPv6 addresses: listening, or multicast DNS alone, shows no absence."""
    return [s for s in dut.all(Ipv6Survey) if ASKED_FOR_IPV6 & {*s.fact.methods}]


def measured(dut: Dut) -> dict[str, int]:
    """How far the survey of services reached; what a catalogue's ``requires`` is compared with.

    ``tcp_ports``: the smallest number of TCP ports known per address (of a gateway's outside also those that it drops). ``ipv6``: 1 when every known IPv6
    address was scanned, or a survey found none. ``udp_probes``: the smallest number of typed UDP probes
    per address that got an answer or a refusal.
    """
    every = addresses(dut)
    ipv6 = [a for a in every if ":" in a]
    surveyed = any(not s.fact.addresses for s in searches(dut))
    scanned6 = all(known_ports(dut, a) for a in ipv6) if ipv6 else surveyed
    return {
        "tcp_ports": min((len(known_ports(dut, a)) for a in every), default=0),
        "ipv6": int(scanned6),
        "udp_probes": min((len(_udp_known(dut, a)) for a in every), default=0),
    }


def measured_addresses(dut: Dut) -> str:
    """``2 addresses, 1000 TCP ports and 18 UDP protocols each``, for a summary."""
    reach, count = measured(dut), len(addresses(dut))
    places = "1 address" if count == 1 else f"{count} addresses"
    return f"{places}, {reach['tcp_ports']} TCP ports and {reach['udp_probes']} UDP protocols each"


def tcp_gaps(dut: Dut) -> Iterator[Answer]:
    """What is unknown about the TCP services of the device, as inconclusive answers."""
    yield from scan_gaps(dut)
    if dut.scans():
        yield from unidentified(dut)


def scan_gaps(dut: Dut) -> Iterator[Answer]:
    """Addresses and ports whose state is unknown, one inconclusive answer for each address."""
    if not dut.scans():
        owner = Owner.DEVICE if stopped(dut) else Owner.OPERATOR
        summary = "The TCP ports of the device were not scanned."
        yield inconclusive(DEVICE, summary, owner=owner, settle=SCAN_SETTLE)
        return
    for address in addresses(dut):
        yield from _address_gaps(dut, address)


def unidentified(dut: Dut) -> Iterator[Answer]:
    """One inconclusive answer for each open TCP port that nothing is known of."""
    seen = {(s.fact.address, s.fact.port): s for s in dut.services() if s.fact.transport == "tcp"}
    for address, port in sorted(dut.open_ports(), key=lambda p: (address_order(p[0]), p[1])):
        service = seen.get((address, port))
        if service is None:
            summary = f"Port {port} is open; what listens there was not identified."
            proof: tuple[Proof, ...] = scan_proof(dut)
        elif service.fact.protocol == "unknown":
            reason = service.fact.reason or "it answered nothing that is known"
            summary = f"Port {port} is open; what listens there was not recognised: {reason}."
            proof = service.proof
        else:
            continue
        subject = endpoint("tcp", address, port)
        yield inconclusive(subject, summary, *proof, owner=Owner.TOOL, settle=IDENTIFY_SETTLE)


def udp_gaps(dut: Dut, protocols: Iterable[str]) -> Iterator[Answer]:
    """For each address: which of these UDP protocols neither answered nor were refused."""
    wanted = set(protocols)
    yield from _no_address(dut)
    for address in addresses(dut):
        for protocol in sorted(wanted - _udp_known(dut, address)):
            states = [
                s
                for s in dut.all(UdpSilence)
                if s.fact.address == address and s.fact.protocol == protocol
            ]
            subject = f"udp {address} {protocol}"
            if states:
                last = states[-1]
                summary = (
                    f"The {protocol.upper()} request to UDP port {last.fact.port} of {address} got no "
                    f"answer and no refusal ({last.fact.state})."
                )
                yield inconclusive(
                    subject, summary, *last.proof, owner=Owner.NETWORK, settle=FILTER_SETTLE
                )
            else:
                summary = f"{protocol.upper()} on UDP was not asked for on {address}."
                settle = "Run a plan that sends the typed UDP probes."
                yield inconclusive(subject, summary, owner=Owner.OPERATOR, settle=settle)


def udp_scan_gaps(dut: Dut, excused: Iterable[int] = ()) -> Iterator[Answer]:
    """For each address: were all typed UDP probes sent, and which neither answered nor were refused."""
    yield from _no_address(dut)
    for address in addresses(dut):
        scans = [s for s in dut.scans("udp") if s.fact.address == address]
        proof = tuple(p for s in scans for p in s.proof)
        unknown = {
            p for s in scans for p in parse_ports(s.fact.silent) | parse_ports(s.fact.filtered)
        } - {*excused}
        unknown = set() if sealed(dut, address) else unknown
        subject = f"udp {address}"
        if not scans:
            summary = f"The typed UDP probes were not sent to {address}."
            settle = "Run a plan that sends the typed UDP probes."
            yield inconclusive(subject, summary, owner=Owner.OPERATOR, settle=settle)
        elif unknown:
            summary = (
                f"{len(unknown)} typed UDP probes to {address} got no answer and no refusal "
                f"({_shortened(unknown)})."
            )
            yield inconclusive(subject, summary, *proof, owner=Owner.NETWORK, settle=FILTER_SETTLE)


def unrecognised_udp(dut: Dut) -> Iterator[Answer]:
    """One inconclusive answer for each UDP port whose answer was not of the protocol asked for."""
    seen = {(s.fact.address, s.fact.port): s for s in dut.services() if s.fact.transport == "udp"}
    for address, port in sorted(dut.open_ports("udp") | seen.keys()):
        service = seen.get((address, port))
        if service is None or service.fact.protocol == "unknown":
            summary = f"UDP port {port} answered, and what it speaks was not recognised."
            proof = service.proof if service else scan_proof(dut, "udp")
            subject = endpoint("udp", address, port)
            yield inconclusive(subject, summary, *proof, owner=Owner.TOOL, settle=IDENTIFY_SETTLE)


@dataclass(frozen=True, slots=True)
class Wording:
    """The two sentences of a check that a kind of service is absent."""

    offered: str
    """Of one service, with ``{service}`` for its name: ``{service} is offered.``"""
    absent: str
    """Of the device: ``No Telnet service was found.``"""


def no_service(
    dut: Dut, protocols: Iterable[str], wording: Wording, *, tcp: bool = True, udp: bool = False
) -> Iterator[Answer]:
    """Is none of these protocols offered: violated for each service, gaps, else satisfied."""
    wanted = tuple(protocols)
    found = []
    for seen in dut.services(*wanted):
        if tcp if seen.fact.transport == "tcp" else udp:
            sentence = wording.offered.format(service=named(seen))
            found.append(violation(where(seen), sentence, *seen.proof))
    yield from conclude(
        dut,
        found,
        [*(tcp_gaps(dut) if tcp else ()), *(udp_gaps(dut, wanted) if udp else ())],
        wording.absent,
        proof=(*(scan_proof(dut) if tcp else ()), *(scan_proof(dut, "udp") if udp else ())),
    )


def conclude(
    dut: Dut,
    found: Iterable[Answer],
    gaps: Iterable[Answer],
    absent: str,
    *,
    proof: tuple[Proof, ...],
) -> Iterator[Answer]:
    """The answers that were found and the gaps beside them; ``satisfied`` only without any of both."""
    answers = [*found]
    spoken = {a.subject for a in answers}
    answers += [gap for gap in gaps if gap.subject not in spoken]
    if answers:
        yield from answers
    elif proof:
        yield satisfied(DEVICE, absent, *proof, measured=measured(dut))
    else:
        yield inconclusive(
            DEVICE, "Nothing was measured.", owner=Owner.OPERATOR, settle=SCAN_SETTLE
        )


def no_object(dut: Dut, summary: str) -> Iterator[Answer]:
    """For a check whose object (a TLS service, a login) was not found.

    ``not_applicable`` when the survey of TCP services left nothing open, else its gaps.
    """
    gaps = list(tcp_gaps(dut))
    yield from gaps or [not_applicable(DEVICE, summary, *scan_proof(dut))]


def stopped(dut: Dut) -> bool:
    """Whether the last word on the device's health is that it does not answer."""
    states = [s.fact.state for s in dut.all(Health)]
    return bool(states) and states[-1] == "stopped answering"


def _no_address(dut: Dut) -> Iterator[Answer]:
    if not addresses(dut):
        summary = "No address of the device is known that UDP could be asked on."
        yield inconclusive(DEVICE, summary, owner=Owner.DEVICE, settle=SCAN_SETTLE)


def _address_gaps(dut: Dut, address: str) -> Iterator[Answer]:
    subject = f"tcp {address}"
    scans = [s for s in dut.scans() if s.fact.address == address]
    proof = tuple(p for s in scans for p in s.proof)
    known = known_ports(dut, address)
    silent = {p for s in scans for p in parse_ports(s.fact.silent)} - known
    filtered = {p for s in scans for p in parse_ports(s.fact.filtered)} - known
    if not scans:
        summary = f"The TCP ports of {address} were not scanned."
        yield inconclusive(subject, summary, owner=Owner.OPERATOR, settle=SCAN_SETTLE)
    elif cut_short([s.fact for s in scans]):
        summary = (
            f"The TCP scan of {address} was cut short; ports whose state is known: {len(known)}."
        )
        settle = "Run again when the device answers, with a gentler plan if the scan upset it."
        yield inconclusive(subject, summary, *proof, owner=Owner.DEVICE, settle=settle)
    elif silent or filtered:
        words = [
            f"{len(ports)} {word} ({_shortened(ports)})"
            for word, ports in (("stayed silent", silent), ("were filtered", filtered))
            if ports
        ]
        summary = f"Not every TCP port of {address} could be seen: {' and '.join(words)}."
        yield inconclusive(subject, summary, *proof, owner=Owner.NETWORK, settle=FILTER_SETTLE)


def _shortened(ports: set[int]) -> str:
    text = format_ports(ports)
    return text if len(text) <= 40 else text[:40].rpartition(",")[0] + ", \N{HORIZONTAL ELLIPSIS}"


def _udp_known(dut: Dut, address: str) -> set[str]:
    """The UDP protocols whose presence or absence on the address is known."""
    answered = {
        s.fact.protocol
        for s in dut.services()
        if s.fact.transport == "udp" and s.fact.address == address
    }
    refused = {
        s.fact.protocol
        for s in dut.all(UdpSilence)
        if s.fact.address == address and (s.fact.state == "closed" or sealed(dut, address))
    }
    return answered | refused
