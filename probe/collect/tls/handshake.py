"""A whole handshake, for the certificate of a service that shows it only encrypted (TLS 1.3)."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from probe.collect.answers import NoAnswer, Why
from probe.collect.session import DeviceSession
from probe.collect.tls.codec.flight import MAX_CERTIFICATES
from probe.model.evidence import EvidenceRef

WITHIN_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """DER certificates, the device's own first. ``whole``: all that it sent, not only the first."""

    ders: tuple[bytes, ...]
    whole: bool
    proof: tuple[EvidenceRef, ...]


async def presented_chain(
    session: DeviceSession, address: str, port: int, server_name: str | None
) -> Presented:
    """Finish a handshake that trusts anything and take what was presented. Raises NoAnswer."""
    try:
        async with (
            session.connect(address, port, within=WITHIN_S) as wire,
            asyncio.timeout(WITHIN_S),
        ):
            await wire.start_tls(server_name, within=WITHIN_S)
            assert wire.tls is not None
            ders, whole = _certificates(wire.tls)
            transcript = session.keep_transcript(
                wire.transcript, "TLS handshake for the certificate"
            )
    except TimeoutError:
        raise NoAnswer(Why.SILENT, f"no finished handshake within {WITHIN_S:.0f} s") from None
    kept = [
        session.keep(der, media_type="application/pkix-cert", caption=f"certificate {place}")
        for place, der in enumerate(ders, 1)
    ]
    return Presented(ders=tuple(ders), whole=whole, proof=(transcript, *kept))


def _certificates(tls: ssl.SSLObject) -> tuple[Sequence[bytes], bool]:
    """What the peer sent. The chain has a public name only since Python 3.13."""
    public = getattr(tls, "get_unverified_chain", None)
    if public is not None:
        return public()[:MAX_CERTIFICATES], True
    private: Any = getattr(getattr(tls, "_sslobj", None), "get_unverified_chain", None)
    chain = private() if private is not None else None
    if chain:
        import _ssl

        return [c.public_bytes(_ssl.ENCODING_DER) for c in chain[:MAX_CERTIFICATES]], True
    leaf = tls.getpeercert(binary_form=True)
    return ([leaf] if leaf else []), False
