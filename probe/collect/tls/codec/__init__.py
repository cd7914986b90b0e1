"""TLS messages as bytes: hellos out, server flights in. No I/O, no cryptography, every size bounded.

Read against RFC 6101 (SSL 3.0), RFC 5246 (TLS 1.2) and RFC 8446 (TLS 1.3).
"""

from probe.collect.tls.codec.flight import ServerFlight
from probe.collect.tls.codec.hello import PLAIN, ClientHello, Terms
from probe.collect.tls.codec.numbers import Alert, Version, alert_name
from probe.collect.tls.codec.reading import TlsFormatError

__all__ = [
    "PLAIN",
    "Alert",
    "ClientHello",
    "ServerFlight",
    "Terms",
    "TlsFormatError",
    "Version",
    "alert_name",
]
