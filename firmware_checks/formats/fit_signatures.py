"""The signatures of a FIT: what each is over, who made it, and what the configuration leaves out.

Source: U-Boot's ``doc/usage/fit/signature.rst``, "Configuration nodes" and "Signature nodes".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from firmware_checks import fdt
from firmware_checks.budget import Budget
from firmware_checks.fdt import DeviceTree, Node
from firmware_checks.reading import PublicKey
from firmware_checks.signatures import NAMES, WEAK_HASHES, Verdict, blank, check, described, judged
from firmware_checks.view import View
from probe.model.firmware import Signing

# Where an image's bytes stand is not signed: moving them outside the tree must not change the signature.
UNSIGNED_PROPS = ("data", "data-size", "data-position", "data-offset")
IMAGE_PROPS: tuple[str, ...] = ("kernel", "fdt", "ramdisk", "firmware", "loadables", "fpga")
IMAGE_PROPS += ("script", "setup", "standalone")
STRONG_HASHES = ("sha224", "sha256", "sha384", "sha512")
MOST_SIGNATURES = 8
CRYPTO = re.compile(r"(?:rsa|ecdsa|secp)([0-9]{3,5})")


@dataclass(slots=True)
class Image:
    """One image of the FIT."""

    node: Node
    data: View | None
    offset: int | None
    hashes: dict[str, bool] = field(default_factory=dict)
    """Hash algorithm to whether it holds."""

    @property
    def encrypted(self) -> bool:
        return bool(self.node.called("cipher"))


@dataclass(frozen=True, slots=True)
class Signed:
    """One signature node, judged."""

    node: Node
    verdict: Verdict
    hash_name: str
    kind: str
    bits: int | None
    padding: str

    @property
    def scheme(self) -> str:
        size = f"{self.kind}-{self.bits}" if self.bits else self.kind
        return " ".join(filter(None, (size, self.padding, NAMES.get(self.hash_name, ""))))


def best(ones: list[Signed]) -> Signed | None:
    """The signature that says most: one that was verified, then one that shows tampering."""
    order = (Signing.VERIFIED, Signing.TAMPERED, Signing.NOT_VERIFIED)
    return min(ones, key=lambda s: order.index(s.verdict.signing), default=None)


def worst(ones: list[Signed]) -> Signed | None:
    """Of several images that are signed one by one: one that shows tampering, then one not verified."""
    order = (Signing.TAMPERED, Signing.NOT_VERIFIED, Signing.VERIFIED)
    return min(ones, key=lambda s: order.index(s.verdict.signing), default=None)


def _of(node: Node) -> list[Node]:
    """The nodes of signatures that were made: mkimage leaves the value out where it had no key."""
    found = [
        one
        for one in node.called("signature")
        if "value" in one.props and not blank(one.props["value"].read())
    ]
    return found[:MOST_SIGNATURES]


def config_signatures(
    tree: DeviceTree, node: Node, keys: tuple[PublicKey, ...]
) -> Iterator[Signed]:
    """The signatures of one configuration, judged."""
    for one in _of(node):
        yield _judge(one, memoryview(regions(tree, one) if keys else b""), keys)


def image_signatures(image: Image, keys: tuple[PublicKey, ...], budget: Budget) -> Iterator[Signed]:
    """The signatures of one image, judged. Raises OutOfBudget."""
    if image.data is None:
        return
    for one in _of(image.node):
        budget.take(len(image.data) * len(keys))
        yield _judge(one, image.data.raw, keys)


def regions(tree: DeviceTree, signature: Node) -> bytes:
    """What a configuration's signature is over: the nodes that it lists, then the names of properties.

    Of a listed node every property, of its children only their frames; U-Boot leaves out where an image's
    bytes stand.
    """
    listed = set(signature.texts("hashed-nodes"))
    depth, wanted, pieces = 0, [0], []
    for token in tree.tokens:
        take = False
        if token.kind == fdt.BEGIN_NODE:
            above = wanted[depth]
            here = 2 if token.path in listed else max(above - 1, 0)
            wanted.append(here)
            depth, take = depth + 1, here > 0
        elif token.kind == fdt.END_NODE:
            take = wanted.pop() > 0
            depth -= 1
        elif token.kind in (fdt.PROP, fdt.NOP):
            take = wanted[depth] == 2 and token.prop not in UNSIGNED_PROPS
        elif token.kind == fdt.END:
            take = True
        if take:
            pieces.append(tree.structure.read(token.start, token.end - token.start))
    strings = signature.props.get("hashed-strings")
    if strings is not None and len(strings) == 8:
        pieces.append(tree.strings.read(0, strings.u32(4, ">")))
    return b"".join(pieces)


def _judge(node: Node, data: memoryview, keys: tuple[PublicKey, ...]) -> Signed:
    names = node.text("algo").split(",")
    hash_name, crypto = names[0], names[1] if len(names) > 1 else ""
    signature = node.props["value"].read()
    verdict = judged(
        keys, lambda k: check(k, signature, data, hash_name), node.text("key-name-hint")
    )
    kind, bits = "RSA" if crypto.startswith("rsa") else "EC", None
    if named := CRYPTO.match(crypto):
        bits = int(named.group(1))
    if kind == "RSA":
        # The name is only a word; the signature is as long as the key.
        bits = 8 * len(signature)
    if verdict.key is not None:
        kind, bits = described(verdict.key)
    padding = ("PSS" if node.text("padding") == "pss" else "PKCS#1 v1.5") if kind == "RSA" else ""
    return Signed(node, verdict, hash_name, kind, bits, padding)


def ignored(node: Node) -> bool:
    """Whether U-Boot passes this hash over (``uboot-ignore``)."""
    return bool(node.number("uboot-ignore"))


def used(configuration: Node) -> set[str]:
    """Names of the images that a configuration takes."""
    return {name for prop in IMAGE_PROPS for name in configuration.texts(prop)}


def unused(configurations: list[Node], images: dict[str, Image]) -> list[str]:
    """Images that no configuration takes."""
    taken = {name for one in configurations for name in used(one)}
    return [name for name in images if name not in taken]


def unbound(
    tree: DeviceTree, configuration: Node, signature: Node, images: dict[str, Image]
) -> list[str]:
    """What the configuration uses and the signature does not cover with a hash."""
    listed = set(signature.texts("hashed-nodes"))
    missing = [path for path in ("/", configuration.path) if path not in listed]
    for name in sorted(used(configuration)):
        image = images.get(name)
        if image is None:
            missing.append(f"image {name}, which is not there")
            continue
        covered = [h for h in image.node.called("hash") if h.path in listed and "value" in h.props]
        covered = [h for h in covered if not ignored(h)]
        strong = [h for h in covered if h.text("algo") in STRONG_HASHES]
        weak = [h for h in covered if h.text("algo") in WEAK_HASHES]
        if image.node.path not in listed or not covered:
            missing.append(f"image {name}")
        elif not strong:
            why = "by a weak hash only" if weak else "by a hash that is not known here"
            missing.append(f"image {name} ({why})")
        elif any(one.path not in listed for one in image.node.called("cipher")):
            # Its first vector is there: changed, the first block of the plaintext changes with it.
            missing.append(f"the cipher of image {name}")
    return missing


def others(
    tree: DeviceTree,
    configurations: list[Node],
    signed: list[tuple[Node, Signed]],
    told: Signed,
    images: dict[str, Image],
) -> Iterator[str]:
    """What is worse of the other configurations, of which a device may take any."""
    found: dict[str, list[Signed]] = {}
    for node, made in signed:
        found.setdefault(node.path, []).append(made)
    for node in configurations:
        one = best(found.get(node.path, []))
        if one is None or one is told:
            continue
        if one.verdict.signing is not told.verdict.signing:
            yield f"{node.name}: {one.verdict.detail}"
        elif missing := unbound(tree, node, one.node, images):
            yield f"{node.name} does not cover {', '.join(missing)}"
