"""A firmware image as a tree: bytes, containers, file systems, files, and what was found in each file.

Texts come from the image; they were cleaned when they were recorded, and are data for every renderer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from probe.model import firmware as fw
from probe.model.dut import Dut

MOST_FILES = 200
"""Files of one image that are named; all of them are in the journal."""


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


def tree(dut: Dut) -> list[Node]:
    """Every layer of every image of the device in order, below each its files of interest."""
    nodes: list[Node] = []
    for image in images(dut):
        layers = {s.fact.place: s.fact for s in dut.all(fw.ImageLayer) if s.fact.image == image}
        shields = {
            s.fact.place: s.fact for s in dut.all(fw.ImageProtection) if s.fact.image == image
        }
        files = found_in_files(dut, image)
        left = MOST_FILES
        for place in sorted(layers, key=in_order):
            layer, shield = layers[place], shields.get(place)
            says = [shield.signing.value] if shield else []
            says += [layer.problem] if layer.problem else []
            depth = sum(place.startswith(f"{other}/") for other in layers)
            version = " ".join(filter(None, (layer.title, layer.version, layer.built)))
            nodes.append(
                Node(depth, place, layer.name, layer.format, layer.size, version, (*says,), image)
            )
            here = files.get(place, {})
            for path, found in [*here.items()][:left]:
                nodes.append(Node(depth + 1, place, path, "file", None, "", tuple(found), image))
            left -= min(left, len(here))
    return nodes


def images(dut: Dut) -> list[str]:
    """SHA-256 of the images that facts are known of, in the order in which they were examined."""
    return list(dict.fromkeys(s.fact.image for s in dut.all(fw.ImageLayer)))


def found_in_files(dut: Dut, image: str) -> dict[str, dict[str, list[str]]]:
    """Place, then path, then what was found there, each once."""
    files: dict[str, dict[str, list[str]]] = {}
    for observation in dut.observations:
        fact: Any = observation.fact
        say = _SAYS.get(type(fact))
        if say is None or fact.image != image or not (said := say(fact)):
            continue
        found = files.setdefault(fact.place, {}).setdefault(fact.path, [])
        if said not in found:
            found.append(said)
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
