"""Does every TLS service refuse SSLv3, TLS 1.0 and TLS 1.1, and every DTLS service DTLS 1.0?"""

from collections.abc import Iterator

from probe.checks.tls.services import each_service, fine, joined, replies, unanswered
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, violated
from probe.model.tls import Reply, TlsService

OLD = {"tcp": ("SSLv3", "TLSv1.0", "TLSv1.1"), "udp": ("DTLSv1.0",)}
OLDEST = ("SSLv2",)
"""Held against the service when it is accepted. Many stacks answer its hello, which is none of TLS, with
a reset: that it stays unknown then says nothing about the versions that the question is about."""


def check(dut: Dut) -> Iterator[Answer]:
    def judge(seen: Seen[TlsService], subject: str) -> Answer:
        old = OLD[seen.fact.transport]
        accepted = replies(seen, Reply.ACCEPTED, (*OLDEST, *old))
        unknown = replies(seen, Reply.NO_ANSWER, old)
        if accepted:
            summary = f"The service accepted {joined(accepted)}."
            return violated(subject, summary, *seen.proof)
        if unknown:
            return unanswered(seen, subject, unknown)
        refused = (*replies(seen, Reply.REFUSED, OLDEST), *old)
        return fine(dut, seen, subject, f"The service refused {joined(refused)}.")

    yield from each_service(dut, judge)
