"""``python -m firmware_checks.formats`` writes the index of the formats anew."""

import json

from firmware_checks.formats import INDEX, index

INDEX.write_text(json.dumps(index(), indent=1) + "\n", "utf-8")
