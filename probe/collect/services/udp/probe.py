"""What a typed UDP probe is, and what can be heard from it. Sans-I/O: bytes in, values out."""

from collections.abc import Callable
from dataclasses import dataclass

from probe.model.service import Announced


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one datagram said, once it was recognised as the protocol. Texts are cleaned."""

    product: str = ""
    version: str = ""
    banner: str = ""
    reason: str = ""
    open_access: tuple[str, ...] = ()
    """Phrases for data or functions that were given without a credential."""
    anything: bool = False
    """It gave data for a name that the probe made up, so what it gives for others says nothing."""
    refused: bool = False
    """Data or functions were refused for want of a credential or a permission."""
    announced: tuple[Announced, ...] = ()


def no_further(answer: bytes, nonce: bytes) -> tuple[bytes, ...]:
    """For probes that ask only once."""
    del answer, nonce
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpProbe:
    """One protocol on its port. ``nonce`` is 32 bytes, different for each job, never secret."""

    protocol: str
    port: int
    build: Callable[[bytes], bytes]
    """The request."""
    parse: Callable[[bytes, bytes], Heard | None]
    """``(answer, request)``: what was heard, None when it is not this protocol."""
    follow: Callable[[bytes, bytes], tuple[bytes, ...]] = no_further
    """``(answer, nonce)``: further requests, read-only, once the first was answered."""
    chained: bool = False
    """``follow`` is asked about every answer, not the first alone; what was asked is not asked again."""
    any_port: bool = False
    """The protocol answers from another port (TFTP)."""
    more_within: float = 0.0
    """Seconds to wait for further datagrams after the first (SSDP)."""
