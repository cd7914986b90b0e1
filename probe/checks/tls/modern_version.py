"""Does every service offer TLS 1.2 or 1.3, or over UDP DTLS 1.2 or 1.3?"""

from collections.abc import Iterator

from probe.checks.tls.known import version_shown
from probe.checks.tls.services import each_service, fine, joined, replies, unanswered
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, violated
from probe.model.tls import Reply, TlsService

MODERN = {"tcp": ("TLSv1.2", "TLSv1.3"), "udp": ("DTLSv1.2", "DTLSv1.3")}


def check(dut: Dut) -> Iterator[Answer]:
    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        modern = MODERN[seen.fact.transport]
        accepted = replies(seen, Reply.ACCEPTED, modern)
        unknown = replies(seen, Reply.NO_ANSWER, modern)
        if accepted:
            return fine(dut, seen, subject, f"The service offers {joined(accepted)}.")
        if unknown:
            return unanswered(seen, subject, unknown)
        summary = f"The service refused both {joined(modern)}."
        # The refusals, and what was accepted beside them: the service was there and answered.
        known = (v.name for v in seen.fact.versions if v.reply is Reply.ACCEPTED)
        shown = version_shown(seen.fact, *modern, *known)
        return violated(subject, summary, *seen.showing(*shown))

    yield from each_service(dut, judge)
