"""The images of real packages and what must be said of each: who made them is known, so the truth is too.

Versions are those of the package that the image came from, where the image says one.
"""

from dataclasses import dataclass

from probe.model.firmware import Signing

BOOT = "usr/lib/u-boot/"
EFI = "usr/lib/grub/arm64-efi"
INSTALLER = "usr/lib/debian-installer/images/*/armhf/text/debian-installer/armhf/"
UNSIGNED, SIGNED, NOTHING = Signing.UNSIGNED, Signing.NOT_VERIFIED, None
DTB, UNKNOWN, LEGACY, VOLUME = (
    "device tree",
    "unknown",
    "U-Boot legacy uImage",
    "UEFI firmware volume",
)
FIT, UBOOT, TFA, ELF, MCU, ROM = (
    "U-Boot FIT image",
    "U-Boot program",
    "TF-A program",
    "ELF program",
    "Cortex-M program",
    "PCI option ROM",
)


@dataclass(frozen=True, slots=True)
class Truth:
    """One image. ``signing`` None: nothing is said, for the format is not installed by itself."""

    package: str
    path: str
    """With ``*`` for what changes with the release."""
    formats: tuple[str, ...]
    """Of the layers, from outside in and in their order."""
    signing: Signing | None
    scheme: str = ""
    says: tuple[str, ...] = ()
    """Texts in what the first layer says of itself: title, version, details; in its verdict and checksums."""
    components: tuple[str, ...] = ()
    """``name version`` of each component that is told, no others; ``{}`` stands for the version that the package has, without
    its revision, and ``{patch}`` for a release of Linux with its third number, which its name hides."""


def _uboot(
    package: str,
    path: str,
    *formats: str,
    signing: Signing | None = NOTHING,
    says: tuple[str, ...] = (),
) -> Truth:
    return Truth(package, BOOT + path, formats, signing, says=says, components=("u-boot {}",))


