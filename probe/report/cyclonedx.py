"""The bill of materials of firmware images: CycloneDX 1.6 in JSON, with what is known of each version.

A pure function. Source: the CycloneDX 1.6 specification (ECMA-424). Vulnerabilities are said as VEX
statements, always: with the state ``in_triage``, as they follow from a version number alone and nobody has
looked whether the weak code is built in and used; or ``not_affected``, where a distribution's tracker says that
the package has the fix. What a maker says of the end of support is a property, and so is the age of the tables.
"""

import hashlib
import json
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from probe.model.firmware import ImageComponent

BY_VERSION = "Affected by version only, not confirmed."
_CVE = re.compile(r"^([A-Z][A-Za-z]{1,15}-[\w-]{0,60}\d[\w-]{0,60})(.*)$", re.DOTALL)
"""What begins with the id of an advisory, of whatever kind: CVE, GHSA, DSA, TEMP …"""
_FREE = re.compile(r"^not affected by ([^\s:]+): (.*)$", re.DOTALL)
_TECHNIQUES = {
    "package database": ("manifest-analysis", 1.0),
    "banner": ("binary-analysis", 0.8),
    "string": ("binary-analysis", 0.4),
}
"""CycloneDX technique and confidence, by what shows the version."""
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The image that the bill is of."""

    name: str
    sha256: str
    version: str = ""


def bill(
    components: Iterable[ImageComponent],
    subject: Subject | None = None,
    *,
    tool_version: str = "",
    at: float | None = None,
    tables: Sequence[str] = (),
) -> Json:
    """The document. The same components give the same document; ``at``: Unix seconds of the run; ``tables``:
    what the components were compared with, and its age."""
    merged = _merged(components)
    listed = [_component(ref, rows) for ref, rows in merged.items()]
    document: Json = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": _metadata(subject, tool_version, at, tables),
        "components": listed,
        "vulnerabilities": _vulnerabilities(merged),
    }
    if subject is not None:
        document["dependencies"] = [{"ref": "image", "dependsOn": list(merged)}]
        # What was not recognised is not in the list: the bill never claims to be complete.
        document["compositions"] = [{"aggregate": "incomplete", "assemblies": ["image"]}]
    text = json.dumps(document, sort_keys=True).encode()
    serial = uuid.UUID(bytes=hashlib.sha256(text).digest()[:16], version=4)
    document["serialNumber"] = f"urn:uuid:{serial}"
    return document


def render(
    components: Iterable[ImageComponent],
    subject: Subject | None = None,
    *,
    tool_version: str = "",
    at: float | None = None,
    tables: Sequence[str] = (),
) -> bytes:
    """``bill`` as UTF-8 text."""
    document = bill(components, subject, tool_version=tool_version, at=at, tables=tables)
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def _merged(components: Iterable[ImageComponent]) -> dict[str, list[ImageComponent]]:
    """The same component and version once, with every place where it was seen."""
    found: dict[str, list[ImageComponent]] = {}
    for one in sorted(components, key=lambda c: (c.name, c.version, c.purl, c.place, c.path)):
        reference = one.purl or f"{one.name}@{one.version}"
        found.setdefault(reference, []).append(one)
    return found


def _component(reference: str, rows: Sequence[ImageComponent]) -> Json:
    first = rows[0]
    technique, confidence = _TECHNIQUES.get(first.evidence, ("other", 0.3))
    occurrences = [{"location": path} for path in dict.fromkeys(r.path for r in rows) if path]
    identity = {
        "field": "version",
        "confidence": confidence,
        "methods": [{"technique": technique, "confidence": confidence, "value": first.text}],
    }
    evidence: Json = {"identity": [identity]}
    if occurrences:
        evidence["occurrences"] = occurrences
    component: Json = {
        "type": "operating-system" if first.name in ("linux", "openwrt", "freertos") else "library",
        "bom-ref": reference,
        "name": first.name,
        "version": first.version,
        "evidence": evidence,
        "properties": [{"name": "probe:evidence", "value": first.evidence}],
    }
    if first.purl:
        component["purl"] = first.purl
    for text in dict.fromkeys(a for r in rows for a in r.advisories):
        if not _CVE.match(text) and not _FREE.match(text):
            component["properties"].append({"name": "probe:support", "value": text})
    return component


def _vulnerabilities(merged: dict[str, list[ImageComponent]]) -> list[Json]:
    """Once for what is in triage and once for what is not affected: one CVE may be both, of two components."""
    found: dict[tuple[str, str], Json] = {}
    for reference, rows in merged.items():
        for text in (a for r in rows for a in r.advisories):
            if match := _CVE.match(text):
                name, said = match.groups()
                one = found.setdefault((name, ""), _in_triage(name, said))
            elif match := _FREE.match(text):
                name, why = match.groups()
                one = found.setdefault((name, why), _not_affected(name, why))
            else:
                continue
            if {"ref": reference} not in one["affects"]:
                one["affects"].append({"ref": reference})
    numbers = Counter(name for name, _ in found)
    for n, key in enumerate(sorted(found)):
        if numbers[key[0]] > 1:
            found[key]["bom-ref"] = f"{key[0]}#{n}"
    return [found[key] for key in sorted(found)]


def _in_triage(name: str, said: str) -> Json:
    analysis = {"state": "in_triage", "detail": BY_VERSION}
    return _vulnerability(name, said.strip(" :,;") or BY_VERSION, analysis)


def _not_affected(name: str, why: str) -> Json:
    analysis = {
        "state": "not_affected",
        "justification": "code_not_present",
        "detail": f"{why[:1].upper()}{why[1:]}.",
    }
    return _vulnerability(
        name, "By its version number alone the component would have it.", analysis
    )


def _vulnerability(name: str, description: str, analysis: Json) -> Json:
    one: Json = {
        "bom-ref": name,
        "id": name,
        "description": description,
        "analysis": analysis,
        "affects": [],
    }
    if name.startswith("CVE-"):
        one["source"] = {"name": "NVD", "url": f"https://nvd.nist.gov/vuln/detail/{name}"}
    return one


def _metadata(
    subject: Subject | None, tool_version: str, at: float | None, tables: Sequence[str]
) -> Json:
    tool = {"type": "application", "name": "secure-by-design probe"}
    if tool_version:
        tool["version"] = tool_version
    metadata: Json = {"tools": {"components": [tool]}, "lifecycles": [{"phase": "post-build"}]}
    if at is not None:
        metadata["timestamp"] = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if tables:
        metadata["properties"] = [{"name": "probe:advisories", "value": text} for text in tables]
    if subject is not None:
        metadata["component"] = {
            "type": "firmware",
            "bom-ref": "image",
            "name": subject.name,
            "hashes": [{"alg": "SHA-256", "content": subject.sha256}],
        }
        if subject.version:
            metadata["component"]["version"] = subject.version
    return metadata
