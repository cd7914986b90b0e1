"""A router's files, each planted with one finding, and the twin of each that must give none.

Keys, certificates and tokens are made anew in each run. The archive is written by hand: cpio(5), newc.
"""

import base64
import datetime
import stat
import struct
import zlib
from dataclasses import dataclass
from functools import cache
from random import SystemRandom
from string import ascii_letters, ascii_uppercase, digits

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from passlib.hash import md5_crypt

from firmware_checks.content.tokens import BASE62

Content = bytes | tuple[bytes, int] | str
"""A file's bytes; with its mode; the target of a link."""
CHANCE = SystemRandom()


@dataclass(frozen=True, slots=True)
class Plant:
    """One file, bad and good. ``found``: each check that must find the bad one, with the line it must name."""

    path: str
    bad: Content
    good: Content
    found: tuple[tuple[str, int], ...]


def plant(path: str, bad: Content | str, good: Content | str, *found: tuple[str, int]) -> Plant:
    def content(said: Content | str) -> Content:
        return said.encode() if isinstance(said, str) and not said.startswith("->") else said

    return Plant(path, content(bad), content(good), found)


def script(*lines: str) -> str:
    return "\n".join(("#!/bin/sh", *lines, ""))


def word(letters: str, number: int) -> str:
    return "".join(CHANCE.choice(letters) for _ in range(number))


def github() -> str:
    body = word(ascii_letters + digits, 30)
    value, tail = zlib.crc32(body.encode()), ""
    for _ in range(6):
        value, digit = divmod(value, 62)
        tail = BASE62[digit] + tail
    return f"ghp_{body}{tail}"


def jwt() -> str:
    def part(text: bytes) -> str:
        return base64.urlsafe_b64encode(text).decode().rstrip("=")

    claims = f'{{"sub":"fleet","iat":1700000000,"jti":"{word(digits, 9)}"}}'.encode()
    head = b'{"alg":"HS256","typ":"JWT"}'
    return ".".join((part(head), part(claims), part(CHANCE.randbytes(32))))


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def certificate(key: ec.EllipticCurvePrivateKey, days: int, *, authority: bool = False) -> str:
    """Self-signed, until ``days`` from now."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "router.test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=900))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if authority:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        made = made.add_extension(usage, critical=True)
    return made.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


def dropbear_key() -> bytes:
    """dropbear's own form: a string with the kind, one with both halves."""
    key = ed25519.Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    halves = secret + key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    kind = b"ssh-ed25519"
    return struct.pack(">I", len(kind)) + kind + struct.pack(">I", len(halves)) + halves


def public_line() -> str:
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode() + " factory\n"


