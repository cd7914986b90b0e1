"""Logins of makers that only their own script can do, told by what the pages and scripts call.

Each prepares the password by a challenge of its own. They are named, not spoken: a refusal of the plain
password by one of them says nothing.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scheme:
    """One such login; ``digest`` is a read-only path where the same accounts log in by HTTP digest."""

    name: str
    sign: re.Pattern[str]
    digest: str = ""


SCHEMES = (
    Scheme(
        "ISAPI session login (salted, iterated SHA-256 with a challenge)",
        re.compile(r"ISAPI/Security/sessionLogin|/doc/page/login\.asp|\bISAPI/", re.I),
        "/ISAPI/System/deviceInfo",
    ),
    Scheme(
        "RPC2 login (MD5 with realm and a random challenge)",
        re.compile(r"RPC2_Login|global\.login", re.I),
        "/cgi-bin/magicBox.cgi?action=getDeviceType",
    ),
    Scheme("stok login (password encrypted with RSA or AES)", re.compile(r";stok=|\bstok\b")),
    Scheme("HNAP login (HMAC-MD5 with a challenge)", re.compile(r"/HNAP1/?|\bHNAP_AUTH\b", re.I)),
    Scheme(
        "SRP login",
        re.compile(r"\bsrp\b.{0,40}(?:verifier|client|6a)|/authenticate\b.{0,40}CSRFtoken", re.I),
    ),
    Scheme("login_sid.lua (PBKDF2 or MD5 with a challenge)", re.compile(r"login_sid\.lua", re.I)),
)

HASHES = re.compile(
    r"md5|sha-?1\b|sha-?256|sha-?512|hmac|pbkdf2|bcrypt|crypto-?js|jsencrypt|setPublicKey|\brsa\b",
    re.I,
)
"""In a script: what is typed may be changed before it is sent."""
CHALLENGE = re.compile(
    r'"(?:challenge|salt|nonce|iterations|encryption|pubkey|public_?key)"\s*:', re.I
)
"""In a JSON answer to a login without content: a challenge has to be answered."""


def named(text: str) -> Scheme | None:
    """The scheme that a page or script belongs to."""
    return next((scheme for scheme in SCHEMES if scheme.sign.search(text)), None)
