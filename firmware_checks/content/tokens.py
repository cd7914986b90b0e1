"""Tokens and keys of services, by the form that their issuers document: prefix, length, checksum.

Only forms that ordinary text does not have by chance. ``search`` is what all files are searched for: the
beginning of the form, short, for the automaton is made anew in each run. ``exact`` decides, with what may not
stand around it; ``holds`` checks the rest. Sources: the token documentation of each issuer as of 2025.
"""

import base64
import binascii
import json
import math
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from firmware_checks.content.scan import compiled

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_EXAMPLE = re.compile(
    rb"example|sample|placeholder|xxxx|0123456789|1234567890|abcdefgh|your[_-]|dummy|changeme|test[_-]?key",
    re.IGNORECASE,
)
_JWT_IO = b"SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
"""Signature of the token that the format's own web site shows."""


@dataclass(frozen=True, slots=True)
class Token:
    """``exact`` has one group: the secret part."""

    name: str
    kind: str
    search: bytes
    source: bytes
    holds: Callable[[bytes], bool]

    @property
    def exact(self) -> re.Pattern[bytes]:
        return compiled(self.source)


def entropy(data: bytes) -> float:
    """Shannon entropy in bits per byte."""
    size = len(data)
    return -sum(n / size * math.log2(n / size) for n in map(data.count, set(data)) if n)


def random(least: float = 3.0) -> Callable[[bytes], bool]:
    """Looks random, and like nobody's example."""
    return lambda secret: entropy(secret) >= least and not _EXAMPLE.search(secret)


def base62_crc32(secret: bytes) -> bool:
    """The last six characters are the CRC-32 of those before, in base 62 (GitHub and npm)."""
    value, digits = zlib.crc32(secret[:-6]), ""
    for _ in range(6):
        value, digit = divmod(value, 62)
        digits = BASE62[digit] + digits
    return digits.encode() == secret[-6:]


def jwt(secret: bytes) -> bool:
    """Header and claims are JSON, and the header names an algorithm that signs (RFC 7519)."""
    header, claims, signature = secret.split(b".", 2)
    try:
        head, said = (
            json.loads(base64.urlsafe_b64decode(p + b"=" * (-len(p) % 4))) for p in (header, claims)
        )
    except (binascii.Error, ValueError, RecursionError):
        return False
    if not isinstance(head, dict) or not isinstance(said, dict):
        return False
    return signature != _JWT_IO and str(head.get("alg", "none")).lower() != "none"


def _token(
    name: str, kind: str, search: bytes, exact: bytes, holds: Callable[[bytes], bool] | None = None
) -> Token:
    whole = rb"(?<![A-Za-z0-9_/+-])" + exact
    return Token(f"secrets.{name}", kind, search, whole, holds or random())


