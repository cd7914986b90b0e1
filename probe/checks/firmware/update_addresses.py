"""Is every encrypted address of updates and packages bound to an authority, certificate or key of its own?"""

from collections.abc import Iterable, Iterator

from probe.checks.firmware.images import Image, each_file_system, in_files, listed
from probe.model.dut import Dut, Seen
from probe.model.finding import Answer, Owner, inconclusive, not_applicable
from probe.model.firmware import ImageUrl

NONE_FOUND = "Watch an update at a mirror port, or declare transport under [update]."
TRY_IT = (
    "Answer the update server's name with a server of your own that has a certificate of a public "
    "authority: a device that pins accepts nothing from it. Or ask the manufacturer."
)


def check(dut: Dut) -> Iterator[Answer]:
    absent = (
        "Every encrypted address of updates and packages is fetched with an authority, certificate or key "
        "of its own."
    )
    yield from each_file_system(dut, _judge, absent)


def _judge(image: Image) -> Iterator[Answer]:
    every = image.all(ImageUrl)
    encrypted = [s for s in every if s.fact.encrypted]
    loose = [s for s in encrypted if not s.fact.pinned]
    yield from in_files(image, (s for s in loose if s.fact.line), _sentence)
    yield from _in_programs(image, [s for s in loose if not s.fact.line])
    if encrypted or image.survey is None or not image.has_files():
        return
    if every:
        summary = "No address of updates is an encrypted one; there is nothing to pin."
        yield not_applicable(image.subject, summary, *image.proof)
    else:
        summary = "No address of an update server was found in the image."
        owner = Owner.OPERATOR
        yield inconclusive(image.subject, summary, *image.proof, owner=owner, settle=NONE_FOUND)


def _in_programs(image: Image, found: Iterable[Seen[ImageUrl]]) -> Iterator[Answer]:
    for answer in in_files(image, found, lambda urls: listed(u.url for u in urls)):
        summary = (
            f"A program has {answer.summary}; which certificates it accepts there is not seen."
        )
        owner = Owner.OPERATOR
        yield inconclusive(answer.subject, summary, *answer.proof, owner=owner, settle=TRY_IT)


def _sentence(urls: list[ImageUrl]) -> str:
    said = listed(f"line {u.line}: {u.url}" for u in urls)
    return (
        f"Updates or packages come over HTTPS, and nothing beside the address names whose certificate is "
        f"accepted, so that every authority of the system may vouch for the server: {said}."
    )
