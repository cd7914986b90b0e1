"""U-Boot's FIT: a device tree that holds images, their hashes, and configurations that say which go together.

Source: U-Boot's ``doc/usage/fit/signature.rst`` and ``source_file_format.rst``. Only a signed configuration
protects the set of images: with signatures on single images an attacker mixes old and new ones.
"""

import hashlib
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from firmware_checks import fdt
from firmware_checks.budget import Budget
from firmware_checks.fdt import DeviceTree, Node
from firmware_checks.formats import fit_signatures as signatures
from firmware_checks.formats.fit_signatures import Image, Signed
from firmware_checks.keys import weakness
from firmware_checks.reading import Context, Format, Part, Protection, Reading
from firmware_checks.signatures import NAMES, WEAK_HASHES, key_id, weak_hash
from firmware_checks.view import Malformed, View
from probe.model.firmware import LayerKind, Rollback, Signing
from probe.model.text import clean

RANK = 30
MOST_ROWS = 64
MOST_IMAGES = 1024
"""Also of configurations: a kernel for every board of a maker has some hundreds of both."""
MOST_STEPS = 16_000_000
"""Tokens that are gone through for signatures, all of them for each configuration."""
IMAGES = b"\0\0\0\1images\0"
"""The node that begins every FIT, near the beginning: mkimage writes it after the description."""
FIRST = 4096


