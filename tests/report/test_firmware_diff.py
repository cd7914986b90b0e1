"""Two images side by side: what cannot be seen any more is not gone, and what is older is told."""

import json
from dataclasses import replace

import pytest
from report_sample import IMAGE, state

from probe.report.firmware_diff import How, Side, as_json, difference, side
from probe.report.firmware_diff_text import as_text
from probe.runner.versions import newer

FOUND = {"firmware/default_accounts etc/shadow": "No password is needed for 'root'."}
GOOD = Side(
    name="old.bin",
    sha256="1" * 64,
    size=100,
    unread=(),
    facts={
        "format": "MCUboot",
        "version": "1.2.0",
        "signature": "signed and verified",
        "signer": "aa",
        "against older": "signed counter",
        "counter": "7",
    },
    components={"busybox": ("1.36.1-1",), "curl": ("8.0",)},
    families={"busybox": "opkg"},
    findings={},
    open=(),
)
CUT = replace(GOOD, name="new.bin", sha256="2" * 64, unread=("0/1 squashfs: cut short",))


def now(**other: object) -> Side:
    facts = {**GOOD.facts, **other.pop("facts", {})}  # type: ignore[dict-item]
    return replace(GOOD, name="new.bin", sha256="2" * 64, facts=facts, **other)  # type: ignore[arg-type]


def test_the_same_image_twice_is_no_difference() -> None:
    told = difference(GOOD, GOOD, newer)
    for nothing in (told.worse, told.unsure, told.changed, told.components):
        assert not nothing
    assert "Nothing is worse." in as_text(told)


def test_what_is_mended_is_gone() -> None:
    told = difference(replace(GOOD, findings=FOUND), now(), newer)
    assert told.gone == FOUND
    assert not told.not_shown
    assert not told.worse


@pytest.mark.parametrize(
    "new",
    [CUT, now(open=("firmware/default_accounts",))],
    ids=["not read whole", "its check could not say"],
)
def test_what_nobody_could_see_is_not_gone(new: Side) -> None:
    told = difference(replace(GOOD, findings=FOUND), new, newer)
    assert not told.gone
    assert told.not_shown == FOUND
    assert not json.loads(as_json(told))["gone"]
    assert "Gone findings" not in as_text(told)
    assert "may be there still: 1" in as_text(told)


def test_what_a_check_said_before_and_cannot_say_now_may_be_worse() -> None:
    told = difference(GOOD, now(open=("firmware/secrets",)), newer)
    assert told.unsure == ("answered of the old image and not wholly of the new one: secrets",)
    assert "Nothing is shown to be worse." in as_text(told)
    both = difference(
        replace(GOOD, open=("firmware/secrets",)), now(open=("firmware/secrets",)), newer
    )
    assert not both.unsure


def test_an_inconclusive_answer_of_another_check_takes_nothing_back() -> None:
    told = difference(replace(GOOD, findings=FOUND), now(open=("firmware/secrets",)), newer)
    assert told.gone == FOUND


def test_a_component_of_a_part_that_was_not_read_is_neither_added_nor_removed() -> None:
    whole, without = difference(GOOD, now(components={}), newer), replace(CUT, components={})
    assert {c.how for c in whole.components.values()} == {How.REMOVED}
    assert {c.how for c in difference(GOOD, without, newer).components.values()} == {How.NOT_SEEN}
    assert {c.how for c in difference(without, GOOD, newer).components.values()} == {How.NOT_SEEN}
    assert "curl: 8.0 -> not seen (not seen)" in as_text(difference(GOOD, without, newer))


@pytest.mark.parametrize(
    ("kind", "old", "new", "how"),
    [
        ("deb", "1:1.0-1", "2.0-1", How.OLDER),
        ("deb", "1.0~rc1-1", "1.0-1", How.NEWER),
        ("opkg", "1.36.1-9", "1.36.1-10", How.NEWER),
        ("apk", "1.2.3_rc1-r0", "1.2.3-r0", How.NEWER),
        ("apk", "1.2.10-r0", "1.2.9-r3", How.OLDER),
        ("generic", "1.1.1", "1.1.1a", How.NEWER),
        ("generic", "2019.07", "2019.07-rc1", How.OLDER),
        ("", "1.0", "", How.OTHER),
    ],
)
def test_versions_are_in_the_order_of_their_packages(
    kind: str, old: str, new: str, how: How
) -> None:
    before = replace(GOOD, components={"x": (old,)}, families={"x": kind})
    told = difference(before, replace(before, components={"x": (new,)}), newer)
    assert told.components["x"].how is how
    assert any("older than before: x" in w for w in told.worse) == (how is How.OLDER)


