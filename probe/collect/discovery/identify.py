"""What an announcement says about the device itself, each word with its source."""

from probe.model.device import Attribute
from probe.model.observation import Announced

MDNS_KEYS = {
    "md": "model",
    "model": "model",
    "product": "model",
    "usb_mdl": "model",
    "manufacturer": "vendor",
    "vendor": "vendor",
    "usb_mfg": "vendor",
    "fv": "firmware",
    "fw": "firmware",
    "firmware": "firmware",
    "fw_version": "firmware",
    "fn": "name",
    "serial": "serial",
    "serialnumber": "serial",
}
"""TXT keys in lower case. ``ty`` of printers is left to the model of ``usb_mdl``; it repeats it."""

UPNP_KEYS = {
    "manufacturer": "vendor",
    "modelName": "model",
    "serialNumber": "serial",
    "friendlyName": "name",
    "firmwareVersion": "firmware",
}

CATEGORY_OF_TYPE = {
    "_ipp._tcp": "printer",
    "_ipps._tcp": "printer",
    "_printer._tcp": "printer",
    "_pdl-datastream._tcp": "printer",
    "_googlecast._tcp": "media player",
    "_airplay._tcp": "media player",
    "_raop._tcp": "media player",
    "_spotify-connect._tcp": "media player",
    "_amzn-wplay._tcp": "media player",
    "_axis-video._tcp": "camera",
    "_onvif._tcp": "camera",
    "_rtsp._tcp": "camera",
    "_hue._tcp": "lighting bridge",
    "_meshcop._udp": "Thread border router",
    "_shelly._tcp": "relay or sensor",
    "_esphomelib._tcp": "ESPHome device",
    "_matter._tcp": "Matter device",
    "_matterc._udp": "Matter device",
}

HAP_CATEGORIES = {
    "2": "bridge",
    "5": "lighting",
    "6": "door lock",
    "7": "outlet",
    "8": "switch",
    "9": "thermostat",
    "10": "sensor",
    "11": "security system",
    "17": "camera",
    "18": "video doorbell",
    "21": "heater",
    "28": "sprinkler",
    "31": "television",
    "33": "router",
}
"""Accessory category identifiers of _hap._tcp's ``ci``."""

CATEGORY_OF_UPNP = {
    "InternetGatewayDevice": "router",
    "MediaRenderer": "media player",
    "MediaServer": "media server",
    "Printer": "printer",
    "DigitalSecurityCamera": "camera",
    "BinaryLight": "lighting",
    "WANDevice": "router",
}


def attributes_of(said: Announced) -> tuple[Attribute, ...]:
    """The device's properties in one announcement; the text is cleaned already."""
    if said.via == "mdns":
        return _mdns(said)
    if said.via == "upnp":
        return _upnp(said)
    if said.via == "dhcp":
        return tuple(
            Attribute(name="name", value=value, source="dhcp option 12")
            for key, value in said.attributes
            if key == "hostname" and value
        )
    return ()


def _mdns(said: Announced) -> tuple[Attribute, ...]:
    found = []
    for key, value in said.attributes:
        wanted = MDNS_KEYS.get(key.lower())
        if wanted and value:
            found.append(Attribute(name=wanted, value=value, source=f"mdns TXT {key}"))
        if said.kind == "_hap._tcp" and key.lower() == "ci" and value in HAP_CATEGORIES:
            category = HAP_CATEGORIES[value]
            found.append(Attribute(name="category", value=category, source="mdns TXT ci"))
    if said.name:
        found.append(Attribute(name="name", value=said.name, source=f"mdns {said.kind}"))
    if said.kind in CATEGORY_OF_TYPE:
        category = CATEGORY_OF_TYPE[said.kind]
        found.append(Attribute(name="category", value=category, source=f"mdns {said.kind}"))
    return tuple(found)


def _upnp(said: Announced) -> tuple[Attribute, ...]:
    values = dict(said.attributes)
    found = [
        Attribute(name=wanted, value=values[key], source=f"ssdp {key}")
        for key, wanted in UPNP_KEYS.items()
        if values.get(key)
    ]
    # urn:schemas-upnp-org:device:MediaRenderer:1
    parts = said.kind.split(":")
    if len(parts) >= 5 and parts[3] in CATEGORY_OF_UPNP:
        category = CATEGORY_OF_UPNP[parts[3]]
        found.append(Attribute(name="category", value=category, source="ssdp deviceType"))
    return tuple(found)
