"""DFU packages of Nordic: a zip with a manifest, programs, and an init packet for each.

Three kinds: of the nRF5 SDK with signed init packets, the legacy one with a CRC, and nRF Connect's, whose
members are MCUboot images. Source: nRF5 SDK, "nRF5 Secure DFU", and nRF Connect SDK, "Device Firmware Updates".
"""

import hashlib
import json
import lzma
import struct
import zipfile
import zlib
from dataclasses import replace
from typing import Any

from firmware_checks.budget import MIB, Budget
from firmware_checks.filesystems.zip import Window, end
from firmware_checks.formats.doubled import doubled
from firmware_checks.formats.nordic_init import SIGNATURES, Init, crc16, legacy, present
from firmware_checks.reading import Context, Format, Part, Protection, PublicKey, Reading
from firmware_checks.signatures import Outcome, check
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing
from probe.model.text import clean

MAGIC, MANIFEST = b"PK\x03\x04", "manifest.json"
LARGEST_PROGRAM, LARGEST_MANIFEST, LARGEST_PACKET = 16 * MIB, 65_536, 4096
LARGEST_DIRECTORY, BEHIND = MIB, 1 << 17
"""Of the archive; and bytes that may follow it: a comment, and the records of its end."""
MOST_IMAGES = 8
SLOTS = ("application", "bootloader", "softdevice", "softdevice_bootloader", "external_application")
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    NotImplementedError,
    RuntimeError,
    ValueError,
    EOFError,
    OSError,
    KeyError,
)
"""What the zip reader raises for a damaged, encrypted or unknown member."""
WORST = (
    Signing.TAMPERED,
    Signing.UNREADABLE,
    Signing.UNSIGNED,
    Signing.NOT_VERIFIED,
    Signing.VERIFIED,
)


class NordicDfu(Format):
    """The format."""

    name = "Nordic DFU package"
    anchors = ((MAGIC, 0),)

    def read(self, view: View, context: Context) -> Reading | None:
        size = end(view)[1]
        if view.find(MANIFEST.encode(), max(0, len(view) - size - BEHIND)) < 0:
            return None
        if size > LARGEST_DIRECTORY:
            return None  # of so many members it is another kind of archive
        try:
            archive = zipfile.ZipFile(Window(view))
            said = json.loads(_member(archive, MANIFEST, LARGEST_MANIFEST, context.budget).read())
        except (*DAMAGE, RecursionError) as error:
            raise Malformed(f"no DFU package: {error}") from None
        if not isinstance(said, dict):
            return None
        if isinstance(said.get("manifest"), dict):
            return _sure(archive, _package(self.name, view, archive, said["manifest"], context))
        if isinstance(said.get("files"), list) and "format-version" in said:
            return _sure(archive, _connect(view, archive, said, context))
        return None


FORMAT = NordicDfu()
RANK = 20


def _sure(archive: zipfile.ZipFile, reading: Reading | None) -> Reading | None:
    """The reading, unless members have one name: loaders differ in which one they take."""
    told = doubled(info.filename for info in archive.infolist())
    if not told or reading is None or reading.protection is None:
        return reading
    protection = replace(reading.protection, signing=Signing.UNREADABLE, detail=told)
    return replace(reading, problem=reading.problem or told, protection=protection)


def _member(archive: zipfile.ZipFile, name: str, most: int, budget: Budget) -> View:
    """A member that is as long as it says. Raises Malformed or OutOfBudget."""
    try:
        info = archive.getinfo(name)
        most = min(most, budget.room(info.compress_size))
        if info.file_size > most:
            raise Malformed(f"{clean(name, 80)} is larger than the {most} bytes it may be")
        budget.take(info.file_size)
        with archive.open(info) as file:
            data = file.read(most + 1)
    except DAMAGE as error:
        raise Malformed(f"{clean(name, 80)} cannot be read: {clean(str(error), 80)}") from None
    if len(data) > most:
        raise Malformed(f"{clean(name, 80)} is larger than it says")
    return View(data)


# --- the nRF5 SDK's packages -------------------------------------------------------------------------


def _package(
    name: str, view: View, archive: zipfile.ZipFile, manifest: dict[str, Any], context: Context
) -> Reading | None:
    slots = [
        (slot, manifest[slot])
        for slot in SLOTS
        if isinstance(manifest.get(slot), dict) and isinstance(manifest[slot].get("bin_file"), str)
    ][:MOST_IMAGES]
    if not slots:
        return None
    parts, judged, details, problems = [], [], [], []
    old = "dfu_version" in manifest
    for slot, row in slots:
        try:
            body = _member(archive, row["bin_file"], LARGEST_PROGRAM, context.budget)
        except Malformed as error:
            problems.append(str(error))
            judged.append(Protection(signing=Signing.UNREADABLE, detail=str(error)))
            continue
        parts.append(Part(name=f"{slot}: {clean(row['bin_file'], 80)}", view=body))
        try:
            packet = _member(archive, str(row.get("dat_file")), LARGEST_PACKET, context.budget)
            init = legacy(packet) if old else present(packet)
        except Malformed as error:
            why = f"the init packet of {slot} cannot be read: {error}"
            problems.append(why)
            judged.append(Protection(signing=Signing.UNREADABLE, detail=why))
            continue
        details += _details(slot, init)
        judged.append(_protection(init, body, context.keys.keys))
    # A package is as good as its worst program.
    protection = min(
        judged, key=lambda one: (WORST.index(one.signing), one.binds_payload is not False)
    )
    version = next((value for key, value in details if key.endswith("version")), "")
    return Reading(
        format=f"{name}, legacy" if old else name,
        kind=LayerKind.UPDATE,
        size=len(view),
        version=version,
        details=tuple(details),
        problem="; ".join(problems),
        protection=protection,
        parts=tuple(parts),
    )


