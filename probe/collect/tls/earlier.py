"""What earlier answers tell about lists that are being taken, so that nothing is asked twice."""

from collections.abc import Callable, Iterable

from probe.collect.tls import suites
from probe.collect.tls.codec import Terms, Version
from probe.collect.tls.codec.numbers import GROUPS, GROUPS_TLS13, SIGNATURES
from probe.collect.tls.exchange import Met, Reaction
from probe.collect.tls.learned import Question
from probe.collect.tls.survey import Survey
from probe.collect.tls.traits import FALLBACK_SCSV, key_exchange_of
from probe.model.tls import Reply

Picked = Callable[[Reaction], int | None]
"""What a ServerHello chose from the list that is being taken; None when it does not show."""

CURVES = tuple(g for g in GROUPS if g < 0x0100)


def suite_of(reaction: Reaction) -> int | None:
    return reaction.server_hello.suite


def group_of(reaction: Reaction) -> int | None:
    if reaction.server_hello.version == Version.TLS13:
        return reaction.server_hello.group
    return key_exchange_of(reaction).group


def signature_of(reaction: Reaction) -> int | None:
    return key_exchange_of(reaction).signature


class Earlier:
    """All answers that ``found`` has, the inventory's own among them."""

    def __init__(self, found: Survey) -> None:
        self.found = found

    def hellos(self) -> list[Reaction]:
        return [r for r in self.found.interview.reactions if r.met is Met.HELLO]

    def hellos_of(self, version: Version) -> list[Reaction]:
        return [r for r in self.hellos() if r.server_hello.version == version]

    def hello_with(self, version: Version, *, psk: bool) -> Reaction | None:
        table = suites.table()
        fitting = self.hellos_of(version)
        return next((r for r in fitting if table[r.server_hello.suite].psk == psk), None)

    def newest_legacy(self) -> Version | None:
        return next(iter(self.found.accepted_below_tls13()), None)

    def known(self, version: Version, left: tuple[int, ...]) -> tuple[int, Reaction] | None:
        """The suite that was chosen from an earlier offer of all these, in the same order, or more."""
        for reaction in self.hellos_of(version):
            hello, chosen = reaction.hello, reaction.server_hello.suite
            same = hello.version == version and chosen in left
            if same and _whole(hello.terms) and tuple(n for n in hello.suites if n in left) == left:
                return chosen, reaction
        return None

    def named(self, version: Version, picked: Picked) -> dict[int, Reaction]:
        """All that any answer in that version has chosen, and where."""
        found: dict[int, Reaction] = {}
        for reaction in self.hellos_of(version):
            chosen = picked(reaction)
            if chosen is not None:
                found.setdefault(chosen, reaction)
        return found

    def refusals(self, version: Version) -> list[Question]:
        """Earlier questions about suites alone, put under the name of now, all of which were refused."""
        name = self.found.interview.server_name
        return [
            q
            for q, s in self.found.answers.items()
            if q.version == version
            and s.reply is Reply.REFUSED
            and s.reaction is not None
            and s.reaction.hello.server_name == name
            and _whole(q.terms)
            and not any(FALLBACK_SCSV in offer for offer in q.offers)
        ]

    def turned(self, version: Version) -> Terms:
        """Everything, with what has been named at the end of its list."""
        if version is Version.TLS13:
            return Terms(groups=_last(GROUPS_TLS13, self.named(version, group_of)))
        if version != self.newest_legacy() or version <= Version.SSL3:
            return Terms()
        curves = _last(CURVES, self.named(version, group_of))
        others = tuple(g for g in GROUPS if g not in CURVES)
        signatures = _last(SIGNATURES, self.named(version, signature_of))
        return Terms(
            groups=curves + others, signatures=signatures if version is Version.TLS12 else None
        )

    def more_to_show(self, version: Version) -> bool:
        """Whether it is worth the while to read on after the ServerHello."""
        return Version.SSL3 < version < Version.TLS13 and version == self.newest_legacy()


def _whole(terms: Terms) -> bool:
    """No group and no signature scheme is missing, in whatever order."""
    groups, signatures = terms.groups, terms.signatures
    return (groups is None or set(groups) >= set(GROUPS) or set(groups) >= set(GROUPS_TLS13)) and (
        signatures is None or set(signatures) >= set(SIGNATURES)
    )


def _last(numbers: tuple[int, ...], named: Iterable[int]) -> tuple[int, ...]:
    """The same, those that are named last."""
    known = set(named)
    return tuple(sorted(numbers, key=lambda n: n in known))
