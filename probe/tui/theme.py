"""Colours by role. Blue means good and orange means bad, which colour-blind people can tell apart."""

from functools import cache

from rich.style import Style
from textual.theme import Theme

ROLES = {
    "strong": "foreground_strong bold",
    "dim": "dim",
    "head": "accent bold",
    "accent": "accent",
    "key": "accent bold",
    "label": "dim",
    "pass": "pass",
    "fail": "fail bold",
    "error": "error bold",
    "unknown": "unknown",
    "sent": "pass",
    "received": "fail",
    "mark": "foreground_strong underline",
}
"""Role of a span: a colour of the theme, and how it is written. A role is never the only sign."""

_DARK = {
    "background": "#11161d",
    "panel": "#1a212b",
    "cursor": "#1f3a55",
    "cursor_away": "#1d2732",
    "foreground": "#d3dae4",
    "foreground_strong": "#ffffff",
    "dim": "#98a4b4",
    "rule": "#3b4858",
    "accent": "#86c5f7",
    "pass": "#63b8f2",
    "fail": "#ffa04d",
    "error": "#ec9bcb",
    "unknown": "#ecd77a",
}
_LIGHT = {
    "background": "#fbfaf7",
    "panel": "#ebeae4",
    "cursor": "#d6e6f6",
    "cursor_away": "#e7e6e0",
    "foreground": "#23282f",
    "foreground_strong": "#000000",
    "dim": "#5c646f",
    "rule": "#b9b7ae",
    "accent": "#0a5c9e",
    "pass": "#0b62a6",
    "fail": "#a84300",
    "error": "#94266c",
    "unknown": "#6f5500",
}
# Survives Textual's grey filter under NO_COLOR: everything is white, light grey or black, and the
# cursor is reverse video.
_CONTRAST = {
    "background": "#000000",
    "panel": "#000000",
    "cursor": "#ffffff",
    "cursor_away": "#3a3a3a",
    "foreground": "#e4e4e4",
    "foreground_strong": "#ffffff",
    "dim": "#b2b2b2",
    "rule": "#8a8a8a",
    "accent": "#ffffff",
    "pass": "#e4e4e4",
    "fail": "#ffffff",
    "error": "#ffffff",
    "unknown": "#e4e4e4",
}
PALETTES = {"probe-dark": _DARK, "probe-light": _LIGHT, "probe-contrast": _CONTRAST}


def themes() -> list[Theme]:
    """The three themes for ``App.register_theme``."""
    return [
        Theme(
            name=name,
            primary=colours["accent"],
            secondary=colours["pass"],
            accent=colours["accent"],
            warning=colours["fail"],
            error=colours["error"],
            success=colours["pass"],
            foreground=colours["foreground"],
            background=colours["background"],
            surface=colours["background"],
            panel=colours["panel"],
            dark=name != "probe-light",
            text_alpha=1.0,
            variables={
                "quiet": colours["dim"],
                "rule": colours["rule"],
                "scrollbar": colours["rule"],
                "scrollbar-hover": colours["accent"],
                "scrollbar-active": colours["accent"],
                "scrollbar-background": colours["background"],
                "scrollbar-background-hover": colours["background"],
                "scrollbar-background-active": colours["background"],
                "scrollbar-corner-color": colours["background"],
                "input-selection-background": colours["cursor"],
                "input-cursor-background": colours["foreground"],
                "input-cursor-foreground": colours["background"],
            },
        )
        for name, colours in PALETTES.items()
    ]


@cache
def style(theme: str, role: str, ground: str = "") -> Style:
    """The rich style of a role on a ground: ``""``, ``panel``, ``cursor`` or ``cursor_away``."""
    colours = PALETTES.get(theme, _DARK)
    name, *attributes = ROLES.get(role, "foreground").split()
    colour = colours[name]
    if ground == "cursor" and theme == "probe-contrast":
        colour = "#000000"
    return Style(
        color=colour,
        bgcolor=colours[ground or "background"],
        bold=True if "bold" in attributes else None,
        underline=True if "underline" in attributes else None,
    )