def _details(slot: str, init: Init) -> list[tuple[str, str]]:
    found = [(f"{slot} kind", init.kind)] if init.kind else []
    found += [(f"{slot} version", str(init.version))] if init.version is not None else []
    found += [(f"{slot} hardware", str(init.hardware))] if init.hardware is not None else []
    found += [(f"{slot} debug", "yes: the device does not compare versions")] if init.debug else []
    return found


def _protection(init: Init, body: View, keys: tuple[PublicKey, ...]) -> Protection:
    holds, integrity = _hash(init, body)
    signing, detail = _signing(init, keys, holds=holds)
    strong = init.hash_name in ("sha256", "sha512") and holds is not None
    rollback = Rollback.NONE
    if init.version is not None and not init.debug:
        rollback = Rollback.COUNTER if init.signature else Rollback.UNSIGNED_COUNTER
    if init.debug:
        detail += "; it is marked as a debug build, so the device does not compare versions"
    return Protection(
        signing=signing,
        detail=detail,
        can_be_signed=not init.legacy or bool(init.signature),
        covers="the init packet, with the hash of the program" if init.signature else "",
        binds_payload=strong if init.signature else None,
        scheme=init.scheme,
        key_bits=256 if init.scheme in SIGNATURES.values() else None,
        weak="" if strong or not init.signature else "the program is bound by no strong hash",
        rollback=rollback,
        rollback_value=init.version,
        integrity=integrity,
    )


def _hash(init: Init, body: View) -> tuple[bool | None, str]:
    """Whether the hash of the program holds; None without one."""
    if init.hash_name == "crc16":
        holds, name = crc16(body.raw).to_bytes(2) == init.digest, "CRC-16"
    elif init.hash_name == "crc32":
        holds, name = zlib.crc32(body.raw) == int.from_bytes(init.digest), "CRC-32"
    elif init.hash_name in ("sha256", "sha512"):
        holds = hashlib.new(init.hash_name, body.raw).digest() == init.digest
        name = init.hash_name.upper().replace("SHA", "SHA-")
    else:
        return None, "no hash that is known here"
    return holds, f"{name} {'holds' if holds else 'does not hold'}"


def _signing(init: Init, keys: tuple[PublicKey, ...], *, holds: bool | None) -> tuple[Signing, str]:
    if holds is False and (init.hash_name.startswith("sha") or init.signature):
        return Signing.TAMPERED, "the hash in the init packet is not that of the program"
    if not init.signature:
        return Signing.UNSIGNED, "the init packet has no signature"
    for key in keys:
        if check(key, init.signature, init.covered, "sha256") is Outcome.FITS:
            return Signing.VERIFIED, f"the signature was verified with {key.name}"
    why = "none of the keys that were given fits" if keys else "no key was given to verify it with"
    return Signing.NOT_VERIFIED, f"signed by a key that is not named; {why}"


# --- nRF Connect's packages --------------------------------------------------------------------------


def _connect(
    view: View, archive: zipfile.ZipFile, said: dict[str, Any], context: Context
) -> Reading | None:
    parts, problems = [], []
    rows = [row for row in said["files"] if isinstance(row, dict)]
    if len(rows) > MOST_IMAGES:
        problems.append(f"of its {len(rows)} images {MOST_IMAGES} were read")
        rows = rows[:MOST_IMAGES]
    for row in rows:
        if not isinstance(row.get("file"), str):
            continue
        try:
            body = _member(archive, row["file"], LARGEST_PROGRAM, context.budget)
        except Malformed as error:
            problems.append(str(error))
            continue
        parts.append(Part(name=clean(row["file"], 100), view=body))
    if not parts:
        return None
    name = said.get("name")
    return Reading(
        format="nRF Connect DFU package",
        kind=LayerKind.UPDATE,
        size=len(view),
        title=name if isinstance(name, str) else "",
        details=tuple(
            (
                clean(str(row.get("file")), 60),
                clean(str(row.get("board", row.get("type", ""))), 100),
            )
            for row in rows
        ),
        problem="; ".join(problems),
        protection=Protection(
            signing=Signing.UNSIGNED,
            detail="the package only carries images, which have to bring their own signatures",
            can_be_signed=False,
            binds_payload=False,
            rollback=Rollback.NONE,
        ),
        parts=tuple(parts),
    )
