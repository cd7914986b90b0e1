"""Merging: one MAC, one device, however many addresses and whoever answers for them."""

from hypothesis import given
from hypothesis import strategies as st

from probe.collect.discovery.inventory import MAX_DEVICES, PROXY_ABOVE, Inventory, Record
from probe.model.device import Attribute

MAC, OTHER, OWN = "00:00:5e:00:53:0b", "00:00:5e:00:53:0c", "02:00:5e:00:53:02"
IP, LL, OWN_IP = "198.51.100.11", "fe80::200:5eff:fe00:530b", "198.51.100.2"


def make() -> Inventory:
    return Inventory({OWN}, {OWN_IP})


def record() -> Record:
    return Record(b"frame", "text/plain", "seen")


def test_addresses_of_one_mac_are_one_device():
    inventory = make()
    for method, address in (("arp", IP), ("ns-eui64", LL), ("mdns", IP), ("mld", "")):
        assert inventory.seen(method, MAC, address, record()) is not None
    (entry,) = inventory
    device = inventory.device(entry, settled=True)
    assert device.id == "mac-00005e00530b"
    assert device.addresses == (IP, LL)
    assert device.seen_by == ("arp", "ns-eui64", "mdns", "mld")
    assert inventory.seen("arp", MAC, IP, record()) is None  # nothing new


def test_the_probe_itself_is_never_a_device():
    inventory = make()
    assert inventory.seen("arp", OWN, OWN_IP, record()) is None
    assert inventory.seen("mdns", None, OWN_IP, record()) is None
    assert list(inventory) == []


def test_somebody_with_the_probes_address_is_a_conflict_and_gets_no_such_address():
    inventory = make()
    entry = inventory.seen("arp", MAC, OWN_IP, record())
    assert entry is not None
    assert inventory.device(entry, settled=True).addresses == ()
    assert inventory.conflicts == {OWN_IP: {MAC}}


def test_two_macs_with_one_address_are_two_devices_and_noted_on_both():
    inventory = make()
    inventory.seen("arp", MAC, IP, record())
    inventory.seen("arp", OTHER, IP, record())
    devices = [inventory.device(e, settled=True) for e in inventory]
    assert len(devices) == 2
    notes = [d.get("mac-note") for d in devices]
    assert [OTHER in notes[0].value, MAC in notes[1].value] == [True, True]
    assert [d.addresses for d in devices] == [(), ()]
    assert inventory.disputed(IP)


def test_proxy_arp_is_one_device_with_one_address():
    inventory = make()
    for n in range(20, 120):
        inventory.seen("arp", MAC, f"198.51.100.{n}", record())
    inventory.seen("arp", OTHER, IP, record())
    proxy, real = (inventory.device(e, settled=True) for e in inventory)
    assert proxy.addresses == ("198.51.100.20",)
    assert "100 addresses" in proxy.get("mac-note").value
    assert real.addresses == (IP,)


def test_proxy_does_not_dispute_the_address_of_the_one_that_uses_it():
    inventory = make()
    inventory.seen("arp", OTHER, IP, record())
    for n in range(8, 40):
        inventory.seen("arp", MAC, f"198.51.100.{n}", record())
    real, proxy = (inventory.device(e, settled=True) for e in inventory)
    assert not inventory.disputed(IP)
    assert real.addresses == (IP,)
    assert proxy.addresses == ("198.51.100.8",)


def test_conflict_is_seen_even_when_there_is_no_room_for_another_device():
    inventory = make()
    inventory.seen("arp", MAC, IP, record())
    for n in range(MAX_DEVICES):
        mac = f"00:00:5e:01:{n >> 8:02x}:{n & 255:02x}"
        inventory.seen("arp", mac, "", record())
    inventory.seen("arp", OTHER, IP, record())
    assert inventory.by_mac(OTHER) is None
    assert inventory.disputed(IP)


def test_proxy_keeps_the_address_that_it_uses_itself():
    inventory = make()
    for n in range(20, 120):
        inventory.seen("arp", MAC, f"198.51.100.{n}", record())
    inventory.seen("arp-request", MAC, "198.51.100.50", record())
    (entry,) = inventory
    assert inventory.device(entry, settled=True).addresses == ("198.51.100.50",)


def test_few_addresses_are_shown_while_the_sweep_goes_on():
    inventory = make()
    for n in range(20, 20 + PROXY_ABOVE):
        inventory.seen("arp", MAC, f"198.51.100.{n}", record())
    (entry,) = inventory
    assert len(inventory.device(entry, settled=False).addresses) < PROXY_ABOVE
    assert len(inventory.device(entry, settled=True).addresses) == PROXY_ABOVE


def test_named_target_keeps_its_id_when_its_mac_shows():
    inventory = make()
    inventory.named(IP, record())
    entry = inventory.seen("arp", MAC, IP, record())
    assert (entry.id, entry.mac) == (f"ip-{IP}", MAC)
    inventory.seen("na", MAC, LL, record())
    assert len(list(inventory)) == 1


def test_named_target_joins_a_device_that_was_met_before():
    inventory = make()
    inventory.seen("na", MAC, LL, record())
    inventory.named(IP, record())
    inventory.seen("arp", MAC, IP, record())
    (entry,) = inventory
    assert entry.id == "mac-00005e00530b"
    assert set(entry.addresses) == {IP, LL}


def test_own_words_come_before_the_vendor_of_the_radio_and_made_up_macs_say_so():
    inventory = make()
    entry = inventory.seen("arp", "24:0a:c4:00:00:01", IP, record())
    said = Attribute(name="vendor", value="Example", source="mdns TXT vendor")
    assert inventory.describe(entry, [said])
    assert not inventory.describe(entry, [said])
    vendors = [a for a in inventory.device(entry, settled=True).attributes if a.name == "vendor"]
    assert vendors[0] == said
    assert vendors[1].source.startswith("oui 20")
    random = inventory.seen("arp", "da:00:00:00:00:01", "198.51.100.12", record())
    device = inventory.device(random, settled=True)
    assert device.get("vendor") is None
    assert "locally administered" in device.get("mac-note").value


MACS = st.sampled_from([MAC, OTHER, OWN, "00:00:5e:00:53:0d", None])
ADDRESSES = st.sampled_from([IP, LL, OWN_IP, "198.51.100.12", "fe80::1", ""])
METHODS = st.sampled_from(["arp", "na", "mdns", "ra-dad"])


@given(st.lists(st.tuples(METHODS, MACS, ADDRESSES), max_size=40))
def test_invariants_hold_for_any_sightings(sightings):
    inventory = make()
    for method, mac, address in sightings:
        if mac or address:
            inventory.seen(method, mac, address, record())
    entries = list(inventory)
    macs = [e.mac for e in entries if e.mac]
    assert len(macs) == len(set(macs))
    assert OWN not in macs
    assert len({e.id for e in entries}) == len(entries)
    for entry in entries:
        assert OWN_IP not in inventory.device(entry, settled=True).addresses
        assert inventory.get(entry.id) is entry
