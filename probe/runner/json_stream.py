"""A large JSON file value by value, so that no more than one entry of it is in memory.

The standard library's decoder reads each entry; this cuts the file into entries. What is no JSON, is nested
too deeply, or has an entry larger than ``ENTRY`` raises ``NotJson``.
"""

import codecs
import json
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

CHUNK = 1 << 20
STEP = 8 << 20
ENTRY = 96 << 20
"""Bytes in memory of the text of one entry, up to four a character. The largest known one, all of a kernel's in
the Debian tracker, has about 20 million characters."""
VALUES = 1_200_000
"""Values of one entry, by its commas: in memory each takes some dozens of bytes."""
_SPACE = " \t\n\r"


class NotJson(ValueError):
    """Why the file cannot be read, as words that follow its name."""


def members(file: BinaryIO, unfold: str) -> Iterator[tuple[str, Any]]:
    """Of an object its names and values, of a list ``""`` and each item.

    A list that is the member ``unfold`` comes item by item, under that name.
    """
    reader = _Reader(file)
    match reader.peek():
        case "{":
            yield from _object(reader, unfold)
        case "[":
            yield from (("", item) for item in _items(reader))
        case _:
            raise NotJson("is no JSON object or list")
    if reader.peek():
        raise NotJson("is no JSON: something follows its end")


def _object(reader: "_Reader", unfold: str) -> Iterator[tuple[str, Any]]:
    reader.take("{")
    if reader.peek() == "}":
        reader.take("}")
        return
    while True:
        if reader.peek() != '"':
            raise NotJson("is no JSON: a name is missing")
        name = reader.value()
        reader.take(":")
        if name == unfold and reader.peek() == "[":
            yield from ((name, item) for item in _items(reader))
        else:
            yield name, reader.value()
        if reader.one_of(",}") == "}":
            return


def _items(reader: "_Reader") -> Iterator[Any]:
    reader.take("[")
    if reader.peek() == "]":
        reader.take("]")
        return
    while True:
        yield reader.value()
        if reader.one_of(",]") == "]":
            return


class _Reader:
    def __init__(self, file: BinaryIO) -> None:
        self._file, self._text, self._at, self._end = file, "", 0, False
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._json = json.JSONDecoder()

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if self._end:
                return ""
            self._more(CHUNK)

    def take(self, character: str) -> None:
        self.one_of(character)

    def one_of(self, characters: str) -> str:
        found = self.peek()
        if not found or found not in characters:
            raise NotJson("is no JSON" if found else "is cut short")
        self._at += 1
        return found

    def value(self) -> Any:
        """The next value. More is read while it is not whole: twice as much, then in steps."""
        self.peek()
        while True:
            rest = len(self._text) - self._at
            many = rest > VALUES and self._text.count(",", self._at) > VALUES
            if many or sys.getsizeof(self._text) > ENTRY:
                raise NotJson(
                    f"is no JSON, or has an entry of more than {ENTRY >> 20} MB in memory"
                )
            try:
                value, end = self._json.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if self._end:
                    raise NotJson("is no JSON, or is cut short") from None
            except (RecursionError, ValueError):
                raise NotJson("is nested too deeply, or holds numbers without end") from None
            else:
                # A number that ends with what was read may go on: 1 as 1.5, or as 1e+5.
                if end + 2 < len(self._text) or self._end:
                    self._at = end
                    return value
            self._more(min(max(CHUNK, rest), STEP))

    def _more(self, size: int) -> None:
        data = self._file.read(size)
        try:
            text = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError:
            raise NotJson("is no UTF-8 text") from None
        self._text, self._at, self._end = self._text[self._at :] + text, 0, not data
