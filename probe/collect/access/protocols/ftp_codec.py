"""FTP on the control connection (RFC 959, RFC 2389, RFC 3659): replies, features, what a listing says."""

import re
from dataclasses import dataclass

from probe.collect.answers import NoAnswer, Why
from probe.collect.wire import Wire
from probe.model.text import clean

MAX_REPLY = 16_384
MAX_NAMES = 4
SLOWEST = 12.0
"""Servers wait some seconds before they refuse a login."""


class Replies:
    """Complete replies (RFC 959 section 4.2) from a connection."""

    def __init__(self, wire: Wire) -> None:
        self._wire, self._rest = wire, b""
        self.last = ""
        """The last reply as it came, line by line."""

    async def next(self, within: float | None = None) -> tuple[int, str]:
        """Code and cleaned text. Raises NoAnswer(GARBAGE) for what is not FTP."""
        data = self._rest
        if _reply_end(data) < 0:
            data += await self._wire.recv_until(
                lambda got: _reply_end(self._rest + got) >= 0,
                limit=MAX_REPLY,
                within=within or SLOWEST,
            )
        end = _reply_end(data)
        if end < 0:
            raise NoAnswer(Why.ENDED if not data else Why.GARBAGE, "no complete FTP reply")
        self._rest = data[end:]
        self.last = data[:end].decode("utf-8", "replace")
        return int(data[:3]), clean(data[4:end])

    async def ask(self, command: str) -> tuple[int, str]:
        """Send one command and read its reply."""
        await self._wire.send(command.encode("utf-8", "replace") + b"\r\n")
        return await self.next()


def _reply_end(data: bytes) -> int:
    """Where the first reply ends, or -1. A reply that begins ``ddd-`` ends with a line ``ddd ``."""
    if not re.match(rb"[1-5]\d\d[ -]", data):
        return -1
    code = data[:3] + b" "
    at = 0
    while (stop := data.find(b"\n", at)) >= 0:
        if data[at : at + 4] == code or data[at : at + 4] == data[:3] + b"\r":
            return stop + 1
        at = stop + 1
    return -1


def offers_tls(text: str) -> bool:
    """Whether a FEAT reply names AUTH TLS, in any of the ways servers write it."""
    return bool(re.search(r"AUTH[^A-Z]+(?:[A-Z-]+;)*\s?(?:TLS|SSL)", text.upper()))


@dataclass(frozen=True, slots=True)
class Listing:
    """What can be read of the root directory without a data connection."""

    entries: int | None
    """None: the server tells no listing on the control connection."""
    names: tuple[str, ...]
    may_write: bool | None
    """What the server itself says of writing here (RFC 3659 section 7.5.5); None: it says nothing."""

    def __str__(self) -> str:
        parts = ["the current directory"]
        if self.entries is not None:
            names = f" ({', '.join(self.names)}{' …' * (self.entries > len(self.names))})"
            parts.append(f"{self.entries} entries{names if self.names else ''}")
        if self.may_write is not None:
            parts.append(
                f"writing is {'granted' if self.may_write else 'not granted'} by its own word"
            )
        return ", ".join(parts)


def permissions(text: str) -> bool | None:
    """Whether the ``perm`` fact of an MLST reply lets create, append, store, rename or delete."""
    found = re.search(r"(?:^|[ ;])perm=([a-z]*);", text, re.IGNORECASE)
    return None if found is None else bool(set(found[1].casefold()) & set("acdfmpw"))


def names_in(reply: str) -> list[str]:
    """The names in a STAT reply: lines as ``ls -l`` writes them (RFC 959 leaves the form open)."""
    found = re.findall(
        r"^\s*[-dlbcps][rwxsStT-]{9}[.+@]?\s+\d+\s+\S+\s+\S+\s+\d+\s+\S+\s+\S+\s+\S+\s(.{1,255}?)\r?$",
        reply,
        re.MULTILINE,
    )
    return [name for name in found if name not in (".", "..")]


async def read_listing(replies: Replies) -> Listing:
    """Ask for what the control connection shows; no transfer, and nothing is written."""
    entries, names, may_write = None, [], None
    try:
        code, _ = await replies.ask("MLST .")
        if code == 250:
            may_write = permissions(replies.last)
        code, _ = await replies.ask("STAT .")
        if code in (211, 212, 213):
            names = names_in(replies.last)
            entries = len(names)
    except NoAnswer:
        pass  # Some close on a command they do not know; what was read before still counts.
    shown = tuple(clean(name, 40) for name in names[:MAX_NAMES])
    return Listing(entries, shown, may_write)
