"""The twins of the verdict table: for each format a function that makes them, with right and wrong key."""

import gzip
import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from firmware_checks.formats.zigbee_signature import SUITES
from tests.firmware_checks.formats import stm32_writer, zigbee_writer
from tests.firmware_checks.formats import test_capsule as capsule
from tests.firmware_checks.formats import test_fit as fit
from tests.firmware_checks.formats import test_gbl as gbl
from tests.firmware_checks.formats import test_home_radio as radio
from tests.firmware_checks.formats import test_mcuboot_more as mcuboot_more
from tests.firmware_checks.formats import test_mender as mender
from tests.firmware_checks.formats import test_nordic_dfu as nordic
from tests.firmware_checks.formats import test_openwrt as openwrt
from tests.firmware_checks.formats import test_openwrt_ucert as ucert
from tests.firmware_checks.formats import test_pe as pe
from tests.firmware_checks.formats import test_rauc as rauc
from tests.firmware_checks.formats import test_suit as suit
from tests.firmware_checks.formats import test_suit_more as suit_more
from tests.firmware_checks.formats import test_swupdate as swupdate
from tests.firmware_checks.formats import test_transports as transports
from tests.firmware_checks.formats import test_tuf as tuf
from tests.firmware_checks.formats import test_uimage as uimage
from tests.firmware_checks.formats import test_vbmeta as avb
from tests.firmware_checks.formats.esp_samples import elf
from tests.firmware_checks.formats.hab_writer import Hab
from tests.firmware_checks.formats.stm32_writer import Signer
from tests.firmware_checks.formats.zigbee_writer import Authority

KEYS = Path(__file__).parent / "keys"


@dataclass
class Lab:
    """What makes samples: tools in a folder of their own, and pairs of keys."""

    tool: Callable[..., Any]
    folder: Path
    pair: Callable[..., Any]

    def made(self, fixture: Any) -> Any:
        """The function that a fixture of another test file gives."""
        given = {"tool": self.tool, "tmp_path": self.folder}
        plain = fixture.__wrapped__ if hasattr(fixture, "__wrapped__") else fixture
        names = plain.__code__.co_varnames[: plain.__code__.co_argcount]
        return plain(**{name: given[name] for name in names})


@dataclass
class Twin:
    """One sample: its kind, its bytes, the key that made it, another of the same kind."""

    kind: str
    image: bytes
    right: bytes = b""
    wrong: bytes = b""


def nested(signed: Twin) -> Twin:
    return Twin("nested", gzip.compress(signed.image, mtime=0), signed.right, signed.wrong)


