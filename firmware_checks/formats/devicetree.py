"""Device trees as they stand: of a board, and U-Boot's own one, which holds the keys that it verifies with.

Source: Devicetree Specification v0.4; U-Boot's ``doc/usage/fit/signature.rst``. Only a key with ``required``
makes U-Boot refuse what is not signed: with keys of which none is required, an unsigned FIT still boots.
"""

from firmware_checks import fdt
from firmware_checks.fdt import Node
from firmware_checks.keys import weakness
from firmware_checks.reading import Context, Facts, Format, Reading
from firmware_checks.view import View
from probe.model.firmware import ImageWeakness, LayerKind

RANK = 35
MOST_KEYS = 32


class Dtb(Format):
    """The format."""

    name = "device tree"
    anchors = ((fdt.MAGIC, 0),)
    searched = True

    def read(self, view: View, context: Context) -> Reading | None:
        if whole := fdt.cut_short(view):
            problem = f"the tree is cut short: {len(view)} of {whole} bytes are there"
            return Reading(format=self.name, kind=LayerKind.DATA, size=len(view), problem=problem)
        tree = fdt.read(view)
        context.budget.take(tree.size)
        root = tree.root
        compatible = ", ".join(root.texts("compatible")[:8])
        keys = (root.child("signature") or Node("", "")).called("key")[:MOST_KEYS]
        details = [("compatible", compatible)] if compatible else []
        details += [
            (f"verification key {key.text('key-name-hint') or key.name}", _key(key)) for key in keys
        ]
        weaknesses = _weaknesses(root.child("signature"), keys)

        def says(image: str, place: str) -> Facts:
            for kind, what in weaknesses:
                path = "/signature"
                yield (
                    ImageWeakness(image=image, place=place, path=path, kind=kind, what=what),
                    what.encode(),
                )

        chosen = root.child("chosen")
        if chosen is not None and (line := chosen.text("bootargs")):
            details.append(("kernel command line", line))
        return Reading(
            format=self.name,
            kind=LayerKind.DATA,
            size=tree.size,
            title=root.text("model") or root.text("description"),
            details=tuple(details),
            says=says if weaknesses else None,
        )


FORMAT = Dtb()


def _key(node: Node) -> str:
    needed = node.text("required")
    kind, bits = _size(node)
    said = f"required for every {'configuration' if needed == 'conf' else needed}" if needed else ""
    return f"{node.text('algo') or kind}, {bits or 'unknown'} bits, {said or 'not required'}"


def _size(node: Node) -> tuple[str, int | None]:
    if (bits := node.number("rsa,num-bits")) is not None:
        return "RSA", bits
    curve = node.text("ecdsa,curve")
    digits = "".join(c for c in curve if c.isdecimal())[:3]
    return "EC", int(digits) if digits else None


def _weaknesses(folder: Node | None, keys: list[Node]) -> list[tuple[str, str]]:
    """What the keys do not do."""
    found: list[tuple[str, str]] = []
    needed = [key.text("required") for key in keys]
    if keys and not any(needed):
        what = "U-Boot holds keys of which none is required: an unsigned FIT image boots"
        found.append(("signature not required", what))
    elif keys and "conf" not in needed:
        what = (
            "only single images must be signed, not configurations: images of releases can be mixed"
        )
        found.append(("signature not required", what))
    if (
        folder is not None
        and folder.text("required-mode") == "any"
        and len([n for n in needed if n]) > 1
    ):
        found.append(("signature not required", "one of several required keys is enough"))
    said = [weakness(*_size(key)) for key in keys]
    return found + [("weak verification key", text) for text in said if text]
