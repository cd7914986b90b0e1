"""``probe run --firmware --key``: images of devices, and the keys that should have signed them."""

import ipaddress
from pathlib import Path

from probe.collect.scope import ScopeGuard
from probe.errors import ProbeError
from probe.model.run import GivenImage, Scope


def images_of(wanted: tuple[str, ...], scope: Scope) -> tuple[GivenImage, ...]:
    """The images of ``--firmware``; raises ProbeError for one that cannot be examined, or is of no device of
    the run."""
    found, guard = [], ScopeGuard(scope)
    for text in wanted:
        address, equals, file = text.partition("=")
        try:
            known = str(ipaddress.ip_address(address.partition("%")[0]))
        except ValueError:
            equals = ""
        if not equals or not file:
            raise ProbeError(
                f"'{text}' is no ADDRESS=FILE", "Write it like --firmware 192.0.2.11=router.bin."
            )
        if not guard.allows(known):
            tested = ", ".join(scope.targets or scope.networks)
            raise ProbeError(
                f"{known} of --firmware {text} is no address of a tested device ({tested})",
                "Name the device as --target does, or examine the image by itself: probe firmware FILE.",
            )
        path = Path(file).absolute()
        found.append(GivenImage(address=known, path=str(path), sha256=_sha256(path)))
    return tuple(found)


def keys_of(paths: tuple[Path, ...]) -> tuple[str, ...]:
    """The files of ``--key``, whole paths; raises ProbeError for what is no key."""
    if paths:
        from probe.cli.firmware import read_keys

        read_keys(paths)
    return tuple(str(path.absolute()) for path in paths)


def _sha256(path: Path) -> str:
    from firmware_checks.examine import NotAnImage, opened

    try:
        with opened(path) as (image, _):
            return image.sha256
    except NotAnImage as error:
        raise ProbeError(f"{path} cannot be examined: {error}", "Name a firmware image.") from None
