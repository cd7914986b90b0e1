"""The shipped catalogues are whole, and every requirement says something of its own."""

import re
from collections import Counter
from pathlib import Path

import pytest

from probe import registry
from probe.catalogue_lint import lint_catalogues
from probe.checks.declaration.ics_reasons import V2, V3
from probe.judge.judge import judge
from probe.model.catalogue import Catalogue, Strength
from probe.model.declaration import Declaration, IcsEntry, UpdatePolicy
from probe.model.device import Device
from probe.model.dut import Dut
from probe.model.evidence import Coverage
from probe.model.finding import Finding, satisfied, violated
from probe.model.ids import CheckId, DeviceId
from probe.model.verdict import Status, Verdict

FILES = sorted((registry.HERE / "catalogues").glob("*.toml"))
IXIT = {
    1: "AuthMech", 2: "UserInfo", 3: "VulnTypes", 4: "Conf", 5: "VulnMon", 6: "SoftComp",
    7: "UpdMech", 8: "UpdProc", 9: "ReplSup", 10: "SecParam", 11: "SecComMech", 12: "NetSecImpl",
    13: "SoftServ", 14: "SecMgmt", 15: "PhyIntf", 16: "CodeMin", 17: "PrivlCtrl", 18: "AccCtrl",
    19: "SecDev", 20: "SecBoot", 21: "PersData", 22: "ExtSens", 23: "ResMech", 24: "TelData",
    25: "DelFunc", 26: "UserDec", 27: "UserIntf", 28: "LogIntf", 29: "InpVal",
}  # fmt: skip
V1_NAMES = {11: "ComMech", 15: "Intf", 28: "ExtAPI"}
DEVICE = DeviceId("ip-198.51.100.1")


def shipped(name: str) -> Catalogue:
    return registry.catalogues()[name]


def test_the_linter_finds_nothing() -> None:
    faults = lint_catalogues(FILES, set(registry.checks()))
    assert not faults, "\n".join(map(str, faults))


@pytest.mark.parametrize(
    ("name", "mandatory", "recommended"),
    [
        ("psti", 7, 0),
        ("en303645-v2.1.1", 33, 35),
        ("en303645-v3.1.3", 36, 42),
        ("cra", 31, 0),
        ("en18031", 48, 0),
        ("nistir8425", 45, 0),
    ],
)
def test_every_requirement_is_there(name: str, mandatory: int, recommended: int) -> None:
    counted = Counter(r.mandatory for r in shipped(name).requirements)
    assert (counted[True], counted[False]) == (mandatory, recommended)


def test_the_ics_check_knows_the_numbering_of_both_editions() -> None:
    assert {r.id for r in shipped("en303645-v2.1.1").requirements} == V2
    assert {r.id for r in shipped("en303645-v3.1.3").requirements} == V3


@pytest.mark.parametrize("name", [path.stem for path in FILES])
def test_no_text_is_boilerplate(name: str) -> None:
    rows = shipped(name).requirements
    for key in ("title", "plain", "manual", "settle"):
        counted = Counter(getattr(r, key) for r in rows)
        doubled = [text for text, n in counted.items() if n > 1]
        allowed = 1 if (name, key) == ("psti", "settle") else 0
        assert len(doubled) <= allowed, f"{key}: {doubled}"
    for r in rows:
        steps = r.manual.strip().splitlines()
        assert 4 <= len(steps) <= 7, r.id
        assert any("Record" in step for step in steps), r.id
        assert len(r.plain) < 130, f"{r.id}: one short sentence"
        jargon = re.findall(r"\b(?:IXIT|ICS|TLS|CSP|M2M|API|SNMP|HTTP)\b", r.plain)
        assert not jargon, r.id


@pytest.mark.parametrize("name", ["en303645-v2.1.1", "en303645-v3.1.3"])
def test_procedures_name_ixit_tables_that_exist(name: str) -> None:
    for r in shipped(name).requirements:
        for number, table in re.findall(r"\b(\d{1,2})-([A-Z][A-Za-z]{3,})\b", r.manual + r.settle):
            assert table in (IXIT[int(number)], V1_NAMES.get(int(number))), f"{r.id}: {table}"


def test_each_recommendation_and_condition_agrees_with_its_level() -> None:
    for catalogue in registry.catalogues().values():
        for r in catalogue.requirements:
            assert r.mandatory == r.level.startswith(("M", "baseline")), r.id
            # Only EN 303 645 writes conditions into its levels.
            if catalogue.id.startswith("en303645"):
                assert bool(r.condition) == bool(set(r.level.split()) & {"C", "F"}), r.id


def test_only_what_a_check_really_answers_is_full() -> None:
    full = {
        (c.id, r.id, m.check)
        for c in registry.catalogues().values()
        for r in c.requirements
        for m in r.checks
        if m.strength is Strength.FULL
    }
    assert full == {
        ("en303645-v3.1.3", "5.0-1", "declaration/ics_reasons"),
        ("en303645-v2.1.1", "4-1", "declaration/ics_reasons"),
    }