class Fit(Format):
    """The format."""

    name = "U-Boot FIT image"
    anchors = ((fdt.MAGIC, 0),)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        if whole := fdt.cut_short(view):
            return _cut_short(view, whole) if view.find(IMAGES, 0, FIRST) >= 0 else None
        tree = fdt.read(view)
        folder = tree.root.child("images")
        if folder is None or not folder.children:
            return None
        images, problem = {}, _twins(tree.root)
        configurations = _configurations(tree)
        most = min(MOST_IMAGES, MOST_STEPS // (signatures.MOST_SIGNATURES * len(tree.tokens)) + 1)
        if len(folder.children) > MOST_IMAGES or len(configurations) > most:
            problem = problem or "more images or configurations than are read of one"
        configurations = configurations[:most]
        for node in folder.children[:MOST_IMAGES]:
            try:
                images[node.name] = _image(view, tree, node)
            except Malformed as error:
                problem = f"image {node.name} is cut short: {error}"
                images[node.name] = Image(node, None, None)
        for image in images.values():
            _hash(image, context.budget)
        hidden = [name for name, image in images.items() if image.encrypted]
        stamp = tree.root.number("timestamp")
        ends = [i.offset + len(i.data) for i in images.values() if i.data and i.offset is not None]
        return Reading(
            format=self.name,
            kind=LayerKind.UPDATE,
            size=min(max([tree.size, *ends]), len(view)) if not problem else len(view),
            title=tree.root.text("description"),
            built=_day(stamp) if stamp else "",
            details=tuple(_details(configurations, images)),
            problem=problem or (f"encrypted: {', '.join(hidden)}" if hidden else ""),
            protection=_protection(tree, configurations, images, context, problem),
            parts=tuple(_parts(images)),
        )


FORMAT = Fit()


def _day(stamp: int) -> str:
    """The property may have eight bytes, so what it says need not be a date."""
    try:
        return datetime.fromtimestamp(stamp, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def _twins(node: Node) -> str:
    """Siblings that one name finds: libfdt takes ``kernel@1`` for ``kernel`` when it stands first."""
    names = Counter(child.name for child in node.children)
    bases = {name.partition("@")[0] for name in names if "@" in name}
    for name, number in names.items():
        if number > 1 or name in bases:
            return f"two nodes answer to {clean(node.path, 80)} {clean(name, 60)}, one may hide the other"
    return next(filter(None, (_twins(child) for child in node.children)), "")


def _cut_short(view: View, whole: int) -> Reading:
    """The names of its properties stand at the end, so nothing more can be said."""
    problem = f"the image is cut short: {len(view)} of {whole} bytes are there"
    return Reading(
        format=FORMAT.name,
        kind=LayerKind.UPDATE,
        size=len(view),
        problem=problem,
        protection=Protection(signing=Signing.UNREADABLE, detail=problem),
    )


def _image(view: View, tree: DeviceTree, node: Node) -> Image:
    """Where the image's bytes are: in the tree, or after it by position or by offset."""
    inside = node.props.get("data")
    if inside is not None:
        return Image(node, inside, None)
    size, at = node.number("data-size"), node.number("data-position")
    if at is None and (offset := node.number("data-offset")) is not None:
        at = (tree.size + 3) // 4 * 4 + offset
    if size is None or at is None:
        return Image(node, None, None)
    return Image(node, view.part(at, size), at)


def _hash(image: Image, budget: Budget) -> None:
    """Compare every hash node; each kind of hash is made once. Raises OutOfBudget."""
    if image.data is None:
        return
    made: dict[str, bytes] = {}
    for node in image.node.called("hash"):
        value, name = node.props.get("value"), node.text("algo")
        if value is None or name not in NAMES or signatures.ignored(node):
            continue
        if name not in made:
            budget.take(len(image.data))
            made[name] = _digest(name, image.data)
        image.hashes[name] = image.hashes.get(name, True) and made[name] == value.read()


def _digest(name: str, data: View) -> bytes:
    if name == "crc32":
        return zlib.crc32(data.raw).to_bytes(4)
    return hashlib.new(name, data.raw).digest()


def _details(configurations: list[Node], images: dict[str, Image]) -> Iterator[tuple[str, str]]:
    for name, image in list(images.items())[:MOST_ROWS]:
        node = image.node
        words = [node.text(p) for p in ("type", "os", "arch", "compression")]
        hashes = [f"{h} {'holds' if ok else 'does not hold'}" for h, ok in image.hashes.items()]
        yield f"image {name}", ", ".join(filter(None, [*words, node.text("description"), *hashes]))
    for node in configurations[:MOST_ROWS]:
        signers = [s.text("key-name-hint") or "unnamed key" for s in node.called("signature")]
        yield (
            f"configuration {node.name}",
            f"signed by {', '.join(signers)}" if signers else "unsigned",
        )


def _parts(images: dict[str, Image]) -> Iterator[Part]:
    for name, image in images.items():
        hidden = "encrypted" if image.encrypted else ""
        if image.data is not None:
            yield Part(
                name=f"{image.node.text('type') or 'image'} {name}",
                view=image.data,
                offset=image.offset,
                hidden=hidden,
            )


def _configurations(tree: DeviceTree) -> list[Node]:
    """The configurations, the default one first."""
    folder = tree.root.child("configurations")
    if folder is None:
        return []
    default = folder.text("default")
    return sorted(folder.children, key=lambda node: node.name != default)


# --- what it is worth --------------------------------------------------------------------------------


def _protection(
    tree: DeviceTree,
    configurations: list[Node],
    images: dict[str, Image],
    context: Context,
    problem: str,
) -> Protection:
    keys = context.keys.keys
    encrypted = any(image.encrypted for image in images.values())
    integrity, wrong = _integrity(images)
    hidden = [name for name in wrong if images[name].encrypted]
    signed = [(c, s) for c in configurations for s in signatures.config_signatures(tree, c, keys)]
    best = signatures.best(
        [s for c, s in signed if c is configurations[0]] or [s for _, s in signed]
    )
    alone = {
        name: signatures.best(list(signatures.image_signatures(i, keys, context.budget)))
        for name, i in images.items()
    }
    if best is None:
        best = signatures.worst([s for s in alone.values() if s is not None])
    with_signature = {c.path for c, _ in signed}
    unsigned = [c.name for c in configurations if c.path not in with_signature]
    if wrong and wrong == hidden:
        # What a hash of an encrypted image is over is for its device to know: no claim of tampering.
        problem = problem or f"the hash of {', '.join(hidden)}, which is encrypted, does not hold"
        signing, detail = Signing.ENCRYPTED, problem
    else:
        signing, detail = _signing(best, wrong, problem, by_image=not signed)
    binds: bool | None = None
    if signed and best is not None:
        holder = next(c for c, s in signed if s is best)
        missing = signatures.unbound(tree, holder, best.node, images)
        others = list(signatures.others(tree, configurations, signed, best, images))
        unused = signatures.unused(configurations, images)
        binds = not (missing or unsigned or others or unused)
        if missing:
            detail += f"; not covered: {', '.join(missing)}"
        if unsigned:
            detail += f"; configuration {unsigned[0]} is not signed"
        detail += "".join(f"; configuration {said}" for said in others[:4])
        if unused:
            # U-Boot starts and runs them by their name, which asks for no configuration.
            detail += f"; in no configuration, so under no signature: {', '.join(unused[:4])}"
    elif best is not None:
        binds = False
        detail += "; each image is signed alone, so images of different releases can be mixed"
        if without := [name for name, one in alone.items() if one is None]:
            detail += f"; not signed: {', '.join(without)}"
    rollback, value = _rollback(tree, best.node if best and signed else None, configurations)
    hashes = {h for i in images.values() for h in i.hashes}
    weak_only = sorted(hashes) if hashes and hashes <= set(WEAK_HASHES) else []
    return Protection(
        signing=signing,
        detail=detail,
        covers=_covers(bool(signed), best),
        binds_payload=binds,
        scheme=best.scheme if best else "",
        key_bits=best.bits if best else None,
        key_id=(key_id(best.verdict.key) or best.node.text("key-name-hint")) if best else "",
        weak=_weak(best, weak_only),
        rollback=rollback,
        rollback_value=value,
        encrypted=encrypted,
        integrity=integrity,
    )


def _covers(by_configuration: bool, best: Signed | None) -> str:
    if best is None:
        return ""
    return (
        "configuration and its images, by their hashes" if by_configuration else "each image alone"
    )


def _weak(best: Signed | None, weak_only: list[str]) -> str:
    if best is None:
        return ""
    images = f"images are bound by {', '.join(weak_only)} only" if weak_only else ""
    return weakness(best.kind, best.bits) or weak_hash(best.hash_name) or images


def _signing(
    best: Signed | None, wrong: list[str], problem: str, *, by_image: bool
) -> tuple[Signing, str]:
    if problem:
        return Signing.UNREADABLE, problem
    if wrong:
        return Signing.TAMPERED, f"the hash of {', '.join(wrong)} is not that of its bytes"
    if best is None:
        return Signing.UNSIGNED, "neither a configuration nor an image carries a signature"
    what = "an image" if by_image else "the configuration"
    return best.verdict.signing, f"{what}: {best.verdict.detail}"


def _integrity(images: dict[str, Image]) -> tuple[str, list[str]]:
    names = sorted({name for image in images.values() for name in image.hashes})
    wrong = [n for n, image in images.items() if not all(image.hashes.values())]
    without = [n for n, image in images.items() if not image.hashes and image.data is not None]
    if not names:
        return "no hashes", wrong
    text = f"{', '.join(names)} of {len(images) - len(without)} images "
    text += f"does not hold for {', '.join(wrong)}" if wrong else "holds"
    return text + (f"; none of {', '.join(without)}" if without else ""), wrong


def _rollback(
    tree: DeviceTree, signature: Node | None, configurations: list[Node]
) -> tuple[Rollback, int | None]:
    """No field of FIT itself; some makers put ``rollback-index`` into the configuration."""
    if not configurations:
        return Rollback.NONE, None
    value = configurations[0].number("rollback-index")
    if value is None:
        return Rollback.NONE, None
    listed = signature is not None and configurations[0].path in signature.texts("hashed-nodes")
    return (Rollback.COUNTER if listed else Rollback.UNSIGNED_COUNTER), value
