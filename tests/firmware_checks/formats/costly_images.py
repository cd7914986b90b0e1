"""Small images that once cost minutes or gigabytes: a number in each says how often something large is done."""

import gzip
import hashlib
import io
import json
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from uuid import UUID

import cbor2
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from firmware_checks.formats import uefi_variables as uefi
from firmware_checks.formats import uf2
from tests.firmware_checks.formats import test_swupdate_gpg as swupdate
from tests.firmware_checks.formats import test_vbmeta as avb

LARGE = 24 << 20


def dtb(nodes: bytes, names: tuple[str, ...] = ()) -> bytes:
    """A device tree of structure tokens; ``names`` are those of its properties."""
    strings = b"".join(name.encode() + b"\0" for name in names)
    structure = struct.pack(">II", 1, 0) + nodes + struct.pack(">II", 2, 9)
    at = 56 + len(structure)
    sizes = (at + len(strings), 56, at, 40, 17, 16, 0, len(strings), len(structure))
    return struct.pack(">10I", 0xD00DFEED, *sizes) + bytes(16) + structure + strings


def node(name: str, *inside: bytes) -> bytes:
    raw = name.encode() + b"\0"
    raw += bytes(-len(raw) % 4)
    return struct.pack(">I", 1) + raw + b"".join(inside) + struct.pack(">I", 2)


def prop(where: int, value: bytes) -> bytes:
    return struct.pack(">III", 3, len(value), where) + value + bytes(-len(value) % 4)


NAMES = ("data", "algo", "value", "hashed-nodes")
DATA, ALGO, VALUE, NODES = 0, 5, 10, 16


def fit_of_many_siblings() -> bytes:
    return dtb(node("images", *(node(f"n{number:x}") for number in range(100_000))))


def fit_of_long_paths() -> bytes:
    inner = b"".join(node("x") for _ in range(100_000))
    for _ in range(60):
        inner = node("y" * 250, inner)
    return dtb(inner)


def fit_of_many_hashes() -> bytes:
    hashes = (
        node(f"hash-{n}", prop(ALGO, b"sha256\0"), prop(VALUE, bytes(32))) for n in range(5_000)
    )
    image = node("kernel", prop(DATA, os.urandom(8 << 20)), *hashes)
    return dtb(node("images", image), NAMES)


def fit_of_many_signatures() -> bytes:
    parts = (
        prop(ALGO, b"sha256,rsa2048\0"),
        prop(VALUE, os.urandom(256)),
        prop(NODES, b"/\0/images\0"),
    )
    many = (node(f"signature-{n}", *parts) for n in range(8_000))
    image = node("kernel", prop(DATA, b"kernel" * 20))
    return dtb(node("images", image) + node("configurations", node("conf-1", *many)), NAMES)


def esp_of_one_segment() -> bytes:
    size = (96 << 20) + 0x7777
    return bytes([0xE9, 1, 0, 0]) + bytes(4) + struct.pack("<II", 0, size) + b"\xa5" * (size + 64)


def uf2_of_many_sums() -> bytes:
    number = 16_000
    blocks = []
    for at in range(number):
        head = struct.pack("<IIIIII", uf2.MD5, 448 * at, 448, at, number, 0)
        data = os.urandom(452) + struct.pack("<II", 0, 448 * number) + os.urandom(16)
        blocks.append(uf2.MAGIC + head + data + uf2.LAST)
    return b"".join(blocks)


def uf2_of_sums_that_differ() -> bytes:
    blocks, number = [], 16_000
    for at in range(number):
        head = struct.pack("<IIIIII", uf2.MD5, 448 * at, 448, at, number, 0)
        data = os.urandom(452) + struct.pack("<II", at, 448 * (number - at)) + os.urandom(16)
        blocks.append(uf2.MAGIC + head + data + uf2.LAST)
    return b"".join(blocks)


def swupdate_of_open_comments() -> bytes:
    return swupdate.swu(b"", b"/* " * 300_000, b"body", name="rootfs")


def swupdate_of_open_strings() -> bytes:
    return swupdate.swu(b"", b'"' + b'\\"' * 400_000, b"body", name="rootfs")


def swupdate_of_one_image_many_times() -> bytes:
    block = b'{ filename = "rootfs"; sha256 = "%s"; },' % (b"0" * 64)
    text = b'software = { version = "1"; images: (' + block * 4_000 + b"); }"
    return swupdate.swu(b"", text, os.urandom(8 << 20), name="rootfs")


