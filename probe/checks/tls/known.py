"""What is known of one TLS service, and what is not: the ground of every check of it."""

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


def shown(service: TlsService, *kinds: str, version: str = "") -> dict[str, tuple[str, ...]]:
    """Everything that is listed under these kinds, each with the hello that first showed it."""
    found: dict[str, tuple[str, ...]] = {}
    for one in lists(service, *kinds):
        if version not in ("", one.version):
            continue
        for place, name in enumerate(one.accepted):
            found.setdefault(name, one.evidence[place : place + 1])
    return found


def accepted_suites(service: TlsService) -> dict[str, tuple[str, ...]]:
    """Every suite that is known to be accepted, with the hello that shows it."""
    found = shown(service, "suites", "psk suites")
    for group in service.suites:
        if group.reply is Reply.ACCEPTED and group.chosen:
            found.setdefault(group.chosen, group.evidence)
    return found


def version_shown(service: TlsService, *names: str) -> tuple[tuple[str, ...], ...]:
    """What shows the answers about these versions."""
    return tuple(v.evidence for v in service.versions if v.name in names)


def trait_shown(service: TlsService, name: str) -> tuple[str, ...]:
    return next((t.evidence for t in service.traits if t.name == name), ())


def chains(service: TlsService) -> tuple[tuple[Certificate, ...], ...]:
    """Every chain that was presented, the first first; none is empty."""
    return tuple(chain for chain in (service.chain, *service.other_chains) if chain)


def presented(service: TlsService) -> list[tuple[int, Certificate]]:
    """Every certificate of every chain with its place in it, counted from 0."""
    return [(place, one) for chain in chains(service) for place, one in enumerate(chain)]


def leaves(service: TlsService) -> list[Certificate]:
    """The device's own certificates, one for each kind of key it has."""
    return [chain[0] for chain in chains(service)]


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


def old_suite_gaps(service: TlsService) -> dict[str, str]:
    """Suites below TLS 1.3 that are not known."""
    return {k: v for k, v in suite_gaps(service).items() if not k.endswith(MODERN)}
