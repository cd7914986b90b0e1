"""The port lists hold what they promise, and are cut into the same jobs every time."""

import pytest

from probe.collect.services.port_lists import CHUNK, QUICK, STANDARD, parts, wanted_ports


def test_sizes():
    assert 110 <= len(QUICK) <= 130
    assert len(set(QUICK)) == len(QUICK)
    assert len(STANDARD) == 1000
    assert len(wanted_ports("full")) == 65_535


def test_quick_is_part_of_standard():
    assert set(QUICK) <= STANDARD


@pytest.mark.parametrize("port", [21, 22, 23, 53, 80, 443, 502, 554, 1883, 5555, 6379, 8080, 8883])
def test_what_matters_most_is_asked_first(port):
    assert port in QUICK


@pytest.mark.parametrize("name", ["quick", "standard", "full", "1-500", "80,443"])
def test_the_parts_are_the_list_each_port_once(name):
    ports = [p for part in parts(name) for p in part.ports]
    assert len(ports) == len(set(ports))
    assert set(ports) == wanted_ports(name)
    assert [part.first for part in parts(name)].count(True) == 1
    assert parts(name)[0].first


def test_the_quick_list_comes_first_and_the_rest_is_spread():
    first, second, *_ = parts("standard")
    assert first.ports == QUICK
    assert len(second.ports) == CHUNK
    assert list(second.ports) != sorted(second.ports)


def test_full_takes_the_standard_list_before_the_others():
    ports = [p for part in parts("full") for p in part.ports]
    assert set(ports[:1000]) == STANDARD


def test_names_say_which_part_of_how_many():
    assert [p.list_name for p in parts("standard")] == [f"standard {n}/5" for n in range(1, 6)]
    assert parts("1-3")[0].list_name == "chosen 1/1"


def test_a_wrong_list_is_refused():
    with pytest.raises(ValueError, match="fast"):
        wanted_ports("fast")