def verdicts(name: str, declaration: Declaration) -> dict[str, Verdict]:
    dut = Dut(Device(id=DEVICE, addresses=("198.51.100.1",)), [], declaration)
    findings = [
        Finding(check=check, device=DEVICE, answer=answer)
        for check in registry.checks()
        if check.startswith(("declaration/", "update/"))
        for answer in registry.check_function(CheckId(check))(dut)
    ]
    return {v.requirement: v for v in judge(shipped(name), DEVICE, findings, declaration)}


def test_a_declaration_alone_passes_only_what_is_about_the_document() -> None:
    for name, ids in (("en303645-v2.1.1", V2), ("en303645-v3.1.3", V3)):
        rows = tuple(IcsEntry(requirement=i, support="Y") for i in sorted(ids))
        update = UpdatePolicy(
            mechanism="network", automatic=True, signed=True, signature="Ed25519", period_days=1
        )
        declared = Declaration(product="x", model="y", ics=rows, update=update, sha256="5e" * 32)
        got = verdicts(name, declared)
        passed = {i for i, v in got.items() if v.status is Status.PASS}
        assert passed == {"4-1"} & ids | {"5.0-1"} & ids
        assert all(v.settle for v in got.values() if v.status is not Status.PASS)
        short = Declaration(product="x", ics=rows[:-1], sha256="5e" * 32)
        assert not [v for v in verdicts(name, short).values() if v.status is Status.PASS]


def test_a_declared_failure_fails_where_it_says_so_and_nowhere_else() -> None:
    update = UpdatePolicy(mechanism="network", automatic=False, signed=False, transport="HTTP")
    got = verdicts("en303645-v3.1.3", Declaration(product="x", update=update, sha256="5e" * 32))
    failed = {i for i, v in got.items() if v.status is Status.FAIL}
    assert failed == {"5.3-2", "5.3-4A", "5.3-7", "5.3-10"}


@pytest.mark.parametrize("name", ["en303645-v2.1.1", "en303645-v3.1.3"])
def test_unused_interfaces_never_pass_by_a_scan_alone(name: str) -> None:
    """Not every UDP port can be asked, so that a service on one of them stays unseen."""
    proof = Coverage(tried="TCP SYN", times=2, deadline_s=1.0)
    for answer, status in (
        (
            satisfied(
                "device",
                "Nothing else.",
                proof,
                measured={"tcp_ports": 65_535, "ipv6": 1, "udp_probes": 18},
            ),
            Status.INCONCLUSIVE,
        ),
        (violated("tcp 198.51.100.1:23", "Not declared.", proof), Status.FAIL),
    ):
        found = Finding(check=CheckId("exposure/undeclared_services"), device=DEVICE, answer=answer)
        got = {v.requirement: v for v in judge(shipped(name), DEVICE, [found])}
        assert got["5.6-1"].status is status
        assert got["5.6-1"].settle or status is Status.FAIL


def test_what_users_are_told_to_declare_can_be_declared() -> None:
    """Table names in advice are those that the reader takes."""
    known = {"service", "account", "update", "support", "disclosure", "ics", "not_applicable"}
    known |= {"manual", "catalogue", "requirement", "label", "guessing"}
    advice = [r.manual + r.settle for c in registry.catalogues().values() for r in c.requirements]
    advice += [path.read_text() for path in registry.HERE.glob("checks/**/*.py")]
    for text in advice:
        # Only what the sentence itself calls a table or a place in the file: "under [[ics]]".
        named = re.findall(r"(?:under|an?|to|in the) \[{1,2}([a-z_]+)\]{1,2}", text)
        assert set(named) <= known, text[:200]


LINTABLE = """\
[catalogue]
id = "psti"
title = "t"
edition = "1"
publisher = "p"
published = "y"
note = ""
sources = []

[[requirement]]
id = "A"
title = "A long enough title"
level = "M C"
mandatory = false
manual = "just do it"
check = [
    { check = "tls/old_version", strength = "partial", requires = { n = 1 } },
    { check = "tls/old_versions", strength = "full" },
]
"""


def test_the_linter_finds_each_kind_of_fault(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(LINTABLE)
    (tmp_path / "broken.toml").write_text("[catalogue\n")
    faults = lint_catalogues([path, tmp_path / "broken.toml", path], {"tls/old_versions"})
    said = [f"{f.line} {f.key.removeprefix('requirement A, ')}: {f.what}" for f in faults]
    once = [
        "2 catalogue, id: 1 requirements, this edition has 7",
        "10 plain: plain is missing or too short",
        "10 settle: settle is missing or too short",
        "10 confidence: how sure this is, is not said",
        "10 condition: the level M C has a condition, and none is given",
        "14 mandatory: does not agree with the level M C",
        "15 manual: manual is missing or too short",
        "15 manual: the steps are not numbered in order",
        "17 check 1, check: there is no check 'tls/old_version'",
        "17 check 1, requires: requires has no effect below full strength",
        "18 check 2: full strength without support",
    ]
    assert said[:11] == once
    assert "not TOML" in said[11]
    assert any("has the id 'psti', too" in line for line in said[12:])
    assert "Did you mean 'tls/old_versions'?" in str(faults[8])
