"""The bill of materials holds to the official schema, and claims no more than is known."""

import json
from dataclasses import replace

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from probe.model.firmware import ImageComponent
from probe.report.cyclonedx import BY_VERSION, Subject, bill, render

BUSYBOX = ImageComponent(
    image="0" * 64,
    place="0/1",
    path="bin/busybox",
    name="busybox",
    version="1.30.1",
    evidence="banner",
    text="BusyBox v1.30.1",
    purl="pkg:generic/busybox@1.30.1",
    advisories=("CVE-2021-42378 fixed in 1.34.0: use after free in awk (JFrog, 2021)",),
)
OPENSSL = replace(
    BUSYBOX,
    path="usr/lib/libssl.so",
    name="openssl",
    version="1.0.2u",
    purl="pkg:generic/openssl@1.0.2u",
    advisories=("end of life since 2019-12-31 (openssl.org)", "CVE-2022-0778 fixed in 1.0.2zd"),
)
KERNEL = replace(BUSYBOX, name="linux", version="4.14.90", purl="", path="", advisories=())
SUBJECT = Subject(name="router.bin", sha256="ab" * 32, version="1.2.3")


def check(document: bytes) -> None:
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(document.decode())
    assert fault is None, str(fault.data)[:500]


def test_every_bill_holds_to_the_schema() -> None:
    check(render([]))
    check(render([BUSYBOX]))
    check(render([BUSYBOX, OPENSSL, KERNEL], SUBJECT, tool_version="0.1.0", at=1_800_000_000.0))
    strange = replace(BUSYBOX, name="a b/ü\u202e", version="", evidence="guess", purl="", text="")
    check(render([strange], SUBJECT))


def test_the_validator_would_notice() -> None:
    wrong = json.loads(render([BUSYBOX]))
    wrong["components"][0]["type"] = "nonsense"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(wrong)) is not None


def test_a_version_alone_confirms_nothing() -> None:
    document = bill([BUSYBOX, OPENSSL], SUBJECT)
    assert [v["id"] for v in document["vulnerabilities"]] == ["CVE-2021-42378", "CVE-2022-0778"]
    for one in document["vulnerabilities"]:
        assert one["analysis"] == {"state": "in_triage", "detail": BY_VERSION}
        assert one["affects"]
    assert document["compositions"][0]["aggregate"] == "incomplete"
    support = [p for p in document["components"][1]["properties"] if p["name"] == "probe:support"]
    assert support[0]["value"].startswith("end of life since 2019-12-31")


def test_the_same_component_in_two_places_is_one_and_the_order_does_not_matter() -> None:
    twin = replace(BUSYBOX, path="recovery/bin/busybox", place="0/2")
    document = bill([BUSYBOX, twin, OPENSSL])
    assert [c["name"] for c in document["components"]] == ["busybox", "openssl"]
    locations = [o["location"] for o in document["components"][0]["evidence"]["occurrences"]]
    assert locations == ["bin/busybox", "recovery/bin/busybox"]
    assert render([OPENSSL, twin, BUSYBOX]) == render([BUSYBOX, twin, OPENSSL])


def test_a_backport_is_not_affected_and_says_why() -> None:
    why = "the package's version 1:1.35.0-4+deb12u1 has the fix, which came with 1:1.35.0-4+deb12u1"
    mended = replace(
        BUSYBOX,
        version="1:1.35.0-4+deb12u1",
        purl="pkg:deb/debian/busybox@1:1.35.0-4%2Bdeb12u1?distro=debian-12",
        advisories=(f"not affected by CVE-2021-42378: {why} (Debian tracker, Debian 12)",),
    )
    check(render([mended, BUSYBOX], SUBJECT))
    both = bill([mended, BUSYBOX], SUBJECT)["vulnerabilities"]
    assert [(v["id"], v["analysis"]["state"]) for v in both] == [
        ("CVE-2021-42378", "in_triage"),
        ("CVE-2021-42378", "not_affected"),
    ]
    assert len({v["bom-ref"] for v in both}) == 2
    assert both[0]["affects"] == [{"ref": BUSYBOX.purl}]
    assert both[1]["affects"] == [{"ref": mended.purl}]
    assert both[1]["analysis"]["justification"] == "code_not_present"
    assert "has the fix" in both[1]["analysis"]["detail"]
    (alone,) = bill([mended])["components"]
    assert not any(p["name"] == "probe:support" for p in alone["properties"])


def test_the_age_of_the_tables_is_in_the_bill() -> None:
    said = "Components were compared with the table that comes with the probe, of 2026-11-21, 3 days old."
    document = render([BUSYBOX], SUBJECT, tables=(said,))
    check(document)
    properties = json.loads(document)["metadata"]["properties"]
    assert properties == [{"name": "probe:advisories", "value": said}]
    assert "properties" not in bill([BUSYBOX], SUBJECT)["metadata"]


@pytest.mark.parametrize(
    "name",
    [
        "CVE-2099-1234",
        "GHSA-5547-g9w2-52xj",
        "DSA-5514-1",
        "TEMP-0000000-AAAAAA",
        "ALPINE-CVE-2022-48174",
    ],
)
def test_an_advisory_of_any_kind_is_a_vulnerability(name: str) -> None:
    document = bill([replace(BUSYBOX, advisories=(f"{name} fixed in 1.0 (deb)",))])
    assert [v["id"] for v in document["vulnerabilities"]] == [name]
