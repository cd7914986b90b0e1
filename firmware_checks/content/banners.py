"""How components name their version in their own programs and libraries.

``own`` is the name of a component's own file. ``text`` is what it says there. A component whose text is
unmistakable is also known by it in another binary file, where it was linked in; a text such as "needs
OpenSSL 1.0.1" is none of these.
"""

import re
from dataclasses import dataclass

from firmware_checks.content.scan import Pattern, compiled


@dataclass(frozen=True, slots=True)
class Banner:
    """``search`` is for the automaton; ``text`` has the version as its group."""

    component: str
    own: re.Pattern[str]
    search: bytes
    source: bytes
    unmistakable: bool = True

    @property
    def text(self) -> re.Pattern[bytes]:
        return compiled(self.source)


def _banner(
    component: str, own: str, search: bytes, text: bytes, *, unmistakable: bool = True
) -> Banner:
    return Banner(component, re.compile(own), search, text, unmistakable)


_V2 = rb"\d{1,3}\.\d{1,3}"
_V3 = rb"\d{1,3}\.\d{1,3}\.\d{1,3}"


def _plain(component: str, own: str, before: bytes, version: bytes = _V3) -> Banner:
    """``before`` directly followed by the version."""
    return _banner(component, own, before + rb"\d", before + rb"(" + version + rb")")


