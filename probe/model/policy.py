"""A dated rule table: how one edition of a guideline grades what a TLS service accepts."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """One scale for every policy; the policy's own word is kept beside it."""

    GOOD = "good"
    SUFFICIENT = "sufficient"
    PHASE_OUT = "phase out"
    INSUFFICIENT = "insufficient"


class Topic(StrEnum):
    """What a rule is about, and so what its ``names`` are."""

    VERSION = "version"
    """``TLSv1.2``, ``DTLSv1.0``"""
    SUITE = "suite"
    """IANA names of cipher suites."""
    GROUP = "group"
    """IANA names of supported groups."""
    DH = "dh"
    """Finite-field Diffie-Hellman below TLS 1.3, by the bits of its prime, and by its group: ``ffdhe3072``,
    ``MODP group 14``, ``self-made``. A rule without names is about any."""
    KEY = "key"
    """A certificate's key: ``RSA``, ``Ed25519``, or the curve of an EC key."""
    HASH = "hash"
    """The hash of a certificate's signature."""
    SIGNATURE = "signature"
    """IANA names of signature schemes in the key exchange."""
    ORDER = "order"
    """What the server has to put first when it chooses a suite: ``grade``, the better one by this very
    policy, as soon as it accepts one to phase out or worse; ``forward-secrecy``, (EC)DHE before others."""
    TRAIT = "trait"
    """Names of ``TlsTrait``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The first rule of a policy that fits decides. ``*`` stands for any text in a name."""

    about: Topic
    grade: Grade
    paragraph: str
    """Where the policy says so: ``paragraph 3.3.1``, ``section 4.1``."""
    names: tuple[str, ...] = ()
    exchange: tuple[str, ...] = ()
    """Suites below TLS 1.3 by what stands before ``_WITH_``: ``ECDHE_RSA``, ``*PSK*``."""
    cipher: tuple[str, ...] = ()
    """And by what stands after it: ``AES_128_GCM_SHA256``."""
    versions: tuple[str, ...] = ()
    """Only when one of these is accepted; empty: always."""
    reply: str = "accepted"
    """Fits what is ``accepted``, or what is ``refused`` when the policy asks for it."""
    least: int = 0
    """Bits of a key or a prime, from here …"""
    most: int = 0
    """… up to here; 0: no limit."""
    word: str = ""
    """The policy's own grade, such as ``MUST NOT``, where it differs."""
    note: str = ""
    """What a reader of a finding should know besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One edition. ``rules`` are in order; what none of them fits is not graded."""

    id: str
    title: str
    edition: str
    """As its publisher names it, with the date."""
    publisher: str
    published: str
    sources: tuple[str, ...]
    confidence: str
    """``sourced:``, ``memory`` or ``judgement``, with what is and what is not certain."""
    rules: tuple[Rule, ...]
    note: str = ""
