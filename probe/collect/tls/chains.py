"""The chains that one service presented, in the clear or in a finished handshake, and what shows each."""

import hashlib
from dataclasses import replace

from probe.collect.tls.certificates import Chain, read_chain
from probe.collect.tls.exchange import Reaction
from probe.collect.tls.handshake import Finished
from probe.collect.tls.learned import other_chains_of
from probe.model.tls import Certificate

Presented = dict[bytes, str]
"""The first transcript that shows a chain, by the chain's first certificate."""


def presented(reactions: list[Reaction], finished: Finished | None) -> Presented:
    shown = [r for r in reactions if r.flight.certificates]
    found = {r.flight.certificates[0]: r.proof.sha256 for r in reversed(shown)}
    if finished is not None and finished.ders:
        found.setdefault(finished.ders[0], finished.proof.sha256)
    return found


def other_chains(reactions: list[Reaction], finished: Finished | None) -> list[Chain]:
    """Beside the first: for other kinds of key, and what TLS 1.3 alone shows."""
    shown = {r.flight.certificates[0] for r in reactions if r.flight.certificates}
    others = [read_chain(ders) for ders in other_chains_of(reactions)]
    if shown and finished is not None and finished.ders and finished.ders[0] not in shown:
        others.append(read_chain(finished.ders, whole=finished.whole))
    return [other for other in others if other.certificates]


def shown_by(chain: Chain, by: Presented) -> tuple[Certificate, ...]:
    """The certificates, each with the transcript that shows it, or with its own recorded bytes."""
    where = {hashlib.sha256(der).hexdigest(): sha256 for der, sha256 in by.items()}
    first = [where[one.sha256] for one in chain.certificates[:1] if one.sha256 in where]
    return tuple(replace(one, evidence=(*first, one.sha256)) for one in chain.certificates)
