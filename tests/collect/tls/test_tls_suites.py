"""The table of suites: its kinds follow from the names, and the offers hold what they should."""

import re
import shutil
import subprocess

import pytest

from probe.collect.tls import suites
from probe.collect.tls.codec import Version

BROKEN = re.compile(
    r"NULL|EXPORT|anon|RC4|RC2|DES|IDEA|_MD5$|MAGMA|28147|^TLS_SHA(256|384)_SHA(256|384)$"
)


def test_weak_is_what_the_names_say() -> None:
    for suite in suites.table().values():
        assert (suite.kind == suites.WEAK) == bool(BROKEN.search(suite.name)), suite.name
        assert bool(suite.reason) == bool(suite.kind)


def test_recommended_suites_are_of_no_kind() -> None:
    good = ("ECDHE_ECDSA_WITH_AES_128_GCM", "ECDHE_RSA_WITH_CHACHA20", "PSK_WITH_AES_128_CCM_8")
    for suite in suites.table().values():
        if suite.tls13 and suite.kind != suites.WEAK:
            assert not suite.kind
        if any(name in suite.name for name in good):
            assert not suite.kind, suite.name


def test_numbers_are_those_of_openssl() -> None:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    command = ["openssl", "ciphers", "-V", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.findall(r"0x(..),0x(..) - (TLS_\S+)", listed)
    assert len(found) > 50
    ours = {s.number: s.name for s in suites.table().values()}
    for high, low, name in found:
        assert ours[int(high + low, 16)] == name


@pytest.mark.parametrize("version", [v for v in Version if v is not Version.SSL2])
def test_offers(version: Version) -> None:
    table = suites.table()
    for offers in (suites.ordinary(version), suites.psk(version), suites.weak(version)):
        for offer in offers:
            assert 0 < len(offer) <= suites.MOST_AT_ONCE
            assert 0 not in offer
    assert not any(table[n].psk for offer in suites.ordinary(version) for n in offer)
    assert all(table[n].psk for offer in suites.psk(version) for n in offer)
    assert all(table[n].kind == suites.WEAK for offer in suites.weak(version) for n in offer)
    if version < Version.TLS12:
        everything = [n for offer in suites.ordinary(version) for n in offer]
        assert not any(table[n].since_tls12 for n in everything)


def test_likely_weak_suites_come_first() -> None:
    """A stack that looks at 32 suites only must still see those that it may have."""
    seen = {suites.name_of(n) for n in suites.weak(Version.TLS12)[0][:32]}
    assert {
        "TLS_RSA_WITH_RC4_128_SHA",
        "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        "TLS_RSA_WITH_DES_CBC_SHA",
        "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
        "TLS_RSA_WITH_NULL_SHA",
        "TLS_DH_anon_WITH_AES_128_CBC_SHA",
    } <= seen
