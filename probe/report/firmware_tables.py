"""Tables on firmware images: how far each was read, its layers, their protection, its components."""

from collections.abc import Iterable

from probe.model import firmware as fw
from probe.model.dut import Dut
from probe.report.firmware_tree import MORE, in_order, tree
from probe.report.secrets import masked

Row = tuple[str, ...]
STEP = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "
"""Stands once for each layer that a line is inside of."""


def surveys(dut: Dut, _: bool) -> Iterable[Row]:
    for seen in dut.all(fw.ImageSurvey):
        s = seen.fact
        parts = "1 part" if len(s.unread) == 1 else f"{len(s.unread)} parts"
        left = f"{parts}: {'; '.join(s.unread[:10])}" if s.unread else "nothing"
        counted = f"{_some(s.layers, 'layer')}, {_some(s.files, 'file')}, {s.bytes_read} bytes"
        yield (s.name, str(s.size), s.image, counted, left, str(s.keys_given))


def _some(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def layers(dut: Dut, _: bool) -> Iterable[Row]:
    for n in tree(dut):
        if n.what == MORE:
            yield ("", STEP * n.depth + n.says[0], "", "", "", "")
            continue
        place = n.place if n.what != "file" else ""
        size = "" if n.size is None else str(n.size)
        yield (place, STEP * n.depth + n.name, n.what, size, n.version, "; ".join(n.says))


def protections(dut: Dut, _: bool) -> Iterable[Row]:
    latest = {(s.fact.image, s.fact.place): s.fact for s in dut.all(fw.ImageProtection)}
    for p in sorted(latest.values(), key=lambda p: in_order(p.place)):
        counter = "" if p.rollback_value is None else f" ({p.rollback_value})"
        key = " ".join(filter(None, (p.scheme, f"key {p.key_id[:16]}" if p.key_id else "")))
        faults = [p.weak, f"public test key: {p.public_key}" if p.public_key else ""]
        bound = {True: "all that is installed", False: "not all", None: "not known"}
        yield (
            f"{p.place} {p.format}",
            p.signing.value,
            p.detail,
            "; ".join(filter(None, (key, *faults))),
            bound[p.binds_payload] + (f": {p.covers}" if p.covers else "") if p.scheme else "",
            p.rollback.value + counter,
            "yes" if p.encrypted else "no",
        )


def components(dut: Dut, _: bool) -> Iterable[Row]:
    found = sorted(
        (s.fact for s in dut.all(fw.ImageComponent)),
        key=lambda c: (not c.advisories, c.name, c.version, c.path),
    )
    for c in found:
        yield (c.name, c.version, c.evidence, c.path, c.text, "; ".join(c.advisories))


def accounts(dut: Dut, secrets: bool) -> Iterable[Row]:
    for seen in dut.all(fw.ImageAccount):
        a = seen.fact
        known = a.password if secrets else masked(a.password)
        password = known if a.state is fw.AccountState.KNOWN else ""
        kind = f"{a.hash_type}{', weak' if a.weak_hash else ''}"
        yield (a.username, a.path, a.state.value, password, kind, a.shell)


TABLES = (
    (
        "images",
        "Firmware images",
        ("Image", "Bytes", "SHA-256", "Read", "Not read", "Keys given"),
        surveys,
    ),
    (
        "layers",
        "Layers of the image, and files of interest",
        ("Layer", "Name", "Format", "Bytes", "Version", "What it says"),
        layers,
    ),
    (
        "protections",
        "Protection of the layers",
        ("Layer", "Signature", "Why", "Scheme and key", "Covers", "Against older", "Encrypted"),
        protections,
    ),
    (
        "image_accounts",
        "Accounts in the image",
        ("Account", "File", "State", "Password", "Hash", "Shell"),
        accounts,
    ),
    (
        "components",
        "Components",
        ("Name", "Version", "Shown by", "File", "Words", "Known, by version alone"),
        components,
    ),
)
