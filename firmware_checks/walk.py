"""From the bytes of one image to its facts: layer by layer, file by file, within the budget."""

from collections import Counter
from dataclasses import asdict, dataclass, replace
from time import thread_time
from typing import Any

from firmware_checks.bare import program
from firmware_checks.budget import OutOfBudget
from firmware_checks.content import Inspector, inspectors
from firmware_checks.content.files import NOT_READ
from firmware_checks.content.hidden import hidden, is_kernel
from firmware_checks.formats import found
from firmware_checks.guess import beginnings, entropy, is_text, without_suffix
from firmware_checks.reading import Context, Entry, Facts, Format, Kind, Part, Reading
from firmware_checks.streams import StreamFormat
from firmware_checks.view import HELD, Malformed, View
from probe.collect.recording import Recording
from probe.model.evidence import Proof
from probe.model.firmware import (
    FirmwareFact,
    ImageLayer,
    ImageProtection,
    ImageSurvey,
    ImageWeakness,
    LayerKind,
)
from probe.model.text import clean

SHOWN = 256
"""First bytes of a layer that are kept as its evidence."""
SMALLEST_UNKNOWN = 64
"""Fewer unknown bytes than this between layers are taken for alignment."""
HEAD = 2048
MOST_UNREAD = 200
MOST_TRIED = 10_000
"""Places of one image at which a layer might begin and did not."""
GIVEN_UP = "too many places in it look like the beginning of one"
SMALLEST_IMAGE = 4096
"""A smaller file of a tree, of no known format, is not searched for layers."""
IMAGES = frozenset({LayerKind.FILE_SYSTEM, LayerKind.FLASH, LayerKind.ARCHIVE, LayerKind.UPDATE})
BEHIND = "its beginning is of no known format; what begins further inside was read"
COMPRESSED = "compressed, and too much was in the compressed files before it"
MOST_WORDS = 500
"""Characters of one text of a protection."""
PADDING = (0x00, 0xFF)
ENDLESS = {
    LayerKind.COMPRESSION: frozenset(LayerKind),
    LayerKind.FILE_SYSTEM: frozenset({LayerKind.FILE_SYSTEM, LayerKind.FLASH}),
    LayerKind.FLASH: frozenset({LayerKind.FILE_SYSTEM, LayerKind.FLASH}),
}
"""What may stand behind a damaged layer of a kind, and not inside it: files hold streams and archives."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a layer stands: ``0/2``, its name in the layer above, and its offset there."""

    path: str
    name: str
    offset: int | None = 0
    in_tree: bool = False
    """It is a compressed file of a file system: what is in it is a file too when it is no layer."""

    @property
    def depth(self) -> int:
        return self.path.count("/")


