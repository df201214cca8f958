"""The Grimoires' colours, each once for light and once for dark, and which of the two a visitor sees.

What belongs here: colours by what they mean. What does not: style sheets (`style/`) and charts (`charts`), which use them.

A test holds them to WCAG AA: 4.5 to 1 for text and 3 to 1 for what is drawn, on every ground they stand on; and the series'
colours to a distance in Lab that colour-blind eyes can tell (deuteranopia, protanopia, tritanopia, simulated after Machado).
"""

from typing import Literal

Mode = Literal["light", "dark"]

TOKENS: dict[str, tuple[str, str]] = {
    "page": ("#fbf7ee", "#141822"),
    "raised": ("#fffdf7", "#1b2030"),
    "sunken": ("#f3ecdc", "#232938"),
    "hover": ("#f8f2e4", "#262d3e"),
    "chosen": ("#f3e6cf", "#3a3222"),
    "ink": ("#1e2430", "#ece5d6"),
    "body": ("#3b3a36", "#dcd5c6"),
    "soft": ("#5f594d", "#b9b2a2"),
    "quiet": ("#6b6454", "#a8a192"),
    "rule": ("#ddd2bb", "#3a4258"),
    "edge": ("#e3d9c4", "#313950"),
    "hair": ("#eee5d3", "#2a3144"),
    "accent": ("#8b2a21", "#f0907c"),
    "good": ("#2f6442", "#86cfa0"),
    "bad": ("#a0301d", "#f29a85"),
    "warn": ("#7a5510", "#e6c070"),
    "good_ground": ("#dfe9dd", "#1f3a2b"),
    "bad_ground": ("#f3dcd5", "#4a241e"),
    "warn_ground": ("#f5e6c6", "#43351a"),
    "plain_ground": ("#ede4d2", "#333b50"),
    "dot_ok": ("#3f7a51", "#6dbd88"),
    "dot_warn": ("#a8741a", "#dba94a"),
    "dot_bad": ("#a8321f", "#ee7f68"),
}
SERIES: dict[Mode, tuple[str, ...]] = {
    "light": ("#204e76", "#8c2b22", "#b0822b", "#308c6b", "#896aab", "#6f7d8c"),
    "dark": ("#6bc7fb", "#e0705a", "#e8c468", "#64b295", "#b88ac6", "#c9d1d9"),
}
INK, ACCENT, GOLD, GREEN, VIOLET, MUTED = range(6)  # places in the series
TEXTS = ("ink", "body", "soft", "quiet", "accent", "good", "bad", "warn")
GROUNDS = ("page", "raised", "sunken")


def mode() -> Mode:
    """What the visitor's browser shows."""
    import streamlit as st

    return "dark" if st.context.theme.type == "dark" else "light"


def series(place: int) -> str:
    """Colour of a series in the visitor's mode: `INK`, `ACCENT`, `GOLD`, `GREEN`, `VIOLET` or `MUTED`."""
    return SERIES[mode()][place]


def token(name: str) -> str:
    """A colour by its meaning, in the visitor's mode."""
    return TOKENS[name][0 if mode() == "light" else 1]


def variables() -> str:
    """The tokens as CSS variables `--gr-…`, which follow the colour scheme of whatever element they are used in."""
    pairs = {**TOKENS, **{f"series_{i}": pair for i, pair in enumerate(zip(SERIES["light"], SERIES["dark"], strict=True))}}
    told = "".join(f"--gr-{name.replace('_', '-')}:light-dark({light},{dark});" for name, (light, dark) in pairs.items())
    return f":root{{{told}}}"


def in_light(text: str) -> str:
    """A text, such as a chart's specification, with the dark mode's colours made the light one's: for paper."""
    pairs = [*TOKENS.values(), *zip(SERIES["light"], SERIES["dark"], strict=True)]
    for light, dark in pairs:
        text = text.replace(dark, light)
    return text
