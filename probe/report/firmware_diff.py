"""Two images side by side: version, signer, counter, components, findings that are new and that are gone.

What could not be read of one of them is said beside it: a finding is not gone because nobody could look.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

from probe.model import firmware as fw
from probe.model.dut import Dut
from probe.model.finding import Finding, Outcome
from probe.report.firmware_tree import in_order

SCHEMA = "probe-firmware-diff/2"
SIGNED = (fw.Signing.VERIFIED, fw.Signing.NOT_VERIFIED)
_PLACE = re.compile(r"(?:^| in )layer [0-9/]+(?: of image [0-9a-f]+)?$")
_ALONE = re.compile(r"layer ([0-9/]+)(?: of image [0-9a-f]+)?")
_IMAGE = re.compile(r"image [0-9a-f]{12}")


Order = Callable[[str, str, str], int]
"""``(type of the purl, old version, new version)``: below zero when the new one is newer, above when older."""


class How(StrEnum):
    """What became of a component."""

    NEWER = "newer"
    OLDER = "older"
    OTHER = "another version"
    """Several versions, or an order that nobody knows."""
    ADDED = "added"
    REMOVED = "removed"
    NOT_SEEN = "not seen"
    """Only one image shows it, and the other one was not read whole."""


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
    families: dict[str, str]
    """Name to the type of its purl, which has the order of its versions."""
    findings: dict[str, str]
    """Violations: check and subject to the sentence."""
    open: tuple[str, ...]
    """Checks that could not say everything about it: nothing is gone that they do not see any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    old: str
    new: str
    how: How


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Everything that is not the same. Pairs are ``(old, new)``, empty where there is none."""

    schema: str
    old: Side
    new: Side
    changed: dict[str, tuple[str, str]]
    components: dict[str, Component]
    appeared: dict[str, str]
    """Findings that only the new image has; where the old one was not read whole they may be older."""
    gone: dict[str, str]
    """Findings that only the old image has, of which the new one was shown to be free."""
    not_shown: dict[str, str]
    """Findings of the old image that may be in the new one still: it was not read whole, or the check
    could not say."""
    altered: dict[str, tuple[str, str]]
    """Findings of both that say something else now."""
    worse: tuple[str, ...]
    """What a person should look at before the new image is shipped."""
    unsure: tuple[str, ...]
    """What may be worse, and cannot be said."""


def side(dut: Dut, findings: Iterable[Finding]) -> Side:
    """One image from its facts and findings."""
    surveys = [s.fact for s in dut.all(fw.ImageSurvey)]
    layers = {s.fact.place: s.fact for s in dut.all(fw.ImageLayer)}
    shields = sorted((s.fact for s in dut.all(fw.ImageProtection)), key=lambda p: in_order(p.place))
    first = layers.get("0")
    components: dict[str, list[str]] = {}
    families: dict[str, str] = {}
    for seen in dut.all(fw.ImageComponent):
        components.setdefault(seen.fact.name, []).append(seen.fact.version)
        if kind := seen.fact.purl.partition(":")[2].partition("/")[0]:
            families.setdefault(seen.fact.name, kind)
    every = sorted(findings, key=lambda f: f.id)
    unknown = (Outcome.INCONCLUSIVE, Outcome.ERROR)
    return Side(
        name=surveys[-1].name if surveys else dut.device.label,
        sha256=dut.device.images[0] if dut.device.images else "",
        size=surveys[-1].size if surveys else 0,
        unread=surveys[-1].unread if surveys else ("the image was not examined to its end",),
        facts=_facts(first, shields[0] if shields else None, layers),
        components={n: tuple(sorted(set(v))) for n, v in sorted(components.items())},
        families=families,
        findings={
            f"{f.check} {_stable(f.answer.subject, layers)}".strip(): f.answer.summary
            for f in every
            if f.answer.outcome is Outcome.VIOLATED
        },
        open=tuple(dict.fromkeys(f.check for f in every if f.answer.outcome in unknown)),
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


def _stable(subject: str, layers: dict[str, fw.ImageLayer]) -> str:
    """The subject without what changes from image to image: the place of a layer, the image's hash. A layer
    alone is named by its format."""
    place = _ALONE.fullmatch(subject)
    if place and place.group(1) in layers:
        return layers[place.group(1)].format
    return _IMAGE.sub("image", _PLACE.sub("", subject))


def difference(old: Side, new: Side, order: Order) -> Difference:
    changed = {
        name: (old.facts.get(name, ""), new.facts.get(name, ""))
        for name in dict.fromkeys((*old.facts, *new.facts))
        if old.facts.get(name, "") != new.facts.get(name, "")
    }
    components = {
        name: _component(old, new, name, order)
        for name in sorted({*old.components, *new.components})
        if old.components.get(name) != new.components.get(name)
    }
    appeared = {k: v for k, v in new.findings.items() if k not in old.findings}
    away = {k: v for k, v in old.findings.items() if k not in new.findings}
    gone = {k: v for k, v in away.items() if _shown_to_be_free(new, k)}
    return Difference(
        schema=SCHEMA,
        old=old,
        new=new,
        changed=changed,
        components=components,
        appeared=appeared,
        gone=gone,
        not_shown={k: v for k, v in away.items() if k not in gone},
        altered={
            k: (v, said)
            for k, v in old.findings.items()
            if (said := new.findings.get(k)) is not None
            and _nameless(v, old, new) != _nameless(said, old, new)
        },
        worse=tuple(_worse(old, new, appeared, components)),
        unsure=tuple(_unsure(old, new)),
    )


def _nameless(sentence: str, *sides: Side) -> str:
    """A key that both have is the other one's key, too, in the sentence of each."""
    for one in sides:
        sentence = sentence.replace(one.name, "the other")
    return sentence


