"""What sound files become: the example declaration, the plans, the readers' small courtesies."""

import hashlib
from pathlib import Path

import pytest

from probe import registry
from probe.model.plan import Gentleness
from probe.model.ports import parse_ports
from probe.tomlfile import FileFault, read_catalogue, read_declaration, read_plan

EXAMPLE = registry.HERE.parent / "docs" / "declaration-example.toml"


def test_the_example_declaration_shows_everything() -> None:
    declared = read_declaration(EXAMPLE)
    assert declared.sha256 == hashlib.sha256(EXAMPLE.read_bytes()).hexdigest()
    assert declared.services_complete
    assert [s.port for s in declared.services] == [443, 5353]
    assert declared.accounts[0].origin == "user-defined"
    assert declared.update
    assert declared.update.signed
    assert declared.support
    assert declared.support.end == "2031-12-31"
    assert declared.disclosure
    assert declared.disclosure.acknowledge_days == 3
    assert declared.ics
    assert declared.not_applicable
    assert declared.manual
    assert declared.speaks_for((), "02:00:5e:10:00:01")
    assert not declared.speaks_for(("198.51.100.12",), "02:00:5e:10:00:02")


def test_the_example_names_requirements_that_exist() -> None:
    declared = read_declaration(EXAMPLE)
    catalogue = registry.catalogues()["en303645-v3.1.3"]
    for entry in (*declared.ics, *declared.not_applicable, *declared.manual):
        assert catalogue.requirement(entry.requirement), entry
    for decision in declared.not_applicable:
        found = catalogue.requirement(decision.requirement)
        assert found
        assert found.condition, "a decision that would not be honoured is a bad example"


def test_addresses_are_read_in_any_usual_form(tmp_path: Path) -> None:
    path = tmp_path / "d.toml"
    path.write_text('product = "x"\napplies_to = ["02-00-5E-10-00-01", "2001:DB8:0::1"]\n')
    assert read_declaration(path).applies_to == ("02:00:5e:10:00:01", "2001:db8::1")


def test_windows_line_ends_are_read_and_hashed_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "d.toml"
    path.write_bytes(b'product = "x"\r\nmodel = "y"\r\n')
    declared = read_declaration(path)
    assert declared.model == "y"
    assert declared.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_plans_grow_and_stay_gentle() -> None:
    plans = registry.plans()
    assert set(plans) == {"quick", "standard", "full"}
    gentle = Gentleness()
    for name, plan in plans.items():
        assert plan.name == plan.tcp_ports == name
        assert set(plan.catalogues) <= set(registry.catalogues())
        assert plan.gentleness.packets_per_s <= gentle.packets_per_s
        assert plan.gentleness.connections_at_once == 1
        assert not plan.router_advertisement
    full = plans["full"].gentleness
    assert full.seconds > 3 * len(parse_ports("1-65535")) / full.packets_per_s


def test_a_plan_is_named_after_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('summary = "s"\ncatalogues = []\ntcp_ports = "80"\n')
    assert read_plan(path).name == "mine"


def test_an_edition_can_be_written_as_a_difference(tmp_path: Path) -> None:
    head = '[catalogue]\nid = "{}"\ntitle = "t"\nedition = "1"\npublisher = "p"\npublished = "y"\nnote = ""\nsources = []\n'
    row = '[[requirement]]\nid = "A"\ntitle = "First"\nlevel = "M"\nmandatory = true\nplain = "Plain."\n'
    (tmp_path / "old.toml").write_text(head.format("old") + row)
    (tmp_path / "new.toml").write_text(
        head.format("new")
        + 'based_on = "old.toml"\n[[requirement]]\nid = "B"\nlike = "A"\nmandatory = false\n'
    )
    (made,) = read_catalogue(tmp_path / "new.toml").requirements
    assert (made.id, made.title, made.plain, made.mandatory) == ("B", "First", "Plain.", False)


def test_labels_old_passwords_and_limits_are_read(tmp_path: Path) -> None:
    file = tmp_path / "d.toml"
    file.write_text(
        'product = "p"\n[[account]]\nservice = "any"\nusername = "admin"\nchanged_from = "old"\n'
        '[[label]]\npassword = "a1"\nmac = "02005E100001"\nothers = ["x"]\n[[label]]\npassword = "a2"\n'
        "[guessing]\nmost_per_hour = 50\nlock_s = 300\n"
    )
    read = read_declaration(file)
    assert read.accounts[0].changed_from == "old"
    assert [label.password for label in read.labels] == ["a1", "a2"]
    assert read.guessing is not None
    assert (read.guessing.most_per_hour, read.guessing.wrong_passwords) == (50, None)


@pytest.mark.parametrize(
    "wrong",
    [
        '[[label]]\npassword = "a"\nmac = "not one"\n',
        '[[account]]\nservice = "any"\nusername = "u"\npassword = "p"\nchanged_from = "p"\n',
        "[guessing]\nlock_s = -1\n",
        '[[label]]\nserial = "without password"\n',
    ],
)
def test_faults_in_them_are_named(tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "d.toml"
    file.write_text(f'product = "p"\n{wrong}')
    with pytest.raises(FileFault):
        read_declaration(file)
