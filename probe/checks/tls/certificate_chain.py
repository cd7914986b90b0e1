"""Is the presented chain whole and in order? A private or self-made one may be; a broken one is not."""

from collections.abc import Iterator

from probe.checks.tls.services import each_service, fine, no_certificate, sentence
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, violated
from probe.model.tls import Certificate, TlsService

BY_HAND = (
    "Look at the chain with 'openssl s_client -connect … -showcerts' and record a manual result."
)


def check(dut: Dut) -> Iterator[Answer]:
    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        fact = seen.fact
        followed = list(_followed(fact))
        for chain, complete, problem in followed:
            if complete is False:
                shown = seen.showing(*(one.evidence for one in chain))
                return violated(subject, f"{sentence(problem)}.", *shown)
        if not fact.chain:
            return no_certificate(seen, subject)
        for _, complete, problem in followed:
            if complete is None:
                met = problem or "only the first certificate could be read"
                summary = f"The chain could not be followed: {met}."
                owner = Owner.TOOL
                return inconclusive(subject, summary, *seen.proof, owner=owner, settle=BY_HAND)
        return fine(dut, seen, subject, " ".join(dict.fromkeys(_kind(c) for c, _, _ in followed)))

    yield from each_service(dut, judge)


def _followed(
    fact: TlsService,
) -> Iterator[tuple[tuple[Certificate, ...], bool | None, str]]:
    """Each chain, whether it is whole and in order, and why not."""
    yield fact.chain, fact.chain_complete, fact.chain_problem
    not_recorded: tuple[None, str] = (None, "that of another kind of key was not looked at")
    states = [*zip(fact.other_complete, fact.other_problems, strict=False)]
    for place, chain in enumerate(fact.other_chains):
        yield (chain, *(states[place] if place < len(states) else not_recorded))


def _kind(chain: tuple[Certificate, ...]) -> str:
    """What the chain ends in: that decides what a client must be told to trust."""
    leaf, last = chain[0], chain[-1]
    if leaf.self_signed:
        return (
            "The certificate is self-signed and correctly so: a client must be given it beforehand, or "
            "can only remember it from the first visit."
        )
    if last.self_signed:
        return (
            f"The chain of {len(chain)} certificates is in order and ends in the root {last.subject}, "
            "presented with it: clients accept it when they were given that root beforehand, as is usual "
            "with a private CA."
        )
    presented = "one certificate" if len(chain) == 1 else f"{len(chain)} certificates"
    return (
        f"The chain ({presented} presented) is in order up to its issuer {last.issuer}, which a client "
        "must know beforehand; whether that is a public CA or the manufacturer's own was not looked up."
    )
