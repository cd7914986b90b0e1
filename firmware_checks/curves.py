"""ECDSA over curves that ``cryptography`` has not: sect163k1 and sect283k1 of Zigbee, brainpoolP256t1 of STM32.

Sources: SEC 1 sections 2.3.4, 3.2.2.1 and 4.1.4, SEC 2 version 1 for the binary curves, RFC 5639 section 3.4 for the
twisted one. Only public keys and signatures are handled here, so nothing has to take the same time for all numbers.
"""

import base64
import re
from dataclasses import dataclass
from functools import cache, lru_cache

TOO_MANY = "more such signatures stand in this image than are verified"
Point = tuple[int, int]
Sum = Point | None
"""A point, or None for the one at infinity."""
EC_KEY = bytes.fromhex("06072a8648ce3d0201")
"""id-ecPublicKey, with its tag and length."""
PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]{60,400})-----END PUBLIC KEY-----")
HEX = re.compile(rb"\s*(?:0x)?([0-9A-Fa-f]{44}|[0-9A-Fa-f]{74})\s*")
"""The compressed point of one of the binary curves, as authorities of Zigbee give theirs."""


class NotOnCurve(ValueError):
    """The bytes are no point of the curve, or one outside the group of its base point."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve by its constants; ``field`` is the prime, or the polynomial with one bit for each power."""

    name: str
    oid: bytes
    """With its tag and length."""
    bits: int
    field: int
    a: int
    b: int
    base: Point
    order: int
    cost: int
    """Milliseconds in which a PC verifies a signature, and looks whether a point is one."""

    @property
    def size(self) -> int:
        """Bytes of one coordinate."""
        return (self.bits + 7) // 8

    @property
    def number_size(self) -> int:
        """Bytes of each of a signature's two numbers."""
        return (self.order.bit_length() + 7) // 8

    def add(self, p: Sum, q: Sum) -> Sum:
        raise NotImplementedError

    def holds(self, p: Point) -> bool:
        """Whether the coordinates fit the equation."""
        raise NotImplementedError

    def lifted(self, x: int, sign: int) -> Point:
        """The point of a compressed form. Raises NotOnCurve."""
        raise NotImplementedError

    def times(self, number: int, p: Sum) -> Sum:
        total: Sum = None
        while number:
            if number & 1:
                total = self.add(total, p)
            p = self.add(p, p)
            number >>= 1
        return total

    def point(self, data: bytes) -> Point:
        """A point of the group of the base point from its octets (SEC 1 section 2.3.4). Raises NotOnCurve."""
        kind, size = data[:1], self.size
        if kind == b"\x04" and len(data) == 1 + 2 * size:
            p = int.from_bytes(data[1 : 1 + size]), int.from_bytes(data[1 + size :])
        elif kind in (b"\x02", b"\x03") and len(data) == 1 + size:
            p = self.lifted(int.from_bytes(data[1:]), data[0] & 1)
        else:
            raise NotOnCurve("no octets of a point")
        if max(p) >> self.bits or not self.holds(p) or self.times(self.order, p) is not None:
            raise NotOnCurve(f"no point of {self.name}")
        return p


@cache
def _powers(polynomial: int) -> tuple[int, ...]:
    return tuple(n for n in range(polynomial.bit_length()) if polynomial >> n & 1)


