"""Policy files: every fault named where it is, and the shipped ones say what they are known to say."""

import re
from pathlib import Path

import pytest

from probe import registry
from probe.catalogue_lint import lint_policies
from probe.checks.tls.grading import rule_for
from probe.model.policy import Grade, Policy, Topic
from probe.model.tls import Reply
from probe.tomlfile import FileFault, read_policy

HEAD = """[policy]
title = "A"
edition = "1"
publisher = "B"
published = "2025-05"
sources = ["C"]
confidence = "memory"
"""
RULE = """
[[rule]]
about = "version"
names = ["TLSv1.2"]
grade = "good"
paragraph = "1"
"""


def faults_of(path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(FileFault) as caught:
        read_policy(path)
    return "\n".join(map(str, caught.value.faults))


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('"good"', '"goof"', 12, "Did you mean 'good'"),
        ('"version"', '"verzion"', 10, "Did you mean 'version'"),
        ("TLSv1.2", "TLSv1.7", 11, "Did you mean 'TLSv1"),
        ("paragraph", "paragraf", 13, "Did you mean 'paragraph'"),
        ('names = ["TLSv1.2"]', "least = 3", 11, "has no 'least'"),
        ('names = ["TLSv1.2"]', "", 9, "what the rule fits"),
        ('paragraph = "1"', 'paragraph = ""', 13, "Name the paragraph"),
        ('"2025-05"', '"May 2025"', 5, "not a date"),
        ('"memory"', '"certain"', 7, "how sure this is"),
        ("[[rule]]", "[[rules]]", 9, "Only [policy] and [[rule]]"),
        ('names = ["TLSv1.2"]', 'names = ["TLSv1.2", "a b"]', 11, "not known"),
    ],
)
def test_faults(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    said = faults_of(tmp_path / "p.toml", (HEAD + RULE).replace(old, new))
    assert says in said
    assert re.search(rf"p\.toml:{line}\b", said), said


def test_a_rule_that_can_never_decide(tmp_path: Path) -> None:
    assert "earlier rule" in faults_of(tmp_path / "p.toml", HEAD + RULE + RULE)


def test_a_trait_and_a_pattern_are_checked(tmp_path: Path) -> None:
    trait = RULE.replace('"version"', '"trait"').replace("TLSv1.2", "compresion")
    assert "Did you mean 'compression'" in faults_of(tmp_path / "p.toml", HEAD + trait)
    suite = RULE.replace('"version"', '"suite"').replace("TLSv1.2", "TLS RSA?")
    assert "not a registered name" in faults_of(tmp_path / "p.toml", HEAD + suite)


def test_the_shipped_ones_are_sound() -> None:
    paths = sorted((registry.HERE / "policies").glob("*.toml"))
    assert not lint_policies(paths)
    assert set(registry.policies()) == {
        *("ncsc-nl-2025-05", "rfc9325", "rfc7925", "uta-tls13-iot-profile-22", "bsi-tr-02102-2"),
    }
    assert registry.DEFAULT_POLICY in registry.policies()
    from_memory = {p.id for p in registry.policies().values() if p.confidence.startswith("memory")}
    assert from_memory == {"rfc7925", "bsi-tr-02102-2"}


def policy(name: str) -> Policy:
    return registry.policies()[name]


NCSC = [
    (Topic.VERSION, "TLSv1.3", 0, "good"),
    (Topic.VERSION, "DTLSv1.2", 0, "sufficient"),
    (Topic.VERSION, "TLSv1.1", 0, "insufficient"),
    (Topic.SUITE, "TLS_AES_256_GCM_SHA384", 0, "good"),
    (Topic.SUITE, "TLS_AES_128_CCM_SHA256", 0, "sufficient"),
    (Topic.SUITE, "TLS_AES_128_CCM_8_SHA256", 0, "insufficient"),
    (Topic.SUITE, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0, "sufficient"),
    (Topic.SUITE, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", 0, "sufficient"),
    (Topic.SUITE, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", 0, "insufficient"),
    (Topic.SUITE, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", 0, "phase out"),
    (Topic.SUITE, "TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256", 0, "phase out"),
    (Topic.SUITE, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", 0, "insufficient"),
    (Topic.SUITE, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", 0, "phase out"),
    (Topic.SUITE, "TLS_DHE_RSA_WITH_AES_128_CCM_8", 0, "insufficient"),
    (Topic.SUITE, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", 0, "phase out"),
    (Topic.SUITE, "TLS_RSA_WITH_AES_128_GCM_SHA256", 0, "insufficient"),
    (Topic.SUITE, "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256", 0, "insufficient"),
    (Topic.SUITE, "TLS_ECDH_anon_WITH_AES_128_CBC_SHA", 0, "insufficient"),
    (Topic.GROUP, "X25519MLKEM768", 0, "good"),
    (Topic.GROUP, "x25519", 0, "sufficient"),
    (Topic.GROUP, "secp224r1", 0, "phase out"),
    (Topic.GROUP, "secp256k1", 0, "insufficient"),
    (Topic.GROUP, "ffdhe2048", 0, "insufficient"),
    (Topic.GROUP, "ffdhe3072", 0, "phase out"),
    (Topic.KEY, "RSA", 4096, "sufficient"),
    (Topic.KEY, "RSA", 3071, "phase out"),
    (Topic.KEY, "RSA", 2047, "insufficient"),
    (Topic.KEY, "DSA", 4096, "insufficient"),
    (Topic.KEY, "Ed25519", 256, "sufficient"),
    (Topic.HASH, "sha224", 0, "phase out"),
    (Topic.SIGNATURE, "ecdsa_sha1", 0, "insufficient"),
]


@pytest.mark.parametrize(("about", "name", "bits", "grade"), NCSC)
def test_ncsc_nl(about: Topic, name: str, bits: int, grade: str) -> None:
    rule = rule_for(policy("ncsc-nl-2025-05"), about, name, bits=bits)
    assert rule
    assert rule.grade == grade


@pytest.mark.parametrize(
    ("name", "suite", "grade"),
    [
        ("rfc7925", "TLS_PSK_WITH_AES_128_CCM_8", Grade.GOOD),
        ("rfc7925", "TLS_RSA_WITH_RC4_128_SHA", Grade.INSUFFICIENT),
        ("rfc7925", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Grade.SUFFICIENT),
        ("rfc9325", "TLS_RSA_WITH_AES_128_GCM_SHA256", Grade.PHASE_OUT),
        ("rfc9325", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", Grade.PHASE_OUT),
        ("rfc9325", "TLS_PSK_WITH_NULL_SHA", Grade.INSUFFICIENT),
        ("rfc9325", "TLS_DH_anon_WITH_AES_128_GCM_SHA256", Grade.INSUFFICIENT),
        ("rfc9325", "TLS_PSK_WITH_AES_128_CCM_8", None),
        ("uta-tls13-iot-profile-22", "TLS_AES_128_CCM_8_SHA256", Grade.PHASE_OUT),
        ("uta-tls13-iot-profile-22", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", None),
        ("bsi-tr-02102-2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Grade.GOOD),
        ("bsi-tr-02102-2", "TLS_RSA_WITH_AES_128_GCM_SHA256", Grade.PHASE_OUT),
    ],
)
def test_suites_of_the_others(name: str, suite: str, grade: Grade | None) -> None:
    rule = rule_for(policy(name), Topic.SUITE, suite)
    assert (rule.grade if rule else None) == grade


@pytest.mark.parametrize("name", ["ncsc-nl-2025-05", "rfc9325"])
def test_what_is_missing_can_be_held_against_a_service(name: str) -> None:
    for wanted in ("extended_master_secret", "secure_renegotiation"):
        rule = rule_for(policy(name), Topic.TRAIT, wanted, reply=Reply.REFUSED)
        assert rule
        assert rule.grade is Grade.INSUFFICIENT
        assert not rule_for(policy(name), Topic.TRAIT, wanted, reply=Reply.ACCEPTED)
