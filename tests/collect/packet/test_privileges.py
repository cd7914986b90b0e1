"""What is left of a privileged process; each tried in a process of its own, as there is no way back."""

import os
import subprocess
import sys

import pytest

from probe.demo.namespaces import namespaces_available

SAY = (
    "from probe.runner.privileges import drop; import os; said = drop();"
    "rows = dict(l.split(':', 1) for l in open('/proc/self/status'));"
    "print(said, '|', os.getuid(), *(rows[k].strip() for k in ('CapEff', 'CapPrm', 'CapAmb', 'CapBnd')),"
    "rows['NoNewPrivs'].strip())"
)
NONE = "0" * 16


def dropped(*before: str, **environment: str) -> tuple[str, list[str]]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SUDO_")}
    done = subprocess.run(
        [*before, sys.executable, "-c", SAY],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    said, _, left = done.stdout.partition("|")
    return said.strip(), left.split()


def test_root_of_a_user_namespace_keeps_its_id_and_nothing_else() -> None:
    usable, reason = namespaces_available()
    if not usable:
        pytest.skip(f"no namespaces here: {reason}")
    said, left = dropped("unshare", "--user", "--map-root-user")
    assert said == "uid 0, no capability"
    assert left == ["0", NONE, NONE, NONE, NONE, "1"]


def test_a_caller_that_cannot_be_become_does_not_stop_the_dropping() -> None:
    usable, reason = namespaces_available()
    if not usable:
        pytest.skip(f"no namespaces here: {reason}")
    before = ("unshare", "--user", "--map-root-user")
    said, left = dropped(*before, SUDO_UID="54321", SUDO_GID="54321")
    assert said == "uid 0, no capability"
    assert left[1:3] == [NONE, NONE]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_under_sudo_it_becomes_the_user_who_called() -> None:
    said, left = dropped(SUDO_UID="65534", SUDO_GID="65534")
    assert said == "uid 65534, no capability"
    assert left[:3] == ["65534", NONE, NONE]
