"""``probe catalogue``: list, show and lint."""

import sys
from pathlib import Path

from probe import registry
from probe.errors import Exit, ProbeError
from probe.model.catalogue import Catalogue, Requirement


def list_catalogues() -> int:
    """One line for each: id, edition, number of requirements, how many a check speaks for, title."""
    for catalogue in registry.catalogues().values():
        spoken_for = sum(1 for r in catalogue.requirements if r.checks)
        sys.stdout.write(
            f"{catalogue.id:<16} {len(catalogue.requirements):>3} requirements, "
            f"{spoken_for} with checks; {catalogue.title}, edition {catalogue.edition}\n"
        )
    return Exit.PASS


def show(name: str, requirement: str | None) -> int:
    """All requirements in a line each, or one of them whole."""
    (catalogue,) = registry.chosen_catalogues([name])
    if requirement is None:
        sys.stdout.write(f"{catalogue.title}\nedition {catalogue.edition}, {catalogue.publisher}\n")
        for r in catalogue.requirements:
            sys.stdout.write(f"{r.id:<9} {r.level:<6} {r.title}\n")
        return Exit.PASS
    sys.stdout.write(_whole(_found(catalogue, requirement)))
    return Exit.PASS


def _found(catalogue: Catalogue, wanted: str) -> Requirement:
    import difflib

    found = catalogue.requirement(wanted)
    if found is None:
        near = difflib.get_close_matches(wanted, [r.id for r in catalogue.requirements], n=1)
        raise ProbeError(
            f"{catalogue.id} has no requirement '{wanted}'",
            f"Did you mean '{near[0]}'?" if near else f"See 'probe catalogue show {catalogue.id}'.",
        )
    return found


def _whole(r: Requirement) -> str:
    lines = [
        f"{r.id}  {r.title}",
        f"level: {r.level} ({'mandatory' if r.mandatory else 'recommended'})",
        *([f"section: {r.section}"] if r.section else []),
        f"applies: {r.condition or 'always'}",
        f"in plain words: {r.plain}",
    ]
    for mapping in r.checks:
        needs = ", ".join(f"{k} >= {v}" for k, v in mapping.requires.items())
        extra = f" (needs {needs})" if needs else ""
        lines.append(f"check: {mapping.check}, {mapping.strength}{extra} {mapping.note}".rstrip())
    lines += [
        f"to settle it: {r.settle}",
        "by hand:",
        r.manual.rstrip(),
        *([f"remark: {r.note}"] if r.note else []),
        f"confidence: {r.confidence}",
    ]
    return "\n".join(lines) + "\n"


def lint(files: tuple[Path, ...]) -> int:
    """Every fault with file, line and key; exit code 2 when there is one."""
    from probe.catalogue_lint import lint_catalogues, lint_policies

    paths = list(files) or [
        *sorted((registry.HERE / "catalogues").glob("*.toml")),
        *sorted((registry.HERE / "policies").glob("*.toml")),
    ]
    policies = [path for path in paths if path.resolve().parent.name == "policies"]
    catalogues = [path for path in paths if path not in policies]
    problems = [
        *lint_catalogues(catalogues, set(registry.checks())),
        *lint_policies(policies),
    ]
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    sys.stderr.write(f"{len(paths)} files, {len(problems)} faults\n")
    return Exit.USAGE if problems else Exit.PASS
