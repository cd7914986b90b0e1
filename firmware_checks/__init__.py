"""Firmware and update images: what is in them, who signed it, and what should not be there.

Bytes go in, facts of ``probe.model.firmware`` come out. Nothing is mounted, nothing is executed, no name
from an image is ever used as a path.
"""
