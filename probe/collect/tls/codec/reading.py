"""Bounded reading of length-prefixed bytes. The only error that leaves the codec is defined here."""


class TlsFormatError(ValueError):
    """The bytes are not the TLS that was expected here; the text says where and why."""


class Reader:
    """Reads big-endian fields from bytes; raises TlsFormatError at the end of them."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data, self._at, self._what = data, 0, what

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise TlsFormatError(f"{self._what} ends {count - self.left} bytes too early")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, width: int) -> int:
        """An unsigned number of ``width`` bytes."""
        return int.from_bytes(self.take(width), "big")

    def vector(self, width: int) -> bytes:
        """Bytes with a length in front of them that is ``width`` bytes wide."""
        return self.take(self.number(width))


def vector(data: bytes, width: int) -> bytes:
    """``data`` with its length in front; raises OverflowError beyond the width, a caller's mistake."""
    return len(data).to_bytes(width, "big") + data
