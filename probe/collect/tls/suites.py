"""The cipher suites, and the lists of them that hellos offer. The data is ``suites.csv``."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from probe.collect.tls.codec import sslv2
from probe.collect.tls.codec.numbers import Version

WEAK, PHASE_OUT = "weak", "phase-out"

MOST_AT_ONCE = 140
"""A common small stack refuses a hello with more than 150 suites as malformed."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One registered cipher suite. ``kind`` is ``weak``, ``phase-out`` or empty."""

    number: int
    name: str
    kind: str
    reason: str

    key_exchange: str
    """``RSA``, ``ECDHE_ECDSA``, ``DH_anon``, ``PSK`` …; empty for TLS 1.3, which fixes none."""

    @property
    def tls13(self) -> bool:
        return not self.key_exchange

    @property
    def psk(self) -> bool:
        return "PSK" in self.key_exchange

    @property
    def needs_more(self) -> bool:
        """Chosen only with something a prober lacks: Kerberos, an SRP or PWD user, GOST parameters."""
        return any(word in self.key_exchange for word in ("KRB5", "SRP", "ECCPWD", "GOST"))

    @property
    def since_tls12(self) -> bool:
        """AEAD and SHA-2 suites must not be chosen below TLS 1.2 (RFC 5246 section 5, RFC 5288)."""
        return self.name.endswith(("_SHA256", "_SHA384", "_CCM", "_CCM_8"))


@cache
def table() -> dict[int, Suite]:
    """Every suite by number, in registry order."""
    text = (Path(__file__).parent / "suites.csv").read_text("utf-8")
    rows = csv.reader(line for line in text.splitlines() if not line.startswith("#"))
    next(rows)  # the names of the columns
    found = (
        Suite(int(n, 16), name, kind, reason, _exchange_in(name)) for n, name, kind, reason in rows
    )
    return {suite.number: suite for suite in found}


def _exchange_in(name: str) -> str:
    exchange, found, _ = name.removeprefix("TLS_").partition("_WITH_")
    return exchange if found else ""


def name_of(number: int) -> str:
    suite = table().get(number)
    name = suite.name if suite else sslv2.CIPHERS.get(number)
    return name or f"unregistered suite 0x{number:04X}"


def _exotic(suite: Suite) -> bool:
    return suite.key_exchange not in _EXCHANGES or not any(c in suite.name for c in _CIPHERS)


def _strong_first(suite: Suite) -> tuple[int, int, int]:
    """Sort key. The order of an offer is a wish that many servers grant."""
    cipher = next((n for n, c in enumerate(_CIPHERS) if c in suite.name), len(_CIPHERS))
    known = suite.key_exchange in _EXCHANGES
    exchange = _EXCHANGES.index(suite.key_exchange) if known else len(_EXCHANGES)
    return (("", PHASE_OUT, WEAK).index(suite.kind), cipher, exchange)


_CIPHERS = ("_AES_", "_CHACHA20_", "_RC4_", "_3DES_", "_DES", "_NULL")
_EXCHANGES = ("ECDHE_ECDSA", "ECDHE_RSA", "RSA", "DHE_RSA", "RSA_EXPORT", "DH_anon", "ECDH_anon")

Offers = tuple[tuple[int, ...], ...]
"""Suites, one tuple for each hello. What real stacks implement is in the first."""


@cache
def _usable() -> tuple[Suite, ...]:
    """Below TLS 1.3, in the order of an offer."""
    chosen = [
        s
        for s in table().values()
        # TLS_NULL_WITH_NULL_NULL is the state before a handshake, never offered.
        if s.number and not s.tls13 and not s.needs_more
    ]
    # A stack that looks at no more than 32 suites then sees those that it may have.
    return tuple(sorted(chosen, key=lambda s: (_exotic(s), _strong_first(s))))


def _offers(version: Version, *, psk: bool, kind: str | None = None) -> Offers:
    chosen = [
        s
        for s in _usable()
        if s.psk == psk
        and kind in (None, s.kind)
        and (version >= Version.TLS12 or not s.since_tls12)
    ]
    numbers = [s.number for s in chosen]
    return tuple(tuple(numbers[n : n + MOST_AT_ONCE]) for n in range(0, len(numbers), MOST_AT_ONCE))


@cache
def ordinary(version: Version) -> Offers:
    """Offered to learn whether ``version`` is accepted at all: weak suites too, PSK suites not."""
    if version is Version.SSL2:
        return (tuple(sslv2.CIPHERS),)
    if version is Version.TLS13:
        modern = [s for s in table().values() if s.tls13]
        return (tuple(s.number for s in sorted(modern, key=lambda s: s.kind)),)
    return _offers(version, psk=False)


@cache
def psk(version: Version) -> Offers:
    """The PSK suites, to be offered alone: a known stack goes silent when they are mixed in."""
    return _offers(min(version, Version.TLS12), psk=True)


@cache
def weak(version: Version, *, psk: bool = False) -> Offers:
    return _offers(version, psk=psk, kind=WEAK)


def _usual_dhe(suite: Suite) -> bool:
    return suite.key_exchange == "DHE_RSA" and "_AES_" in suite.name


@cache
def with_psk(version: Version) -> Offers:
    """Below TLS 1.2 both fit into one hello, where it matters only whether a version is spoken."""
    numbers = [n for offer in (*ordinary(version), *psk(version)) for n in offer]
    return tuple(tuple(numbers[n : n + MOST_AT_ONCE]) for n in range(0, len(numbers), MOST_AT_ONCE))


@cache
def weak_tls13() -> Offers:
    """TLS 1.3 suites without encryption (RFC 9150)."""
    return (tuple(s.number for s in table().values() if s.tls13 and s.kind == WEAK),)


@cache
def phase_out(version: Version, *, psk: bool = False) -> Offers:
    """Those with DHE first: chosen, they show their prime, and no question need be spent on it."""
    return tuple(
        tuple(sorted(offer, key=lambda n: not _usual_dhe(table()[n])))
        for offer in _offers(version, psk=psk, kind=PHASE_OUT)
    )
