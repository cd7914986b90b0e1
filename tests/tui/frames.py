"""The screen as plain text, and its comparison with a frame that is kept in a file.

PROBE_UPDATE_FRAMES=1 writes the files anew; read the difference before you commit it.
"""

import os
from pathlib import Path

from textual.app import App

FRAMES = Path(__file__).parent / "frames"


def frame(app: App[str]) -> str:
    """What a person sees, line by line. The one place that calls a private part of Textual."""
    strips = app.screen._compositor.render_strips(app.size)
    lines = ["".join(strip.text for strip in line) for line in strips]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def compare(app: App[str], name: str) -> None:
    """Fail with both frames when the screen is not what it was."""
    seen = frame(app)
    path = FRAMES / f"{name}.txt"
    if os.environ.get("PROBE_UPDATE_FRAMES") or not path.exists():
        path.write_text(seen, encoding="utf-8")
    kept = path.read_text(encoding="utf-8")
    assert seen == kept, f"{path.name} differs; seen is\n{seen}"
