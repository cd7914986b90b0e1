"""What several commands need: the place of the store, declarations, interfaces, verdict to exit code."""

import os
import pwd
from collections.abc import Iterable, Sequence
from pathlib import Path

from probe.errors import Exit
from probe.model.catalogue import Catalogue
from probe.model.declaration import Declaration
from probe.model.ids import DeviceId
from probe.model.verdict import Status, Verdict, combine


def default_store() -> str:
    """The user's own data folder; with sudo that of the user who called it."""
    if os.environ.get("PROBE_STORE"):
        return os.environ["PROBE_STORE"]
    if os.geteuid() == 0 and os.environ.get("SUDO_UID", "0") != "0":
        home = Path(pwd.getpwuid(int(os.environ["SUDO_UID"])).pw_dir)
        return str(home / ".local" / "share" / "secure-by-design-probe")
    from platformdirs import user_data_path

    return str(user_data_path("secure-by-design-probe"))


def read_declarations(paths: Sequence[Path]) -> tuple[Declaration, ...]:
    """The declaration files given on the command line; raises ProbeError for a faulty one."""
    from probe.tomlfile import read_declaration

    return tuple(read_declaration(path) for path in paths)


def overall_status(
    catalogues: Iterable[Catalogue], devices: Iterable[DeviceId], verdicts: Iterable[Verdict]
) -> Status:
    """Worst over all devices and catalogues, mandatory requirements only; NOT_TESTED without device."""
    from probe.judge.overall import overall

    made = list(verdicts)
    return combine(
        overall(catalogue, [v for v in made if v.device == device])
        for catalogue in catalogues
        for device in devices
    )


EXIT_OF = {
    Status.FAIL: Exit.FAIL,
    Status.ERROR: Exit.TOOL,
    Status.INCONCLUSIVE: Exit.INCONCLUSIVE,
    Status.NOT_TESTED: Exit.INCONCLUSIVE,
    Status.PASS: Exit.PASS,
    Status.NOT_APPLICABLE: Exit.PASS,
}
