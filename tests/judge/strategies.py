"""Hypothesis strategies for findings, mappings and catalogues."""

from hypothesis import strategies as st

from probe.model.catalogue import Catalogue, Mapping, Requirement, Strength
from probe.model.evidence import Coverage
from probe.model.finding import Answer, Finding, Outcome, Owner
from probe.model.ids import CheckId, DeviceId, RequirementId

DEVICE = DeviceId("ip-198.51.100.9")
CHECKS = tuple(CheckId(f"family/check{n}") for n in range(4))
PROOF = (Coverage(tried="asked", times=1, deadline_s=1.0),)


def answer(outcome: Outcome, subject: str = "device", measured: int = 0) -> Answer:
    """An answer of any outcome, with whatever that outcome demands."""
    unknown = outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR)
    return Answer(
        outcome=outcome,
        subject=subject,
        summary=f"{outcome} about {subject}.",
        proof=PROOF,
        owner=Owner.NETWORK if unknown else None,
        settle="Ask again." if unknown else "",
        measured={"tcp_ports": measured},
    )


answers = st.builds(
    answer,
    st.sampled_from(Outcome),
    st.sampled_from(["device", "tcp 198.51.100.9:80", "tcp 198.51.100.9:443"]),
    st.sampled_from([0, 1000, 65_535]),
)

findings = st.lists(
    st.builds(Finding, check=st.sampled_from(CHECKS), device=st.just(DEVICE), answer=answers),
    max_size=8,
    unique_by=lambda f: f.id,
)

mappings = st.lists(
    st.builds(
        Mapping,
        check=st.sampled_from(CHECKS),
        strength=st.sampled_from(Strength),
        requires=st.sampled_from([{}, {"tcp_ports": 65_535}]),
    ),
    max_size=4,
    unique_by=lambda m: m.check,
).map(tuple)

requirements = st.builds(
    Requirement,
    id=st.just(RequirementId("5.1-1")),
    title=st.just("No universal default passwords"),
    level=st.just("M"),
    mandatory=st.booleans(),
    condition=st.sampled_from(["", "passwords are used"]),
    checks=mappings,
    manual=st.sampled_from(["", "1. Look."]),
    settle=st.sampled_from(["", "Declare it."]),
)


def catalogue_of(*items: Requirement) -> Catalogue:
    return Catalogue(
        id="test",
        title="Test",
        edition="1",
        publisher="nobody",
        published="2026",
        note="",
        sources=(),
        requirements=items,
    )
