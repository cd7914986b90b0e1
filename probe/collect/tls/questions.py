"""The last questions of the short plan, each a hello of its own, as far as there is room for them."""

from collections.abc import Iterator
from functools import cache

from probe.collect.tls import suites
from probe.collect.tls.codec import Version
from probe.collect.tls.codec.numbers import HYBRIDS
from probe.collect.tls.exchange import Met
from probe.collect.tls.key_exchange import dh_bits
from probe.collect.tls.learned import Question
from probe.collect.tls.suites import PHASE_OUT
from probe.collect.tls.survey import Survey
from probe.collect.tls.traits import CURIOUS, FALLBACK_SCSV, ONLY_HYBRIDS, ONLY_SHA1, OWN_PRIME
from probe.model.tls import Reply

VERDICT_HELLOS = 13
"""For an ordinary service, with the handshake that ends them."""

_SIGNED = ("ECDHE_ECDSA", "ECDHE_RSA", "DHE_RSA", "DHE_DSS")


@cache
def signed_suites() -> tuple[int, ...]:
    """Common suites whose key exchange the server signs."""
    (first, *_) = suites.ordinary(Version.TLS12)
    return tuple(n for n in first if suites.table()[n].key_exchange in _SIGNED)[:30]


@cache
def dhe_suites() -> tuple[int, ...]:
    """Common DHE suites that are signed; anonymous and export ones are among the weak."""
    everything = [n for offer in suites.ordinary(Version.TLS12) for n in offer]
    dhe = [n for n in everything if suites.table()[n].key_exchange in ("DHE_RSA", "DHE_DSS")]
    return tuple(dhe)[:30]


def _for_versions_that_fit(numbers: tuple[int, ...], version: Version) -> tuple[int, ...]:
    table = suites.table()
    return tuple(n for n in numbers if version >= Version.TLS12 or not table[n].since_tls12)


async def ask_the_rest(found: Survey, *, without_end: bool = False) -> None:
    """The most telling first. ``without_end``: however many hellos it takes."""
    for possible in (_traits_alone, _dh_size, _sha1_signature, _fallback_scsv, _post_quantum):
        for question in possible(found):
            if without_end or _room(found):
                await found.ask(question)


def _room(found: Survey) -> bool:
    """Beside what ends the plan: a handshake, or a control, which confirms the last refusals."""
    reactions = found.interview.reactions
    both = found.may_renegotiate() and any(r.flight.wants_client_certificate for r in reactions)
    return len(reactions) + found.handshakes + (2 if both else 1) < VERDICT_HELLOS


def _sha1_signature(found: Survey) -> Iterator[Question]:
    # Below TLS 1.2 the hash is not negotiated (RFC 4346 section 7.4.3), in TLS 1.3 SHA-1 is gone.
    if found.accepted(Version.TLS12) and _takes(found, signed_suites()):
        yield Question(
            ("sha1_signature",), Version.TLS12, (signed_suites(),), ONLY_SHA1, to_the_end=True
        )


def _takes(found: Survey, offered: tuple[int, ...]) -> bool:
    """No hello with all these suites was refused: the answer may be of interest."""
    reactions = found.interview.reactions
    return any(r.met is Met.HELLO and set(offered) & set(r.hello.suites) for r in reactions)


def _dh_size(found: Survey) -> Iterator[Question]:
    """Only when a suite is accepted that may stand for DHE, and no prime was seen."""
    phase_out = found.answer_about(PHASE_OUT)
    if phase_out is None or phase_out.reply is not Reply.ACCEPTED:
        return
    newest = found.accepted_below_tls13()[0]
    fitting = _for_versions_that_fit(dhe_suites(), newest)
    if newest > Version.SSL3 and dh_bits(found.interview.reactions) is None:
        yield Question(("dh_size",), newest, (fitting,), OWN_PRIME, to_the_end=True)


def _post_quantum(found: Survey) -> Iterator[Question]:
    hellos = [r.server_hello for r in found.interview.reactions if r.met is Met.HELLO]
    if found.accepted(Version.TLS13) and not any(h.group in HYBRIDS for h in hellos):
        offers = suites.ordinary(Version.TLS13)
        yield Question(("post_quantum",), Version.TLS13, offers, ONLY_HYBRIDS)


def _fallback_scsv(found: Survey) -> Iterator[Question]:
    """RFC 7507: a server that has a newer version refuses a hello with this signal."""
    versions = [v for v in found.accepted_below_tls13() if v > Version.SSL3]
    if len(versions) >= 2:
        older = versions[1]
        picked = [
            r.server_hello.suite
            for r in found.interview.reactions
            if r.met is Met.HELLO and r.server_hello.version == older
        ]
        yield Question(("fallback_scsv",), older, ((*dict.fromkeys(picked), FALLBACK_SCSV),))


def _traits_alone(found: Survey) -> Iterator[Question]:
    """The extensions once more, in a small hello, when no hello that had them was answered."""
    reactions = found.interview.reactions
    answered = [r for r in reactions if r.met is Met.HELLO]
    if any(r.hello.terms.curious for r in answered):
        return
    fitting = [r for r in answered if Version.SSL3 < r.server_hello.version < Version.TLS13]
    if fitting:
        chosen = fitting[0].server_hello
        offers = ((chosen.suite,),)
        yield Question(("extensions",), Version(chosen.version), offers, CURIOUS, to_the_end=True)
