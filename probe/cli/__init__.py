"""The command line. stdout is data, stderr is narration; exit codes are in ``probe.errors.Exit``."""

import atexit
import gc
import sys

from probe import __version__


def main() -> int:
    """The entry point of the command ``probe``."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        # Answered before anything is imported, so that scripts may ask as often as they like.
        sys.stdout.write(f"probe {__version__}\n")
        return 0
    from probe.cli.app import run_app

    # The process ends: to look for garbage among all that was imported takes longer than some commands.
    atexit.register(gc.freeze)
    return run_app()
