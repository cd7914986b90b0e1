"""Strict reading of the probe's TOML files: checks, catalogues, plans, policies, declarations.

Every fault names file, line, key and what would be valid there. tomllib keeps no positions, so
``source`` finds them with a scanner of its own, and only when there is a fault to report.
"""

from probe.tomlfile.policies import read_policy
from probe.tomlfile.readers import read_catalogue, read_check, read_declaration, read_plan
from probe.tomlfile.source import Fault, FileFault

__all__ = [
    "Fault",
    "FileFault",
    "read_catalogue",
    "read_check",
    "read_declaration",
    "read_plan",
    "read_policy",
]
