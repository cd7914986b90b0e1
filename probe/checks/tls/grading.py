"""How a policy grades what one TLS service accepts, topic by topic, and what is not known of it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from probe.model.policy import Grade, Policy, Rule, Topic
from probe.model.tls import Certificate, Reply, TlsList, TlsService

STREAM = ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3")
DATAGRAM = ("DTLSv1.0", "DTLSv1.2", "DTLSv1.3")
USUAL_STREAM, USUAL_DATAGRAM = STREAM[1:], DATAGRAM[:2]
"""Without an answer about these nothing is known of the others. SSLv2 has suites of its own."""
MODERN = ("TLSv1.3", "DTLSv1.3")
SIGNED_BY_CHOICE = {"TLSv1.2", "DTLSv1.2"}
"""Before, the signature of the key exchange is always MD5 with SHA-1, or SHA-1 (RFC 4346)."""
NOT_ASKED = "not asked"
WITH_INVENTORY = "the whole list was not asked for"
CUT = "the list may not be whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """Something that was accepted, and the rule about it; None: the policy says nothing."""

    name: str
    rule: Rule | None

    @property
    def grade(self) -> Grade | None:
        return self.rule.grade if self.rule else None


@dataclass(slots=True)
class Sheet:
    """One topic of one service. With a gap, what is listed may not be all."""

    items: list[Graded] = field(default_factory=list)
    gaps: dict[str, str] = field(default_factory=dict)
    """What is not known, and what was met."""
    absent: str = ""
    """Why there is nothing to grade, when that is known."""

    def of(self, grade: Grade) -> list[Graded]:
        return [item for item in self.items if item.grade is grade]


Grading = Callable[[Policy, TlsService], Sheet]


# --- rules ---------------------------------------------------------------------------------------


def rule_for(
    policy: Policy, about: Topic, name: str, *, bits: int = 0, reply: Reply = Reply.ACCEPTED
) -> Rule | None:
    """The first rule that fits, whatever the version."""
    rules = (r for r in policy.rules if r.about is about and r.reply == reply.value)
    return next((r for r in rules if _named(r, name) and _sized(r, bits)), None)


def _named(rule: Rule, name: str) -> bool:
    if rule.about is Topic.DH:
        return True
    if rule.exchange or rule.cipher:
        exchange, found, cipher = name.removeprefix("TLS_").partition("_WITH_")
        fits = _any(rule.exchange or ("*",), exchange) and _any(rule.cipher or ("*",), cipher)
        return bool(found) and fits
    return _any(rule.names, name)


def _any(patterns: Iterable[str], name: str) -> bool:
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


def _sized(rule: Rule, bits: int) -> bool:
    return rule.least <= bits and (not rule.most or bits <= rule.most)


def cite(policy: Policy, rules: Iterable[Rule | None]) -> str:
    """Policy, edition and the paragraphs, each once."""
    paragraphs = dict.fromkeys(r.paragraph for r in rules if r is not None)
    return ", ".join((f"{policy.title} {policy.edition}", *paragraphs))


# --- what is known of a service ------------------------------------------------------------------


def reply_of(service: TlsService, version: str) -> Reply | None:
    return next((v.reply for v in service.versions if v.name == version), None)


def accepted_versions(service: TlsService) -> list[str]:
    return [v.name for v in service.versions if v.reply is Reply.ACCEPTED]


def possible_versions(service: TlsService) -> list[str]:
    """Those that were not refused: accepted, without an answer, or not asked for."""
    asked = {v.name: v.reply for v in service.versions}
    expected = USUAL_DATAGRAM if service.transport == "udp" else USUAL_STREAM
    return [v for v in dict.fromkeys((*asked, *expected)) if asked.get(v) is not Reply.REFUSED]


def lists(service: TlsService, *kinds: str) -> list[TlsList]:
    return [one for one in service.lists if one.kind in kinds]


def accepted_suites(service: TlsService) -> list[str]:
    """Every suite that is known to be accepted, each once."""
    listed = [name for one in lists(service, "suites", "psk suites") for name in one.accepted]
    chosen = [g.chosen for g in service.suites if g.reply is Reply.ACCEPTED and g.chosen]
    return list(dict.fromkeys((*listed, *chosen)))


def _suite_lists(service: TlsService) -> list[TlsList]:
    """A service for pre-shared keys only has no suites but those."""
    return lists(service, "psk suites" if uses_psk_only(service) else "suites")


def suite_gaps(service: TlsService, *, psk: bool = True) -> dict[str, str]:
    """Versions whose suites are not all known, those that gave no answer too, and the PSK suites."""
    gaps: dict[str, str] = {}
    silent = {v.name: v.detail for v in service.versions if v.reply is Reply.NO_ANSWER}
    possible = possible_versions(service)
    for version in possible:
        found = [one for one in _suite_lists(service) if one.version == version]
        if version != "SSLv2" and not any(one.complete for one in found):
            why = (found[0].detail or CUT) if found else silent.get(version, "")
            gaps[f"suites at {version}"] = why or WITH_INVENTORY
    if psk and not all(v in MODERN for v in possible):
        found = lists(service, "psk suites")
        if not any(one.complete for one in found):
            gaps["PSK suites"] = (found[0].detail or CUT) if found else WITH_INVENTORY
    return gaps


def trait(service: TlsService, name: str) -> tuple[Reply, str]:
    """What is known of a trait; NO_ANSWER when it was not asked."""
    found = next((t for t in service.traits if t.name == name), None)
    return (found.reply, found.detail) if found else (Reply.NO_ANSWER, NOT_ASKED)


def uses_psk_only(service: TlsService) -> bool:
    return trait(service, "psk_only")[0] is Reply.ACCEPTED


# --- the topics ----------------------------------------------------------------------------------


def versions(policy: Policy, service: TlsService) -> Sheet:
    sheet = Sheet()
    for name in DATAGRAM if service.transport == "udp" else STREAM:
        rule = rule_for(policy, Topic.VERSION, name)
        known = reply_of(service, name)
        if known is Reply.ACCEPTED:
            sheet.items.append(Graded(name=name, rule=rule))
        elif known is not Reply.REFUSED and rule and _bad(rule):
            detail = next((v.detail for v in service.versions if v.name == name), "")
            sheet.gaps[name] = detail or NOT_ASKED
    return sheet


def suites(policy: Policy, service: TlsService) -> Sheet:
    names = accepted_suites(service)
    items = [Graded(name=n, rule=rule_for(policy, Topic.SUITE, n)) for n in names]
    return Sheet(items, suite_gaps(service))


def key_exchange(policy: Policy, service: TlsService) -> Sheet:
    """Groups, the size of a DHE prime, and the signature schemes of the key exchange."""
    sheet = Sheet()
    for kind, topic in (("groups", Topic.GROUP), ("signatures", Topic.SIGNATURE)):
        names = dict.fromkeys(n for one in lists(service, kind) for n in one.accepted)
        sheet.items += [Graded(name=n, rule=rule_for(policy, topic, n)) for n in names]
        if _objects(policy, topic):
            sheet.gaps |= _list_gaps(service, kind)
    if service.dh_bits is not None:
        rule = rule_for(policy, Topic.DH, "", bits=service.dh_bits)
        sheet.items.append(Graded(name=f"DHE with {service.dh_bits} bits", rule=rule))
    if _objects(policy, Topic.DH):
        sheet.gaps |= _prime_gaps(service)
    return sheet


def _prime_gaps(service: TlsService) -> dict[str, str]:
    gaps: dict[str, str] = {}
    if old := old_suite_gaps(service):
        gaps["whether there is a shorter DHE prime"] = next(iter(old.values()))
    if service.dh_bits is None and any(n.startswith("TLS_DHE_") for n in accepted_suites(service)):
        gaps["the size of the DHE prime"] = NOT_ASKED
    return gaps


def old_suite_gaps(service: TlsService) -> dict[str, str]:
    """Suites below TLS 1.3 that are not known."""
    return {k: v for k, v in suite_gaps(service).items() if not k.endswith(MODERN)}


def _list_gaps(service: TlsService, kind: str) -> dict[str, str]:
    """Below TLS 1.3 these lists belong to (EC)DHE suites; signatures of TLS 1.3 are not listed."""
    possible = {*possible_versions(service)}
    found = lists(service, kind)
    gaps = {
        f"{kind} at {one.version}": one.detail or WITH_INVENTORY
        for one in found
        if not one.complete
    }
    listed = {one.version for one in found}
    if kind == "groups":
        gaps |= {f"{kind} at {v}": WITH_INVENTORY for v in possible & {*MODERN} - listed}
    uses = ("TLS_ECDHE_",) if kind == "groups" else ("TLS_ECDHE_", "TLS_DHE_")
    below = possible - {*MODERN} if kind == "groups" else possible & SIGNED_BY_CHOICE
    wanted = old_suite_gaps(service) or any(n.startswith(uses) for n in accepted_suites(service))
    if below and wanted and not listed - {*MODERN}:
        gaps[f"{kind} below TLSv1.3"] = WITH_INVENTORY
    return gaps


def features(policy: Policy, service: TlsService) -> Sheet:
    sheet = Sheet()
    accepted = accepted_versions(service)
    for rule in (r for r in policy.rules if r.about is Topic.TRAIT):
        if rule.versions and not set(rule.versions) & set(accepted):
            if gap := sorted({*rule.versions} & {*possible_versions(service)}):
                sheet.gaps |= dict.fromkeys(rule.names, f"{', '.join(gap)} gave no answer")
            continue
        for name in rule.names:
            reply, detail = trait(service, name)
            if reply is Reply.NO_ANSWER:
                sheet.gaps[_words(name)] = detail
            elif reply.value == rule.reply:
                said = _words(name) if reply is Reply.ACCEPTED else f"no {_words(name)}"
                sheet.items.append(Graded(name=said, rule=rule))
            else:
                said = _words(name) if reply is Reply.ACCEPTED else f"no {_words(name)}"
                sheet.items.append(Graded(name=said, rule=None))
    return sheet


def certificates(policy: Policy, service: TlsService) -> Sheet:
    sheet = Sheet()
    for chain in (service.chain, *service.other_chains):
        for place, certificate in enumerate(chain):
            _certificate(policy, sheet, place, certificate)
    if not service.chain:
        if uses_psk_only(service):
            sheet.absent = "The service uses pre-shared keys and has no certificate to judge."
        else:
            sheet.gaps["the certificate"] = service.chain_problem or "none was presented"
    return sheet


def _certificate(policy: Policy, sheet: Sheet, place: int, certificate: Certificate) -> None:
    whose = "certificate" if place == 0 else f"certificate {place + 1}"
    kind, bits = certificate.key_type, certificate.key_bits
    if (kind == "EC" and not certificate.curve) or not kind or kind.startswith("unknown"):
        sheet.gaps[f"the key of {whose}"] = "its curve or kind could not be read"
    else:
        name = certificate.curve if kind == "EC" else kind
        rule = rule_for(policy, Topic.KEY, name, bits=bits)
        shown = name if kind != "RSA" else f"RSA {bits} bits"
        sheet.items.append(Graded(name=f"{whose} key {shown}", rule=rule))
    # Nobody relies on the signature that a root further up the chain puts on itself.
    if certificate.signature_hash and (place == 0 or not certificate.self_signed):
        if certificate.signature_hash.startswith("unknown"):
            sheet.gaps[f"the signature of {whose}"] = certificate.signature_hash
            return
        rule = rule_for(policy, Topic.HASH, certificate.signature_hash)
        shown = f"{whose} signed with {certificate.signature_hash}"
        sheet.items.append(Graded(name=shown, rule=rule))


TOPICS: tuple[Grading, ...] = (versions, suites, key_exchange, features, certificates)


def everything(policy: Policy, service: TlsService) -> Sheet:
    """All topics in one."""
    whole = Sheet()
    for grading in TOPICS:
        sheet = grading(policy, service)
        whole.items += sheet.items
        whole.gaps |= sheet.gaps
    return whole


def _objects(policy: Policy, topic: Topic) -> bool:
    """Whether anything of the topic could be held against a service; else a gap changes nothing."""
    return any(rule.about is topic and _bad(rule) for rule in policy.rules)


def _bad(rule: Rule) -> bool:
    return rule.grade in (Grade.INSUFFICIENT, Grade.PHASE_OUT)


def _words(trait_name: str) -> str:
    return trait_name.replace("_", " ")


def worst_first(items: Iterable[Graded]) -> Iterator[Graded]:
    order = (Grade.INSUFFICIENT, Grade.PHASE_OUT, None, Grade.SUFFICIENT, Grade.GOOD)
    yield from sorted(items, key=lambda item: order.index(item.grade))