_W = rb"[A-Za-z0-9_-]"
_END = rb"(?![A-Za-z0-9_])"
TOKENS = (
    _token(
        "aws",
        "AWS access key",
        rb"(?:AKIA|ASIA)[A-Z2-7]{16}",
        rb"(?:AKIA|ASIA)([A-Z2-7]{16})" + _END,
    ),
    _token(
        "github",
        "GitHub token",
        rb"gh[pousr]_[A-Za-z0-9]{8}",
        rb"gh[pousr]_([A-Za-z0-9]{36})" + _END,
        base62_crc32,
    ),
    _token(
        "github_pat",
        "GitHub token",
        rb"github_pat_[A-Za-z0-9]",
        rb"github_pat_([A-Za-z0-9]{22}_[A-Za-z0-9]{59})" + _END,
    ),
    _token("gitlab", "GitLab token", rb"glpat-", rb"glpat-(" + _W + rb"{20,60})"),
    _token(
        "npm",
        "npm token",
        rb"npm_[A-Za-z0-9]{8}",
        rb"npm_([A-Za-z0-9]{36})" + _END,
        base62_crc32,
    ),
    _token(
        "pypi",
        "PyPI token",
        rb"pypi-AgEIcHlwaS5vcmc",
        rb"pypi-AgEIcHlwaS5vcmc(" + _W + rb"{50,250})",
    ),
    _token("google", "Google API key", rb"AIza" + _W + rb"{4}", rb"AIza(" + _W + rb"{35})" + _END),
    _token(
        "google_oauth",
        "Google client secret",
        rb"GOCSPX-",
        rb"GOCSPX-(" + _W + rb"{28})" + _END,
    ),
    _token(
        "slack",
        "Slack token",
        rb"xox[abprs]-[0-9]{10}",
        rb"xox[abprs]-([0-9]{10,13}-[0-9A-Za-z-]{20,80})",
    ),
    _token(
        "slack_hook",
        "Slack webhook",
        rb"hooks\.slack\.com/services/T[A-Z0-9]{8}",
        rb"https://hooks\.slack\.com/services/(T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{24})"
        + _END,
    ),
    _token(
        "stripe",
        "Stripe key",
        rb"[sr]k_live_[0-9a-zA-Z]",
        rb"[sr]k_live_([0-9a-zA-Z]{24,120})" + _END,
    ),
    _token(
        "sendgrid",
        "SendGrid key",
        rb"SG\." + _W + rb"{22}\.",
        rb"SG\.(" + _W + rb"{22}\." + _W + rb"{43})" + _END,
    ),
    _token(
        "telegram",
        "Telegram bot token",
        rb"[0-9]{8}:AA" + _W + rb"{4}",
        rb"([0-9]{8,10}:AA" + _W + rb"{33})" + _END,
    ),
    _token(
        "openai",
        "OpenAI key",
        rb"T3BlbkFJ",
        rb"sk-([A-Za-z0-9_-]{20,74}T3BlbkFJ[A-Za-z0-9_-]{20,74})" + _END,
    ),
    _token(
        "anthropic",
        "Anthropic key",
        rb"sk-ant-[a-z0-9]{5}-",
        rb"sk-ant-[a-z0-9]{5}-(" + _W + rb"{80,120})" + _END,
    ),
    _token("huggingface", "Hugging Face token", rb"hf_[A-Za-z]{10}", rb"hf_([A-Za-z]{34})" + _END),
    _token(
        "digitalocean",
        "DigitalOcean token",
        rb"do[opr]_v1_[a-f0-9]",
        rb"do[opr]_v1_([a-f0-9]{64})" + _END,
    ),
    _token("docker", "Docker token", rb"dckr_pat_", rb"dckr_pat_(" + _W + rb"{27})"),
    _token(
        "vault", "Vault token", rb"hvs\." + _W + rb"{8}", rb"hvs\.(" + _W + rb"{24,200})" + _END
    ),
    _token(
        "azure_iot",
        "Azure IoT connection string",
        rb"SharedAccessKey=[A-Za-z0-9+/]",
        rb"SharedAccessKey=([A-Za-z0-9+/]{43}=)",
    ),
    _token(
        "azure_storage",
        "Azure storage key",
        rb"AccountKey=[A-Za-z0-9+/]{8}",
        rb"AccountKey=([A-Za-z0-9+/]{86}==)",
    ),
    _token(
        "wireguard",
        "WireGuard private key",
        rb"(?i:private_?key)[ \t]{0,4}[= '\"]{1,4}[A-Za-z0-9+/]",
        rb"(?i:private_?key)[ \t]{0,4}[= '\"]{1,4}([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)"
        + rb"(?![A-Za-z0-9+/=])",
        random(4.0),
    ),
    _token(
        "openvpn",
        "OpenVPN static key",
        rb"-----BEGIN OpenVPN Static key V[12]-----\r?\n[0-9a-fA-F]{32}",
        rb"-----BEGIN OpenVPN Static key V[12]-----\r?\n([0-9a-fA-F]{32})",
    ),
    _token(
        "pgp",
        "PGP private key",
        rb"-----BEGIN PGP PRIVATE KEY BLOCK-----[\r\n]",
        rb"-----BEGIN PGP PRIVATE KEY BLOCK-----\r?\n(?:[^\r\n]{0,76}\r?\n){0,6}\r?\n([A-Za-z0-9+/]{60,64})\r?\n",
    ),
    _token(
        "jwt",
        "signed token (JWT)",
        rb"\.eyJ[A-Za-z0-9_-]{8}",
        rb"(eyJ[A-Za-z0-9_-]{10,1000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{20,800})",
        jwt,
    ),
    _token(
        "url",
        "password in a URL",
        rb"[a-z]://[A-Za-z0-9._%-]{1,40}:",
        rb"(?:https?|ftps?|mqtts?|amqps?|rtsp|wss?|smb|postgres(?:ql)?|mysql|redis)"
        rb"://[A-Za-z0-9._%-]{1,40}:([^@\s/:'\"<>$%{}\[\]*\\(|]{3,60})@[A-Za-z0-9.-]{3}",
        lambda secret: (
            not re.fullmatch(
                rb"(?i)p(?:ass(?:w(?:or)?d)?|w)|secret|pwd|xxx+|user(?:name)?|token|port", secret
            )
        ),
    ),
)