class Walk:
    """One image. Facts are recorded as they are found; ``survey`` says at the end what was not read."""

    def __init__(self, image: str, name: str, recording: Recording, context: Context) -> None:
        self.image, self.name = image, name
        self.recording, self.context = recording, context
        self.unread: list[str] = []
        self.recorded: Counter[str] = Counter()
        self._children: dict[str, int] = {}
        self._tried, self._tried_s = 0, 0.0
        self._held = 0
        self._mapped = View(b"")

    def whole(self, view: View) -> None:
        """Everything in the file, then the survey."""
        first = Place("0", self.name)
        self._mapped = view
        self.layer(view, first)
        self._survey(view)

    # --- one layer -------------------------------------------------------------------------------

    def layer(self, view: View, place: Place, known: Reading | None = None) -> None:
        """Read what begins here, then what follows it; raises nothing for what the bytes are.

        ``known``: what ``recognise`` said before, so that a stream is not decompressed twice.
        """
        first = place.path
        while True:
            try:
                self.context.budget.layer(place.depth)
                reading = known or recognise(view, self.context)
            except OutOfBudget as error:
                self._not_read(place, str(error))
                return
            if reading is None:
                self._unknown(view, place)
                return
            size = self._extent(view, reading)
            self._recognised(reading, view.part(0, min(reading.size, len(view))), place)
            view, known = view.part(size), None
            if len(view) < SMALLEST_UNKNOWN or view.is_filled_with(*PADDING):
                return
            offset = None if place.offset is None else place.offset + size
            place = Place(self._next(first), f"after {reading.format}", offset)

    def _extent(self, view: View, reading: Reading) -> int:
        """Bytes from which on the next layer is looked for. A damaged stream or file system does not say, or
        not truly, where it ends: what stands whole inside its claim must not vanish behind it."""
        size = min(reading.size, len(view))
        if not reading.problem or reading.kind not in ENDLESS:
            return size
        within = view.part(0, size)
        for offset in beginnings(within):
            if self._tries_left() and offset >= SMALLEST_UNKNOWN:
                begun = thread_time()
                inside = self._try(within.part(offset))
                if inside and inside.kind in ENDLESS[reading.kind] and _may_end(reading, inside):
                    return offset
                # In a stream that became too large every further one may cost as much again.
                self._tried_s += thread_time() - begun if inside else 0
        return size

    def _try(self, view: View) -> Reading | None:
        """What begins in the middle of other bytes. A try that finds nothing costs of the time for tries."""
        begun = thread_time()
        try:
            reading = recognise(view, self.context, searched=True)
        except OutOfBudget:
            reading = None
        if reading is not None and not reading.doubtful:
            return reading
        self._tried += 1
        self._tried_s += thread_time() - begun
        if len(view) > HELD:
            view.release()
        return None

    def _tries_left(self) -> bool:
        return self._tried < MOST_TRIED and self._tried_s < self.context.budget.limits.searching

    def _recognised(self, reading: Reading, view: View, place: Place) -> None:
        proof = self._record(reading, view, place)
        if reading.problem:
            self._not_read(place, reading.problem)
        if reading.protection is not None:
            protection = {k: shown(v) for k, v in asdict(reading.protection).items()}
            fact = ImageProtection(
                image=self.image, place=place.path, format=reading.format, **protection
            )
            self._observe(fact, *proof)
        if reading.says is not None:
            self._note(reading.format, reading.says(self.image, place.path))
        for part in reading.parts:
            self._part(part, self._below(reading, part, place))
        if reading.tree is not None:
            self._tree(reading, place)
        elif reading.kind is LayerKind.BOOT and not reading.parts and not place.in_tree:
            self._inspect(view, place)

    def _below(self, reading: Reading, part: Part, place: Place) -> Place:
        path, name = self._next(place.path), clean(part.name, 200)
        if reading.kind is not LayerKind.COMPRESSION:
            return Place(path, name, part.offset)
        return Place(path, without_suffix(place.name) or name, part.offset, place.in_tree)

    def _record(self, reading: Reading, view: View, place: Place) -> tuple[Proof, ...]:
        caption = f"first bytes of layer {place.path}, {reading.format}"
        shown = view.read(0, min(SHOWN, len(view)))
        ref = self.recording.keep(shown, media_type="application/octet-stream", caption=caption)
        layer = ImageLayer(
            image=self.image,
            place=place.path,
            format=reading.format,
            kind=reading.kind,
            name=place.name,
            offset=place.offset,
            size=len(view),
            sha256=self.image
            if len(view) == len(self._mapped) and place.path == "0"
            else view.sha256(),
            title=clean(reading.title, 200),
            version=clean(reading.version, 100),
            built=clean(reading.built, 60),
            details=tuple((clean(k, 60), clean(v, 200)) for k, v in reading.details[:60]),
            problem=clean(reading.problem, 300),
        )
        self._observe(layer, ref)
        return (ref,)

    def _part(self, part: Part, place: Place) -> None:
        if part.hidden:
            self._not_read(place, part.hidden)
        if part.hidden or part.opaque:
            return
        try:
            if part.view is not None:
                view = part.view
            else:
                assert part.make is not None
                view = part.make(self.context.budget)
        except (Malformed, OutOfBudget) as error:
            self._not_read(place, str(error))
            return
        if len(view) and not view.is_filled_with(*PADDING):
            self.layer(view, place)

    # --- files -----------------------------------------------------------------------------------

    def _tree(self, reading: Reading, place: Place) -> None:
        assert reading.tree is not None
        looking = inspectors(self.image, place.path)
        try:
            for entry, view in reading.tree.entries(self.context.budget):
                self.context.budget.file()
                self._file(entry, view, place, looking)
        except (Malformed, OutOfBudget) as error:
            self._not_read(place, f"{reading.format}: {error}")
        for inspector in looking:
            self._note(inspector.name, inspector.end())

    def _file(self, entry: Entry, view: View, place: Place, looking: list[Inspector]) -> None:
        if entry.problem:
            self._not_read(Place(place.path, clean(entry.path, 200)), entry.problem)
        self._held += len(view)
        if self._held > HELD:
            self._mapped.release()
            self._held = 0
        for inspector in looking:
            self._note(inspector.name, inspector.look(entry, view))
        if entry.kind is Kind.FILE and may_be_layer(view):
            if self.context.budget.is_full_of_compressed_files() and is_stream(view):
                self._not_read(Place(place.path, clean(entry.path, 200)), COMPRESSED)
                return
            reading = recognise(view, self.context)
            if reading is not None:
                reading = self._decompressed(reading)
                if not self._compressed_file(entry, reading, view, place):
                    name = clean(entry.path, 200)
                    inside = Place(self._next(place.path), name, None, in_tree=True)
                    self.layer(view, inside, reading)
            elif self._holds_layers(view):
                self._further_inside(entry, view, place)
            elif why := hidden(entry.path, view):
                self._not_read(Place(place.path, clean(entry.path, 200)), why)

    def _holds_layers(self, view: View) -> bool:
        """A file of no known format in which one begins further inside: an image with a header of its maker's
        own, or one whose beginning is damaged. Compressed data inside other data is no sign of an image."""
        if len(view) < SMALLEST_IMAGE or is_text(view):
            return False
        for offset in beginnings(view):
            if not self._tries_left():
                return False
            if offset and (found := self._try(view.part(offset))) and found.kind in IMAGES:
                return True
        return False

    def _further_inside(self, entry: Entry, view: View, tree: Place) -> None:
        name = clean(entry.path, 200)
        if is_kernel(entry.path, view):
            self._unknown(view, Place(tree.path, name, None), code=True)
            return
        inside = Place(self._next(tree.path), name, None, in_tree=True)
        self._not_read(inside, BEHIND)
        self.layer(view, inside)

    def _compressed_file(self, entry: Entry, reading: Reading, view: View, tree: Place) -> bool:
        """A manual page, a log, a kernel module: what was compressed alone and holds no layer is a file of
        its tree, and looked at as one. False for everything else, and nothing was done."""
        whole = reading.kind is LayerKind.COMPRESSION and reading.size == len(view)
        if not whole or reading.problem or len(reading.parts) != 1 or not reading.parts[0].view:
            return False
        content = reading.parts[0].view
        if not self._is_file(content):
            return False
        place = Place(tree.path, without_suffix(clean(entry.path, 200)) or clean(entry.path, 200))
        self.context.budget.compressed_file(len(content))
        self._inspect(content, place)
        if why := hidden(place.name, content):
            self._not_read(place, why)
        return True

    def _decompressed(self, reading: Reading) -> Reading:
        """A stream whose part has still to be made, with that part; as it is when that cannot be done."""
        if reading.kind is not LayerKind.COMPRESSION or len(reading.parts) != 1:
            return reading
        (part,) = reading.parts
        if part.make is None or part.hidden or part.opaque:
            return reading
        try:
            made = replace(part, view=part.make(self.context.budget), make=None)
        except (Malformed, OutOfBudget):
            return reading
        return replace(reading, parts=(made,))

    def _is_file(self, content: View) -> bool:
        """No format begins in it, nor may one further inside."""
        if len(content) < SMALLEST_UNKNOWN or is_module(content):
            return True
        try:
            if recognise(content, self.context) is not None:
                return False
        except OutOfBudget:
            return False
        return is_text(content) or not beginnings(content)

    def _note(self, who: str, facts: Facts) -> None:
        for fact, shown in facts:
            if isinstance(fact, ImageWeakness) and fact.kind == NOT_READ:
                self._not_read(Place(fact.place, fact.path), fact.what)
                continue
            ref = self.recording.keep(
                shown[:4096], media_type="text/plain", caption=f"{who} in the image"
            )
            self._observe(fact, ref)

    # --- what nobody knows -----------------------------------------------------------------------

    def _unknown(self, view: View, place: Place, *, code: bool = False) -> None:
        """No format fits at the beginning: search for the layers that stand further inside.

        ``code``: the rest is a program that was looked at already, a kernel with its first files built in;
        a few compressed bytes in it are its own data.
        """
        at = 0
        for offset in beginnings(view):
            if offset < at or offset == 0:
                continue
            if not self._tries_left():
                self._not_read(place, f"no layer was looked for behind byte {offset}: {GIVEN_UP}")
                break
            reading = self._try(view.part(offset))
            if reading is None:
                continue
            if code and reading.kind not in IMAGES and reading.size < SMALLEST_IMAGE:
                continue
            try:
                self.context.budget.layer(place.depth)
            except OutOfBudget as error:
                self._not_read(place, str(error))
                break
            if not code:
                self._nameless(view.part(at, offset - at), place, at)
            size = self._extent(view.part(offset), reading)
            inside = view.part(offset, min(reading.size, len(view) - offset))
            self._recognised(reading, inside, Place(self._next(place.path), "found inside", offset))
            at = offset + size
        if not code:
            self._nameless(view.part(at), place, at)

    def _nameless(self, view: View, place: Place, at: int) -> None:
        # The whole file is never taken for alignment: nothing but padding is no image either.
        whole = place.path == "0" and not at
        if not whole and (len(view) < SMALLEST_UNKNOWN or view.is_filled_with(*PADDING)):
            return
        text = is_text(view)
        if not at and (place.in_tree or text):
            self._plain(view, place, "text" if text else "data")
            return
        bits = entropy(view)
        what = "encrypted or compressed" if bits > 7.5 else "of no known format"
        where = Place(self._next(place.path) if at else place.path, place.name, at or place.offset)
        named, version = program(view) if bits <= 7.5 else ("", "")
        reading = Reading(
            format=named or "unknown",
            kind=LayerKind.BOOT if named else LayerKind.UNKNOWN,
            size=len(view),
            version=version,
            details=(("entropy", f"{bits:.2f} bits per byte"),),
        )
        self._record(reading, view, where)
        if bits <= 7.5:
            self._inspect(view, where)
        if not named:
            self._not_read(where, f"{len(view)} bytes {what}, {bits:.1f} bits of entropy per byte")

    def _plain(self, view: View, place: Place, what: str) -> None:
        """What is no layer but a file: it is looked at like the files of a file system."""
        self._record(Reading(format=what, kind=LayerKind.DATA, size=len(view)), view, place)
        self._inspect(view, place)

    def _inspect(self, view: View, place: Place) -> None:
        """Bytes that stand alone (a kernel, an application without files), looked at as one file."""
        entry = Entry(path=place.name, kind=Kind.FILE, mode=0, uid=0, gid=0, size=len(view))
        for inspector in inspectors(self.image, place.path):
            self._note(inspector.name, inspector.look(entry, view))
            self._note(inspector.name, inspector.end())

    def _not_read(self, place: Place, why: str) -> None:
        if len(self.unread) < MOST_UNREAD:
            self.unread.append(clean(f"{place.path} {place.name}: {why}", 300))
        elif len(self.unread) == MOST_UNREAD:
            # They may be anywhere: said of the whole image, so that no layer's judgement covers them.
            self.unread.append(clean(f"0 {self.name}: and more parts, which are not listed", 300))

    def _next(self, path: str) -> str:
        number = self._children.get(path, 0)
        self._children[path] = number + 1
        return f"{path}/{number}"

    def _survey(self, view: View) -> None:
        budget = self.context.budget
        survey = ImageSurvey(
            image=self.image,
            name=clean(self.name, 200),
            size=len(view),
            layers=budget.layers,
            files=budget.files,
            bytes_read=budget.bytes,
            unread=tuple(self.unread),
            keys_given=len(self.context.keys.keys),
            recorded=tuple(sorted(self.recorded.items())),
        )
        text = "\n".join(self.unread) or "everything was read"
        ref = self.recording.keep(
            text.encode(), media_type="text/plain", caption=f"what was not read of {survey.name}"
        )
        self.recording.observe(survey, ref)

    def _observe(self, fact: FirmwareFact, *proof: Proof) -> None:
        self.recorded[type(fact).__name__] += 1
        self.recording.observe(fact, *proof)


