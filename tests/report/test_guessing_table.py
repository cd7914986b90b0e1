"""The table of guessing tests: one row for each round."""

from probe.model.access import Guard, Guess, GuessingTest, GuessRound
from probe.model.device import Device, device_id
from probe.model.dut import Dut
from probe.model.evidence import Coverage
from probe.model.observation import LoginResult, Observation
from probe.report.inventory import inventory


def test_each_round_is_a_row() -> None:
    wrong = Guess(result=LoginResult.REFUSED, seconds=1.0)
    lost = Guess(result=LoginResult.NO_ANSWER, seconds=0.0)
    rounds = (
        GuessRound(
            way="one after another",
            connections=1,
            planned=20,
            guesses=(wrong,) * 5 + (lost,),
            seconds=5.0,
            sign="429",
            still_lets_in=False,
        ),
    )
    fact = GuessingTest(
        transport="tcp",
        address="198.51.100.11",
        port=80,
        protocol="http",
        method="basic",
        username="admin",
        account_known=True,
        rounds=rounds,
        guard=Guard.ACCOUNT_LOCK,
        sign="429",
        recovered_s=60.5,
    )
    device = Device(id=device_id(None, "198.51.100.11"), addresses=("198.51.100.11",))
    proof = (Coverage(tried="x", times=1, deadline_s=1.0),)
    seen = Observation(
        id="a#1", device=device.id, collector="guessing", at=0.0, fact=fact, proof=proof
    )
    (table,) = [t for t in inventory(Dut(device, [seen]), secrets=False) if t.id == "guessing"]
    assert table.rows == (
        (
            "http tcp 198.51.100.11:80",
            "admin",
            "one after another",
            "5 of 6",
            "3600",
            "refused",
            "a lock of the account (429), let in again after 60.5 s",
        ),
    )
