"""Two images side by side: version, signer, counter, components, findings that are new and that are gone.

What could not be read of one of them is said beside it: a finding is not gone because nobody could look.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from probe.model import firmware as fw
from probe.model.dut import Dut
from probe.model.finding import Finding, Outcome
from probe.report.firmware_tree import in_order
from probe.report.lines import Lines, fact, wrap

SCHEMA = "probe-firmware-diff/1"
MOST = 60
"""Lines of one kind in the text; the JSON has all."""
_PLACE = re.compile(r"(?:^| in )layer [0-9/]+(?: of image [0-9a-f]+)?$")
_IMAGE = re.compile(r"image [0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What is compared of one image."""

    name: str
    sha256: str
    size: int
    unread: tuple[str, ...]
    """What was not read; also when the reader did not come to its end."""
    facts: dict[str, str]
    """Of the outermost layer with a protection: format, version, signature, signer, counter."""
    components: dict[str, tuple[str, ...]]
    """Name to versions."""
    findings: dict[str, str]
    """Violations: check and subject to the sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Everything that is not the same. Pairs are ``(old, new)``, empty where there is none."""

    schema: str
    old: Side
    new: Side
    changed: dict[str, tuple[str, str]]
    components: dict[str, tuple[str, str]]
    appeared: dict[str, str]
    """Findings that only the new image has."""
    gone: dict[str, str]
    """Findings that only the old image has; not to be trusted where the new one was not read."""
    worse: tuple[str, ...]
    """What a person should look at before the new image is shipped."""


def side(dut: Dut, findings: Iterable[Finding]) -> Side:
    """One image from its facts and findings."""
    surveys = [s.fact for s in dut.all(fw.ImageSurvey)]
    layers = {s.fact.place: s.fact for s in dut.all(fw.ImageLayer)}
    shields = sorted((s.fact for s in dut.all(fw.ImageProtection)), key=lambda p: in_order(p.place))
    first = layers.get("0")
    components: dict[str, list[str]] = {}
    for seen in dut.all(fw.ImageComponent):
        components.setdefault(seen.fact.name, []).append(seen.fact.version)
    return Side(
        name=surveys[-1].name if surveys else dut.device.label,
        sha256=dut.device.images[0] if dut.device.images else "",
        size=surveys[-1].size if surveys else 0,
        unread=surveys[-1].unread if surveys else ("the image was not examined to its end",),
        facts=_facts(first, shields[0] if shields else None, layers),
        components={n: tuple(sorted(set(v))) for n, v in sorted(components.items())},
        findings={
            f"{f.check} {_stable(f.answer.subject)}".strip(): f.answer.summary
            for f in sorted(findings, key=lambda f: f.id)
            if f.answer.outcome is Outcome.VIOLATED
        },
    )


def _facts(
    first: fw.ImageLayer | None, p: fw.ImageProtection | None, layers: dict[str, fw.ImageLayer]
) -> dict[str, str]:
    known = {"format": first.format if first else "unknown"}
    own = layers.get(p.place) if p else first
    known |= {"version": own.version, "built": own.built} if own else {}
    if p is not None:
        known |= {
            "signature": p.signing.value,
            "signer": p.key_id,
            "scheme": p.scheme,
            "public test key": p.public_key,
            "against older": p.rollback.value,
            "counter": "" if p.rollback_value is None else str(p.rollback_value),
            "encrypted": "yes" if p.encrypted else "no",
        }
    return known


def _stable(subject: str) -> str:
    """The subject without what changes from image to image: the place of a layer, the image's hash."""
    return _IMAGE.sub("image", _PLACE.sub("", subject))


def difference(old: Side, new: Side) -> Difference:
    changed = {
        name: (old.facts.get(name, ""), new.facts.get(name, ""))
        for name in dict.fromkeys((*old.facts, *new.facts))
        if old.facts.get(name, "") != new.facts.get(name, "")
    }
    components = {
        name: (", ".join(old.components.get(name, ())), ", ".join(new.components.get(name, ())))
        for name in sorted({*old.components, *new.components})
        if old.components.get(name) != new.components.get(name)
    }
    appeared = {k: v for k, v in new.findings.items() if k not in old.findings}
    return Difference(
        schema=SCHEMA,
        old=old,
        new=new,
        changed=changed,
        components=components,
        appeared=appeared,
        gone={k: v for k, v in old.findings.items() if k not in new.findings},
        worse=tuple(_worse(old, new, appeared)),
    )


def _worse(old: Side, new: Side, appeared: dict[str, str]) -> Iterable[str]:
    before, after = old.facts, new.facts
    good = (fw.Signing.VERIFIED.value, fw.Signing.NOT_VERIFIED.value)
    if before.get("signature") in good and after.get("signature") not in good:
        yield f"the signature: {before.get('signature')} before, {after.get('signature', 'none')} now"
    signers = before.get("signer", ""), after.get("signer", "")
    if all(signers) and signers[0] != signers[1]:
        yield "another key signed"
    counters = before.get("counter", ""), after.get("counter", "")
    if counters[0] and (not counters[1] or int(counters[1]) < int(counters[0])):
        yield f"the counter against older versions: {counters[0]} before, {counters[1] or 'none'} now"
    if appeared:
        yield f"{len(appeared)} new findings"


def as_json(found: Difference) -> bytes:
    return (json.dumps(asdict(found), indent=2, ensure_ascii=False) + "\n").encode()


def as_text(found: Difference) -> str:
    return "".join(f"{line.rstrip()}\n" for line in _text(found))


def _text(found: Difference) -> Lines:
    for word, one in (("Old", found.old), ("New", found.new)):
        yield from fact(word, f"{one.name}, {one.size} bytes, sha256 {one.sha256}")
        if one.unread:
            yield from fact("Not read", "; ".join(one.unread[:3]), indent="  ")
    yield ""
    yield from fact("Worse", "; ".join(found.worse)) if found.worse else ["Nothing is worse."]
    for title, pairs in (("Changed", found.changed), ("Components", found.components)):
        if pairs:
            yield ""
            yield f"{title}:"
        for name, (old, new) in [*pairs.items()][:MOST]:
            yield from wrap(f"{name}: {old or 'none'} -> {new or 'none'}", "  ", "    ")
        yield from _more(len(pairs))
    trust = (
        " (the new image was not read whole, so they may be there still)"
        if found.new.unread
        else ""
    )
    for title, told in (("New findings", found.appeared), (f"Gone findings{trust}", found.gone)):
        if told:
            yield ""
            yield f"{title}: {len(told)}"
        for name, sentence in [*told.items()][:MOST]:
            yield from wrap(f"{name}: {sentence}", "  ", "    ")
        yield from _more(len(told))


def _more(number: int) -> Lines:
    if number > MOST:
        yield f"  and {number - MOST} more, see --format json"
