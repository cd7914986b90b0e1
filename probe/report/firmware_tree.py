"""A firmware image as a tree: bytes, containers, file systems, files, and what was found in each file.

Texts come from the image; they were cleaned when they were recorded, and are data for every renderer.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from probe.model import firmware as fw
from probe.model.dut import Dut
from probe.model.evidence import EvidenceRef, Proof

MOST_FILES = 200
"""Files of one image that are named; all of them are in the journal."""
MOST_SAID = 50
"""Things that are said of one file."""


@dataclass(frozen=True, slots=True)
class Node:
    """One line: a layer, or a file of interest in the layer above it."""

    depth: int
    place: str
    """Of the layer; of a file that of the layer it is in."""
    name: str
    what: str
    """The layer's format; ``file`` for a file."""
    size: int | None
    version: str
    says: tuple[str, ...]
    """Of a layer its protection or its trouble, of a file what was found in it."""
    image: str = ""
    proof: EvidenceRef | None = None
    """Bytes that show it: the beginning of a layer, or what was found in a file."""


MORE = "more"
"""``what`` of a line that says how many files are left out."""


def tree(dut: Dut, most_files: int = MOST_FILES) -> list[Node]:
    """Every layer of every image of the device in order, below each its files of interest."""
    nodes: list[Node] = []
    for image in images(dut):
        seen = {s.fact.place: s for s in dut.all(fw.ImageLayer) if s.fact.image == image}
        layers = {place: s.fact for place, s in seen.items()}
        shields = {
            s.fact.place: s.fact for s in dut.all(fw.ImageProtection) if s.fact.image == image
        }
        files = found_in_files(dut, image)
        left = most_files
        for place in sorted(layers, key=in_order):
            layer, shield = layers[place], shields.get(place)
            says = [shield.signing.value] if shield else []
            says += [layer.problem] if layer.problem else []
            says += ["not read"] if layer.kind is fw.LayerKind.UNKNOWN else []
            depth = sum(place.startswith(f"{other}/") for other in layers)
            number, made = layer.version, layer.built
            if layer.kind is fw.LayerKind.FILE_SYSTEM:  # Of the format, not of a product.
                number, made = number and f"format version {number}", made and f"made {made}"
            version = " ".join(filter(None, (layer.title, number, made)))
            nodes.append(
                Node(
                    depth,
                    place,
                    layer.name,
                    layer.format,
                    layer.size,
                    version,
                    (*says,),
                    image,
                    shown_by(seen[place].proof),
                )
            )
            here = files.get(place, {})
            for path, found in [*here.items()][:left]:
                said, proof = found.said(), found.proof
                nodes.append(Node(depth + 1, place, path, "file", None, "", said, image, proof))
            if len(here) > left:
                says = [f"and {len(here) - left} more files of interest"]
                nodes.append(Node(depth + 1, place, "", MORE, None, "", (*says,), image))
            left -= min(left, len(here))
    return nodes


def shown_by(proof: Iterable[Proof]) -> EvidenceRef | None:
    return next((p for p in proof if isinstance(p, EvidenceRef)), None)


def images(dut: Dut) -> list[str]:
    """SHA-256 of the images that facts are known of, in the order in which they were examined."""
    return list(dict.fromkeys(s.fact.image for s in dut.all(fw.ImageLayer)))


@dataclass(slots=True)
class InFile:
    """What was found in one file, each once, and the bytes that show the first of it."""

    says: dict[str, None] = field(default_factory=dict)
    proof: EvidenceRef | None = None

    def said(self) -> tuple[str, ...]:
        """At most ``MOST_SAID``, and how many more there are."""
        every = [*self.says]
        more = len(every) - MOST_SAID
        return (*every[:MOST_SAID], *([f"and {more} more"] if more > 0 else []))


def found_in_files(dut: Dut, image: str) -> dict[str, dict[str, InFile]]:
    """Place, then path, then what was found there."""
    files: dict[str, dict[str, InFile]] = {}
    for observation in dut.observations:
        fact: Any = observation.fact
        say = _SAYS.get(type(fact))
        if say is None or fact.image != image or not (said := say(fact)):
            continue
        found = files.setdefault(fact.place, {}).setdefault(fact.path, InFile())
        found.proof = found.proof or shown_by(observation.proof)
        found.says[said] = None
    return files


def in_order(place: str) -> tuple[int, ...]:
    """Sort key of ``0/2/10``."""
    return tuple(int(n) for n in place.split("/") if n.isdecimal())


def _account(a: fw.ImageAccount) -> str:
    return "" if a.state is fw.AccountState.LOCKED else f"account '{a.username}': {a.state.value}"


def _key(k: fw.ImageKey) -> str:
    known = f", publicly known: {k.public_name}" if k.public_name else ""
    return f"{k.use}, {k.algorithm} {k.bits or ''}".rstrip() + known


def _line(word: str, line: int) -> str:
    return f"{word}, line {line}" if line else word


_SAYS: dict[type, Callable[[Any], str]] = {
    fw.ImageAccount: _account,
    fw.ImageKey: _key,
    fw.ImageCertificate: lambda c: (
        f"certificate {c.certificate.subject}" + ", with its key" * c.with_key
    ),
    fw.ImageSecret: lambda s: _line(f"secret: {s.kind}", s.line),
    fw.ImageUrl: lambda u: (
        "" if u.encrypted else _line(f"fetched without encryption: {u.url}", u.line)
    ),
    fw.ImageWeakness: lambda w: _line(f"{w.kind}: {w.what}", w.line),
    fw.ImageKernel: lambda k: f"kernel configuration {k.version}".rstrip(),
}