def test_another_kind_of_package_has_no_order_with_it() -> None:
    after = now(components={**GOOD.components, "busybox": ("1.35",)}, families={"busybox": "apk"})
    assert difference(GOOD, after, newer).components["busybox"].how is How.OTHER


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({"signature": "unsigned"}, "the signature: signed and verified before, unsigned now"),
        ({"signature": "tampered"}, "tampered now"),
        ({"signer": "bb"}, "another key signed"),
        ({"counter": "6"}, "7 before, 6 now"),
        ({"counter": "", "against older": "none"}, "7 before, none now"),
    ],
)
def test_what_is_worse_is_said(facts: dict[str, str], word: str) -> None:
    told = difference(GOOD, now(facts=facts), newer)
    assert any(word in w for w in told.worse)


@pytest.mark.parametrize(
    "new",
    [
        now(
            facts={
                "signature": "encrypted, cannot judge",
                "counter": "",
                "against older": "unknown",
            }
        ),
        replace(CUT, facts={"format": "unknown"}),
    ],
    ids=["encrypted", "cut short"],
)
def test_what_cannot_be_judged_is_not_called_worse_and_not_as_good(new: Side) -> None:
    told = difference(GOOD, new, newer)
    assert not told.worse
    assert any("signature" in w and "not known now" in w for w in told.unsure)
    assert any("counter" in w for w in told.unsure)
    assert "Nothing is shown to be worse." in as_text(told)


def test_a_finding_that_says_more_now_is_told() -> None:
    more = dict.fromkeys(FOUND, "No password is needed for 'root', 'admin'.")
    told = difference(replace(GOOD, findings=FOUND), now(findings=more), newer)
    assert [*told.altered] == [*FOUND]
    assert "'root'. -> No password is needed for 'root', 'admin'." in " ".join(
        as_text(told).split()
    )


def test_new_findings_of_a_half_read_old_image_may_be_older() -> None:
    told = difference(replace(CUT, findings={}), now(findings=FOUND), newer)
    assert told.appeared == FOUND
    assert told.worse == ("1 new finding",)
    assert "some may be older" in " ".join(as_text(told).split())


def test_the_recorded_image_beside_one_that_was_cut_short() -> None:
    (device,) = [d for d in state().devices if "11" in d]
    old = side(state().dut(device), [f for f in state().findings.values() if f.device == device])
    assert old.findings
    assert old.facts["signer"] == "7c" * 32
    assert old.unread
    told = difference(old, replace(CUT, sha256=IMAGE, facts={}, components={}), newer)
    assert told.not_shown == old.findings
    assert max(map(len, as_text(told).splitlines())) <= 160


def test_a_layer_is_named_by_its_format_wherever_it_stands() -> None:
    """So that an unsigned container is another finding than an unsigned kernel in it."""
    from probe.model import firmware as fw
    from probe.report.firmware_diff import _stable

    layer = fw.ImageLayer(
        image="1",
        place="0/1",
        format="MCUboot image",
        kind=fw.LayerKind.BOOT,
        name="",
        offset=0,
        size=1,
        sha256="",
    )
    layers = {"0/1": layer, "0/2": replace(layer, place="0/2", format="uImage")}
    assert _stable("layer 0/1", layers) == "MCUboot image"
    assert _stable("layer 0/2 of image 0123456789ab", layers) == "uImage"
    assert _stable("etc/shadow in layer 0/1", layers) == "etc/shadow"


def test_a_key_that_both_have_is_no_change() -> None:
    old = replace(GOOD, findings={"firmware/private_keys k": "The same key is in new.bin."})
    new = now(findings={"firmware/private_keys k": "The same key is in old.bin."})
    assert not difference(old, new, newer).altered


@pytest.mark.parametrize("what", ["text", "data", "unknown"])
def test_two_files_that_are_no_images_are_no_good_news(what: str) -> None:
    page = replace(GOOD, facts={"format": what})
    told = difference(page, page, newer)
    assert told.unsure == (
        "the old file is of no format of firmware",
        "the new file is of no format of firmware",
    )
