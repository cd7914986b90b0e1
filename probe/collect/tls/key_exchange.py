"""The key exchange of a flight below TLS 1.3, as far as it is in the clear."""

from collections.abc import Iterable

from probe.collect.tls import suites
from probe.collect.tls.codec import TlsFormatError
from probe.collect.tls.codec.flight import KeyExchange, read_key_exchange
from probe.collect.tls.exchange import Reaction


def key_exchange_of(reaction: Reaction) -> KeyExchange:
    """Group, prime and signature of a flight below TLS 1.3; empty when it was not read or has none."""
    body, hello = reaction.flight.key_exchange, reaction.flight.hello
    suite = suites.table().get(hello.suite) if hello else None
    if body is None or hello is None or suite is None:
        return KeyExchange()
    try:
        return read_key_exchange(body, suite.key_exchange, hello.version)
    except TlsFormatError:
        return KeyExchange()


def dh_bits(reactions: Iterable[Reaction]) -> int | None:
    """The smallest DHE prime that was seen."""
    found = [bits for r in reactions if (bits := key_exchange_of(r).dh_bits)]
    return min(found, default=None)
