"""Has no account in the image an empty or a known default password?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image, each_file_system, in_files, listed
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive
from probe.model.firmware import AccountState, ImageAccount

NO_LOGIN = ("/nologin", "/false", "/true", "/sync", "/halt", "/shutdown")
OPEN = (AccountState.EMPTY, AccountState.KNOWN)
TRY = "Try the documented default passwords on the device, and ask the manufacturer how this password is set."


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        every = [s for s in image.all(ImageAccount) if not s.fact.shell.endswith(NO_LOGIN)]
        bad = [s for s in every if s.fact.state in OPEN]
        yield from in_files(image, bad, _sentence)
        spoken = {(s.fact.place, s.fact.path) for s in bad}
        unknown = [
            s for s in every if _unknown(s.fact) and (s.fact.place, s.fact.path) not in spoken
        ]
        for place, path in sorted({(s.fact.place, s.fact.path) for s in unknown}):
            here = [s for s in unknown if (s.fact.place, s.fact.path) == (place, path)]
            yield _left_open(image, place, path, here)

    yield from each_file_system(dut, judge, _none)


def _none(image: Image) -> str:
    """How much was tried belongs to the answer: another shared password would not be found so."""
    tried = sorted({s.fact.tried for s in image.all(ImageAccount) if s.fact.tried})
    said = f" Tried on hashes: {listed(tried)}." if tried else ""
    return f"No account in the image has an empty or a known default password.{said}"


def _sentence(accounts: list[ImageAccount]) -> str:
    none = [_at(a) for a in accounts if a.state is AccountState.EMPTY]
    known = [_at(a) for a in accounts if a.state is AccountState.KNOWN]
    said = []
    if none:
        said.append(f"no password is needed for {listed(none)}")
    if known:
        said.append(f"a known default password is set for {listed(known)}")
    sentence = " and ".join(said)
    return sentence[:1].upper() + sentence[1:] + ", the same in every device."


def _at(account: ImageAccount) -> str:
    return f"'{account.username}'" + (f" (line {account.line})" if account.line else "")


def _unknown(account: ImageAccount) -> bool:
    """Its password is set elsewhere, or known passwords were not tried on its hash."""
    if account.state is AccountState.ELSEWHERE:
        return True
    return account.state is AccountState.HASHED and not account.tried[:1].isdigit()


def _left_open(image: Image, place: str, path: str, here: list[Seen[ImageAccount]]) -> Answer:
    names = listed(f"'{s.fact.username}'" for s in here)
    why = next((s.fact.tried for s in here if s.fact.tried), "it is not in the image")
    summary = f"Whether the password of {names} is a default one is not known: {why}."
    proof = dict.fromkeys(p for s in here for p in s.proof)
    return inconclusive(image.at(place, path), summary, *proof, owner=Owner.OPERATOR, settle=TRY)
