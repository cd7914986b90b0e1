"""Identifiers. They are plain strings, told apart by the type checker only."""

from typing import NewType

RunId = NewType("RunId", str)
"""``YYYYMMDD-HHMMSS-xxxx``, sortable by start time."""

DeviceId = NewType("DeviceId", str)
"""``mac-aabbccddeeff`` when the MAC address is known, else ``ip-ADDRESS``."""

JobId = NewType("JobId", str)
"""``collector/device/subject``: deterministic, so that a resumed run recognises finished jobs."""

CheckId = NewType("CheckId", str)
"""``family/name``, the path of the check's two files below ``probe/checks``."""

RequirementId = NewType("RequirementId", str)
"""The requirement's own number in its catalogue, e.g. ``5.1-1``."""
