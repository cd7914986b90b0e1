"""The packages of this room are fetched once in a run; without them its tests are skipped, with the reason."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.firmware_checks.real.archive import Archive, NotReachable, Package, debian
from tests.firmware_checks.real.images import IMAGES, KERNEL, PYTHON
from tests.firmware_checks.real.rootfs import PACKAGES


@pytest.fixture(scope="session")
def packages() -> dict[str, Package]:
    """All packages of Debian that this room reads, by the name that they are asked for by."""
    names = {one.package for one in IMAGES if one.package not in PYTHON} | set(PACKAGES)
    try:
        first = debian((KERNEL,))
        own = re.search(r"linux-image-\d[^\s,(]*", first[KERNEL].control)
        found = debian((*sorted(names - {KERNEL}), *([own.group()] if own else [])))
    except NotReachable as error:
        pytest.skip(str(error))
    if own and own.group() in found:
        found[KERNEL] = found[own.group()]
    return found


@pytest.fixture(scope="session")
def real(packages: dict[str, Package]) -> Callable[[str, str], Path]:
    """The path of one file of one package."""
    archive = Archive()

    def get(package: str, pattern: str) -> Path:
        try:
            if package in PYTHON:
                return archive.file(archive.wheel(package, PYTHON[package]), pattern)
            return archive.file(packages[package].path, pattern)
        except NotReachable as error:
            pytest.skip(str(error))
        except KeyError:
            pytest.skip(f"this release of Debian has no {package} with {pattern}")

    return get
