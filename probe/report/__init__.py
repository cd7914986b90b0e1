"""Reports: one view model, several formats.

Renderers are looked up by name and imported when asked for, so that a plain summary does not pay for
the HTML template engine.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping

from probe.report.viewmodel import ReportView

Renderer = Callable[[ReportView], bytes]


class _Formats(Mapping[str, Renderer]):
    """Format name to renderer; every renderer is a module with ``render(view) -> bytes``."""

    _modules = {"html": "html", "json": "json_report", "junit": "junit", "text": "text"}

    def __getitem__(self, name: str) -> Renderer:
        module = importlib.import_module(f"probe.report.{self._modules[name]}")
        renderer: Renderer = module.render
        return renderer

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


FORMATS: Mapping[str, Renderer] = _Formats()
SUFFIXES: Mapping[str, str] = {"html": ".html", "json": ".json", "junit": ".xml", "text": ".txt"}
"""How a file of each format ends."""

__all__ = ["FORMATS", "SUFFIXES", "Renderer", "ReportView"]