IMAGES = (
    # FIT: with the data inside and outside the tree, without and with checksums
    _uboot(
        "u-boot-rockchip",
        "rockpro64-rk3399/u-boot.itb",
        *(FIT, UBOOT, TFA, UNKNOWN, UNKNOWN, DTB),
        signing=UNSIGNED,
        says=("FIT image for U-Boot with bl31 (TF-A)", "arm-trusted-firmware", "no hashes"),
    ),
    _uboot(
        "u-boot-imx:armhf",
        "wandboard/u-boot.img",
        *(FIT, UBOOT, DTB, DTB, DTB),
        signing=UNSIGNED,
        says=("{}", "crc32 of 4 images holds"),
    ),
    _uboot("u-boot-omap:armhf", "am335x_evm/u-boot.img", FIT, UBOOT, *[DTB] * 10, signing=UNSIGNED),
    # U-Boot alone, with and without its tree behind it
    _uboot("u-boot-rockchip", "rockpro64-rk3399/u-boot.bin", UBOOT, DTB),
    _uboot("u-boot-rpi", "rpi_4/u-boot.bin", UBOOT),
    _uboot("u-boot-qemu", "qemu_arm64/u-boot.bin", UBOOT),
    _uboot("u-boot-qemu", "qemu_arm/u-boot.bin", UBOOT),
    _uboot("u-boot-qemu", "qemu-riscv64_smode/u-boot.bin", UBOOT),
    _uboot("u-boot-qemu", "qemu_arm64/uboot.elf", ELF, says=("AArch64",)),
    _uboot("u-boot-qemu", "qemu-x86/u-boot.rom", UBOOT, DTB, DTB, UNKNOWN),
    # what the ROMs of chips start
    _uboot(
        "u-boot-sunxi:armhf",
        "Cubieboard2/u-boot-sunxi-with-spl.bin",
        *("Allwinner boot image", LEGACY, UBOOT, DTB),
        signing=UNSIGNED,
        says=("checksum holds", "sun7i-a20-cubieboard2"),
    ),
    _uboot(
        "u-boot-imx:armhf",
        "wandboard/SPL",
        *("i.MX boot image", UBOOT),
        signing=UNSIGNED,
    ),
    _uboot(
        "u-boot-imx:armhf",
        "mx53loco/u-boot-dtb.imx",
        *("i.MX boot image", UBOOT, DTB),
        signing=UNSIGNED,
    ),
    _uboot(
        "u-boot-stm32:armhf",
        "stm32mp157c-dk2/u-boot-spl.stm32",
        *("STM32 boot image", UBOOT, DTB),
        signing=UNSIGNED,
        says=("checksum holds",),
    ),
    _uboot(
        "u-boot-stm32:armhf",
        "stm32mp157c-dk2/u-boot.img",
        LEGACY,
        UBOOT,
        DTB,
        signing=UNSIGNED,
        says=("{}", "CRC-32"),
    ),
    _uboot(
        "u-boot-rockchip",
        "rockpro64-rk3399/idbloader.img",
        "Rockchip boot image",
        UBOOT,
        DTB,
        UBOOT,
        DTB,
    ),
    Truth(
        "arm-trusted-firmware",
        "usr/lib/arm-trusted-firmware/rk3399/bl31.elf",
        (ELF,),
        NOTHING,
        says=("AArch64",),
    ),
    Truth("arm-trusted-firmware", "usr/lib/arm-trusted-firmware/rpi4/bl31.bin", (TFA,), NOTHING),
    Truth("opensbi", "usr/lib/*/opensbi/generic/fw_dynamic.elf", (ELF,), NOTHING, says=("RISC-V",)),
    Truth("opensbi", "usr/lib/*/opensbi/generic/fw_dynamic.bin", ("OpenSBI program",), NOTHING),
    # UEFI
    Truth("ovmf", "usr/share/OVMF/OVMF_CODE_4M.secboot.fd", (VOLUME,) * 4, NOTHING),
    Truth("ovmf", "usr/share/OVMF/OVMF_VARS_4M.ms.fd", (VOLUME,), NOTHING, says=("variables",)),
    Truth(
        "ovmf", "usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd", (VOLUME,), NOTHING, says=("variables",)
    ),
    Truth("qemu-efi-aarch64", "usr/share/AAVMF/AAVMF_CODE.fd", (UNKNOWN, VOLUME, VOLUME), NOTHING),
    Truth("qemu-efi-arm", "usr/share/AAVMF/AAVMF32_CODE.fd", (UNKNOWN, VOLUME, VOLUME), NOTHING),
    Truth(
        "shim-signed",
        "usr/lib/shim/shimaa64.efi.signed",
        ("EFI program",),
        SIGNED,
        "Authenticode RSA-2048 SHA-256",
        ("shim", "shim.debian", "CN=Microsoft Corporation UEFI CA 2011"),
        ("openssl 1.0.2k",),
    ),
    Truth(
        "shim-unsigned",
        "usr/lib/shim/shimaa64.efi",
        ("EFI program",),
        UNSIGNED,
        "",
        ("shim",),
        ("openssl 1.0.2k",),
    ),
    Truth(
        "grub-efi-arm64-signed",
        f"{EFI}-signed/grubaa64.efi.signed",
        ("EFI program",),
        SIGNED,
        "Authenticode RSA-2048 SHA-256",
        ("grub", "CN=Debian Secure Boot Signer"),
    ),
    Truth(
        "shim-helpers-arm64-signed",
        "usr/lib/shim/mmaa64.efi.signed",
        ("EFI program",),
        SIGNED,
        "Authenticode RSA-2048 SHA-256",
        ("CN=Debian Secure Boot Signer",),
        ("openssl 1.0.2k",),
    ),
    Truth(
        "grub-efi-arm64-bin",
        f"{EFI}/monolithic/gcdaa64.efi",
        ("EFI program",),
        UNSIGNED,
        says=("grub", "{}"),
    ),
    Truth(
        "fwupd-arm64-signed",
        "usr/libexec/fwupd/efi/fwupdaa64.efi.signed",
        ("EFI program",),
        SIGNED,
        "Authenticode RSA-2048 SHA-256",
        ("fwupd-efi",),
    ),
    Truth(
        "ipxe-qemu",
        "usr/lib/ipxe/qemu/efi-e1000e.rom",
        (ROM, UNKNOWN, "EFI program"),
        UNSIGNED,
        says=("8086:10d3",),
    ),
    Truth("seabios", "usr/share/seabios/bios-256k.bin", ("SeaBIOS program",), NOTHING),
    # kernels, their trees and their first root
    Truth(
        "debian-installer-12-netboot-armhf",
        INSTALLER + "vmlinuz",
        ("Linux kernel, ARM zImage", "cpio archive"),
        NOTHING,
        "",
        ("xz",),
        ("linux {patch}",),
    ),
    Truth(
        "debian-installer-12-netboot-armhf",
        INSTALLER + "dtbs/imx6q-wandboard.dtb",
        (DTB,),
        NOTHING,
        says=("Wandboard",),
    ),
    Truth(
        "debian-installer-12-netboot-armhf",
        INSTALLER + "tftpboot.scr",
        (LEGACY, "text"),
        UNSIGNED,
        says=("script",),
    ),
    Truth(
        "linux-image-cloud-arm64",
        "boot/vmlinuz-*",
        ("Linux kernel, ARM 64 Image", "cpio archive"),
        SIGNED,
        "Authenticode RSA-2048 SHA-256",
        ("CN=Debian Secure Boot Signer",),
        ("linux {patch}",),
    ),
    # small chips
    Truth(
        "firmware-microbit-micropython",
        "usr/share/firmware-microbit-micropython/firmware.hex",
        ("Intel HEX", MCU),
        UNSIGNED,
        says=("0x100010c0", "checksum of every line holds"),
    ),
    Truth(
        "firmware-tomu",
        "usr/lib/firmware-tomu/toboot-booster.dfu",
        ("DFU file", MCU),
        UNSIGNED,
        says=("1209", "70b1", "CRC-32 holds"),
    ),
    Truth("firmware-tomu", "usr/lib/firmware-tomu/toboot.ihex", ("Intel HEX", UNKNOWN), UNSIGNED),
    Truth("firmware-tomu", "usr/lib/firmware-tomu/toboot.elf", (ELF,), NOTHING, says=("Arm",)),
    Truth("firmware-ath9k-htc", "lib/firmware/ath9k_htc/htc_7010-*.fw", (UNKNOWN,), NOTHING),
    Truth("crust-firmware", "usr/lib/crust-firmware/generic_a64.bin", (UNKNOWN,), NOTHING),
    Truth(
        "pymodi",
        "modi/assets/firmware/esp32/esp32.bin",
        ("ESP32 image",),
        UNSIGNED,
        says=("esp32", "v3.1.6", "v3.3.1-dirty", "SHA-256 holds"),
    ),
    Truth("pymodi", "modi/assets/firmware/esp32/modi_ota_factory.bin", ("ESP32 image",), UNSIGNED),
    Truth(
        "pymodi",
        "modi/assets/firmware/esp32/partitions.bin",
        ("ESP32 partition table",),
        NOTHING,
        says=("ota_0",),
    ),
    Truth("pymodi", "modi/assets/firmware/stm32/led.bin", (MCU,), NOTHING, says=("0x20004000",)),
)
PYTHON = {"pymodi": "1.2.0"}
KERNEL = "linux-image-cloud-arm64"
"""A package that only names the kernel's own, whose name has the version in it."""
