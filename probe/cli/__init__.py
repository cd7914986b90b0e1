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
    # What a command imports stays to its end. To look for garbage in it on the way and once more at the end
    # took a tenth of the time of a short one.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    from probe.cli.app import run_app

    return run_app()
