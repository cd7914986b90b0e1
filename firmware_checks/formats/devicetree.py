"""Device trees as they stand: of a board, and U-Boot's own one, which holds the keys that it verifies with.

Source: Devicetree Specification v0.4; U-Boot's ``doc/usage/fit/signature.rst``. Only a key with ``required``
makes U-Boot refuse what is not signed: with keys of which none is required, an unsigned FIT still boots.
"""

from firmware_checks import fdt
from firmware_checks.fdt import DeviceTree, Node
from firmware_checks.keys import weakness
from firmware_checks.reading import Context, Facts, Format, Quote, Reading
from firmware_checks.view import View
from probe.model.firmware import ImageWeakness, LayerKind

RANK = 35
MOST_KEYS = 32
MOST_SHOWN, LONGEST_SHOWN = 4, 256
"""Nodes or properties that show one weakness, and bytes of each."""
Place = tuple[str, str]
"""A node's path and one of its properties; without one the whole node."""


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
            spans = _spans(tree, {one for _, _, shown in weaknesses for one in shown})
            begin = view.u32(8, ">")
            for kind, what, shown in weaknesses:
                path = "/signature"
                fact = ImageWeakness(image=image, place=place, path=path, kind=kind, what=what)
                quotes = (_quote(view, begin, one, spans[one], place) for one in shown)
                yield fact, tuple(quotes)

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


def _spans(tree: DeviceTree, wanted: set[Place]) -> dict[Place, tuple[int, int]]:
    """Where they begin and end in the structure block; of two of one name the first."""
    found: dict[Place, tuple[int, int]] = {}
    opened: dict[str, int] = {}
    for token in tree.tokens:
        place = (token.path, token.prop)
        if place not in wanted or place in found:
            continue
        if token.kind == fdt.BEGIN_NODE:
            opened.setdefault(token.path, token.start)
        elif token.kind == fdt.END_NODE:
            found[place] = (opened[token.path], token.end)
        elif token.kind == fdt.PROP:
            found[place] = (token.start, token.end)
    return found


def _quote(view: View, begin: int, one: Place, span: tuple[int, int], place: str) -> Quote:
    (path, prop), (start, end) = one, span
    data = view.read(begin + start, min(end - start, LONGEST_SHOWN))
    what = f"property {prop}" if prop else "node"
    return Quote(path, 0, data, f"{what} at {begin + start:#x} of layer {place}")


def _weaknesses(folder: Node | None, keys: list[Node]) -> list[tuple[str, str, list[Place]]]:
    """What the keys do not do, and the nodes and properties that show it."""
    found: list[tuple[str, str, list[Place]]] = []
    needed = [key.text("required") for key in keys]
    given = [(key.path, "required" if n else "") for key, n in zip(keys, needed, strict=True)]
    some = given[:MOST_SHOWN]
    if keys and not any(needed):
        what = "U-Boot holds keys of which none is required: an unsigned FIT image boots"
        found.append(("signature not required", what, some))
    elif keys and "conf" not in needed:
        what = (
            "only single images must be signed, not configurations: images of releases can be mixed"
        )
        found.append(("signature not required", what, some))
    if (
        folder is not None
        and folder.text("required-mode") == "any"
        and len([n for n in needed if n]) > 1
    ):
        what = "one of several required keys is enough"
        found.append(("signature not required", what, [(folder.path, "required-mode")]))
    said = [(weakness(*_size(key)), key) for key in keys]
    return found + [
        ("weak verification key", text, [(key.path, _names_size(key))])
        for text, key in said
        if text
    ]


def _names_size(key: Node) -> str:
    return next((name for name in ("rsa,num-bits", "ecdsa,curve") if name in key.props), "")