BANNERS = (
    _plain("busybox", r"^busybox", rb"BusyBox v"),
    _plain(
        "dropbear", r"^(?:dropbear|dropbearmulti|dbclient)", rb"dropbear_", rb"20\d\d\.\d\d|0\.\d\d"
    ),
    _banner(
        "openssl",
        r"^lib(?:crypto|ssl)\.so|^openssl$",
        rb"OpenSSL \d\.\d\.\d",
        rb"OpenSSL (\d\.\d\.\d{1,2}[a-z]{0,2})(?:-fips)? {1,2}\d{1,2} [A-Z][a-z]{2} 20\d\d",
    ),
    _plain("dnsmasq", r"^dnsmasq", rb"dnsmasq-", _V2),
    _plain("lighttpd", r"^lighttpd", rb"lighttpd/"),
    _plain("hostapd", r"^(?:hostapd|wpad)", rb"hostapd v", _V2),
    _plain("wpa_supplicant", r"^wpa_supplicant", rb"wpa_supplicant v", _V2),
    _banner(
        "linux",
        r"^(?:vmlinu[xz]|zImage|Image|uImage|kernel)",
        rb"Linux version \d\.\d",
        rb"Linux version (\d{1,2}\.\d{1,3}\.\d{1,3})[^\s]{0,60} \((?:[^\0\n]{3,300}?"
        # Distributions name a release by its ABI, 6.1.0-50, and the version only at the banner's end.
        rb"(?: Debian (\d{1,2}\.\d{1,3}\.\d{1,3})-\d| \(Ubuntu \S{3,60} (\d{1,2}\.\d{1,3}\.\d{1,3})\))"
        rb"|[^\0\n]{3,200})",
    ),
    _banner(
        "u-boot",
        r"^u-boot",
        rb"U-Boot (?:SPL |TPL )?20\d\d\.\d\d",
        rb"U-Boot (?:SPL |TPL )?(20\d\d\.\d\d(?:-rc\d)?)[^\0\n]{0,60}\(",
    ),
    _banner(
        "glibc",
        r"^libc[.-]",
        rb"GNU C Library",
        rb"GNU C Library [^\0\n]{0,80}release version (\d\.\d{1,2})",
    ),
    _plain("curl", r"^libcurl|^curl$", rb"libcurl[/ ]"),
    _plain("mosquitto", r"mosquitto", rb"mosquitto version "),
    _banner(
        "mbedtls",
        r"^lib(?:mbed(?:tls|crypto|x509)|polarssl)",
        rb"(?:[Mm]bed TLS|PolarSSL) \d\.\d",
        rb"(?:[Mm]bed TLS|PolarSSL) (" + _V3 + rb")",
    ),
    _plain("wolfssl", r"^libwolfssl|^libcyassl", rb"wolfSSL "),
    _banner(
        "freertos",
        r"FreeRTOS",
        rb"FreeRTOS (?:Kernel )?V\d",
        rb"FreeRTOS (?:Kernel )?V(" + _V3 + rb")",
    ),
    _plain("lwip", r"lwip", rb"lwIP/"),
    _banner(
        "zephyr",
        r"^zephyr",
        rb"Booting Zephyr OS (?:build|version) ",
        rb"Booting Zephyr OS (?:build|version) (?:zephyr-)?v?(" + _V3 + rb")",
    ),
    _banner("esp-idf", r"^$", rb"ESP-IDF[,:]? v\d", rb"ESP-IDF[,:]? v(\d\.\d(?:\.\d{1,2})?)"),
    _plain("miniupnpd", r"^miniupnpd", rb"MiniUPnPd/", rb"\d\.\d(?:\.\d{1,2})?"),
    _plain("libupnp", r"^libupnp|^upnpd", rb"Portable SDK for UPnP devices/"),
    _banner(
        "samba",
        r"^(?:smbd|nmbd|samba|libsmb)",
        rb"Samba \d\.\d",
        rb"Samba (" + _V3 + rb")",
        unmistakable=False,
    ),
    _banner(
        "zlib",
        r"^libz\.so",
        rb"(?:in|de)flate 1\.\d",
        rb"(?:in|de)flate (1\.\d{1,2}(?:\.\d{1,3}){0,2}) Copyright",
    ),
    _banner(
        "sqlite",
        r"^libsqlite|^sqlite",
        rb"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d [0-9a-f]{40}",
        rb"\0(3\.\d{1,2}\.\d{1,2})\0",
        unmistakable=False,
    ),
    _plain("goahead", r"goahead|^webs$", rb"GoAhead/"),
    _plain("boa", r"^boa", rb"Boa/", rb"0\.\d{1,2}\.\d{1,2}(?:rc\d{1,2})?"),
    _plain("mini_httpd", r"^mini_httpd", rb"mini_httpd/", _V2),
    _plain("thttpd", r"^thttpd", rb"thttpd/", rb"\d\.\d{1,2}[a-z]?"),
    _plain("openvpn", r"^openvpn", rb"OpenVPN ", _V3 + rb" [a-z0-9_]{2,20}-"),
    _plain("libpcap", r"^libpcap", rb"libpcap version "),
    _banner(
        "openssh",
        r"^sshd?$|^sshd-",
        rb"OpenSSH_\d",
        rb"OpenSSH_(\d{1,2}\.\d{1,2}p\d)",
        unmistakable=False,
    ),
    _plain("expat", r"^libexpat", rb"expat_"),
    _plain("libpng", r"^libpng", rb"libpng version "),
    _plain("bash", r"^bash$", rb"@\(#\)Bash version "),
    _plain("nginx", r"^nginx$", rb"nginx/"),
    _plain("php", r"^(?:lib)?php", rb"X-Powered-By: PHP/"),
    _plain("strongswan", r"^(?:charon|starter|libstrongswan)", rb"strongSwan "),
    _plain("vsftpd", r"^vsftpd", rb"\(vsFTPd ", rb"\d\.\d\.\d"),
    _banner(
        "avahi", r"^avahi-daemon|^libavahi-core", rb"avahi 0\.\d", rb"avahi (0\.\d(?:\.\d{1,2})?)\0"
    ),
    _plain("minidlna", r"^minidlnad?", rb"MiniDLNA/"),
    _plain("live555", r"live555|rtsp", rb"LIVE555 Streaming Media v", rb"20\d\d\.\d\d\.\d\d"),
)
ALONE = {
    "dnsmasq": (re.compile(r"^dnsmasq$"), re.compile(rb"\0(2\.\d{2})\0")),
    "mosquitto": (
        re.compile(r"^mosquitto$|^libmosquitto\.so"),
        re.compile(rb"\0([12]\.\d\.\d{1,2})\0"),
    ),
    "hostapd": (re.compile(r"^hostapd$"), re.compile(rb"\0([012]\.\d{1,2})\0")),
    "pppd": (re.compile(r"^pppd$"), re.compile(rb"\0(2\.[45]\.\d{1,2})\0")),
    "tcpdump": (
        re.compile(r"^tcpdump$"),
        re.compile(rb"(?:\0|version )([34]\.\d{1,2}\.\d{1,2})[\0\n]"),
    ),
    "strongswan": (re.compile(r"^starter$"), re.compile(rb"Swan (\d\.\d{1,2}\.\d{1,2}) IPsec")),
    "iptables": (
        re.compile(r"^xtables-(?:nft-|legacy-)?multi$"),
        re.compile(rb"\0v?(1\.\d\.\d{1,2})\0"),
    ),
    "net-snmp": (
        re.compile(r"^libnetsnmp\.so|^snmpd$"),
        re.compile(rb"\0(5\.\d{1,2}(?:\.\d{1,2}){0,2})\0"),
    ),
    "gnutls": (re.compile(r"^libgnutls\.so"), re.compile(rb"\0(3\.\d{1,2}\.\d{1,2})\0")),
    "musl": (re.compile(r"^ld-musl-|^libc\.so$"), re.compile(rb"\0(1\.[012]\.\d{1,2})\0")),
    "openvpn": (re.compile(r"^openvpn$"), re.compile(rb"\0(2\.\d\.\d{1,2})\0")),
    "minidlna": (re.compile(r"^minidlnad$"), re.compile(rb"\0(1\.\d\.\d)\0")),
}
"""Programs that hold their version as a text of its own: taken when exactly one such text is there."""
NAMED = (
    ("uclibc", re.compile(r"^lib(?:uClibc|uc)-(\d\.\d{1,2}\.\d{1,2}(?:\.\d)?)\.so$")),
    ("glibc", re.compile(r"^libc-(2\.\d{1,2}(?:\.\d)?)\.so$")),
    ("zlib", re.compile(r"^libz\.so\.(1\.\d\.\d{1,2}(?:\.\d)?)$")),
    ("libpcap", re.compile(r"^libpcap\.so\.([01]\.\d{1,2}\.\d{1,2})$")),
    ("mosquitto", re.compile(r"^libmosquitto\.so\.([12]\.\d\.\d{1,2})$")),
    ("mbedtls", re.compile(r"^libmbed(?:tls|crypto)\.so\.([23]\.\d{1,2}\.\d{1,2})$")),
    ("python", re.compile(r"^(?:lib)?python(\d\.\d{1,2})(?:m?\.so\S*)?$")),
)
"""Libraries whose file is named by their version."""
PATTERNS = tuple(Pattern(f"banner.{b.component}", b.search) for b in BANNERS)
