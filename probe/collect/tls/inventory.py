"""The long plan: everything that a service accepts, by name.

Offer all, take away what was picked, until the rest is refused: one hello for each entry of a list and
one more. What the short plan has learned on the way is not asked again, neither what was accepted nor what
was refused.

One ServerHello names an entry of several lists. So in the lists that are not being taken, what has been
named goes to the end: a server that grants the client's wish then names something new in each. Nothing is
taken away there, so a refusal says as much as one of the whole offer.
"""

from collections.abc import Callable, Iterable

from probe.collect.tls import suites
from probe.collect.tls.codec import Terms, Version
from probe.collect.tls.codec.hello import SMALL_SUITES
from probe.collect.tls.codec.numbers import (
    GROUPS_TLS13,
    SIGNATURES,
    group_name,
    signature_name,
)
from probe.collect.tls.earlier import (
    CURVES,
    Earlier,
    Picked,
    group_of,
    signature_of,
    suite_of,
)
from probe.collect.tls.exchange import Reaction
from probe.collect.tls.key_exchange import dh_bits
from probe.collect.tls.learned import LEGACY, Question
from probe.collect.tls.pace import Overlap, bears_more
from probe.collect.tls.questions import dhe_suites
from probe.collect.tls.suites import MOST_AT_ONCE, name_of
from probe.collect.tls.survey import Survey
from probe.collect.tls.taken import List, chosen_in
from probe.collect.tls.traits import OWN_PRIME
from probe.model.tls import Reply, TlsList