def cbor_of_empty_lists() -> bytes:
    return b"\xd8\x6b\xa2\x02\x58\x01\x00\x03\x9f" + b"\x80" * (60 << 20)


def suit_of_lists_of_themselves() -> bytes:
    """A list that is shareable and holds nothing but references to itself (CBOR tags 28 and 29)."""
    inner = b"\xd8\x1c\x98\xff" + b"\xd8\x1d\x00" * 255
    manifest = b"\xa3\x01\x01\x02\x05\x03" + inner
    digest = cbor2.dumps([-16, hashlib.sha256(cbor2.dumps(manifest)).digest()])
    return bytes(cbor2.dumps(cbor2.CBORTag(107, {2: cbor2.dumps([digest]), 3: manifest})))


def tuf_role(name: str, keys: int, text: str, **more: object) -> bytes:
    listed = {
        f"k{n}": {"keytype": "ed25519", "keyval": {"public": f"{n:064x}"}} for n in range(keys)
    }
    roles = {
        role: {"keyids": list(listed), "threshold": 1}
        for role in ("root", "timestamp", "snapshot", "targets")
    }
    signed = {"_type": name, "version": 1, "keys": listed, "roles": roles, "text": text, **more}
    signatures = [{"keyid": f"k{n}", "sig": "00" * 64} for n in range(64)]
    return json.dumps({"signed": signed, "signatures": signatures}).encode()


def tuf_of_many_keys() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("root.json", tuf_role("root", 64, "r"))
        for name in ("targets", "snapshot", "timestamp"):
            many = {f"t{n}": {"length": n, "hashes": {}} for n in range(80_000)}
            archive.writestr(f"{name}.json", tuf_role(name, 1, "t", targets=many))
    return out.getvalue()


def tuf_of_large_metadata() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("root.json", tuf_role("root", 1, "r"))
        archive.writestr("targets.json", tuf_role("targets", 1, "t"))
        padding = f'"x":"{os.urandom(20_000).hex()}","y":[' + "{}," * 2_400_000 + "1]"
        for number in range(40):
            raw = f'{{"signed":{{"_type":"targets",{padding}}},"signatures":[]}}'
            archive.writestr(f"{number}.role{number}.json", raw)
    return out.getvalue()


def tuf_of_open_keys() -> bytes:
    key = {"keytype": "rsa", "keyval": {"public": "-----BEGIN PUBLIC KEY-----" * 80_000}}
    role = json.loads(tuf_role("root", 1, "r"))
    role["signed"]["keys"]["k0"] = key
    return json.dumps(role).encode()


def mender_of_many_payloads() -> bytes:
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as tar:
        info = tarfile.TarInfo("rootfs")
        info.size = 100 << 20
        tar.addfile(info, io.BytesIO(bytes(info.size)))
    packed = gzip.compress(inner.getvalue(), 1)
    out = io.BytesIO()
    rows = {"version": b'{"format":"mender","version":3}', "manifest": b"0" * 64 + b"  x\n"}
    rows |= {f"data/{n:04}.tar.gz": packed for n in range(6)}
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in rows.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def footer_of_many_digests() -> bytes:
    body = os.urandom(LARGE)
    rows = avb.hashed(b"p", b"") * 1_000
    rows = rows.replace(bytes(8) + b"sha256", len(body).to_bytes(8) + b"sha256")
    header = struct.pack(">4sIIQQI", b"AVB0", 1, 0, 0, len(rows), 0)
    header += struct.pack(">8Q", *[0] * 8) + struct.pack(">QQQII48s80x", 0, len(rows), 0, 0, 0, b"")
    return avb.footed(header + rows, body)


def tlv(tag: int, *inside: bytes) -> bytes:
    body = b"".join(inside)
    return bytes([tag, 0x84]) + len(body).to_bytes(4) + body


