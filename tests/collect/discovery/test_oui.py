"""The shipped table of MAC address blocks."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.collect.discovery import oui
from probe.collect.discovery.oui_build import blocks


def test_the_shipped_table_is_small_dated_and_whole():
    assert oui.TABLE.stat().st_size < 1_000_000
    assert datetime.date.fromisoformat(oui.table().date) >= datetime.date(2026, 1, 1)
    assert sum(map(len, oui.table().prefixes.values())) > 50_000


@pytest.mark.parametrize(
    ("mac", "part"),
    [
        ("24:0a:c4:00:00:01", "Espressif"),
        ("00:00:0c:11:22:33", "Cisco"),
        ("b8:27:eb:0:0:1", "Raspberry"),
    ],
)
def test_well_known_blocks(mac, part):
    mac = ":".join(octet.zfill(2) for octet in mac.split(":"))
    assert part in oui.vendor(mac)


def test_the_longest_prefix_wins():
    made = {"70B3D5": "Registry", "70B3D51": "Middle\nStreet 1", "70B3D5123": "Small\nTown"}
    table = oui.unpack(oui.pack(blocks(made), "2026-01-02"))
    assert table.date == "2026-01-02"
    assert table.find("70:b3:d5:12:34:56") == "Small"
    assert table.find("70:b3:d5:1f:00:00") == "Middle"
    assert table.find("70:b3:d5:ff:00:00") == "Registry"
    assert table.find("00:00:00:00:00:00") == ""


def test_locally_administered_addresses_have_no_vendor():
    assert oui.locally_administered("02:00:5e:00:53:02")
    assert not oui.locally_administered("00:00:5e:00:53:02")
    assert oui.vendor("26:0a:c4:00:00:01") == ""


def test_bad_input_is_refused():
    with pytest.raises(ValueError):
        blocks({"70B3": "short"})
    with pytest.raises(ValueError):
        blocks({"70B3DX": "no"})
    with pytest.raises(ValueError):
        oui.unpack(b"something else")


ROWS = st.dictionaries(
    st.integers(0, 2**24 - 1), st.text("abc ÄöÜ.", min_size=1, max_size=9), max_size=30
)


@given(ROWS)
def test_what_is_packed_is_found(rows):
    packed = oui.pack({24: list(rows.items()), 28: [], 36: []}, "2026-01-01")
    table = oui.unpack(packed)
    for prefix, name in rows.items():
        assert table.find(f"{prefix:06x}000000") == name
