"""Server names that a device gave itself: announced by mDNS, or in a certificate. Never an address."""

import re
from collections.abc import Iterator

from probe.model.dut import Dut
from probe.model.service import Announced
from probe.model.tls import TlsService

MOST_NAMES = 2
_CERTIFIED_NAME = re.compile(r"(?=.{1,100}$)([a-z0-9][a-z0-9-]{0,62}[.])+[a-z][a-z0-9-]{1,62}")
"""The last label begins with a letter: an address is no server name (RFC 6066 section 3)."""
_HOST_NAME = re.compile(r"(?=.{1,100}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.local")


def server_names(dut: Dut) -> tuple[str, ...]:
    """What may be sent as server name, the likeliest first."""
    names = [announced_name(dut), *_certified_names(dut)]
    return tuple(dict.fromkeys(name for name in names if name))[:MOST_NAMES]


def _certified_names(dut: Dut) -> Iterator[str]:
    """Host names in the certificates of the device's other services."""
    for seen in dut.all(TlsService):
        for name in seen.fact.chain[0].names if seen.fact.chain else ():
            if _CERTIFIED_NAME.fullmatch(name.lower()):
                yield name


def announced_name(dut: Dut) -> str | None:
    """A host name that the device announced by mDNS. Never an address: those are no server names."""
    texts = [
        text for a in dut.device.attributes if a.source.startswith("mdns") for text in [a.value]
    ]
    for seen in dut.all(Announced):
        if seen.fact.via == "mdns":
            texts += [seen.fact.name, *(value for _, value in seen.fact.attributes)]
    return next((t.rstrip(".") for t in texts if _HOST_NAME.fullmatch(t.rstrip(".").lower())), None)
