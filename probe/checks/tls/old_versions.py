"""Does every TLS service refuse SSLv3, TLS 1.0 and TLS 1.1?"""

from collections.abc import Iterator

from probe.checks.tls.services import each_service, fine, joined, replies, unanswered
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, violated
from probe.model.tls import Reply, TlsService

OLD = ("SSLv3", "TLSv1.0", "TLSv1.1")


def check(dut: Dut) -> Iterator[Answer]:
    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        accepted = replies(seen, Reply.ACCEPTED, OLD)
        unknown = replies(seen, Reply.NO_ANSWER, OLD)
        if accepted:
            summary = f"The service accepted {joined(accepted)}."
            return violated(subject, summary, *seen.proof)
        if unknown:
            return unanswered(seen, subject, unknown)
        return fine(dut, seen, subject, "The service refused SSLv3, TLSv1.0 and TLSv1.1.")

    yield from each_service(dut, judge)
