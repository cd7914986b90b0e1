"""The modified EUI-64 interface identifier (RFC 4291 appendix A)."""

import ipaddress


def eui64_address(prefix: str, mac: str) -> str:
    """The address that a host with ``mac`` forms from a 64-bit ``prefix`` by the classic rule."""
    raw = bytes.fromhex(mac.replace(":", ""))
    identifier = bytes([raw[0] ^ 0x02]) + raw[1:3] + b"\xff\xfe" + raw[3:]
    network = ipaddress.IPv6Network(prefix)
    return str(network.network_address + int.from_bytes(identifier, "big"))


def mac_of(address: str) -> str | None:
    """The MAC inside an EUI-64 interface identifier, or None when there is no ff:fe in the middle."""
    identifier = ipaddress.IPv6Address(address).packed[8:]
    if identifier[3:5] != b"\xff\xfe":
        return None
    raw = bytes([identifier[0] ^ 0x02]) + identifier[1:3] + identifier[5:]
    return ":".join(f"{b:02x}" for b in raw)