class Binary(Curve):
    """y² + xy = x³ + ax² + b over polynomials; the two here have b = 1 and an odd degree."""

    __slots__ = ()

    def _mul(self, p: int, q: int) -> int:
        # Four bits of q at a time, from the highest; the products of p with each four bits first.
        table = [0, p]
        for n in range(2, 16):
            table.append(table[n >> 1] << 1 ^ (p if n & 1 else 0))
        product = 0
        for digit in f"{q:x}":
            product = product << 4 ^ table[int(digit, 16)]
        return self._reduced(product)

    def _square(self, p: int) -> int:
        return self._reduced(int(f"{p:b}", 4))  # a zero after each bit

    def _reduced(self, p: int) -> int:
        powers = _powers(self.field ^ 1 << self.bits)
        while high := p >> self.bits:
            p ^= high << self.bits
            for power in powers:
                p ^= high << power
        return p

    def _inverse(self, p: int) -> int:
        u, v, g, h = p, self.field, 1, 0
        while u != 1:
            shift = u.bit_length() - v.bit_length()
            if shift < 0:
                u, v, g, h, shift = v, u, h, g, -shift
            u ^= v << shift
            g ^= h << shift
        return g

    def holds(self, p: Point) -> bool:
        x, y = p
        square = self._square(x)
        left = self._square(y) ^ self._mul(x, y)
        return left == self._mul(square, x) ^ self._mul(self.a, square) ^ self.b

    def add(self, p: Sum, q: Sum) -> Sum:
        if p is None or q is None:
            return q if p is None else p
        (x1, y1), (x2, y2) = p, q
        if x1 != x2:
            slope = self._mul(y1 ^ y2, self._inverse(x1 ^ x2))
            x = self._square(slope) ^ slope ^ x1 ^ x2 ^ self.a
            return x, self._mul(slope, x1 ^ x) ^ x ^ y1
        if y1 != y2 or x1 == 0:
            return None
        slope = x1 ^ self._mul(y1, self._inverse(x1))
        x = self._square(slope) ^ slope ^ self.a
        return x, self._square(x1) ^ self._mul(slope ^ 1, x)

    def lifted(self, x: int, sign: int) -> Point:
        if not x or x >> self.bits:
            raise NotOnCurve("no point that stands for a key")
        inverse = self._inverse(x)
        beta = x ^ self.a ^ self._mul(self.b, self._square(inverse))
        z = beta
        for _ in range((self.bits - 1) // 2):  # the half-trace, which solves z² + z = beta
            z = self._square(z)
            z = self._square(z) ^ beta
        if self._square(z) ^ z != beta:
            raise NotOnCurve("no point has this coordinate")
        return x, self._mul(x, z if z & 1 == sign else z ^ 1)


class Prime(Curve):
    """y² = x³ + ax + b modulo a prime that is 3 modulo 4."""

    __slots__ = ()

    def holds(self, p: Point) -> bool:
        x, y = p
        return (y * y - (x * x * x + self.a * x + self.b)) % self.field == 0 and max(p) < self.field

    def add(self, p: Sum, q: Sum) -> Sum:
        if p is None or q is None:
            return q if p is None else p
        (x1, y1), (x2, y2) = p, q
        if x1 == x2:
            if (y1 + y2) % self.field == 0:
                return None
            slope = (3 * x1 * x1 + self.a) * pow(2 * y1, -1, self.field)
        else:
            slope = (y2 - y1) * pow(x2 - x1, -1, self.field)
        x = (slope * slope - x1 - x2) % self.field
        return x, (slope * (x1 - x) - y1) % self.field

    def lifted(self, x: int, sign: int) -> Point:
        y = pow(x * x * x + self.a * x + self.b, (self.field + 1) // 4, self.field)
        return x, y if y & 1 == sign else -y % self.field


SECT163K1 = Binary(
    "sect163k1",
    bytes.fromhex("06052b81040001"),
    163,
    1 << 163 | 0b11001001,
    1,
    1,
    (0x2FE13C0537BBC11ACAA07D793DE4E6D5E5C94EEE8, 0x289070FB05D38FF58321F2E800536D538CCDAA3D9),
    0x4000000000000000000020108A2E0CC0D99F8A5EF,
    60,
)
SECT283K1 = Binary(
    "sect283k1",
    bytes.fromhex("06052b81040010"),
    283,
    1 << 283 | 1 << 12 | 0b10100001,
    0,
    1,
    (
        0x503213F78CA44883F1A3B8162F188E553CD265F23C1567A16876913B0C2AC2458492836,
        0x1CCDA380F1C9E318D90F95D07E5426FE87E45C0E8184698E45962364E34116177DD2259,
    ),
    0x1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE9AE2ED07577265DFF7F94451E061E163C61,
    150,
)
BRAINPOOL256T1 = Prime(
    "brainpoolP256t1",
    bytes.fromhex("06092b2403030208010108"),
    256,
    0xA9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377,
    0xA9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5374,
    0x662C61C430D84EA4FE66A7733D0B76B7BF93EBC4AF2F49256AE58101FEE92B04,
    (
        0xA3E8EB3CC1CFE7B7732213B23A656149AFA142C47AAFBC2B79A191562E1305F4,
        0x2D996C823439C56D7F7B22E14644417E69BCB6DE39D027001DABE8F35B25C9BE,
    ),
    0xA9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7,
    30,
)
CURVES = (SECT163K1, SECT283K1, BRAINPOOL256T1)


@dataclass(frozen=True, slots=True)
class CurveKey:
    """A public key on one of these curves."""

    curve: Curve
    point: Point

    @property
    def key_size(self) -> int:
        """Bits, as ``cryptography`` counts them."""
        return self.curve.bits


@lru_cache(64)
def public_key(der: bytes) -> CurveKey | None:
    """The key of a SubjectPublicKeyInfo (RFC 5480) on one of these curves; None for any other bytes."""
    for curve in CURVES:
        head = EC_KEY + curve.oid
        if len(der) < 160 and der[:1] == b"\x30" and der[2:4] == bytes((0x30, len(head))):
            bits = der[4 + len(head) :]
            if der[4:].startswith(head) and bits[:1] == b"\x03" and bits[2:3] == b"\0":
                try:
                    return CurveKey(curve, curve.point(bits[3:]))
                except NotOnCurve:
                    return None
    return None


def wrapped(key: CurveKey) -> bytes:
    """SubjectPublicKeyInfo of a key, its point not compressed."""
    size, head = key.curve.size, EC_KEY + key.curve.oid
    octets = b"\0\x04" + b"".join(number.to_bytes(size) for number in key.point)
    body = bytes((0x30, len(head))) + head + bytes((3, len(octets))) + octets
    return bytes((0x30, len(body))) + body


def read(data: bytes) -> CurveKey | None:
    """The key in a file: PEM or DER, or the point of a binary curve alone, compressed, as octets or in hex."""
    if hit := PEM.search(data):
        try:
            return public_key(base64.b64decode(hit.group(1)))
        except ValueError:
            return None
    if hit := HEX.fullmatch(data):
        data = bytes.fromhex(hit.group(1).decode())
    for curve in (SECT163K1, SECT283K1):
        if len(data) == 1 + curve.size and data[0] in (2, 3):
            try:
                return CurveKey(curve, curve.point(data))
            except NotOnCurve:
                return None
    return public_key(data)


def verifies(key: CurveKey, r: int, s: int, digest: bytes) -> bool:
    """Whether ``key`` signed what has the digest ``digest`` (SEC 1 section 4.1.4)."""
    curve, n = key.curve, key.curve.order
    if not (0 < r < n and 0 < s < n):
        return False
    e = int.from_bytes(digest) >> max(0, 8 * len(digest) - n.bit_length())
    w = pow(s, -1, n)
    found = curve.add(curve.times(e * w % n, curve.base), curve.times(r * w % n, key.point))
    return found is not None and found[0] % n == r


def numbers(signature: bytes, curve: Curve) -> tuple[int, int] | None:
    """The two numbers of a signature, beside each other or in DER; None for what is none."""
    half = curve.number_size
    if len(signature) == 2 * half:
        return int.from_bytes(signature[:half]), int.from_bytes(signature[half:])
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    try:
        return decode_dss_signature(signature)
    except ValueError:
        return None
