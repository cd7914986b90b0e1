"""What the doctor says of machines that lack something."""

from pathlib import Path

import pytest

from probe import doctor
from probe.demo import namespaces


def switches(folder: Path, **values: str) -> Path:
    for name, value in values.items():
        (folder / name).mkdir()
        (folder / name / "disable_ipv6").write_text(value + "\n")
    return folder


@pytest.mark.parametrize(
    ("values", "interface", "word", "says"),
    [
        ({"all": "0", "lo": "0"}, "lo", "OK", "switched on, also on lo"),
        ({"all": "0", "lo": "1"}, "lo", "LIMITED", "switched off on lo"),
        ({"all": "0", "lo": "1"}, None, "OK", "switched on"),
        ({"all": "1", "lo": "0"}, "lo", "LIMITED", "switched off on this machine"),
        ({"all": "0"}, "lo", "LIMITED", "switched off on lo"),
        ({"all": "0"}, "no-such-interface", "OK", "switched on"),
    ],
)
def test_ipv6_is_looked_up_where_it_decides(tmp_path, monkeypatch, values, interface, word, says):
    monkeypatch.setattr(doctor, "IPV6_SWITCHES", switches(tmp_path, **values))
    report = doctor._ipv6(interface)
    assert report.word == word
    assert report.text.startswith(says)
    assert bool(report.mend) == (word != "OK")


def test_a_kernel_without_ipv6(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "IPV6_SWITCHES", tmp_path / "none")
    assert doctor._ipv6("lo").word == "LIMITED"


@pytest.mark.parametrize("available", [True, False])
@pytest.mark.parametrize("reason", ["", "as root"])
def test_no_empty_parentheses(monkeypatch, available, reason):
    monkeypatch.setattr(namespaces, "namespaces_available", lambda: (available, reason))
    report = doctor._namespaces()
    assert report.word == ("OK" if available else "LIMITED")
    assert "()" not in report.text
    assert (f"({reason})" in report.text) is bool(reason)
