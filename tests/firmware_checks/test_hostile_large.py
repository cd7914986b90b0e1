"""Large and useless files through the real command: soon done, in little memory, one clear line of what is missing.

``HOSTILE=all`` makes them as large as an image may be (4 GiB, and 1 GiB of magics); without it a 32nd of that.
"""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware_checks.formats import found
from probe.cli.results import opened
from probe.model.firmware import ImageLayer, ImageSurvey
from tests.firmware_checks.hostile_images import IMAGES, MIB, program
from tests.firmware_checks.test_hostile import LONGEST_S, MOST_MIB, Outcome
from tests.firmware_checks.test_hostile import command as command

WHOLE = os.environ.get("HOSTILE") == "all"
LARGE = (4096 if WHOLE else 128) * MIB
pytestmark = pytest.mark.timeout(600)


def sparse(path: Path, folder: Path) -> None:
    with path.open("wb") as file:
        file.truncate(LARGE)


def noise(path: Path, folder: Path) -> None:
    with path.open("wb") as file:
        for seed in range(LARGE // (32 * MIB)):
            file.write(random.Random(seed).randbytes(32 * MIB))


def magics(path: Path, folder: Path) -> None:
    every = sorted({magic for one in found() for magic, _ in one.anchors})
    unit = b"".join(magic + b"\x13" * 5 for magic in every) * 256
    with path.open("wb") as file:
        file.write(b"\x13" * 77)
        for _ in range(LARGE // 4 // len(unit)):
            file.write(unit)


def stream_of_many(path: Path, folder: Path) -> None:
    """What one stream may become and little less, of a decoder that needs as much as it may have."""
    words = random.Random(1).randbytes(MIB)
    with (folder / "body").open("wb") as file:
        for number in range(158):
            file.write(words[number:] + words[:number])
    program(folder, "xz", "-T2", "-k", "--lzma2=preset=1,dict=64MiB", "body")
    (folder / "body.xz").rename(path)


def ext(path: Path, folder: Path) -> None:
    """A file system that is larger than a stream may become: mapped, it is read whole."""
    tree = folder / "tree"
    tree.mkdir()
    for number in range(10):
        (tree / f"{number}").write_bytes((b"%08d, a line of a log\n" % number) * MIB)
    program(folder, "mkfs.ext4", "-q", "-F", "-d", tree, path, "300M")


def half(path: Path, folder: Path) -> None:
    data = IMAGES["squashfs_that_climbs"](folder)
    path.write_bytes(data[: len(data) // 2])


def half_zeros(path: Path, folder: Path) -> None:
    data = IMAGES["squashfs_that_climbs"](folder)
    path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))


MAKERS = {
    make.__name__: make for make in (sparse, noise, magics, stream_of_many, ext, half, half_zeros)
}
READ_WHOLE = {"ext"}


@pytest.mark.parametrize("name", MAKERS)
def test_a_file(name: str, command: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "making").mkdir()
    path = tmp_path / "image.bin"
    MAKERS[name](path, tmp_path / "making")
    did = command("firmware", path)
    print(f"{name}: {path.stat().st_size} bytes, {did.seconds:.1f} s, {did.mib:.0f} MiB")
    assert did.code in (0, 1, 3), did.out[-2000:]
    assert did.seconds < LONGEST_S
    assert did.mib <= MOST_MIB
    facts = [o.fact for o in opened(None, str(tmp_path / "store")).state.observations.values()]
    (survey,) = [f for f in facts if isinstance(f, ImageSurvey)]
    layers = [f for f in facts if isinstance(f, ImageLayer)]
    if name in READ_WHOLE:
        assert survey.files == 11
        assert survey.bytes_read >= 250 * MIB
        assert not survey.unread
    else:
        assert survey.unread, layers


def test_what_cannot_be_examined_is_one_line(
    command: Callable[..., Outcome], tmp_path: Path
) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").write_bytes(b"")
    paths = [tmp_path / "loop", tmp_path / "pipe", tmp_path / "empty", Path("/dev/zero")]
    if os.geteuid():
        (tmp_path / "closed").write_bytes(b"image")
        (tmp_path / "closed").chmod(0)
        paths.append(tmp_path / "closed")
    for path in paths:
        did = command("firmware", path)
        assert did.code == 2, did.out
        assert did.seconds < 3
        assert "Traceback" not in did.out
        assert 1 <= len(did.out.strip().splitlines()) <= 3, did.out


def test_a_folder_that_holds_itself_ends(command: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "many" / "in").mkdir(parents=True)
    (tmp_path / "many" / "in" / "up").symlink_to(tmp_path / "many")
    (tmp_path / "many" / "a.bin").write_bytes(b"A plain file of settings.\n" * 10)
    did = command("firmware", tmp_path / "many")
    assert did.code in (0, 1, 3), did.out
    facts = [o.fact for o in opened(None, str(tmp_path / "store")).state.observations.values()]
    assert len([f for f in facts if isinstance(f, ImageSurvey)]) == 1
