"""``python -m probe`` is the same as the command ``probe``."""

import sys

from probe.cli import main

sys.exit(main())
