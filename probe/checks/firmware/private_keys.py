"""Is there no private key in the image, where it would be the key of every device?"""

from collections.abc import Iterator

from probe.checks.firmware.images import Image, each_image, in_files, listed
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive
from probe.model.firmware import ImageKey

UNLOCK = "Find out what unlocks the key and whether each device gets one of its own, and record a manual result."
NOT_SEARCHED = (
    "Search the programs of the image by hand, or ask the manufacturer where its keys are kept."
)


def check(dut: Dut) -> Iterator[Answer]:
    def judge(image: Image) -> Iterator[Answer]:
        keys = [s for s in image.all(ImageKey) if s.fact.use == "private key"]
        elsewhere = _elsewhere(dut)
        yield from in_files(
            image,
            (s for s in keys if not s.fact.encrypted),
            lambda found: _sentence(found, elsewhere),
        )
        for seen in keys:
            if seen.fact.encrypted:
                yield _locked(image, seen)
        if not keys and image.survey is not None and not image.has_files():
            summary = "The image holds no file system; its programs themselves were not searched."
            owner = Owner.TOOL
            yield inconclusive(
                image.subject, summary, *image.proof, owner=owner, settle=NOT_SEARCHED
            )

    yield from each_image(dut, judge, "No file of the image holds a private key.")


def _elsewhere(dut: Dut) -> dict[str, str]:
    """By the fingerprint of a key the other image or device of the run that has it too."""
    return {
        s.fact.fingerprint: other.device.label
        for other in dut.others
        for s in other.all(ImageKey)
        if s.fact.use == "private key" and s.fact.fingerprint
    }


def _sentence(keys: list[ImageKey], elsewhere: dict[str, str]) -> str:
    kinds = listed(f"{k.algorithm} {k.bits}" if k.bits else k.algorithm for k in keys)
    public = [k.public_name for k in keys if k.public_name]
    known = f" Everybody has it already: {listed(public)}." if public else ""
    prints = [k.fingerprint[:16] for k in keys if k.fingerprint]
    named = f", fingerprint {listed(prints)}" if prints else ""
    noun = "A private key" if len(keys) == 1 else f"{len(keys)} private keys"
    lines = [f"line {k.line}" for k in keys if k.line]
    where = f" at {listed(lines)}" if lines else ""
    theirs = [elsewhere[k.fingerprint] for k in keys if k.fingerprint in elsewhere]
    reused = f" The same key is in {listed(theirs)}." if theirs else ""
    verb = "is" if len(keys) == 1 else "are"
    return f"{noun} ({kinds}{named}) {verb} in the image{where}, the same in every device.{known}{reused}"


def _locked(image: Image, seen: Seen[ImageKey]) -> Answer:
    fact = seen.fact
    summary = f"A private key ({fact.algorithm}) is in the image under a passphrase."
    return inconclusive(
        image.at(fact.place, f"{fact.path}, locked"),
        summary,
        *seen.proof,
        owner=Owner.OPERATOR,
        settle=UNLOCK,
    )