class Inventory:
    """Takes lists of what ``found`` has shown to be there."""

    def __init__(self, found: Survey, overlap: Overlap | None = None) -> None:
        """``overlap`` says a hello on two connections at once, if the plan allows it; see ``pace``."""
        self.found, self._overlap = found, overlap
        self._earlier = Earlier(found)
        self._lists: list[List] = []
        self._suites: dict[Version, list[int]] = {}

    async def take(self, _: Survey) -> None:
        """Everything, the cheap before what costs the device a signature."""
        asked = self.found.interview
        if self._overlap is not None:
            asked.quick = await bears_more(asked, self._overlap)
        versions = [v for v in (Version.TLS13, *LEGACY) if self.found.accepted(v)]
        for version in versions:
            await self._take_suites(version)
        if Version.TLS13 in versions:
            await self._take_retry_groups()
        signing = next((v for v in LEGACY if self._with_exchange(v, "ECDHE_")), None)
        if signing is not None and signing > Version.SSL3:
            await self._take_curves(signing)
        await self._take_certificates()
        if self._with_exchange(Version.TLS12, "ECDHE_", "DHE_"):
            await self._take_signatures()
        await self._take_dh_size()

    # --- one list after the other ------------------------------------------------------------

    async def _take_suites(self, version: Version) -> None:
        offers = suites.ordinary(version)
        if version > Version.SSL3 and self._earlier.hello_with(version, psk=False) is None:
            offers = ()
        found = await self._enumerate_suites("suites", version, self._pieces(offers))
        self._suites[version] = found
        if version == self._earlier.newest_legacy():
            pieces = self._pieces(suites.psk(version))
            self._suites[version] = found + await self._enumerate_suites(
                "psk suites", version, pieces
            )

    async def _enumerate_suites(
        self, kind: str, version: Version, pieces: Iterable[tuple[int, ...]]
    ) -> list[int]:
        taken = List(kind, version, name_of, [], [])
        refusals = self._earlier.refusals(version)
        refused = {n for q in refusals for offer in q.offers for n in offer}
        offered = [n for piece in pieces for n in piece]
        taken.ends += [q for q in refusals if any(set(o) & set(offered) for o in q.offers)]
        named = self._earlier.named(version, suite_of)
        left = tuple(n for n in offered if n not in refused or n in named)
        fruitful = 0
        for piece in self._pieces((left,)):
            before = len(taken.picked)
            await self._take_known(taken, piece)
            await self._enumerate(
                taken, piece, suite_of, lambda left: (left, self._earlier.turned(version))
            )
            fruitful += len(taken.picked) > before
        if taken.ends:
            self._lists.append(taken)
        # What came from different offers was never compared: its order is nobody's.
        if fruitful > 1:
            taken.order, taken.told = "", ()
        elif 2 <= len(taken.picked) <= SMALL_SUITES and not taken.told:
            await self._ask_order(taken, taken.picked)
        if taken.order == "client":
            taken.picked.sort(key=offered.index)
        return taken.picked

    async def _take_known(self, taken: List, piece: tuple[int, ...]) -> None:
        """What the short plan saw chosen, if the list is in no order of the server's."""
        named = self._earlier.named(taken.version, suite_of)
        first = self._earlier.known(taken.version, piece)
        others = [n for n in piece if n in named and first is not None and n != first[0]]
        if first is None or not others or taken.picked:
            return
        await self._ask_order(taken, [first[0], *others])
        if taken.order == "client":
            taken.picked += [first[0], *others]
            taken.shown += [named[n].proof.sha256 for n in taken.picked]

    async def _ask_order(self, taken: List, accepted: list[int]) -> None:
        """What is picked from the reverse of ``accepted``: the server's first, or the client's?"""
        backwards = tuple(reversed(accepted))
        topic, terms = f"order of {taken.label}", self._earlier.turned(taken.version)
        deep = self._earlier.more_to_show(taken.version)
        settled = await self.found.ask(
            Question((topic,), taken.version, (backwards,), terms, to_the_end=deep)
        )
        chosen = chosen_in(settled, taken.version, suite_of)
        if chosen is not None:
            taken.order = {backwards[0]: "client", backwards[-1]: "server"}.get(chosen, "")
            taken.told = settled.evidence

    async def _take_retry_groups(self) -> None:
        """TLS 1.3 groups, without a signature: a retry request names the group."""
        offers = suites.ordinary(Version.TLS13)[0]
        taken = List("groups", Version.TLS13, group_name, [], [])
        self._lists.append(taken)
        await self._enumerate(
            taken, GROUPS_TLS13, group_of, lambda left: (offers, Terms(groups=left)), known=True
        )

    async def _take_curves(self, version: Version) -> None:
        # A certificate with an EC key is out of play without its curve (RFC 8422 section 5.1), one
        # with an RSA key is not.
        with_rsa = self._with_exchange(version, "ECDHE_RSA")
        offers = with_rsa or self._with_exchange(version, "ECDHE_")
        taken = List("groups", version, group_name, [], [])
        self._lists.append(taken)
        signatures = self._earlier.turned(version).signatures
        await self._enumerate(
            taken,
            CURVES,
            group_of,
            lambda left: (offers, Terms(groups=left, signatures=signatures)),
            known=bool(with_rsa),
        )
        if not with_rsa and taken.picked:
            await self._curves_beside_the_certificates(taken, offers)

    async def _curves_beside_the_certificates(self, taken: List, offers: tuple[int, ...]) -> None:
        """Go on with the last curve that worked at the end of each offer: it may be the certificate's."""
        its_own = taken.picked[-1]

        def shape(left: tuple[int, ...]) -> tuple[tuple[int, ...], Terms]:
            return offers, Terms(groups=(*left, its_own))

        left = tuple(g for g in CURVES if g not in taken.picked)
        known = len(taken.picked)
        await self._enumerate(taken, left, group_of, shape)
        taken.ends.pop()
        if len(taken.picked) == known:
            taken.detail = f"{group_name(its_own)} may be taken before others that are accepted"

    async def _take_signatures(self) -> None:
        offers = self._with_exchange(Version.TLS12, "ECDHE_", "DHE_")
        taken = List("signatures", Version.TLS12, signature_name, [], [])
        self._lists.append(taken)
        await self._enumerate(
            taken,
            SIGNATURES,
            signature_of,
            lambda left: (offers, Terms(signatures=left)),
            known=True,
        )

    async def _take_certificates(self) -> None:
        """A chain for each kind of key; most were seen on the way."""
        for version in LEGACY:
            for kind in ("_ECDSA", "_RSA", "RSA", "_DSS"):
                offers = tuple(
                    n
                    for n in self._suites.get(version, ())
                    if (e := suites.table()[n].key_exchange).endswith(kind) and "PSK" not in e
                )
                if offers and not self._chain_seen(kind):
                    topic = f"certificate for {kind.strip('_')}"
                    question = Question((topic,), version, (offers[:8],), to_the_end=True)
                    await self.found.ask(question)

    def _chain_seen(self, kind: str) -> bool:
        return any(
            r.flight.certificates
            and suites.table()[r.server_hello.suite].key_exchange.endswith(kind)
            for r in self._earlier.hellos()
        )

    async def _take_dh_size(self) -> None:
        asked = self.found.answer_about("dh_size")
        if asked is not None and asked.reply is Reply.ACCEPTED:
            return
        for version in LEGACY:
            dhe = [n for n in self._suites.get(version, ()) if n in dhe_suites()]
            if dhe and version > Version.SSL3:
                offers = (tuple(dhe[:SMALL_SUITES]),)
                await self.found.ask(
                    Question(("dh_size",), version, offers, OWN_PRIME, to_the_end=True)
                )
                if dh_bits(self.found.interview.reactions) is not None:
                    return

    # --- offer all, take away what was picked ------------------------------------------------

    async def _enumerate(
        self,
        taken: List,
        everything: tuple[int, ...],
        picked: Picked,
        shape: Callable[[tuple[int, ...]], tuple[tuple[int, ...], Terms]],
        *,
        known: bool = False,
    ) -> None:
        """``known``: what was named in any earlier answer is not asked again."""
        left = tuple(n for n in everything if n not in taken.picked)
        named: dict[int, Reaction] = {}
        if known:
            named = {
                n: r for n, r in self._earlier.named(taken.version, picked).items() if n in left
            }
        elif picked is suite_of and (first := self._earlier.known(taken.version, left)) is not None:
            named = dict((first,))
        taken.picked += named
        taken.shown += [r.proof.sha256 for r in named.values()]
        left = tuple(n for n in left if n not in named)
        while left and not self.found.interview.hopeless:
            offered, terms = shape(left)
            deep = picked is not suite_of or self._earlier.more_to_show(taken.version)
            question = Question((taken.label,), taken.version, (offered,), terms, to_the_end=deep)
            settled = await self.found.ask(question)
            chosen = chosen_in(settled, taken.version, picked)
            if chosen is None or chosen not in left:
                taken.ends.append(question)
                if settled.reply is Reply.ACCEPTED and chosen is not None:
                    taken.detail = f"{taken.name(chosen)} was chosen though it was not offered"
                return
            taken.picked.append(chosen)
            taken.shown += settled.evidence
            left = tuple(n for n in left if n != chosen)

    # --- what was learned --------------------------------------------------------------------

    def facts(self) -> tuple[TlsList, ...]:
        return tuple(taken.fact(self.found.answers) for taken in self._lists)

    # --- small things ------------------------------------------------------------------------

    def _with_exchange(self, version: Version, *prefixes: str) -> tuple[int, ...]:
        """Accepted suites with such a key exchange, few enough for a small hello."""
        table = suites.table()
        return tuple(
            n
            for n in self._suites.get(version, ())
            if table[n].key_exchange.startswith(prefixes) and not table[n].psk
        )[:SMALL_SUITES]

    def _pieces(self, offers: Iterable[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
        """Offers that the service reads: a stack that drops big hellos gets small ones at once."""
        most = SMALL_SUITES if self.found.interview.small else MOST_AT_ONCE
        numbers = [n for offer in offers for n in offer]
        return tuple(tuple(numbers[n : n + most]) for n in range(0, len(numbers), most))
