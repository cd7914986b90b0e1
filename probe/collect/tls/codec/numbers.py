"""Registered numbers of TLS that the codec needs (IANA TLS parameters)."""

from enum import IntEnum


class Version(IntEnum):
    """Protocol versions by their number on the wire."""

    SSL2 = 0x0002
    SSL3 = 0x0300
    TLS10 = 0x0301
    TLS11 = 0x0302
    TLS12 = 0x0303
    TLS13 = 0x0304

    @property
    def label(self) -> str:
        """``SSLv2``, ``SSLv3``, ``TLSv1.0`` … ``TLSv1.3``."""
        if self < Version.TLS10:
            return f"SSLv{2 if self is Version.SSL2 else 3}"
        return f"TLSv1.{self - Version.TLS10}"


class Content(IntEnum):
    """Record content types."""

    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION_DATA = 23
    HEARTBEAT = 24


class Handshake(IntEnum):
    """Handshake message types that a server sends before encryption starts."""

    SERVER_HELLO = 2
    HELLO_VERIFY_REQUEST = 3
    CERTIFICATE = 11
    SERVER_KEY_EXCHANGE = 12
    CERTIFICATE_REQUEST = 13
    SERVER_HELLO_DONE = 14
    CERTIFICATE_STATUS = 22


class Alert(IntEnum):
    """The alerts that are treated apart."""

    CLOSE_NOTIFY = 0
    HANDSHAKE_FAILURE = 40
    PROTOCOL_VERSION = 70
    INSUFFICIENT_SECURITY = 71
    INAPPROPRIATE_FALLBACK = 86
    USER_CANCELED = 90
    UNRECOGNIZED_NAME = 112
    NO_APPLICATION_PROTOCOL = 120


ALERT_NAMES = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}


def alert_name(number: int) -> str:
    return ALERT_NAMES.get(number, f"alert {number}")


class Extension(IntEnum):
    """Extension types."""

    SERVER_NAME = 0
    MAX_FRAGMENT_LENGTH = 1
    TRUNCATED_HMAC = 4
    STATUS_REQUEST = 5
    SUPPORTED_GROUPS = 10
    EC_POINT_FORMATS = 11
    SIGNATURE_ALGORITHMS = 13
    HEARTBEAT = 15
    ALPN = 16
    SERVER_CERTIFICATE_TYPE = 20
    ENCRYPT_THEN_MAC = 22
    EXTENDED_MASTER_SECRET = 23
    RECORD_SIZE_LIMIT = 28
    SESSION_TICKET = 35
    EARLY_DATA = 42
    SUPPORTED_VERSIONS = 43
    PSK_KEY_EXCHANGE_MODES = 45
    KEY_SHARE = 51
    RENEGOTIATION_INFO = 0xFF01


X25519, SECP256R1 = 0x001D, 0x0017

GROUPS = (
    *(X25519, SECP256R1, 0x0018, 0x0019, 0x001E),  # X25519, P-256, P-384, P-521, X448
    *(0x001A, 0x001B, 0x001C, 0x0016),  # brainpoolP256r1, P384r1, P512r1, secp256k1
    *(0x0015, 0x0013),  # secp224r1, secp192r1: old devices have nothing else
    *(0x0100, 0x0101, 0x0102, 0x0103, 0x0104),  # ffdhe2048 … ffdhe8192
)
HYBRIDS = (0x11EC, 0x11EB, 0x11ED)  # X25519MLKEM768, SecP256r1MLKEM768, SecP384r1MLKEM1024
GROUPS_TLS13 = (
    *HYBRIDS,  # first: a server that has one and grants the client's wish shows it at no cost
    *(X25519, SECP256R1, 0x0018, 0x0019, 0x001E),
    *(0x0100, 0x0101, 0x0102, 0x0103, 0x0104),
    *(0x001F, 0x0020, 0x0021),  # brainpool for TLS 1.3 (RFC 8734)
)
GROUP_NAMES = {
    0x0013: "secp192r1",
    0x0015: "secp224r1",
    0x0016: "secp256k1",
    0x0017: "secp256r1",
    0x0018: "secp384r1",
    0x0019: "secp521r1",
    0x001D: "x25519",
    0x001E: "x448",
    0x001A: "brainpoolP256r1",
    0x001B: "brainpoolP384r1",
    0x001C: "brainpoolP512r1",
    0x001F: "brainpoolP256r1tls13",
    0x0020: "brainpoolP384r1tls13",
    0x0021: "brainpoolP512r1tls13",
    0x0100: "ffdhe2048",
    0x0101: "ffdhe3072",
    0x0102: "ffdhe4096",
    0x0103: "ffdhe6144",
    0x0104: "ffdhe8192",
    0x11EB: "SecP256r1MLKEM768",
    0x11EC: "X25519MLKEM768",
    0x11ED: "SecP384r1MLKEM1024",
}


def group_name(number: int) -> str:
    return GROUP_NAMES.get(number, f"unregistered group 0x{number:04X}")


SIGNATURES = (
    *(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0603, 0x0806, 0x0601),
    *(0x0807, 0x0808),  # Ed25519, Ed448
    *(0x0809, 0x080A, 0x080B),  # RSA-PSS with a PSS key
    *(0x081A, 0x081B, 0x081C),  # ECDSA on brainpool in TLS 1.3
    *(0x0303, 0x0301, 0x0203, 0x0201),  # SHA-224 and SHA-1: offered to see who uses them
    *(0x0402, 0x0202, 0x0101),  # DSA, and RSA with MD5
)
SIGNATURE_NAMES = {
    0x0403: "ecdsa_secp256r1_sha256",
    0x0503: "ecdsa_secp384r1_sha384",
    0x0603: "ecdsa_secp521r1_sha512",
    0x0804: "rsa_pss_rsae_sha256",
    0x0805: "rsa_pss_rsae_sha384",
    0x0806: "rsa_pss_rsae_sha512",
    0x0807: "ed25519",
    0x0808: "ed448",
    0x0809: "rsa_pss_pss_sha256",
    0x080A: "rsa_pss_pss_sha384",
    0x080B: "rsa_pss_pss_sha512",
    0x0401: "rsa_pkcs1_sha256",
    0x0501: "rsa_pkcs1_sha384",
    0x0601: "rsa_pkcs1_sha512",
    0x081A: "ecdsa_brainpoolP256r1tls13_sha256",
    0x081B: "ecdsa_brainpoolP384r1tls13_sha384",
    0x081C: "ecdsa_brainpoolP512r1tls13_sha512",
    0x0201: "rsa_pkcs1_sha1",
    0x0203: "ecdsa_sha1",
    0x0202: "dsa_sha1",
    0x0402: "dsa_sha256",
    0x0303: "ecdsa_sha224",
    0x0301: "rsa_pkcs1_sha224",
    0x0101: "rsa_pkcs1_md5",
}
SHA1_SIGNATURES = (0x0203, 0x0201, 0x0202)


def signature_name(number: int) -> str:
    return SIGNATURE_NAMES.get(number, f"unregistered signature scheme 0x{number:04X}")