@cache
def plants() -> tuple[Plant, ...]:
    """Every planted file; names of checks without their family."""
    server, authority = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    psk, mqtt, acs = (word(ascii_letters, 6) + word(digits, 6) for _ in range(3))
    return (
        plant(
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/ash\nservice:x:1:1::/:/bin/ash\nwww:*:33:33::/:/bin/false\n",
            "root:x:0:0:root:/root:/bin/ash\nservice:x:1:1::/:/bin/ash\nwww:*:33:33::/:/bin/false\n",
        ),
        plant(
            "etc/shadow",
            (f"root:{md5_crypt.hash('admin')}:0:0:99999:7:::\nservice::0:0:::\n".encode(), 0o644),
            (b"root:!:0:0:99999:7:::\nservice:*:0:0:::\n", 0o640),
            ("default_accounts", 1), ("password_hashes", 1), ("file_permissions", 0),
        ),
        plant("etc/.htpasswd", f"admin:{md5_crypt.hash('admin')}\n", "", ("default_accounts", 1), ("password_hashes", 1)),
        plant(
            "etc/inittab",
            "::sysinit:/etc/init.d/rcS\nttyS0::respawn:/bin/sh\n",
            "::sysinit:/etc/init.d/rcS\nttyS0::respawn:/sbin/getty -L ttyS0 115200 vt100\n#::askfirst:/bin/sh\n",
            ("console_login", 2),
        ),
        plant(
            "etc/init.d/rcS",
            (script("mount -a", "TELNETD=/usr/sbin/telnetd", "$TELNETD -l /bin/login &").encode(), 0o777),
            (script("mount -a", "# TELNETD=/usr/sbin/telnetd", "killall telnetd").encode(), 0o755),
            ("debug_services", 4), ("file_permissions", 0),
        ),
        plant("etc/init.d/S80adbd", script("/usr/bin/adbd &"), script("rm -f /usr/bin/adbd"), ("debug_services", 2)),
        plant("etc/init.d/S81gdb", script("gdbserver :2345 /usr/bin/app"), script("echo gdbserver is not here"), ("debug_services", 2)),
        plant("etc/init.d/S82tcf", script("/usr/sbin/tcf-agent -d -L-"), script("[ -x /usr/sbin/tcf-agent ] || exit 0"), ("debug_services", 2)),
        plant("etc/inetd.conf", "ftp stream tcp nowait root /usr/sbin/ftpd ftpd -w /\n", "#telnet stream tcp nowait root /usr/sbin/telnetd\n", ("debug_services", 1)),
        plant("etc/dropbear/dropbear_ed25519_host_key", dropbear_key(), b"", ("private_keys", 0)),
        plant("root/.ssh/authorized_keys", public_line(), "# none\n", ("authorised_keys", 1)),
        plant("etc/ssl/server.key", pem(server), "-----BEGIN PRIVATE KEY-----\nmade at the first start\n", ("private_keys", 1)),
        plant("etc/ssl/server.crt", certificate(server, -3), certificate(ec.generate_private_key(ec.SECP256R1()), 300), ("certificates", 0)),
        plant("etc/ssl/own-ca.key", pem(authority), "", ("private_keys", 1)),
        plant("etc/ssl/own-ca.crt", certificate(authority, 3000, authority=True), certificate(authority, 3000, authority=True), ("certificates", 0)),
        plant("usr/bin/report.sh", script("export AWS_ACCESS_KEY_ID=AKIA" + word(ascii_uppercase.replace("O", "") + "234567", 16)), script("export AWS_ACCESS_KEY_ID=$(cat /data/id)", "# AKIAIOSFODNN7EXAMPLE"), ("secrets", 2)),
        plant("opt/app/deploy.env", f"GITHUB={github()}\n", "GITHUB=ghp_000000000000000000000000000000000000\n", ("secrets", 1)),
        plant("opt/app/cloud.json", f'{{\n"token": "{jwt()}"}}\n', '{"token": ""}\n', ("secrets", 2)),
        plant("etc/mosquitto/conf.d/bridge.conf", f"connection cloud\nremote_username fleet\nremote_password {mqtt}\n", "connection cloud\n#remote_password x\n", ("secrets", 3)),
        plant("etc/mosquitto/mosquitto.conf", "listener 1883\nallow_anonymous true\n", "listener 1883\nallow_anonymous false\n", ("remote_management", 2)),
        plant("etc/config/cwmp", f"config cwmp\n\toption acs_url 'http://acs.maker.test:7547/'\n\toption acs_password {acs}\n", "config cwmp\n\toption acs_url 'https://acs.maker.test/'\n\toption acs_password ''\n", ("remote_management", 2), ("secrets", 3)),
        plant("www/config.php.bak", f"<?php\n$db_password = '{psk}';\n", "<?php\n$db_password = getenv('DB');\n", ("secrets", 2)),
        plant("www/cgi-bin/ping.cgi", script('eval "ping -c1 $QUERY_STRING"'), script('ping -c1 "$HOST"', "# eval $QUERY_STRING"), ("web_commands", 2)),
        plant("www/diag.php", "<?php\nsystem('ping ' . $_GET['host']);\n", "<?php\nsystem('ping ' . escapeshellarg($_GET['host']));\n", ("web_commands", 2)),
        plant("usr/sbin/fw-fetch", script("wget http://fw.maker.test/firmware/r1.bin -O /tmp/fw", "md5sum -c /tmp/fw.md5", "mtd write /tmp/fw firmware"), script("wget --ca-certificate=/etc/u.pem https://fw.maker.test/firmware/r1.bin -O /tmp/fw", "usign -V -m /tmp/fw -P /etc/keys || exit 1", "mtd write /tmp/fw firmware"), ("update_transport", 2), ("update_verification", 4)),
        plant("usr/bin/update.sh", script("curl -sk https://u.maker.test/firmware.bin -o /tmp/f"), script("curl -s --cacert /etc/u.pem https://u.maker.test/firmware.bin -o /tmp/f"), ("update_verification", 2), ("update_addresses", 2)),
        plant("usr/bin/feed.sh", script("URL=https://u.maker.test/firmware.bin", 'curl -s "$URL" -o /tmp/f'), script("URL=https://u.maker.test/firmware.bin", 'CA="--cacert /etc/u.pem"', 'curl -s $CA "$URL" -o /tmp/f'), ("update_addresses", 2)),
        plant("etc/swupdate.cfg", 'suricatta: {\n url = "https://ota.maker.test/update";\n cafile = "/etc/ssl/certs/ca-certificates.crt";\n};\n', 'suricatta: {\n url = "https://ota.maker.test/update";\n cafile = "/etc/own.pem";\n};\n', ("update_addresses", 2)),
        plant("lib/upgrade/platform.sh", "REQUIRE_IMAGE_SIGNATURE=0\n", "REQUIRE_IMAGE_SIGNATURE=1\n", ("update_verification", 1)),
        plant("etc/opkg.conf", "src/gz base http://feeds.maker.test/base\n", "src/gz base https://feeds.maker.test/base\noption check_signature\noption ssl_ca_file /etc/u.pem\n", ("update_transport", 1), ("update_verification", 0)),
        plant("etc/miniupnpd/miniupnpd.conf", "ext_ifname=wan\nsecure_mode=no\n", "ext_ifname=wan\nsecure_mode=yes\n", ("remote_management", 2)),
        plant("etc/wpa_supplicant.conf", f'network={{\n ssid="fleet"\n psk="{psk}"\n}}\n', 'network={\n ssid="fleet"\n #psk="secret passphrase"\n}\n', ("secrets", 3)),
        plant("etc/hostapd.conf", "ssid=router\nwep_default_key=0\nwep_key0=a1b2c3d4e5\n", "ssid=router\nwpa=2\nwpa_psk_file=/data/psk\n", ("secrets", 3)),
        plant("etc/config/wireless", "config wifi-iface\n\toption mode ap\n\toption ssid Setup\n\toption encryption none\n", "config wifi-iface\n\toption mode ap\n\toption ssid Setup\n\toption encryption sae\n", ("open_wifi", 1)),
        plant("etc/snmp/snmpd.conf", "rocommunity public\nrwcommunity private\n", "agentaddress 127.0.0.1\nrocommunity public\n", ("remote_management", 1)),
        plant("etc/ssh/sshd_config", "PermitRootLogin yes\nPermitEmptyPasswords yes\n", "#PermitRootLogin yes\nPermitRootLogin prohibit-password\n", ("remote_management", 1)),
        plant("bin/busybox", (b"\x7fELF busybox", 0o4755), (b"\x7fELF busybox", 0o755), ("file_permissions", 0)),
        plant("usr/bin/gdb", (b"\x7fELF gdb", 0o755), "", ("development_tools", 0)),
        plant("boot/config-5.4.0", "CONFIG_DEVMEM=y\n# CONFIG_STACKPROTECTOR is not set\n", "CONFIG_DEVMEM=y\nCONFIG_STRICT_DEVMEM=y\nCONFIG_STACKPROTECTOR=y\n", ("kernel_hardening", 0)),
        plant("var/lib/dpkg/status", "Package: openssl\nStatus: install ok installed\nVersion: 1.0.1e\n\n", "Package: tiny\nStatus: install ok installed\nVersion: 1.0\n\n", ("components_end_of_life", 0), ("components_known_vulnerabilities", 0)),
        # Words that look like findings and are none.
        plant("usr/share/doc/app/README", "curl -k http://u.maker.test/firmware\npassword=hunter2xyz\n", "x\n"),
        plant("usr/lib/libapp.so", b"\x7fELF\1\1\1" + bytes(600) + b"needs OpenSSL 1.0.1\0-----BEGIN RSA PRIVATE KEY-----\0--insecure", "x\n"),
    )  # fmt: skip


def archive(files: dict[str, Content]) -> bytes:
    """A cpio archive of the new ASCII form."""
    out = b""
    for number, (path, content) in enumerate([*files.items(), ("TRAILER!!!", b"")]):
        data, mode = content if isinstance(content, tuple) else (content, 0o644)
        kind = stat.S_IFREG
        if isinstance(data, str):
            data, mode, kind = data.removeprefix("->").encode(), 0o777, stat.S_IFLNK
        fields = [number + 1, kind | mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path) + 1, 0]
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + path.encode() + b"\0"
        out += head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
    return out + bytes(-len(out) % 512)
