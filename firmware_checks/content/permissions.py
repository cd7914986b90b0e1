"""Rights of files, from the modes in the image's own inodes: setuid programs, what anybody may write."""

import re

from firmware_checks.budget import OutOfBudget
from firmware_checks.content import Facts
from firmware_checks.content.files import weakness
from firmware_checks.reading import Entry, Kind, Quote, Spot
from firmware_checks.view import Malformed, View
from probe.model.firmware import ImageWeakness

MOST_SHOWN = 20
EXAMPLES = 3
"""Files whose records are shown where one sentence speaks of nearly all."""
_USUAL = re.compile(
    r"(?:^|/)(?:su|sudo|sudoedit|passwd|chsh|chfn|newgrp|gpasswd|mount|umount|ping[46]?|traceroute6?|fusermount3?"
    r"|ssh-keysign|dbus-daemon-launch-helper|unix_chkpwd|pkexec|polkit-agent-helper-1|pppd|at|crontab"
    r"|login|newuidmap|newgidmap|ntfs-3g|mount\.(?:nfs|cifs|ntfs)|usb_modeswitch_dispatcher|expiry|chage|bwrap)$"
)
_OPEN_BY_DESIGN = re.compile(
    r"^(?:[^/]+/)?(?:tmp|var/tmp|run|var/run|var/lock|dev|proc|sys|var/spool/[^/]+)(?:/|$)"
)


class Permissions:
    """One file system."""

    name = "permissions"

    def __init__(self, image: str, place: str) -> None:
        self.where = (image, place)
        self._entries = 0
        self._writable: list[Entry] = []
        self._examples: list[Entry] = []
        self._open = self._left = 0

    def look(self, entry: Entry, view: View) -> Facts:
        if entry.kind not in (Kind.FILE, Kind.DIRECTORY):
            return
        self._entries += 1
        if entry.kind is Kind.FILE:
            yield from self._file(entry)
        if entry.mode & 0o002 and not (entry.kind is Kind.DIRECTORY and entry.mode & 0o1000):
            self._open += 1
            if self._open <= EXAMPLES:
                self._examples.append(entry)
            if _OPEN_BY_DESIGN.search(entry.path):
                return
            if len(self._writable) < MOST_SHOWN:
                self._writable.append(entry)
            else:
                self._left += 1

    def end(self) -> Facts:
        """A file system without modes of its own (FAT) is said in one sentence, not in a thousand."""
        if self._open > 10 and self._open > 0.8 * self._entries:
            what = f"{self._open} of {self._entries} files and folders can be written by anybody"
            yield self._told("", "world-writable", what, *self._examples)
            return
        for entry in self._writable:
            what = f"anybody may write it, {_said(entry.mode)}"
            yield self._told(entry.path, "world-writable", what, entry)
        if self._left:
            what = f"{self._left} more files and folders can be written by anybody"
            yield self._told("", "world-writable", what)

    def _file(self, entry: Entry) -> Facts:
        if entry.mode & 0o4000 and entry.mode & 0o111:
            usual = _USUAL.search(entry.path) is not None
            kind = "setuid, usual" if usual else "setuid"
            what = f"runs as user {entry.uid} whoever starts it, {_said(entry.mode)}"
            yield self._told(entry.path, kind, what, entry)
        if entry.mode & 0o004 and re.search(r"(?:^|/)etc/shadow-?$", entry.path) and entry.size:
            what = f"anybody may read the password hashes, {_said(entry.mode)}"
            yield self._told(entry.path, "world-readable", what, entry)

    def _told(
        self, path: str, kind: str, what: str, *entries: Entry
    ) -> tuple[ImageWeakness, bytes | tuple[Quote, ...]]:
        """With the records of ``entries`` as they stand in the image; else the sentence, which is no secret."""
        fact, sentence = weakness(self.where, path, kind, what)
        quotes = tuple(q for e in entries if e.spot and (q := self._quote(e, e.spot)))
        return fact, quotes or sentence

    def _quote(self, entry: Entry, spot: Spot) -> Quote | None:
        try:
            found = spot.records.passage(spot.at)
        except (Malformed, OutOfBudget):
            return None
        first, last = found.mode
        which = f"bytes {first} to {last} of it say {_said(entry.mode)}"
        return Quote(entry.path, 0, found.data, f"{found.what} of layer {self.where[1]}; {which}")


def _said(mode: int) -> str:
    """The bits that show it, as ``chmod`` takes them."""
    return f"mode {mode & 0o7777:04o}"


TOPIC = Permissions
