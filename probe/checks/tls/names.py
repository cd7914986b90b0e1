"""Names in certificates compared with the names of a device."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from probe.model.dut import Dut
from probe.model.observation import Announced

_HOST = re.compile(r"(\*\.)?([a-z0-9_-]{1,63}\.)+[a-z0-9-]{1,63}|localhost")
_LOCAL = re.compile(r"([a-z0-9-]{1,63}\.)+local")


def own_names(dut: Dut) -> set[str]:
    """Addresses of the device and the host names that it announced."""
    return {usual(a) for a in dut.device.addresses} | {*_announced(dut)}


def _announced(dut: Dut) -> Iterator[str]:
    said = [a.value for a in dut.device.attributes if a.source.startswith("mdns")]
    for seen in dut.all(Announced):
        said += [seen.fact.name, *(value for _, value in seen.fact.attributes)]
    yield from (name for name in map(usual, said) if _LOCAL.fullmatch(name))


def hosts(names: Iterable[str]) -> list[str]:
    """Those that a client could have asked for: an identity, a URI or plain words are not."""
    return [n for n in map(usual, names) if is_address(n) or _HOST.fullmatch(n)]


def usual(name: str) -> str:
    text = name.rstrip(".").lower()
    return str(ip_address(text)) if is_address(text) else text


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def fits(pattern: str, name: str) -> bool:
    """A wildcard stands for one label (RFC 9525 section 6.3)."""
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:] and not is_address(name)
    return pattern == name
