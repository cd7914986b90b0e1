"""Does every TLS service offer TLS 1.2 or TLS 1.3?"""

from collections.abc import Iterator

from probe.checks.tls.services import each_service, fine, joined, replies, unanswered
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, violated
from probe.model.tls import Reply, TlsService

MODERN = ("TLSv1.2", "TLSv1.3")


def check(dut: Dut) -> Iterator[Answer]:
    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        accepted = replies(seen, Reply.ACCEPTED, MODERN)
        unknown = replies(seen, Reply.NO_ANSWER, MODERN)
        if accepted:
            return fine(dut, seen, subject, f"The service offers {joined(accepted)}.")
        if unknown:
            return unanswered(seen, subject, unknown)
        summary = "The service refused both TLSv1.2 and TLSv1.3."
        return violated(subject, summary, *seen.proof)

    yield from each_service(dut, judge)