def recognise(view: View, context: Context, *, searched: bool = False) -> Reading | None:
    """The first format that fits the beginning of ``view``. Raises OutOfBudget."""
    head = bytes(view.raw[:HEAD])
    for one in found():
        if (searched and not one.searched) or not _may_fit(one, view, head):
            continue
        try:
            reading = one.read(view, context)
        except Malformed:
            continue
        if reading is not None:
            return reading
    return None


def _may_fit(one: Format, view: View, head: bytes) -> bool:
    """Whether a magic of the format is there; ``head``: the first bytes, where nearly every one stands."""
    if one.at_end or not one.anchors:
        return True
    for magic, offset in one.anchors:
        if offset + len(magic) > HEAD:
            if view.starts_with(magic, offset):
                return True
        elif head.startswith(magic, offset):
            return True
    return False


def _may_end(damaged: Reading, inside: Reading) -> bool:
    """Whether what was found inside the claim of a damaged layer stands behind it."""
    if not inside.problem:
        return True
    return damaged.kind is LayerKind.COMPRESSION and inside.kind in ENDLESS[LayerKind.FLASH]


def shown(value: object) -> Any:
    """Text of a protection, which may quote names from the image, made harmless; all else as it is."""
    return clean(value, MOST_WORDS) if type(value) is str else value


def may_be_layer(view: View) -> bool:
    """Whether a file of a file system is worth asking the formats about: not text, not a program."""
    return len(view) >= 32 and not view.starts_with(b"\x7fELF") and not view.starts_with(b"#!")


def is_stream(view: View) -> bool:
    """Whether it begins like a stream that has to be decompressed to be recognised."""
    head = bytes(view.raw[:HEAD])
    return any(isinstance(one, StreamFormat) and _may_fit(one, view, head) for one in found())


def is_module(view: View) -> bool:
    """A relocatable object of ELF, as kernel modules are (System V ABI, chapter 4: ET_REL)."""
    return view.starts_with(b"\x7fELF") and 1 in view.raw[16:18]
