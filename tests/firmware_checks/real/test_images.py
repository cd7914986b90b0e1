"""Images that others made and ship: each is named right, with the right verdict, or is said to be unknown."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware_checks.formats.uefi_variables import certificates, variables
from firmware_checks.view import View
from probe.model.firmware import (
    AccountState,
    ImageAccount,
    ImageComponent,
    ImageKey,
    ImageLayer,
    ImageProtection,
    Rollback,
    Signing,
)
from tests.firmware_checks.conftest import Examined, examined
from tests.firmware_checks.real.archive import Package
from tests.firmware_checks.real.images import IMAGES, INSTALLER, KERNEL, Truth

pytestmark = pytest.mark.timeout(300)
Real = Callable[[str, str], Path]
SHIM = ("shim-signed", "usr/lib/shim/shimaa64.efi.signed")
GRUB = ("grub-efi-arm64-signed", "usr/lib/grub/arm64-efi-signed/grubaa64.efi.signed")
DEBIAN = ("shim-unsigned", "usr/share/shim/debian-uefi-ca.der")
ENROLLED = ("ovmf", "usr/share/OVMF/OVMF_VARS_4M.ms.fd")
FWUPD = ("fwupd-arm64-signed", "usr/libexec/fwupd/efi/fwupdaa64.efi.signed")
MANAGER = ("shim-helpers-arm64-signed", "usr/lib/shim/mmaa64.efi.signed")
KERNEL_IMAGE = (KERNEL, "boot/vmlinuz-*")
SNAKEOIL = ("ovmf", "usr/share/ovmf/PkKek-1-snakeoil.pem")
INITRD = ("debian-installer-12-netboot-armhf", INSTALLER + "initrd.gz")
OF_EVERYBODY = ("ovmf", "usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd")


def test_there_are_enough() -> None:
    assert len(IMAGES) >= 27
    assert len({(one.package, one.path) for one in IMAGES}) == len(IMAGES)


@pytest.mark.parametrize("truth", IMAGES, ids=lambda t: t.path.rpartition("/lib/")[2])
def test_named_and_judged(truth: Truth, real: Real, packages: dict[str, Package]) -> None:
    path = real(truth.package, truth.path)
    found = examined(path.read_bytes(), name=truth.path.rpartition("/")[2].replace("*", "1"))
    package = packages.get(truth.package)
    version = package.version.split(":")[-1] if package else ""
    assert tuple(layer.format for layer in found.all(ImageLayer)) == truth.formats
    _judged(truth, found)
    words = _words(found)
    for text in truth.says:
        assert text.replace("{}", version) in words
    upstream = re.split(r"[-+~]", version)[0]
    wanted = [re.escape(c).replace(r"\{\}", re.escape(upstream)).replace(r"\{patch\}", r"\d+\.\d+\.[1-9]\d*") for c in truth.components]  # fmt: skip
    told = sorted({f"{c.name} {c.version}" for c in found.all(ImageComponent)})
    assert len(told) == len(wanted)
    assert all(map(re.fullmatch, sorted(wanted), told))


def _judged(truth: Truth, found: Examined) -> None:
    protections = found.all(ImageProtection)
    if truth.signing is None:
        assert protections == []
        return
    assert {p.signing for p in protections} == {truth.signing}
    assert protections[0].scheme == truth.scheme
    assert not any(p.weak or p.public_key for p in protections)


def _words(found: Examined) -> str:
    first = found.all(ImageLayer)[0]
    rows = [text for row in first.details for text in row]
    told = [text for p in found.all(ImageProtection) for text in (p.detail, p.integrity)]
    return "\n".join([first.title, first.version, *rows, *told])


def test_shim_by_the_keys_that_computers_have(real: Real) -> None:
    """Microsoft's certificates come out of the variables in which they are enrolled."""
    shim = real(*SHIM).read_bytes()
    enrolled = dict(variables(View(real(*ENROLLED).read_bytes())))
    trusted = [der for der in certificates(enrolled["db"]) if b"UEFI CA" in der]
    assert trusted
    known = examined(shim, *trusted).protection()
    assert known.signing is Signing.VERIFIED
    assert known.rollback is Rollback.COUNTER
    other = examined(shim, real(*DEBIAN).read_bytes()).protection()
    assert other.signing is Signing.NOT_VERIFIED


@pytest.mark.parametrize("one", [GRUB, FWUPD, MANAGER, KERNEL_IMAGE], ids=lambda one: one[0])
def test_what_debian_signs(one: tuple[str, str], real: Real) -> None:
    data = real(*one).read_bytes()
    ours = examined(data, real(*DEBIAN).read_bytes()).protection()
    assert ours.signing is Signing.VERIFIED
    other = examined(data, real(*SNAKEOIL).read_bytes()).protection()
    assert other.signing is Signing.NOT_VERIFIED


def test_one_changed_byte(real: Real) -> None:
    """In the code of GRUB; the certificate of those who signed does not help."""
    data = bytearray(real(*GRUB).read_bytes())
    data[0x8000] ^= 1
    found = examined(bytes(data), real(*DEBIAN).read_bytes()).protection()
    assert found.signing is Signing.TAMPERED


def test_signature_cut_off(real: Real) -> None:
    """The table of signatures is gone, and the header still tells of it."""
    data = real(*GRUB).read_bytes()
    found = examined(data[: len(data) - 1024], real(*DEBIAN).read_bytes()).protection()
    assert found.signing is Signing.UNREADABLE


def test_keys_enrolled(real: Real) -> None:
    """A platform key that everybody has is told; Microsoft's and Debian's are none of those."""
    said = {k.path for k in examined(real(*OF_EVERYBODY).read_bytes()).all(ImageKey)}
    assert said == {"PK", "KEK", "db"}
    assert all(k.public_name for k in examined(real(*OF_EVERYBODY).read_bytes()).all(ImageKey))
    assert [k for k in examined(real(*ENROLLED).read_bytes()).all(ImageKey) if k.public_name] == []


def test_installer(real: Real) -> None:
    """A root file system: gzip, cpio, every file, and the packages that dpkg's list there has."""
    found = examined(real(*INITRD).read_bytes(), name="initrd.gz")
    assert [layer.format for layer in found.all(ImageLayer)][:2] == ["gzip", "cpio archive"]
    assert found.survey.unread == ()
    assert found.survey.files > 1000
    told = {(c.name, c.evidence) for c in found.all(ImageComponent)}
    assert {("busybox-udeb", "package database"), ("libc6-udeb", "package database")} <= told
    assert all(a.state is not AccountState.EMPTY for a in found.all(ImageAccount))
