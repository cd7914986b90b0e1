"""Packages that make the root file system of a router: what such devices are built from."""

ARMHF = (
    *("busybox", "dropbear-bin", "lighttpd", "curl", "libcurl4", "dnsmasq-base", "hostapd", "wpasupplicant"),
    *("mosquitto", "mosquitto-clients", "libmosquitto1", "openvpn", "openssl", "libssl3", "libc6", "zlib1g"),
    *("libpcap0.8", "libexpat1", "sqlite3", "libsqlite3-0", "ppp", "libgnutls30", "snmpd", "libsnmp40"),
    *("avahi-daemon", "libavahi-core7", "bash", "tcpdump", "minidlna", "nginx", "vsftpd", "openssh-server"),
    *("libmbedtls14", "libmbedcrypto7", "libpng16-16", "strongswan-starter", "base-files", "base-passwd"),
    *("iptables", "libnl-3-200"),
)  # fmt: skip
PACKAGES = tuple(f"{name}:armhf" for name in ARMHF)
