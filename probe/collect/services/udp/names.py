"""Name services and discovery: DNS, mDNS by unicast, NetBIOS, SSDP, WS-Discovery."""

import re
from urllib.parse import urlsplit

from probe.collect.services.udp.probe import Heard, UdpProbe
from probe.model.observation import Announced
from probe.model.text import clean

MDNS_LIMIT = 32


def dns_version(nonce: bytes) -> bytes:
    """``version.bind`` TXT in class CHAOS: answered or refused by nearly every server (RFC 4892)."""
    return (
        nonce[:2]
        + bytes.fromhex("0100 0001 0000 0000 0000")
        + (b"\x07version\x04bind\x00\x00\x10\x00\x03")
    )


def dns_recursion(answer: bytes, nonce: bytes) -> tuple[bytes, ...]:
    """The NS of the root with recursion desired: a resolver answers it, and it names nobody."""
    del answer
    return (nonce[2:4] + bytes.fromhex("0100 0001 0000 0000 0000 00 0002 0001"),)


def parse_dns(answer: bytes, request: bytes) -> Heard | None:
    """A DNS response with our id; a server that resolves for us is open access."""
    import dns.exception
    import dns.flags
    import dns.message
    import dns.rcode

    if answer[:2] != request[:2]:
        return None
    try:
        message = dns.message.from_wire(answer, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        return None
    if not message.flags & dns.flags.QR:
        return None
    rcode = dns.rcode.to_text(message.rcode())
    texts = [
        clean(b" ".join(rdata.strings), 80)
        for rrset in message.answer[:4]
        for rdata in list(rrset)[:4]
        if hasattr(rdata, "strings")
    ]
    recursive = bool(message.flags & dns.flags.RA)
    resolved = recursive and message.rcode() in (dns.rcode.NOERROR, dns.rcode.SERVFAIL)
    asked_recursion = request[12:13] == b"\x00"
    product, _, version = texts[0].partition("-") if texts else ("", "", "")
    return Heard(
        product=product,
        version=version,
        banner=" ".join(texts),
        reason=f"DNS response, {rcode}" + (", recursion available" if recursive else ""),
        open_access=("recursive name resolution",) if asked_recursion and resolved else (),
        refused=asked_recursion and not resolved,
    )


def mdns_services(nonce: bytes) -> bytes:
    """The list of service types (RFC 6763 section 9), as a one-shot query (RFC 6762 section 6.7)."""
    return (
        nonce[:2]
        + bytes.fromhex("0000 0001 0000 0000 0000")
        + (b"\x09_services\x07_dns-sd\x04_udp\x05local\x00\x00\x0c\x00\x01")
    )


def parse_mdns(answer: bytes, request: bytes) -> Heard | None:
    """A multicast DNS response, sent to us alone."""
    import dns.exception
    import dns.flags
    import dns.message

    del request  # A responder may answer with id 0 (RFC 6762 section 18.1).
    try:
        message = dns.message.from_wire(answer, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        return None
    if not message.flags & dns.flags.QR:
        return None
    kinds = [
        clean(rdata.target.to_text(omit_final_dot=True), 60)
        for rrset in message.answer[:MDNS_LIMIT]
        for rdata in list(rrset)[:MDNS_LIMIT]
        if hasattr(rdata, "target")
    ][:MDNS_LIMIT]
    return Heard(banner=clean(" ".join(kinds)), reason="mDNS response to a unicast question")


def netbios_status(nonce: bytes) -> bytes:
    """NBSTAT for the name ``*`` (RFC 1002 section 4.2.17)."""
    return (
        nonce[:2]
        + bytes.fromhex("0000 0001 0000 0000 0000")
        + (b"\x20CK" + b"A" * 30 + b"\x00\x00\x21\x00\x01")
    )


def parse_netbios(answer: bytes, request: bytes) -> Heard | None:
    """The node status response: the names that the device goes by, and its MAC address."""
    if len(answer) < 57 or answer[:2] != request[:2] or not answer[2] & 0x80:
        return None
    count = min(answer[56], 20)
    names = []
    for n in range(count):
        entry = answer[57 + 18 * n : 75 + 18 * n]
        if len(entry) == 18:
            names.append(clean(entry[:15].rstrip(b" \0"), 15))
    return Heard(
        banner=" ".join(dict.fromkeys(filter(None, names))), reason="NetBIOS node status response"
    )


def ssdp_search(nonce: bytes) -> bytes:
    """M-SEARCH for everything. MX is not wanted in a unicast search, but older stacks insist on it."""
    del nonce
    return (
        b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"
        b'MAN: "ssdp:discover"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n'
    )


def header_lines(data: bytes, most: int = 30) -> dict[str, str]:
    """``Name: value`` lines of a text message, names in lower case, the first of each name."""
    found: dict[str, str] = {}
    for line in data[:8192].split(b"\r\n")[1 : most + 1]:
        name, colon, value = line.partition(b":")
        if colon:
            found.setdefault(clean(name, 40).lower(), clean(value, 300))
    return found


def parse_ssdp(answer: bytes, request: bytes) -> Heard | None:
    """One search response: what the device says it is, and where its description lies."""
    del request
    if not answer.startswith(b"HTTP/1."):
        return None
    fields = header_lines(answer)
    if not {"st", "usn"} & set(fields):
        return None
    kept = tuple((k, fields[k]) for k in ("server", "location") if fields.get(k))
    announced = Announced(
        via="ssdp",
        name=fields.get("usn", ""),
        kind=fields.get("st", ""),
        port=location_port(fields.get("location", "")),
        attributes=kept,
    )
    server = fields.get("server", "")
    return Heard(banner=server, reason="SSDP search response", announced=(announced,))


def location_port(location: str) -> int | None:
    """The port of an SSDP LOCATION, None when there is none in it."""
    try:
        parts = urlsplit(location)
        return parts.port or (80 if parts.scheme == "http" and parts.hostname else None)
    except ValueError:
        return None


def wsd_probe(nonce: bytes) -> bytes:
    """A WS-Discovery Probe for any type, sent to the device alone."""
    n = nonce.hex()
    uuid = f"{n[:8]}-{n[8:12]}-4{n[13:16]}-8{n[17:20]}-{n[20:32]}"
    addressing = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
    discovery = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        f'xmlns:a="{addressing}" xmlns:d="{discovery}"><s:Header>'
        f"<a:Action>{discovery}/Probe</a:Action><a:MessageID>urn:uuid:{uuid}</a:MessageID>"
        "<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>"
        "</s:Header><s:Body><d:Probe/></s:Body></s:Envelope>"
    ).encode()


def parse_wsd(answer: bytes, request: bytes) -> Heard | None:
    """ProbeMatches. Types and scopes are picked as text: no XML parser meets hostile input here."""
    del request
    if b"ProbeMatches" not in answer:
        return None
    found = re.findall(rb"<[\w:]*(?:Types|Scopes)[^<>]{0,200}>([^<>]{1,1000})<", answer[:16_384])
    return Heard(
        banner=clean(b" ".join(found[:4])), reason="WS-Discovery ProbeMatches to a unicast Probe"
    )


PROBES = (
    UdpProbe(protocol="dns", port=53, build=dns_version, parse=parse_dns, follow=dns_recursion),
    UdpProbe(protocol="mdns", port=5353, build=mdns_services, parse=parse_mdns),
    UdpProbe(protocol="netbios", port=137, build=netbios_status, parse=parse_netbios),
    UdpProbe(protocol="ssdp", port=1900, build=ssdp_search, parse=parse_ssdp, more_within=1.2),
    UdpProbe(protocol="wsd", port=3702, build=wsd_probe, parse=parse_wsd),
)
