"""Whether two entries of a run are two devices. What compares devices must not accuse one of itself."""

from probe.model.device import Device

TELL_APART = (
    "Find out whether it is one device with two addresses or two devices, best by testing both on the "
    "network segment that they are attached to, and record a manual result."
)
"""What settles that two entries may be one device."""
SECOND_UNIT = (
    "Put a second unit of the same product into the run, and see from the manufacturer's description "
    "that every unit makes or is given a key of its own."
)
"""What settles whether a key that no other device of the run has is one of its own."""


def may_be_one(one: Device, other: Device) -> str:
    """Why the two may be one device, as half a sentence; empty when they are two."""
    if not (one.mac and other.mac):
        return "it is known by its address alone, and may be the same device"
    if {*one.addresses, *one.unproven} & {*other.addresses, *other.unproven}:
        return "an address was seen with both, and they may be one device"
    told = {(a.name, a.value) for a in one.attributes if _identifies(a.name, a.source)}
    same = next((a for a in other.attributes if (a.name, a.value) in told), None)
    return f"both give the {same.name} {same.value}, and may be one device" if same else ""


def _identifies(name: str, source: str) -> bool:
    """Serial numbers are unique in a product, names announced by mDNS on a link (RFC 6762 section 9)."""
    return name == "serial" or (name == "name" and source.startswith("mdns"))
