"""From the bytes of one image to its facts: layer by layer, file by file, within the budget."""

from dataclasses import replace

from firmware_checks.bare import program
from firmware_checks.budget import OutOfBudget
from firmware_checks.content import BY_NAME, Inspector, inspectors
from firmware_checks.content.hidden import hidden, is_kernel
from firmware_checks.guess import beginnings, entropy, is_text, without_suffix
from firmware_checks.reading import Context, Entry, Kind, Part, Reading, Seen
from firmware_checks.recognise import is_module, is_stream, may_be_layer, recognise
from firmware_checks.record import Place, Record
from firmware_checks.search import IMAGES, SMALLEST_IMAGE, SMALLEST_UNKNOWN, Search
from firmware_checks.view import HELD, Malformed, View
from probe.collect.recording import Recording
from probe.model.firmware import LayerKind
from probe.model.text import clean

GIVEN_UP = "too many places in it look like the beginning of one"
BEHIND = "its beginning is of no known format; what begins further inside was read"
COMPRESSED = "compressed, and too much was in the compressed files before it"
PADDING = (0x00, 0xFF)
SMALLEST_NAMELESS = 8
"""Fewer bytes without a name of their own say nothing: no key, no secret, no address."""


class Walk:
    """One image: ``record`` is told of each layer and each finding, ``search`` of bytes that nobody knows."""

    def __init__(self, image: str, name: str, recording: Recording, context: Context) -> None:
        self.image, self.name, self.context = image, name, context
        self._recording = recording
        self.search = Search(context)
        self._held = 0

    def whole(self, view: View) -> None:
        """Everything in the file, then the survey."""
        self._mapped = view
        self.record = Record(self.image, self.name, len(view), self._recording)
        self.layer(view, Place("0", self.name))
        self.record.survey(self.context.budget, len(self.context.keys.keys))

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
                self.record.not_read(place, str(error))
                return
            if reading is None:
                self._unknown(view, place)
                return
            size = self.search.extent(view, reading)
            self._recognised(reading, view.part(0, min(reading.size, len(view))), place)
            view, known = view.part(size), None
            if len(view) < SMALLEST_UNKNOWN or view.is_filled_with(*PADDING):
                return
            offset = None if place.offset is None else place.offset + size
            place = Place(self.record.next(first), f"after {reading.format}", offset)

    def _recognised(self, reading: Reading, view: View, place: Place) -> None:
        proof = self.record.layer(reading, view, place)
        if reading.problem:
            self.record.not_read(place, reading.problem)
        self.record.protection(reading, place, *proof)
        if reading.says is not None:
            self.record.note(reading.format, reading.says(self.image, place.path))
        for part in reading.parts:
            self._part(part, self._below(reading, part, place))
        if reading.tree is not None:
            self._tree(reading, place)
        elif reading.kind is LayerKind.BOOT and not reading.parts and not place.in_tree:
            self._inspect(view, place)

    def _below(self, reading: Reading, part: Part, place: Place) -> Place:
        path, name = self.record.next(place.path), clean(part.name, 200)
        if reading.kind is not LayerKind.COMPRESSION:
            return Place(path, name, part.offset)
        return Place(path, without_suffix(place.name) or name, part.offset, place.in_tree)

    def _part(self, part: Part, place: Place) -> None:
        if part.hidden:
            self.record.not_read(place, part.hidden)
        if part.hidden or part.opaque:
            return
        try:
            if part.view is not None:
                view = part.view
            else:
                assert part.make is not None
                view = part.make(self.context.budget)
        except (Malformed, OutOfBudget) as error:
            self.record.not_read(place, str(error))
            return
        if len(view) and not view.is_filled_with(*PADDING):
            self.layer(view, place)

    # --- files -----------------------------------------------------------------------------------

    def _tree(self, reading: Reading, place: Place) -> None:
        assert reading.tree is not None
        looking = inspectors(self.image, place.path)
        by_content = [one for one in looking if one.name not in BY_NAME]
        try:
            for entry, view in reading.tree.entries(self.context.budget):
                self.context.budget.file()
                if entry.is_named:
                    self._file(entry, view, place, looking)
                elif entry.problem or len(view) >= SMALLEST_NAMELESS:
                    self._file(entry, view, place, by_content)
        except (Malformed, OutOfBudget) as error:
            self.record.not_read(place, f"{reading.format}: {error}")
        for inspector in looking:
            self.record.note(inspector.name, inspector.end())

    def _file(self, entry: Entry, view: View, place: Place, looking: list[Inspector]) -> None:
        if entry.problem:
            self.record.not_read(Place(place.path, clean(entry.path, 200)), entry.problem)
        self._held += len(view)
        if self._held > HELD:
            self._mapped.release()
            self._held = 0
        for inspector in looking if entry.seen is not Seen.LAYER else ():
            self.record.note(inspector.name, inspector.look(entry, view))
        if _may_hold_layer(entry, view):
            if self.context.budget.is_full_of_compressed_files() and is_stream(view):
                self.record.not_read(Place(place.path, clean(entry.path, 200)), COMPRESSED)
                return
            reading = recognise(view, self.context)
            if reading is not None:
                reading = self._decompressed(reading)
                if not self._compressed_file(entry, reading, view, place):
                    name = clean(entry.path, 200)
                    inside = Place(self.record.next(place.path), name, None, in_tree=True)
                    self.layer(view, inside, reading)
            elif self.search.finds_image(view):
                self._further_inside(entry, view, place)
            elif why := hidden(entry.path, view):
                self.record.not_read(Place(place.path, clean(entry.path, 200)), why)

    def _further_inside(self, entry: Entry, view: View, tree: Place) -> None:
        name = clean(entry.path, 200)
        if is_kernel(entry.path, view):
            self._unknown(view, Place(tree.path, name, None), code=True)
            return
        inside = Place(self.record.next(tree.path), name, None, in_tree=True)
        self.record.not_read(inside, BEHIND)
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
            self.record.not_read(place, why)
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
            if not self.search.left():
                self.record.not_read(
                    place, f"no layer was looked for behind byte {offset}: {GIVEN_UP}"
                )
                break
            reading = self.search.begins(view.part(offset))
            if reading is None:
                continue
            if code and reading.kind not in IMAGES and reading.size < SMALLEST_IMAGE:
                continue
            try:
                self.context.budget.layer(place.depth)
            except OutOfBudget as error:
                self.record.not_read(place, str(error))
                break
            if not code:
                self._nameless(view.part(at, offset - at), place, at)
            size = self.search.extent(view.part(offset), reading)
            inside = view.part(offset, min(reading.size, len(view) - offset))
            self._recognised(
                reading, inside, Place(self.record.next(place.path), "found inside", offset)
            )
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
        where = Place(
            self.record.next(place.path) if at else place.path, place.name, at or place.offset
        )
        named, version = program(view) if bits <= 7.5 else ("", "")
        reading = Reading(
            format=named or "unknown",
            kind=LayerKind.BOOT if named else LayerKind.UNKNOWN,
            size=len(view),
            version=version,
            details=(("entropy", f"{bits:.2f} bits per byte"),),
        )
        self.record.layer(reading, view, where)
        if bits <= 7.5:
            self._inspect(view, where)
        if not named:
            self.record.not_read(
                where, f"{len(view)} bytes {what}, {bits:.1f} bits of entropy per byte"
            )

    def _plain(self, view: View, place: Place, what: str) -> None:
        """What is no layer but a file: it is looked at like the files of a file system."""
        self.record.layer(Reading(format=what, kind=LayerKind.DATA, size=len(view)), view, place)
        self._inspect(view, place)

    def _inspect(self, view: View, place: Place) -> None:
        """Bytes that stand alone (a kernel, an application without files), looked at as one file."""
        entry = Entry(path=place.name, kind=Kind.FILE, mode=0, uid=0, gid=0, size=len(view))
        for inspector in inspectors(self.image, place.path):
            self.record.note(inspector.name, inspector.look(entry, view))
            self.record.note(inspector.name, inspector.end())


def _may_hold_layer(entry: Entry, view: View) -> bool:
    return entry.kind is Kind.FILE and entry.seen is not Seen.FILE and may_be_layer(view)