def _shown_to_be_free(new: Side, finding: str) -> bool:
    return not new.unread and finding.partition(" ")[0] not in new.open


def _component(old: Side, new: Side, name: str, order: Order) -> Component:
    before, after = old.components.get(name, ()), new.components.get(name, ())
    how = How.OTHER
    if not before:
        how = How.NOT_SEEN if old.unread else How.ADDED
    elif not after:
        how = How.NOT_SEEN if new.unread else How.REMOVED
    elif len(before) == len(after) == 1:
        kinds = {s.families.get(name, "") for s in (old, new)}
        by = order(kinds.pop(), before[0], after[0]) if len(kinds) == 1 else 0
        how = How.NEWER if by < 0 else How.OLDER if by > 0 else How.OTHER
    return Component(old=", ".join(before), new=", ".join(after), how=how)


def _worse(
    old: Side, new: Side, appeared: dict[str, str], components: dict[str, Component]
) -> Iterable[str]:
    before, after = _signing(old), _signing(new)
    if before in SIGNED and after not in SIGNED and after is not None:
        yield f"the signature: {before.value} before, {after.value} now"
    signers = old.facts.get("signer", ""), new.facts.get("signer", "")
    if all(signers) and signers[0] != signers[1]:
        yield "another key signed"
    counters = _counter(old), _counter(new)
    if counters[0] is not None and counters[1] is not None and counters[1] < counters[0]:
        yield f"the counter against older versions: {counters[0]} before, {counters[1]} now"
    elif counters[0] is not None and new.facts.get("against older") == fw.Rollback.NONE:
        yield f"the counter against older versions: {counters[0]} before, none now"
    older = [name for name, c in components.items() if c.how is How.OLDER]
    if older:
        more = f" and {len(older) - 5} more" if len(older) > 5 else ""
        yield f"older than before: {', '.join(older[:5])}{more}"
    if appeared:
        yield "1 new finding" if len(appeared) == 1 else f"{len(appeared)} new findings"


def _unsure(old: Side, new: Side) -> Iterable[str]:
    before, after = _signing(old), _signing(new)
    if before in SIGNED and after is None:
        yield f"the signature: {before.value} before, not known now"
    lost = _counter(old) is not None and _counter(new) is None
    if lost and new.facts.get("against older") != fw.Rollback.NONE:
        yield f"the counter against older versions: {_counter(old)} before, not known now"
    for word, one in (("old", old), ("new", new)):
        if one.unread:
            yield f"the {word} image was not read whole"
        elif one.facts["format"] in ("unknown", "text", "data"):
            # An error page saved as an image, twice, is no good news.
            yield f"the {word} file is of no format of firmware"
    known = [check.partition("/")[2] for check in new.open if check not in old.open]
    if known and not new.unread:
        more = f" and {len(known) - 3} more" if len(known) > 3 else ""
        yield f"answered of the old image and not wholly of the new one: {', '.join(known[:3])}{more}"


def _signing(one: Side) -> fw.Signing | None:
    """None when it is not known: encrypted, cut short, or something of the image was not read."""
    said = one.facts.get("signature", "")
    if said in (fw.Signing.ENCRYPTED, fw.Signing.UNREADABLE):
        return None
    if not said:
        return None if one.unread else fw.Signing.UNSIGNED
    return fw.Signing(said)


def _counter(one: Side) -> int | None:
    said = one.facts.get("counter", "")
    return int(said) if said else None


def as_json(found: Difference) -> bytes:
    return (json.dumps(asdict(found), indent=2, ensure_ascii=False) + "\n").encode()
