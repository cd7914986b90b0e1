"""Is no password set in the image, since it would be the same in every device?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image, each_file_system, in_files, listed
from probe.model.dut import Dut
from probe.model.finding import Answer
from probe.model.firmware import AccountState, ImageAccount

SET = (AccountState.HASHED, AccountState.KNOWN)


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        yield from in_files(
            image, (s for s in image.all(ImageAccount) if s.fact.state in SET), _sentence
        )

    absent = "No password is set in the image."
    yield from each_file_system(dut, judge, absent)


def _sentence(accounts: list[ImageAccount]) -> str:
    names = listed(f"'{a.username}' ({a.hash_type or 'hash'}{_line(a)})" for a in accounts)
    weak = [f"'{a.username}'" for a in accounts if a.weak_hash]
    easy = f" The hash of {listed(weak)} is of a kind that is quickly searched." if weak else ""
    tried = sorted({a.tried for a in accounts if a.state is AccountState.HASHED and a.tried})
    others = f" Known passwords, none of which opens it: {listed(tried)}." if tried else ""
    return f"The password of {names} is set in the image, the same in every device.{easy}{others}"


def _line(account: ImageAccount) -> str:
    return f", line {account.line}" if account.line else ""
