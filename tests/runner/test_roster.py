"""Devices of an earlier sitting joined with what is seen now."""

from dataclasses import replace

from probe.model.device import Attribute, Device
from probe.model.ids import DeviceId
from probe.runner.roster import Roster

OLD = Device(
    id=DeviceId("mac-020000000001"),
    mac="02:00:00:00:00:01",
    addresses=("192.0.2.1", "2001:db8::1"),
    attributes=(Attribute(name="model", value="kettle", source="mdns"),),
)
NEW = replace(OLD, addresses=("192.0.2.1",), attributes=())
OTHER = Device(id=DeviceId("mac-020000000002"), mac="02:00:00:00:00:02", addresses=("192.0.2.2",))


def test_an_address_that_was_not_seen_again_stays_and_so_does_its_gap() -> None:
    (known,) = Roster({OLD.id: OLD}).take_in(NEW)
    assert known.addresses == OLD.addresses
    assert known.attributes == OLD.attributes


def test_within_a_sitting_the_newest_word_counts() -> None:
    roster = Roster({})
    roster.take_in(OLD)
    assert roster.take_in(NEW) == [NEW]


def test_an_address_that_another_device_uses_now_is_not_kept() -> None:
    moved = replace(OTHER, addresses=("192.0.2.2", "2001:db8::1"))
    roster = Roster({OLD.id: OLD})
    assert roster.take_in(moved) == [moved, replace(OLD, addresses=("192.0.2.1",))]
    (known,) = roster.take_in(NEW)
    assert known.addresses == ("192.0.2.1",)


def test_an_address_that_is_doubted_now_is_not_the_device_s_for_having_been_so_before() -> None:
    doubted = replace(NEW, unproven=("2001:db8::1",))
    (known,) = Roster({OLD.id: OLD}).take_in(doubted)
    assert known.addresses == ("192.0.2.1",)
    assert known.unproven == ("2001:db8::1",)
