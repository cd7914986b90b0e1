"""Flattened device trees: of devices, of U-Boot's FIT images and of its keys.

Source: Devicetree Specification v0.4 chapter 5. Everything is big endian.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from firmware_checks.view import Malformed, View

MAGIC = b"\xd0\x0d\xfe\xed"
HEADER = 40
ROOT = b"\0\0\0\1\0\0\0\0"
"""The token of the root node and its empty name."""
BEGIN_NODE, END_NODE, PROP, NOP, END = 1, 2, 3, 4, 9
MOST_TOKENS = 400_000
DEEPEST = 64
MOST_NAMES = 16 << 20
"""Characters of all paths together: each node repeats those above it."""


@dataclass(slots=True)
class Node:
    """One node with its properties and children, in the order they stand in."""

    name: str
    path: str
    props: dict[str, View] = field(default_factory=dict)
    children: list["Node"] = field(default_factory=list)

    def text(self, name: str) -> str:
        """A property of text, its first string; empty when it is not there."""
        view = self.props.get(name)
        return view.text(0, len(view)) if view is not None else ""

    def texts(self, name: str) -> list[str]:
        """A property that is a list of strings."""
        view = self.props.get(name)
        if view is None:
            return []
        return [t.decode("utf-8", "replace") for t in view.read().split(b"\0") if t]

    def number(self, name: str) -> int | None:
        """A property of one or two cells."""
        view = self.props.get(name)
        if view is None or len(view) not in (4, 8):
            return None
        return int.from_bytes(view.read())

    def child(self, name: str) -> "Node | None":
        return next((c for c in self.children if c.name == name), None)

    def called(self, prefix: str) -> list["Node"]:
        """Children ``hash``, ``hash-1``, ``hash@1``, ``hash1`` for ``hash``: U-Boot looks at the beginning alone."""
        return [c for c in self.children if c.name.startswith(prefix)]

    def all(self) -> Iterator["Node"]:
        yield self
        for child in self.children:
            yield from child.all()


@dataclass(frozen=True, slots=True)
class Token:
    """One token of the structure block: where it stands, and the node it belongs to."""

    kind: int
    start: int
    end: int
    path: str
    prop: str = ""


@dataclass(frozen=True, slots=True)
class DeviceTree:
    """A tree, read."""

    size: int
    root: Node
    tokens: tuple[Token, ...]
    structure: View
    strings: View


def read(view: View) -> DeviceTree:
    """Read a tree of version 16 or later that can be read as 17. Raises Malformed.

    libfdt, and so U-Boot, asks for the oldest version that it can be read as, and for no highest one.
    """
    magic, total, structure_at, strings_at, _, version, oldest = view.unpack(">4sIIIIII")
    _, strings_size, structure_size = view.unpack(">III", 28)
    if magic != MAGIC or version < 16 or oldest > 17:
        raise Malformed("no device tree of version 16 or 17")
    if version == 16:
        structure_size = total - structure_at
    if structure_at % 4 or total < HEADER:
        raise Malformed("the offsets of the device tree cannot be")
    whole = view.part(0, total)
    structure = whole.part(structure_at, structure_size)
    strings = whole.part(strings_at, strings_size)
    root, tokens = _parse(structure, strings)
    return DeviceTree(total, root, tuple(tokens), structure, strings)


def cut_short(view: View) -> int:
    """Bytes that a tree should have which begins well and ends too soon; 0 for any other."""
    magic, total, structure_at, _, _, version, oldest = view.unpack(">4sIIIIII")
    begins = view.starts_with(ROOT, structure_at) and structure_at % 4 == 0
    known = magic == MAGIC and oldest <= 17 and version >= 16 and begins
    return int(total) if known and total > len(view) else 0


def _parse(structure: View, strings: View) -> tuple[Node, list[Token]]:
    stack: list[Node] = []
    root: Node | None = None
    tokens: list[Token] = []
    names: dict[int, str] = {}
    at = paths = 0
    while len(tokens) < MOST_TOKENS:
        kind, start = structure.u32(at, ">"), at
        at += 4
        if kind == BEGIN_NODE:
            node, at = _opened(structure, at, stack, root)
            root = root or node
            paths += len(node.path)
            if paths > MOST_NAMES:
                raise Malformed("too many long names")
            tokens.append(Token(kind, start, at, node.path))
        elif kind == END and not stack and root is not None:
            tokens.append(Token(kind, start, at, ""))
            return root, tokens
        elif kind == NOP:
            tokens.append(Token(kind, start, at, stack[-1].path if stack else ""))
        elif kind == END_NODE and stack:
            tokens.append(Token(kind, start, at, stack.pop().path))
        elif kind == PROP and stack:
            size, where = structure.unpack(">II", at)
            if where not in names:
                names[where] = _string(strings, where)
            stack[-1].props.setdefault(names[where], structure.part(at + 8, size))
            at += 8 + (size + 3) // 4 * 4
            tokens.append(Token(kind, start, at, stack[-1].path, names[where]))
        else:
            raise Malformed(f"token {kind} at {start} of the structure")
    raise Malformed("too many tokens")


def _opened(structure: View, at: int, stack: list[Node], root: Node | None) -> tuple[Node, int]:
    """The node that begins, put below the one that is open."""
    name, at = _name(structure, at)
    node = Node(name, "/" if not stack else stack[-1].path.rstrip("/") + "/" + name)
    if stack:
        stack[-1].children.append(node)
    elif root is not None:
        raise Malformed("two roots")
    stack.append(node)
    if len(stack) > DEEPEST:
        raise Malformed("nodes too deep")
    return node, at


def _name(structure: View, at: int) -> tuple[str, int]:
    window = structure.read(at, min(256, len(structure) - at))
    end = window.find(b"\0")
    if end < 0:
        raise Malformed("a node's name does not end")
    return window[:end].decode("utf-8", "replace"), at + (end + 4) // 4 * 4


def _string(strings: View, at: int) -> str:
    if at >= len(strings):
        raise Malformed("a property's name is not there")
    return strings.text(at, min(256, len(strings) - at))
