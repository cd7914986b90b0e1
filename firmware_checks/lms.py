"""Hash-based signatures HSS/LMS, verified: SUIT's and COSE's ``HSS-LMS``. ``cryptography`` has none.

Source: RFC 8554 (LM-OTS section 4, LMS section 5, HSS section 6), RFC 9858 for SHAKE256 and 192 bits; RFC 9802 and
8708 for the key in X.509. All numbers are big endian. Only public keys and signatures are handled here.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from firmware_checks.view import Malformed, View

D_PBLC, D_MESG, D_LEAF, D_INTR = (n.to_bytes(2) for n in (0x8080, 0x8181, 0x8282, 0x8383))
HEIGHTS, WIDTHS = (5, 10, 15, 20, 25), (1, 2, 4, 8)
MOST_LEVELS = 8
HASHES = (("SHA-256", 32), ("SHA-256", 24), ("SHAKE256", 32), ("SHAKE256", 24))
"""In the order in which both registries number their types: five heights of each, four widths of each."""
FIRST_LMS, FIRST_OTS = 5, 1
OID = bytes.fromhex("060b2a864886f70d0109100311")
"""id-alg-hss-lms-hashsig, with its tag and length."""
PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]{60,400})-----END PUBLIC KEY-----")
LABEL = 16
Hash = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Tree:
    """The public key of one LMS tree: hash, bytes of it, height, width of a digit, identifier, root."""

    hash_name: str
    size: int
    height: int
    width: int
    kinds: bytes
    """The two type numbers as they stand, LMS and LM-OTS."""
    identifier: bytes
    root: bytes

    def hash(self, data: bytes) -> bytes:
        if self.hash_name == "SHA-256":
            return hashlib.sha256(data).digest()[: self.size]
        return hashlib.shake_256(data).digest(self.size)


@dataclass(frozen=True, slots=True)
class HssPublicKey:
    """A public key of HSS: how many trees stand above each other, and the top one."""

    levels: int
    top: Tree

    @property
    def name(self) -> str:
        tree = self.top
        return f"HSS-LMS {tree.hash_name} {self.levels} x height {tree.height}, W{tree.width}"


def public_key(raw: bytes) -> HssPublicKey:
    """The key as RFC 8554 section 6.1 has it. Raises Malformed."""
    view = View(raw)
    levels = view.u32(0, ">")
    top, end = _tree(view, 4)
    if not 1 <= levels <= MOST_LEVELS or end != len(view):
        raise Malformed("no public key of HSS")
    return HssPublicKey(levels, top)


def raw_key(data: bytes) -> bytes:
    """The key in a file: as it is, or in SubjectPublicKeyInfo, DER or PEM; empty when there is none."""
    if hit := PEM.search(data):
        try:
            data = base64.b64decode(hit.group(1))
        except ValueError:
            return b""
    if (at := data.find(OID)) >= 0:
        data = unwrapped(data[at + len(OID) :])
    try:
        public_key(data)
    except Malformed:
        return b""
    return data


def unwrapped(rest: bytes) -> bytes:
    """The BIT STRING behind the algorithm, without an OCTET STRING that older writers put into it."""
    raw = rest[3:] if rest[:1] == b"\x03" and rest[2:3] == b"\0" else b""
    return raw[2:] if raw[:1] == b"\x04" and raw[1:2] == bytes([len(raw) - 2 & 0xFF]) else raw


def wrapped(raw: bytes) -> bytes:
    """SubjectPublicKeyInfo of a key (RFC 9802 section 3)."""
    bits = b"\x03" + bytes([len(raw) + 1]) + b"\0" + raw
    body = b"\x30" + bytes([len(OID)]) + OID + bits
    return b"\x30" + bytes([len(body)]) + body


def _tree(view: View, at: int) -> tuple[Tree, int]:
    kind, ots = view.unpack(">II", at)
    which, height = divmod(kind - FIRST_LMS, len(HEIGHTS))
    same, width = divmod(ots - FIRST_OTS, len(WIDTHS))
    if not 0 <= which < len(HASHES) or same != which:
        raise Malformed(f"a tree of the kind {kind} with one-time signatures of the kind {ots}")
    name, size = HASHES[which]
    start = at + 8
    tree = Tree(
        name,
        size,
        HEIGHTS[height],
        WIDTHS[width],
        view.read(at, 8),
        view.read(start, LABEL),
        view.read(start + LABEL, size),
    )
    return tree, start + LABEL + size


def verifies(key: HssPublicKey, signature: bytes, message: bytes) -> bool:
    """Whether ``key`` signed ``message`` (section 6.3); False for what is no signature."""
    view = View(signature)
    try:
        if view.u32(0, ">") != key.levels - 1:
            return False
        tree, at = key.top, 4
        for _ in range(key.levels - 1):
            end = at + signature_size(tree)
            below, after = _tree(view, end)
            if not _tree_signed(tree, view.part(at, end - at), view.read(end, after - end)):
                return False
            tree, at = below, after
        return _tree_signed(tree, view.part(at), message)
    except Malformed:
        return False


def digits(tree: Tree) -> tuple[int, int, int]:
    """Digits of the digest, all digits, and the left shift of the checksum (section 4.1, appendix B)."""
    first = -(-8 * tree.size // tree.width)
    most = (2**tree.width - 1) * first
    second = -(-most.bit_length() // tree.width)
    return first, first + second, 16 - second * tree.width


def signature_size(tree: Tree) -> int:
    return 4 + 4 + tree.size * (1 + digits(tree)[1]) + 4 + tree.size * tree.height


def _tree_signed(tree: Tree, view: View, message: bytes) -> bool:
    """Section 5.4.2: the one-time key that made it must be the leaf that it says."""
    if len(view) != signature_size(tree):
        return False
    number, kind = view.unpack(">II", 0)
    _, count, _ = digits(tree)
    at = 8 + tree.size * (1 + count)
    if kind.to_bytes(4) != tree.kinds[4:] or view.read(at, 4) != tree.kinds[:4]:
        return False
    if number >= 1 << tree.height:
        return False
    key = _one_time_key(tree, number, view.part(8), message)
    node = (1 << tree.height) + number
    value = tree.hash(tree.identifier + node.to_bytes(4) + D_LEAF + key)
    at += 4
    while node > 1:
        beside = view.read(at, tree.size)
        pair = beside + value if node & 1 else value + beside
        node >>= 1
        value = tree.hash(tree.identifier + node.to_bytes(4) + D_INTR + pair)
        at += tree.size
    return value == tree.root


def _one_time_key(tree: Tree, number: int, view: View, message: bytes) -> bytes:
    """The candidate for the one-time public key (section 4.6, algorithm 4b)."""
    first, count, shift = digits(tree)
    leaf = tree.identifier + number.to_bytes(4)
    digest = tree.hash(leaf + D_MESG + view.read(0, tree.size) + message)
    highest = (1 << tree.width) - 1
    total = sum(highest - _digit(digest, n, tree.width) for n in range(first))
    digest += (total << shift & 0xFFFF).to_bytes(2)
    ends = []
    for place in range(count):
        value = view.read(tree.size * (1 + place), tree.size)
        prefix = leaf + place.to_bytes(2)
        for step in range(_digit(digest, place, tree.width), highest):
            value = tree.hash(prefix + bytes([step]) + value)
        ends.append(value)
    return tree.hash(leaf + D_PBLC + b"".join(ends))


def _digit(data: bytes, place: int, width: int) -> int:
    at = place * width
    return data[at // 8] >> (8 - width - at % 8) & ((1 << width) - 1)
