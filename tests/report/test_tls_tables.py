"""The table about TLS splits the reason: not offered, weak, certificate, private CA, inconclusive."""

from dataclasses import replace

from probe.model.device import Device
from probe.model.dut import Dut
from probe.model.evidence import EvidenceRef
from probe.model.ids import DeviceId
from probe.model.observation import Fact, NotMeasured, Observation
from probe.model.tls import Certificate, DhPrime, Reply, TlsService, TlsVersion
from probe.report.tls_tables import details, overview

DEVICE = Device(id=DeviceId("ip-198.51.100.11"), addresses=("198.51.100.11",))
LEAF = Certificate(
    subject="CN=cam.local",
    issuer="CN=Home Root",
    serial="1",
    not_before=1.7e9,
    not_after=1.9e9,
    key_type="EC",
    key_bits=256,
    signature_hash="sha256",
    self_signed=False,
    is_ca=False,
    names=("cam.local",),
    sha256="ab" * 32,
)
SERVICE = TlsService(
    address="198.51.100.11",
    port=443,
    versions=(
        TlsVersion(name="TLSv1.0", reply=Reply.REFUSED),
        TlsVersion(name="TLSv1.1", reply=Reply.NO_ANSWER),
        TlsVersion(name="TLSv1.2", reply=Reply.ACCEPTED),
    ),
    suites=(),
    chain=(LEAF,),
    chain_complete=True,
    measured_at=1.8e9,
    dh_bits=1024,
    primes=(DhPrime(bits=1024, generator=2, group="Oakley group 2", source="RFC 2409"),),
)


def dut(*facts: Fact) -> Dut:
    proof = (EvidenceRef(sha256="00" * 32),)
    return Dut(
        DEVICE,
        [
            Observation(id=f"t#{n}", device=DEVICE.id, collector="t", at=0.0, fact=f, proof=proof)
            for n, f in enumerate(facts)
        ],
    )


def test_each_reason_has_a_column_of_its_own() -> None:
    (row,) = overview(dut(SERVICE), False)
    where, offered, weak, not_offered, certificate, unknown = row
    assert where == "tcp 198.51.100.11:443 (TLS)"
    assert (offered, not_offered, unknown) == ("TLSv1.2", "TLSv1.0", "TLSv1.1")
    assert "1024 bits, Oakley group 2" in weak
    assert certificate == "private CA: CN=Home Root"


def test_a_problem_of_any_chain_comes_before_the_private_ca() -> None:
    other = (replace(LEAF, key_type="RSA", key_bits=3072, not_after=1.75e9),)
    both = replace(SERVICE, other_chains=(other,), other_complete=(True,), other_problems=("",))
    (row,) = overview(dut(both), False)
    assert row[4] == "certificate problem: expired"
    gap = replace(both, other_complete=(False,), other_problems=("the chain has a gap",))
    (row,) = overview(dut(gap), False)
    assert row[4] == "certificate problem: the chain has a gap; expired"


def test_what_was_not_measured_is_a_row_that_says_so() -> None:
    missing = NotMeasured(
        collector="tls",
        subject="TLS on tcp 198.51.100.11:8883, every suite by name",
        reason="the device stopped answering",
        owner="device",
        settle="Restart it.",
    )
    rows = list(overview(dut(SERVICE, missing), False))
    assert rows[1] == (
        *("tcp 198.51.100.11:8883", "not known", "", "", "inconclusive"),
        "the device stopped answering",
    )
    late = replace(missing, subject="tcp 198.51.100.11:443")
    assert len(list(overview(dut(SERVICE, late), False))) == 1


def test_a_service_measured_again_has_one_row_and_the_latest_word() -> None:
    again = replace(SERVICE, versions=(TlsVersion(name="TLSv1.3", reply=Reply.ACCEPTED),))
    (row,) = overview(dut(SERVICE, again), False)
    assert row[1] == "TLSv1.3"


def test_primes_are_told_by_name() -> None:
    rows = [row for row in details(dut(SERVICE), False) if row[1] == "DHE prime"]
    assert [row[2:] for row in rows] == [("1024 bits, Oakley group 2", "RFC 2409; generator 2")]
