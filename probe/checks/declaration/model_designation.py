"""Is the declared model designation what the device itself shows?"""

from collections.abc import Iterator

from probe.checks.declaration.paper import is_reason, proof, undeclared
from probe.model.dut import Dut
from probe.model.evidence import Proof
from probe.model.finding import Answer, Owner, inconclusive, satisfied, violated
from probe.model.observation import Announced, HttpPage

SUBJECT = "model designation"
MODEL_KEYS = {"md", "model", "modelname", "modelnumber", "ty"}
"""TXT and UPnP keys that hold a model: HomeKit and Cast ``md``, printers ``ty``, UPnP modelName."""


def check(dut: Dut) -> Iterator[Answer]:
    declared = dut.declaration
    if declared is None or not is_reason(declared.model) or not _plain(declared.model):
        yield undeclared(declared, SUBJECT, "the model designation", "the key model")
        return
    paper = proof(declared)
    wanted = _plain(declared.model)
    named, shown = list(_announced_models(dut)), list(_page_titles(dut))
    for text, behind in [*named, *shown]:
        if wanted == _plain(text) or (len(wanted) > 2 and wanted in _plain(text)):
            summary = f"The device shows its declared model designation {declared.model}: “{text}”."
            yield satisfied(SUBJECT, summary, paper, *behind)
            return
    if named:
        text, behind = named[0]
        summary = f"The device announces the model “{text}”, declared is {declared.model}."
        yield violated(SUBJECT, summary, paper, *behind)
        return
    summary = f"The declared model designation {declared.model} was not seen on the network."
    settle = "Look for it on the label or in the user interface, and record a manual result."
    yield inconclusive(SUBJECT, summary, paper, owner=Owner.OPERATOR, settle=settle)


def _announced_models(dut: Dut) -> Iterator[tuple[str, tuple[Proof, ...]]]:
    for seen in dut.all(Announced):
        for key, value in seen.fact.attributes:
            if key.lower() in MODEL_KEYS and value:
                yield value, seen.proof


def _page_titles(dut: Dut) -> Iterator[tuple[str, tuple[Proof, ...]]]:
    for seen in dut.all(HttpPage):
        if seen.fact.title:
            yield seen.fact.title, seen.proof


def _plain(text: str) -> str:
    """Letters and digits only: ``EX-CAM-2`` and ``ExCam 2`` are the same designation."""
    return "".join(c for c in text.casefold() if c.isalnum())
