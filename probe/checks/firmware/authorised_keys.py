"""Does no key in the image let somebody in without being asked for?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image, each_file_system, in_files, listed
from probe.model.dut import Dut
from probe.model.finding import Answer
from probe.model.firmware import ImageKey


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        keys = (s for s in image.all(ImageKey) if s.fact.use == "authorised key")
        yield from in_files(image, keys, _sentence)

    yield from each_file_system(dut, judge, "No SSH key that lets somebody in is in the image.")


def _sentence(keys: list[ImageKey]) -> str:
    kinds = listed(
        f"{k.algorithm} {k.fingerprint[:16]}".strip() + (f", line {k.line}" if k.line else "")
        for k in keys
    )
    public = [k.public_name for k in keys if k.public_name]
    known = f" The private half is public: {listed(public)}." if public else ""
    noun = "One SSH key opens" if len(keys) == 1 else f"{len(keys)} SSH keys open"
    return f"{noun} every device with this image ({kinds}).{known}"
