"""Ways to do without verification, of the programs and languages that updates are fetched with."""

import re
from dataclasses import dataclass

from firmware_checks.content.scan import compiled

SKIPPED = "verification skipped"
UNSIGNED = "signature not required"


@dataclass(frozen=True, slots=True)
class Skip:
    """A way to do without verification. ``exact`` decides on the line that ``search`` hit."""

    name: str
    search: bytes
    source: str
    kind: str = SKIPPED
    in_programs: bool = False
    """Also as a command inside a program."""

    @property
    def exact(self) -> re.Pattern[str]:
        return compiled(self.source, re.IGNORECASE)


def _skip(
    name: str, search: bytes, exact: str, kind: str = SKIPPED, *, programs: bool = False
) -> Skip:
    return Skip(f"updates.{name}", search, exact, kind, programs)


SKIPS = (
    _skip(
        "curl",
        rb"curl\s",
        r"\bcurl\b[^|;\n]{0,300}?\s(?:-(?!-)[a-zA-Z]{0,20}k[a-zA-Z]{0,4}|--insecure)(?=\s|$|[\"'`)])",
        programs=True,
    ),
    _skip(
        "wget",
        rb"--no-check-cert",
        r"\bwget\b[^|;\n]{0,300}?\s--no-check-cert",
        programs=True,
    ),
    _skip(
        "uclient",
        rb"uclient-fetch\s",
        r"^(?>.*?uclient-fetch\b).*--no-check-cert",
        programs=True,
    ),
    _skip("aria2", rb"--check-certificate=false", r"^(?>.*?aria2c\b).*--check-certificate=false"),
    _skip(
        "require_image",
        rb"REQUIRE_IMAGE_(?:SIGNATURE|METADATA)=[\"']?0",
        r"^(?:export\s+)?REQUIRE_IMAGE_SIGNATURE=[\"']?0",
        UNSIGNED,
    ),
    _skip("apk", rb"--allow-untrusted", r"^(?>.*?\bapk\b).*--allow-untrusted"),
    _skip(
        "apt",
        rb"--(?:allow-unauthenticated|force-yes)|AllowUnauthenticated|AllowInsecureRepositories",
        r"^(?>.*?\bapt(?:-get)?\b).*--(?:allow-unauthenticated|force-yes)|(?:AllowUnauthenticated|AllowInsecureRepositories)[\"' ]+(?:true|1|yes)",
    ),
    _skip("apt_trusted", rb"trusted=yes", r"^deb(?:-src)?\s+\[[^\]]*trusted=yes"),
    _skip(
        "gpg",
        rb"--no-gpg-check|--nogpgcheck|gpgcheck\s?=\s?0",
        r"--no-?gpg-?check|^gpgcheck\s*=\s*0",
    ),
    _skip(
        "opkg",
        rb"--(?:force-checksum|no-check-certificate|force-signature)",
        r"^(?>.*?\bopkg\b).*--(?:force-checksum|no-check-certificate|force-signature)",
    ),
    _skip("rauc", rb"--no-verify", r"^(?>.*?\brauc\b).*--no-verify", programs=True),
    _skip(
        "sysupgrade",
        rb"sysupgrade\s",
        r"\bsysupgrade\b[^|;\n]{0,300}?\s(?:-[a-zA-Z]{0,20}F[a-zA-Z]{0,20}|--force)(?=\s|$|[\"'`)])",
        programs=True,
    ),
    _skip(
        "requests",
        rb"verify\s?=\s?False",
        r"^(?!.*\b(?>\w*?jwt)\w*\.decode).*[(,\s.]verify\s?=\s?False\b",
    ),
    _skip(
        "ssl_verify",
        rb"(?:ssl_?verify|verify_?ssl|tls_?verify|verify_?(?:certs?|peer|server|signature|image|firmware|update))",
        r"^(?!.*\b(?>\w*?(?:skip|insecure|disable))\w*verif)(?:.*[\s\"'{,._-])?(?:ssl_?verify|verify_?ssl|tls_?verify|verify_?(?:certs?|certificates?|peer|server|signature|image|firmware|update))[\"']?\s*(?:[=:]|\s(?='))\s*[\"']?(?:0|no|(?-i:none)|off|false)\b",
    ),
    _skip(
        "skip_verify",
        rb"(?:skip|disable)_?(?:tls_|ssl_|cert_|signature_|image_)?(?:verify|verification|check)",
        r"(?:^|[\s\"'{,.])(?:\w+_)?(?:skip|disable)_?(?:tls_|ssl_|cert_|signature_|image_)?(?:verify|verification)[\"']?\s*(?:[=:]|\s(?='))\s*[\"']?(?:1|yes|on|true)\b",
    ),
    _skip(
        "unverified",
        rb"_create_unverified_context|CERT_NONE",
        r"(?<!def )\bssl\._create_unverified_context|verify_mode\s?=\s?ssl\.CERT_NONE",
    ),
    _skip(
        "node",
        rb"rejectUnauthorized|NODE_TLS_REJECT_UNAUTHORIZED",
        r"rejectUnauthorized[\"']?\s*:\s*(?:false|0)\b|NODE_TLS_REJECT_UNAUTHORIZED[\"'\]]*\s*=\s*[\"']?0",
    ),
    _skip(
        "git",
        rb"GIT_SSL_NO_VERIFY|http\.sslVerify",
        r"GIT_SSL_NO_VERIFY=[\"']?(?:1|true)|http\.sslVerify[= ]+(?:false|0)",
    ),
    _skip("curlopt", rb"CURLOPT_SSL_VERIFYPEER", r"CURLOPT_SSL_VERIFYPEER\W+(?:0|false)\b"),
    _skip(
        "uboot",
        rb"(?:setenv|fw_setenv)\s+verify",
        r"\b(?:fw_)?setenv\s+verify\s+[\"']?(?:n|no|0|false)\b",
    ),
    _skip(
        "mosquitto",
        rb"(?:tls_insecure|bridge_insecure|--insecure)",
        r"^(?:bridge_insecure|tls_insecure)\s+true|^(?>.*?\bmosquitto_(?:pub|sub)\b).*--insecure",
    ),
    _skip(
        "stunnel",
        rb"verify(?:Chain|Peer)?\s?=\s?(?:0|no)",
        r"^verify(?:Chain|Peer)?\s*=\s*(?:0|no|none)\s*$",
    ),
)


def applies(skip: Skip, line: str, *, text: bool) -> bool:
    """The line does it, and does not only speak of it."""
    bare = line.strip()
    if not skip.exact.search(bare):
        return False
    if text:
        return not bare.startswith(("#", "//", "*", ";", "--", "echo ", "printf "))
    return skip.in_programs and ("://" in bare or "%s" in bare)
