"""What a format says about bytes: the contract between a file under ``formats/`` and the walk."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from firmware_checks.budget import Budget
from firmware_checks.view import View
from probe.model.firmware import FirmwareFact, LayerKind, Signing
from probe.model.firmware import Protection as Protection


@dataclass(frozen=True, slots=True)
class Quote:
    """Bytes of the image, and the file and line where they stand; line 0 in a file that is no text."""

    path: str
    line: int
    data: bytes
    where: str = ""
    """What they are and where they stand when that is no line: ``inode 12 at 0x1f00 of layer 0/2``."""


Facts = Iterator[tuple[FirmwareFact, bytes | tuple[Quote, ...]]]
"""Each fact with the bytes that show it, as they stand in the image: they are evidence, in which secrets are
masked when somebody looks. Bytes alone stand where the fact says, by path and line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of a layer that may be a layer itself."""

    name: str
    """``payload``, ``kernel``, the name of an archive's member …"""
    view: View | None = None
    """The bytes; None when they have to be made first, by ``make``."""
    make: "Callable[[Budget], View] | None" = None
    """Decompresses or decodes. Raises Malformed or OutOfBudget."""
    offset: int | None = None
    """Where it stands in the layer; None when it does not stand there as it is."""
    opaque: str = ""
    """Why nothing is to be looked for in it (a signature, calibration values); empty when there is."""
    hidden: str = ""
    """Why what is in it cannot be seen (encrypted): it is told as unread. Empty when it can."""


class Kind(StrEnum):
    """The kind of an entry of a file system or archive."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "symbolic link"
    OTHER = "device, pipe or socket"


class Seen(StrEnum):
    """How the bytes of an entry are looked at."""

    BOTH = "as a file, and asked whether a layer begins in them"
    FILE = "as a file: its format is known, and is no layer"
    LAYER = "as a layer: what is in it is looked at there, and not twice"


@dataclass(frozen=True, slots=True)
class Passage:
    """Bytes of a layer, whole or decompressed: a record of a file system that says what a file's mode is."""

    data: bytes
    what: str
    """What they are and where they stand: ``inode 12 at 0x1f00``."""
    mode: tuple[int, int]
    """The first and the last of them that say the mode."""


class Records(Protocol):
    """Who can show the records of a file system or archive."""

    def passage(self, at: int) -> Passage:
        """The record ``at`` (an offset or number that it gave out itself). Raises Malformed or OutOfBudget."""
        ...


class Spot(NamedTuple):
    """Where the record of an entry stands. Nothing is read before somebody asks."""

    records: Records
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One inode of a file system, or one member of an archive. ``path`` is a name, never a way on disk."""

    path: str
    """Normalised: no leading slash, no ``.`` or ``..`` part, no control characters."""
    kind: Kind
    mode: int
    """Permission bits with setuid, setgid and sticky: ``0o7777``."""
    uid: int
    gid: int
    size: int
    target: str = ""
    """Of a symbolic link."""
    modified: float | None = None
    problem: str = ""
    """Why its bytes are not all there, or what is behind it was not read; empty when all was."""
    seen: Seen = Seen.BOTH
    is_named: bool = True
    """False: what it is called says nothing of what it is (a GUID), so only what its bytes say is looked for."""
    spot: Spot | None = None
    """What says its mode; None when nothing does (FAT has no modes)."""


class Tree(Protocol):
    """The files of a layer, in the order that is cheapest to read."""

    def entries(self, budget: Budget) -> Iterator[tuple[Entry, View]]:
        """Every entry; the view is empty for what is no file. Raises Malformed or OutOfBudget: what came
        before holds, what would have come is unread."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One layer, read."""

    format: str
    kind: LayerKind
    size: int
    """Bytes from the layer's beginning that belong to it; what follows is a layer of its own."""
    title: str = ""
    version: str = ""
    built: str = ""
    details: tuple[tuple[str, str], ...] = ()
    problem: str = ""
    doubtful: bool = False
    """With a problem, and so little of it fits that unknown bytes have the like by chance: counts where the
    bytes begin, and not in a search inside them."""
    protection: Protection | None = None
    """None for formats that nobody installs as they stand (a file system inside a container)."""
    parts: tuple[Part, ...] = ()
    tree: Tree | None = None
    says: "Callable[[str, str], Facts] | None" = None
    """What the layer shows beside its protection (a secret, a weakness), given image and place."""


def unread(name: str, kind: LayerKind, size: int, why: str, *, is_sure: bool = False) -> Reading:
    """A layer of the format ``name`` of which no more is read than that; silence would look like a clean one.

    ``is_sure``: unknown bytes do not have by chance what it was recognised by.
    """
    protection = Protection(signing=Signing.UNREADABLE, detail=why)
    return Reading(
        format=name, kind=kind, size=size, problem=why, doubtful=not is_sure, protection=protection
    )


@dataclass(frozen=True, slots=True)
class Keys:
    """The public keys that the user gave, to verify with."""

    keys: tuple["PublicKey", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """One key of ``--key``: ``der`` is its SubjectPublicKeyInfo, ``certificate`` the DER it came from."""

    name: str
    der: bytes
    certificate: bytes = b""
    made: int = 0
    """Of an OpenPGP key, like the next two: when, in seconds since 1970."""
    expires: int = 0
    """The same, 0 when it does not."""
    refused: str = ""
    """Why its holder says that no document is to be verified with it; empty when he does not."""


@dataclass(slots=True)
class Context:
    """What a format may use while it reads."""

    budget: Budget
    keys: Keys = field(default_factory=Keys)


class Format:
    """One format: a file under ``formats/`` or ``filesystems/`` with the constant ``FORMAT``."""

    name: str
    anchors: tuple[tuple[bytes, int], ...] = ()
    """``(magic, offset)``: the layer begins ``offset`` bytes before its magic. Found at the start of a layer,
    and by searching where nothing else fits. Empty: only ``read`` can tell. An ``offset`` below 0 counts from the
    end of the layer: a trailer."""
    at_end: bool = False
    """It is recognised by its last bytes (a trailer), and asked first."""
    searched: bool = False
    """Its magic is long and strict enough to be searched for inside unknown bytes."""
    is_stream: bool = False
    """Only its decoder can tell whether it is one, by decompressing it."""

    def read(self, view: View, context: Context) -> Reading | None:
        """None when it is not this format. Malformed from here means: not this format either; a layer that
        is cut short or damaged is a Reading with ``problem``, not an exception."""
        raise NotImplementedError
