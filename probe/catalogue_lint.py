"""What must hold for a catalogue beyond being readable. ``probe catalogue lint`` prints it.

A reader accepts a catalogue in which a requirement says nothing to anybody; the linter does not.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from probe.model.catalogue import Catalogue, Mapping, Requirement, Strength
from probe.tomlfile import Fault, FileFault, read_catalogue, read_policy
from probe.tomlfile.shape import nearest
from probe.tomlfile.source import Place, Source

SIZES = {
    "psti": 7,
    "en303645-v2.1.1": 68,
    "en303645-v3.1.3": 78,
    "cra": 31,
    "en18031": 48,
    "nistir8425": 45,
}
"""How many requirements the editions have that are known by heart."""
CONFIDENCE = ("sourced:", "memory", "judgement")


def lint_catalogues(paths: Iterable[Path], checks: Collection[str]) -> list[Fault]:
    """The faults of each file, in its order of lines; ``checks`` are the ids that exist."""
    faults: list[Fault] = []
    ids: dict[str, str] = {}
    for path in paths:
        try:
            catalogue, source = read_catalogue(path), Source(path)
        except FileFault as broken:
            faults += broken.faults
            continue
        found = [*_problems(catalogue, checks)]
        if catalogue.id in ids:
            what = f"{ids[catalogue.id]} has the id '{catalogue.id}', too"
            found.append((("catalogue", "id"), what, "Give each catalogue an id of its own."))
        ids[catalogue.id] = source.shown
        faults += sorted((source.fault(*one) for one in found), key=lambda fault: fault.line)
    return faults


def lint_policies(paths: Iterable[Path]) -> list[Fault]:
    """The faults of each policy file: its reader asks for all that a rule needs."""
    faults: list[Fault] = []
    for path in paths:
        try:
            read_policy(path)
        except FileFault as broken:
            faults += broken.faults
    return faults


Problem = tuple[Place, str, str]


def _problems(catalogue: Catalogue, checks: Collection[str]) -> Iterator[Problem]:
    count, wanted = len(catalogue.requirements), SIZES.get(catalogue.id)
    if wanted is not None and count != wanted:
        what = f"{count} requirements, this edition has {wanted}"
        yield ("catalogue", "id"), what, "Add or remove requirements, or give it another id."
    for n, requirement in enumerate(catalogue.requirements):
        place: Place = ("requirement", n)
        yield from _texts(requirement, place)
        yield from _level(requirement, place)
        for m, mapping in enumerate(requirement.checks):
            yield from _mapping(mapping, (*place, "check", m), checks)


def _texts(requirement: Requirement, place: Place) -> Iterator[Problem]:
    for key, least, use in (
        ("title", 10, "what is required, in your own words"),
        ("plain", 20, "one sentence for a buyer"),
        ("manual", 60, "numbered steps to answer it by hand"),
        ("settle", 20, "the shortest way from unknown to a verdict"),
    ):
        if len(getattr(requirement, key)) < least:
            yield (*place, key), f"{key} is missing or too short", f"Write {use}."
    steps = [line for line in requirement.manual.splitlines() if line.strip()]
    if any(not re.match(rf"{n}\. \S", step) for n, step in enumerate(steps, 1)):
        hint = "Write one step a line, beginning with 1., 2. and so on."
        yield (*place, "manual"), "the steps are not numbered in order", hint
    if not requirement.confidence.startswith(CONFIDENCE):
        hint = "Say 'sourced:' with the source, 'memory' or 'judgement'."
        yield (*place, "confidence"), "how sure this is, is not said", hint


def _level(requirement: Requirement, place: Place) -> Iterator[Problem]:
    letters = requirement.level.split()
    if letters[:1] in (["M"], ["R"]) and (letters[0] == "M") != requirement.mandatory:
        hint = "Correct level or mandatory."
        yield (*place, "mandatory"), f"does not agree with the level {requirement.level}", hint
    if set(letters) & {"C", "F"} and not requirement.condition:
        what = f"the level {requirement.level} has a condition, and none is given"
        yield (*place, "condition"), what, "Write the condition."


def _mapping(mapping: Mapping, place: Place, checks: Collection[str]) -> Iterator[Problem]:
    if mapping.check not in checks:
        what = f"there is no check '{mapping.check}'"
        yield (*place, "check"), what, nearest(mapping.check, checks)
    if mapping.strength is Strength.FULL and not (mapping.requires and mapping.note):
        # A pass rests on this line alone, so it must say how much has to be measured, and why.
        what = "full strength without support"
        yield place, what, "Add requires = { … } and a note that says why it suffices."
    if mapping.requires and mapping.strength is not Strength.FULL:
        what = "requires has no effect below full strength"
        yield (*place, "requires"), what, "Remove it, or make the strength full."
