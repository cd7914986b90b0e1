"""How a policy grades what one TLS service accepts, topic by topic, and what is not known of it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from probe.checks.tls.known import (
    DATAGRAM,
    MODERN,
    NOT_ASKED,
    SIGNED_BY_CHOICE,
    STREAM,
    WITH_INVENTORY,
    accepted_suites,
    accepted_versions,
    chains,
    lists,
    old_suite_gaps,
    possible_versions,
    reply_of,
    shown,
    suite_gaps,
    trait,
    trait_shown,
    uses_psk_only,
    version_shown,
)
from probe.model.policy import Grade, Policy, Rule, Topic
from probe.model.tls import Certificate, DhPrime, Reply, TlsService


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """Something that was accepted, and the rule about it; None: the policy says nothing."""

    name: str
    rule: Rule | None
    evidence: tuple[str, ...] = ()
    """What shows that it is accepted."""

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


WITHOUT_KEY = "those of suites with pre-shared keys are not asked for"
SELF_MADE = "self-made"
"""What rules call a DHE prime that is known nowhere."""


def _named(rule: Rule, name: str) -> bool:
    if rule.about is Topic.DH and not rule.names:
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


# --- the topics ----------------------------------------------------------------------------------


def versions(policy: Policy, service: TlsService) -> Sheet:
    sheet = Sheet()
    for name in DATAGRAM if service.transport == "udp" else STREAM:
        rule = rule_for(policy, Topic.VERSION, name)
        known = reply_of(service, name)
        if known is Reply.ACCEPTED:
            (evidence,) = version_shown(service, name)
            sheet.items.append(Graded(name=name, rule=rule, evidence=evidence))
        elif known is not Reply.REFUSED and rule and _bad(rule):
            detail = next((v.detail for v in service.versions if v.name == name), "")
            sheet.gaps[name] = detail or NOT_ASKED
    return sheet


def suites(policy: Policy, service: TlsService) -> Sheet:
    items = [
        Graded(name=n, rule=rule_for(policy, Topic.SUITE, n), evidence=e)
        for n, e in accepted_suites(service).items()
    ]
    gaps = suite_gaps(service)
    if reply_of(service, "SSLv2") in (Reply.ACCEPTED, Reply.NO_ANSWER):
        gaps["suites at SSLv2"] = "they are its own, and were not listed"
    return Sheet(items, gaps)


def key_exchange(policy: Policy, service: TlsService) -> Sheet:
    """Groups, the size of a DHE prime, and the signature schemes of the key exchange."""
    sheet = Sheet()
    for kind, topic in (("groups", Topic.GROUP), ("signatures", Topic.SIGNATURE)):
        sheet.items += [
            Graded(name=n, rule=rule_for(policy, topic, n), evidence=e)
            for n, e in shown(service, kind).items()
        ]
        if _objects(policy, topic):
            sheet.gaps |= _list_gaps(service, kind)
    _primes(policy, service, sheet)
    if _objects(policy, Topic.DH):
        sheet.gaps |= _prime_gaps(service)
    return sheet


def prime_name(prime: DhPrime) -> str:
    """How a sentence names it: ``3072 bits, ffdhe3072``, ``2048 bits, self-made``."""
    return f"{prime.bits} bits, {prime.group or 'self-made'}"


def _primes(policy: Policy, service: TlsService, sheet: Sheet) -> None:
    for prime in service.primes:
        rule = rule_for(policy, Topic.DH, prime.group or SELF_MADE, bits=prime.bits)
        name = f"DHE with {prime_name(prime)}"
        sheet.items.append(Graded(name=name, rule=rule, evidence=prime.evidence))
    if service.dh_bits is not None and not service.primes:
        rule = rule_for(policy, Topic.DH, "", bits=service.dh_bits)
        if rule is None or not rule.names:
            sheet.items.append(Graded(name=f"DHE with {service.dh_bits} bits", rule=rule))
        else:
            sheet.gaps["which DHE prime it is"] = "this record has its length only"


def _prime_gaps(service: TlsService) -> dict[str, str]:
    gaps: dict[str, str] = {}
    if old := old_suite_gaps(service):
        gaps["whether there is a shorter DHE prime"] = next(iter(old.values()))
    if service.dh_bits is None and any(n.startswith("TLS_DHE_") for n in accepted_suites(service)):
        gaps["the size of the DHE prime"] = NOT_ASKED
    return gaps


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
    # The key exchange of PSK suites is not signed (RFC 4279, RFC 5489).
    signed = [n for n in accepted_suites(service) if "_PSK_" not in n]
    names = list(accepted_suites(service)) if kind == "groups" else signed
    uses = ("TLS_ECDHE_",) if kind == "groups" else ("TLS_ECDHE_", "TLS_DHE_")
    below = possible - {*MODERN} if kind == "groups" else possible & SIGNED_BY_CHOICE
    used = [n for n in names if n.startswith(uses)]
    unknown = {} if uses_psk_only(service) and kind != "groups" else old_suite_gaps(service)
    if below and (unknown or used) and not listed - {*MODERN}:
        what = f"{kind} below {'DTLSv1.3' if service.transport == 'udp' else 'TLSv1.3'}"
        only_psk = bool(used) and all("_PSK_" in n for n in used)
        gaps[what] = WITHOUT_KEY if only_psk else WITH_INVENTORY
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
            evidence = trait_shown(service, name)
            if reply is Reply.NO_ANSWER:
                sheet.gaps[_words(name)] = detail
            elif reply.value == rule.reply:
                said = _words(name) if reply is Reply.ACCEPTED else f"no {_words(name)}"
                sheet.items.append(Graded(name=said, rule=rule, evidence=evidence))
            else:
                said = _words(name) if reply is Reply.ACCEPTED else f"no {_words(name)}"
                sheet.items.append(Graded(name=said, rule=None, evidence=evidence))
    return sheet


def certificates(policy: Policy, service: TlsService) -> Sheet:
    sheet = Sheet()
    for chain in chains(service):
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
        told = name if kind != "RSA" else f"RSA {bits} bits"
        said = f"{whose} key {told}"
        sheet.items.append(Graded(name=said, rule=rule, evidence=certificate.evidence))
    # Nobody relies on the signature that a root further up the chain puts on itself.
    if certificate.signature_hash and (place == 0 or not certificate.self_signed):
        if certificate.signature_hash.startswith("unknown"):
            sheet.gaps[f"the signature of {whose}"] = certificate.signature_hash
            return
        rule = rule_for(policy, Topic.HASH, certificate.signature_hash)
        said = f"{whose} signed with {certificate.signature_hash}"
        sheet.items.append(Graded(name=said, rule=rule, evidence=certificate.evidence))


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