def halved(signed: Twin) -> Twin:
    return Twin("truncated", signed.image[: len(signed.image) // 2], signed.right, signed.wrong)


def flipped(image: bytes, at: int) -> bytes:
    return image[:at] + bytes([image[at] ^ 1]) + image[at + 1 :]


def mcuboot(lab: Lab) -> Iterator[Twin]:
    def made(key: str = "", *more: str, body: bytes = b"") -> bytes:
        (lab.folder / "body.bin").write_bytes(body or os.urandom(4000))
        common = ["--header-size", "0x200", "--pad-header", "-S", "0x20000", "--align", "4"]
        common += ["--version", "1", *(["-k", key] if key else []), *more]
        lab.tool("imgtool", "sign", *common, "body.bin", "out.bin")
        return (lab.folder / "out.bin").read_bytes()

    def public(key: str) -> bytes:
        return str(lab.tool("imgtool", "getpub", "-k", key, "-e", "pem").stdout).encode()

    for name in ("mine", "other", "device"):
        lab.tool("imgtool", "keygen", "-k", f"{name}.pem", "-t", "ecdsa-p256")
    keys = public("mine.pem"), public("other.pem")
    signed = Twin("signed", made("mine.pem"), *keys)
    yield from (signed, nested(signed), halved(signed))
    yield Twin("unsigned", made(), *keys)
    body = os.urandom(4000)
    first, second = (made("mine.pem", body=b) for b in (body, b"evil" + body[4:]))
    end = 0x200 + 4000
    size = struct.unpack_from("<H", second, end + 6)[0]
    area = first[end : end + 8] + second[end + 8 : end + 8 + size] + first[end + 8 + size :]
    yield Twin("tampered", second[:end] + area, *keys)
    test_key = str(KEYS / "mcuboot-root-ec-p384.pem")
    yield Twin("test key", made(test_key), public(test_key), keys[1])
    yield Twin("encrypted", made("mine.pem", "-E", "device.pem"), *keys)
    # imgtool makes no weak ones any more: the signature is made here.
    bare = signed.image[:end]
    private, name, weak = mcuboot_more.holder(ec.SECP224R1())
    rows = [(0x10, hashlib.sha256(bare).digest()), (1, name)]
    rows.append((0x21, private.sign(bare, ec.ECDSA(hashes.SHA256()))))
    yield Twin("weak key", bare + mcuboot_more.tlv(*rows), weak, keys[1])


def esp32(lab: Lab) -> Iterator[Twin]:
    def plain(*options: str) -> bytes:
        (lab.folder / "app.elf").write_bytes(elf())
        lab.tool("esptool", "--chip", "esp32", "elf2image", *options, "-o", "app.bin", "app.elf")
        return (lab.folder / "app.bin").read_bytes()

    def public(scheme: str, name: str) -> bytes:
        (lab.folder / name).unlink(missing_ok=True)
        lab.tool("espsecure", "generate-signing-key", "-v", "2", "--scheme", scheme, name)
        return str(lab.tool("openssl", "pkey", "-in", name, "-pubout").stdout).encode()

    def signed_by(name: str) -> bytes:
        (lab.folder / "in.bin").write_bytes(plain("--secure-pad-v2"))
        lab.tool("espsecure", "sign-data", "-v", "2", "-k", name, "-o", "out.bin", "in.bin")
        return (lab.folder / "out.bin").read_bytes()

    keys = public("rsa3072", "mine.pem"), public("rsa3072", "other.pem")
    signed = Twin("signed", signed_by("mine.pem"), *keys)
    yield from (signed, nested(signed), halved(signed))
    yield Twin("unsigned", plain(), *keys)
    yield Twin("stripped", plain("--secure-pad-v2"), *keys)
    other = signed_by("mine.pem")
    yield Twin("tampered", other[:-4096] + signed.image[-4096:], *keys)
    weak = public("ecdsa192", "weak.pem")
    yield Twin("weak key", signed_by("weak.pem"), weak, public("ecdsa192", "other192.pem"))
    yield Twin("encrypted", os.urandom(65_536), *keys)


def fit_image(lab: Lab) -> Iterator[Twin]:
    make = lab.made(fit.fit)
    keys = lab.pair("dev").public, lab.pair("other").public
    signed = Twin("signed", make(conf=True), *keys)
    yield from (signed, nested(signed), halved(signed))
    image, at = signed.image, signed.image.index(b"<<kernel>>")
    changed = flipped(image, at + 100)
    old, new = (hashlib.sha256(data[at : at + 5010]).digest() for data in (image, changed))
    yield Twin("tampered", changed.replace(old, new), *keys)
    yield Twin("unsigned", make(), *keys)
    (lab.folder / "dev.bin").write_bytes(os.urandom(32))
    lock = 'cipher {{ algo = "aes256"; key-name-hint = "dev"; }};'
    by = fit.SIGNATURE.format(kind="rsa2048", padding="", images='sign-images = "kernel", "fdt";')
    text = fit.TREE.replace("{image}", lock)
    text = text.format(hash="sha256", conf=by, rollback="")
    (lab.folder / "image.its").write_text(text)
    lab.tool("mkimage", "-f", "image.its", "-k", ".", "-K", "control.dtb", "-r", "image.itb")
    yield Twin("encrypted", (lab.folder / "image.itb").read_bytes(), *keys)
    # mkimage signs with what it finds, whatever the name of the algorithm says.
    small = lab.pair("dev", "rsa-1024").public
    yield Twin("weak key", make(conf=True), small, keys[1])


def rauc_bundle(lab: Lab) -> Iterator[Twin]:
    make = lab.made(rauc.bundle)
    mine, other = lab.pair("mine"), lab.pair("other")
    keys = mine.certificate, other.certificate
    signed = Twin("signed", make("verity", mine), *keys)
    yield from (signed, nested(signed), halved(signed))
    yield Twin("stripped", signed.image[: rauc.payload_size(signed.image)], *keys)
    yield Twin("tampered", flipped(signed.image, 20_000), *keys)
    yield Twin("encrypted", make("crypt", mine), *keys)
    small, known = lab.pair("small", "rsa-1024"), lab.pair("DO NOT TRUST - Sample")
    yield Twin("weak key", make("plain", small), small.certificate, keys[1])
    yield Twin("test key", make("plain", known), known.certificate, keys[1])


def swupdate_image(lab: Lab) -> Iterator[Twin]:
    make = lab.made(swupdate.swu)
    mine, other, small = lab.pair("mine"), lab.pair("other"), lab.pair("small", "rsa-1024")
    keys = mine.certificate, other.certificate
    signed = Twin("signed", make(mine), *keys)
    yield from (signed, nested(signed), halved(signed))
    yield Twin("unsigned", make(), *keys)
    evil = os.urandom(40_000)
    sums = (hashlib.sha256(b).hexdigest().encode() for b in (swupdate.BODY, evil))
    old, new = sums
    yield Twin("tampered", make(mine, body=evil, after=lambda t: t.replace(old, new)), *keys)
    yield Twin("weak key", make(small), small.certificate, keys[1])
    more = "encrypted = true;"
    yield Twin("encrypted", make(mine, more=more, body=os.urandom(40_000)), *keys)


def mender_artifact(lab: Lab) -> Iterator[Twin]:
    make = lab.made(mender.artifact)
    mine, other, small = lab.pair("mine"), lab.pair("other"), lab.pair("small", "rsa-1024")
    keys = mine.public, other.public
    signed = Twin("signed", make("-k", str(mine.key)), *keys)
    yield from (signed, nested(signed), halved(signed))
    yield Twin("unsigned", make(), *keys)
    data: dict[str, bytes] = {}
    mender.repacked(make("-k", str(mine.key)), lambda n, d: data.setdefault(n, d))
    whole = mender.repacked(signed.image, lambda n, d: d if n == "manifest.sig" else data[n])
    yield Twin("tampered", whole, *keys)
    yield Twin("weak key", make("-k", str(small.key)), small.public, keys[1])


def openwrt_image(lab: Lab) -> Iterator[Twin]:
    mine, other = openwrt.Signer(), openwrt.Signer()
    image = openwrt.about(openwrt.archive())
    signed = Twin("signed", openwrt.appended(image, 0, mine.sign(image)), mine.public, other.public)
    yield from (signed, nested(signed))
    yield Twin("unsigned", image, mine.public, other.public)
    new = openwrt.about(openwrt.archive())
    yield Twin("tampered", openwrt.appended(new, 0, mine.sign(image)), mine.public, other.public)


def openwrt_chain(lab: Lab) -> Iterator[Twin]:
    maker, builder, other = openwrt.Signer(), openwrt.Signer(), openwrt.Signer()
    image, new = (openwrt.about(openwrt.archive()) for _ in range(2))
    links = ucert.certificate(maker, builder.public) + ucert.signature(builder, image)
    keys = maker.public, other.public
    signed = Twin("signed", openwrt.appended(image, 0, links), *keys)
    yield from (signed, nested(signed))
    yield Twin("tampered", openwrt.appended(new, 0, links), *keys)


def suit_envelope(lab: Lab) -> Iterator[Twin]:
    (mine, public), (_, wrong) = suit.make_key(-7), suit.make_key(-7)
    keys = public, wrong
    signed = Twin("signed", suit.envelope(mine), *keys)
    yield from (signed, nested(signed), halved(signed))
    yield Twin("unsigned", suit.envelope(), *keys)
    digest = suit_more.cbor2.dumps([-16, bytes(32)])
    old = suit.sign(mine, -7, digest)
    yield Twin("tampered", suit_more.wrapped(lambda _: old, suit_more.manifest()), *keys)
    body = suit_more.manifest(p19=b"information")
    cipher = suit_more.wrapped(lambda d: suit.sign(mine, -7, d), body, payload=b"cipher text")
    yield Twin("encrypted", cipher, *keys)


def tuf_repository(lab: Lab) -> Iterator[Twin]:
    mine, other = tuf.Repository(), tuf.Repository()
    keys = mine.key("root"), other.key("root")
    signed = Twin("signed", tuf.zipped(mine.files()), *keys)
    yield from (signed, nested(signed))
    files = mine.files() | {"targets.json": other.files()["targets.json"]}
    yield Twin("tampered", tuf.zipped(files), *keys)


def vbmeta(lab: Lab) -> Iterator[Twin]:
    mine, other = lab.pair("mine"), lab.pair("other")
    keys = mine.public, other.public
    signed = Twin("signed", avb.vbmeta(mine), *keys)
    yield from (signed, nested(signed), halved(signed))
    known = avb.aosp()
    yield Twin("test key", avb.vbmeta(known), known.public, other.public)
    yield Twin("unsigned", avb.vbmeta(), *keys)
    image = bytearray(signed.image)
    image[119] ^= 1
    first = struct.unpack_from(">Q", image, 12)[0]
    image[256:288] = hashlib.sha256(image[:256] + image[256 + first :]).digest()
    yield Twin("tampered", bytes(image), *keys)


def avb_partition(lab: Lab) -> Iterator[Twin]:
    mine, other = lab.pair("mine"), lab.pair("other")
    keys = mine.public, other.public
    known = avb.aosp()
    yield Twin("test key", avb.footed(avb.vbmeta(known)), known.public, other.public)
    signed = Twin("signed", avb.footed(avb.vbmeta(mine)), *keys)
    yield from (signed, nested(signed))
    yield Twin("unsigned", avb.footed(avb.vbmeta()), *keys)
    yield Twin("tampered", avb.footed(avb.vbmeta(mine), b"evil" + avb.BODY[4:]), *keys)


def uefi_capsule(lab: Lab) -> Iterator[Twin]:
    make = lab.made(capsule.capsule)
    mine, other, small = lab.pair("mine"), lab.pair("other"), lab.pair("small", "rsa-1024")
    known = lab.pair("DO NOT SHIP - Test PK")
    keys = mine.certificate, other.certificate
    signed = Twin("signed", make(mine), *keys)
    yield from (signed, nested(signed), halved(signed))
    yield Twin("unsigned", make(), *keys)
    yield Twin("tampered", flipped(signed.image, len(signed.image) - 10), *keys)
    yield Twin("weak key", make(small), small.certificate, keys[1])
    yield Twin("test key", make(known), known.certificate, keys[1])


def efi_program(lab: Lab) -> Iterator[Twin]:
    make = lab.made(pe.signed)
    mine, other, small = lab.pair("mine"), lab.pair("other"), lab.pair("small", "rsa-1024")
    known = lab.pair("DO NOT TRUST - AMI Test PK")
    keys = mine.certificate, other.certificate
    signed = Twin("signed", make(mine), *keys)
    yield from (signed, nested(signed), halved(signed))
    yield Twin("unsigned", pe.program(), *keys)
    second = make(mine)
    yield Twin("tampered", second[:0x800] + signed.image[0x800:], *keys)
    yield Twin("weak key", make(small), small.certificate, keys[1])
    yield Twin("test key", make(known), known.certificate, keys[1])


def nordic_package(lab: Lab) -> Iterator[Twin]:
    keys = nordic.pem(nordic.KEY), nordic.pem(nordic.OTHER)
    signed = Twin("signed", nordic.package(nordic.packet()), *keys)
    yield from (signed, nested(signed))
    yield Twin("unsigned", nordic.package(nordic.packet(key=None)), *keys)
    body = os.urandom(500)
    forged = nordic.packet(body)[:-64] + nordic.packet()[-64:]
    yield Twin("tampered", nordic.package(forged, body), *keys)


def gecko(lab: Lab) -> Iterator[Twin]:
    keys = gbl.pem(gbl.KEY), gbl.pem(gbl.OTHER)
    signed = Twin("signed", gbl.closed(gbl.signed()), *keys)
    yield from (signed, nested(signed), halved(signed))
    yield Twin("unsigned", gbl.closed(gbl.opened(flags=0)), *keys)
    yield Twin("stripped", gbl.closed(gbl.opened(flags=0x100)), *keys)
    yield Twin("tampered", gbl.closed(gbl.signed().replace(gbl.APP[-50:], bytes(50))), *keys)
    yield Twin("encrypted", gbl.closed(gbl.signed(flags=0x101, encrypted=True)), *keys)


def zigbee(lab: Lab) -> Iterator[Twin]:
    weak_suite, suite = SUITES
    mine, other, small = Authority(suite), Authority(suite), Authority(weak_suite)
    keys, body = (mine.der, other.der), (0, transports.program())

    def made(authority: Authority) -> bytes:
        return zigbee_writer.signed(lab.tool, lab.folder, authority, radio.zigbee, body)

    signed = Twin("signed", made(mine), *keys)
    yield from (signed, nested(signed), halved(signed))
    yield Twin("weak key", made(small), small.der, Authority(weak_suite).der)
    yield Twin("unsigned", radio.zigbee(body), *keys)
    yield Twin("tampered", flipped(signed.image, 100), *keys)
    bare = signed.image[: -6 - suite.signature_size]
    yield Twin("stripped", bare[:52] + struct.pack("<I", len(bare)) + bare[56:], *keys)


def imx(lab: Lab) -> Iterator[Twin]:
    mine = Hab(lab.tool, lab.folder)
    keys = mine.root.certificate, mine.second.certificate
    unsigned = mine.unsigned(os.urandom(5000))
    signed = Twin("signed", mine.signed(unsigned), *keys)
    yield from (signed, nested(signed), halved(signed))
    yield Twin("unsigned", unsigned, *keys)
    yield Twin("stripped", unsigned + bytes(len(signed.image) - len(unsigned)), *keys)
    other = mine.signed(mine.unsigned(os.urandom(5000)))
    room = len(signed.image) - len(unsigned)
    yield Twin("tampered", unsigned + other[-room:], *keys)
    yield Twin("encrypted", mine.signed(unsigned, encrypted=True), *keys)
    small = Hab(lab.tool, lab.folder, "rsa-1024")
    image = small.signed(small.unsigned(os.urandom(5000)))
    yield Twin("weak key", image, small.root.certificate, keys[0])


def stm32(lab: Lab) -> Iterator[Twin]:
    mine, other = (Signer(lab.tool, lab.folder, name, "prime256v1") for name in ("mine", "other"))
    keys = mine.public, other.public
    unsigned = stm32_writer.second(0x20000, os.urandom(3000))
    signed = Twin("signed", mine.sign(unsigned), *keys)
    yield from (signed, nested(signed), halved(signed))
    yield Twin("unsigned", unsigned, *keys)
    yield Twin("stripped", signed.image[:4] + bytes(64) + signed.image[68:], *keys)
    second = mine.sign(stm32_writer.second(0x20000, os.urandom(3000)))
    yield Twin("tampered", signed.image[:4] + second[4:68] + signed.image[68:], *keys)
    cipher = stm32_writer.second(0x20000, os.urandom(3000), encrypted=True)
    yield Twin("encrypted", mine.sign(cipher), *keys)


def carriers(lab: Lab) -> Iterator[Twin]:
    """Formats without a place for a signature."""
    keys = gbl.pem(gbl.KEY), gbl.pem(gbl.OTHER)
    kernel = lab.made(uimage.uimage)("kernel", os.urandom(4000))
    images = {name: sample for name, (_, sample) in transports.SAMPLES.items()}
    for name in ("hex", "srec", "uf2", "dfu", "dfuse"):
        yield Twin(name, images[name], *keys)
    yield Twin("uImage", kernel, *keys)
    yield Twin("TRX", uimage.trx(os.urandom(500), os.urandom(500)), *keys)
    yield Twin("Matter", radio.matter(transports.program()), *keys)
