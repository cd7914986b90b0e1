"""Does every TLS service refuse SSLv2 to TLS 1.1, and every DTLS service DTLS 1.0?"""

from collections.abc import Iterator

from probe.checks.tls.known import version_shown
from probe.checks.tls.services import each_service, fine, joined, replies, unanswered
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, violated
from probe.model.tls import Reply, TlsService

OLD = {"tcp": ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"), "udp": ("DTLSv1.0",)}


def check(dut: Dut) -> Iterator[Answer]:
    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        old = OLD[seen.fact.transport]
        accepted = replies(seen, Reply.ACCEPTED, old)
        unknown = replies(seen, Reply.NO_ANSWER, old)
        if accepted:
            summary = f"The service accepted {joined(accepted)}."
            return violated(subject, summary, *seen.showing(*version_shown(seen.fact, *accepted)))
        if unknown:
            return unanswered(seen, subject, unknown)
        return fine(dut, seen, subject, f"The service refused {joined(old)}.")

    yield from each_service(dut, judge)