def signed_data(signers: int, content: bytes) -> bytes:
    """A message of ``signers`` that are all made up (RFC 5652 section 5.1)."""
    sha256 = bytes.fromhex("300d06096086480165030402010500")
    rsa = bytes.fromhex("300d06092a864886f70d0101010500")
    who = tlv(0x30, tlv(0x30), b"\x02\x01\x07")
    one = tlv(0x30, b"\x02\x01\x01", who, sha256, rsa, tlv(0x04, b"s"))
    inner = tlv(0x30, bytes.fromhex("06092a864886f70d010701"), tlv(0xA0, tlv(0x04, content)))
    data = tlv(0x30, b"\x02\x01\x01", tlv(0x31, sha256), inner, tlv(0x31, one * signers))
    return tlv(0x30, bytes.fromhex("06092a864886f70d010702"), tlv(0xA0, data))


def program_of_the_same_sections() -> bytes:
    """96 sections that are the whole file, and eight messages of which each asks for its hash."""
    info = bytes.fromhex("3031300d060960864801650304020105000420") + bytes(32)
    messages, size, number = b"", LARGE, 96
    for _ in range(8):
        one = signed_data(1, b"\x30\0" + info)
        one += bytes(-len(one) % 8)
        messages += struct.pack("<IHH", 8 + len(one), 0x200, 2) + one
    coff = struct.pack("<HHIIIHH", 0xAA64, number, 0, 0, 0, 240, 0x206)
    optional = struct.pack("<HBBIIIII", 0x20B, 2, 0, 0x400, 0x200, 0, 0x1000, 0x1000)
    optional += struct.pack("<QII6HIIIIHHQQQQII", 0x10000, 0x1000, 0x200, *[0] * 6, 0, 0x3000, 0x2000, 0,
                            10, 0, 0, 0, 0, 0, 0, 16)  # fmt: skip
    optional += bytes(32) + struct.pack("<II", size, len(messages)) + bytes(88)
    head = b""
    for _ in range(number):
        head += struct.pack("<8sIIIIIIHHI", b".text", size, 0x1000, size, 0, 0, 0, 0, 0, 0x60000020)
    start = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0"
    return (start + coff + optional + head).ljust(size, b"\0") + messages


def keys_with_numbers_of_many_bits() -> bytes:
    """A root of TUF with RSA keys whose exponents are as long as their moduli."""
    role = json.loads(tuf_role("root", 64, "r"))
    for number in range(64):
        n, e = (1 << 16_000) - 1 - 2 * number, (1 << 15_999) + 1
        public = RSAPublicNumbers(e, n).public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.PKCS1)
        role["signed"]["keys"][f"k{number}"] = {
            "keytype": "rsa",
            "keyval": {"public": pem.decode()},
        }
        role["signatures"][number]["sig"] = (b"\x01" + bytes(1_999)).hex()
    return json.dumps(role).encode()


def variables_of_small_certificates() -> bytes:
    """A variable store with a list of a million certificates of one byte."""
    each = 17
    rows = 1_000_000
    lists = uefi.X509 + struct.pack("<III", 28 + rows * each, 0, each) + bytes(rows * each)
    name = "db\0".encode("utf-16-le")
    head = uefi.ADDED + bytes(32) + struct.pack("<II", len(name), len(lists)) + bytes(16)
    body = head + name + lists
    size, header = 72 + len(body), 72
    guid = UUID("fff12b8d-7696-4c8b-a985-2747075b4f50").bytes_le
    volume = bytes(16) + guid + struct.pack("<Q4sIHHHBB", size, b"_FVH", 0, header, 0, 0, 0, 2)
    volume += bytes(header - len(volume))
    total = sum(struct.unpack(f"<{header // 2}H", volume)) & 0xFFFF
    return volume[:50] + struct.pack("<H", -total & 0xFFFF) + volume[52:] + body


IMAGES: dict[str, Callable[[], bytes]] = {
    made.__name__: made
    for made in (
        fit_of_many_siblings,
        fit_of_long_paths,
        fit_of_many_hashes,
        fit_of_many_signatures,
        esp_of_one_segment,
        uf2_of_many_sums,
        uf2_of_sums_that_differ,
        swupdate_of_open_comments,
        swupdate_of_open_strings,
        swupdate_of_one_image_many_times,
        cbor_of_empty_lists,
        suit_of_lists_of_themselves,
        tuf_of_many_keys,
        tuf_of_large_metadata,
        tuf_of_open_keys,
        mender_of_many_payloads,
        footer_of_many_digests,
        program_of_the_same_sections,
        keys_with_numbers_of_many_bits,
        variables_of_small_certificates,
    )
}
