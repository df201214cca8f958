"""The palette is readable (WCAG AA), can be told apart by colour-blind eyes, and is the one Streamlit is configured with."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from apps.streamlit import palette
from apps.streamlit.variant_list.component import COLOURS, REST

ROOT = Path(__file__).resolve().parents[2]
MODES = ("light", "dark")
LEAST_DISTANCE = 15.0  # in CIE L*a*b*; about 2.3 is the least a person can see side by side
# Machado, Oliveira, Fernandes: A Physiologically-based Model for Simulation of Color Vision Deficiency (2009), severity 1.0
EYES = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])


def linear(colour: str) -> np.ndarray:
    """sRGB to linear light, by IEC 61966-2-1."""
    values = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio."""
    low, high = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(colour: str, eyes: str) -> np.ndarray:
    white = TO_XYZ @ np.ones(3)
    xyz = TO_XYZ @ np.clip(np.array(EYES[eyes]) @ linear(colour), 0, 1) / white
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def of(name: str, mode: str) -> str:
    return palette.TOKENS[name][MODES.index(mode)]


def test_contrast_is_that_of_wcags_own_examples():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("text", palette.TEXTS)
def test_text_is_readable_on_every_ground(mode, text):
    assert {ground: contrast(of(text, mode), of(ground, mode)) >= 4.5 for ground in palette.GROUNDS} == dict.fromkeys(
        palette.GROUNDS, True
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("text", "ground"),
    [("good", "good_ground"), ("bad", "bad_ground"), ("warn", "warn_ground"), ("body", "plain_ground"),
     ("ink", "chosen"), ("quiet", "hover")],
)  # fmt: skip
def test_text_is_readable_on_its_own_ground(mode, text, ground):
    assert contrast(of(text, mode), of(ground, mode)) >= 4.5


def test_an_activity_can_be_read_on_its_colour_in_the_list_of_variants():
    style = (ROOT / "apps" / "streamlit" / "variant_list" / "variant_list.css").read_text(encoding="utf-8")
    words = re.search(r"\.step \{ color: (#\w{6})", style)[1]
    assert [colour for colour in (*COLOURS, REST) if contrast(words, colour) < 4.5] == []


@pytest.mark.parametrize("mode", MODES)
def test_series_and_dots_stand_out_from_every_ground_they_are_drawn_on(mode):
    drawn = [*palette.SERIES[mode], *(of(f"dot_{kind}", mode) for kind in ("ok", "warn", "bad"))]
    weak = {
        (colour, ground): round(contrast(colour, of(ground, mode)), 2)
        for colour in drawn
        for ground in ("page", "raised")
        if contrast(colour, of(ground, mode)) < 3
    }
    assert weak == {}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("eyes", EYES)
def test_series_can_be_told_apart_by_these_eyes(mode, eyes):
    seen = {colour: lab(colour, eyes) for colour in palette.SERIES[mode]}
    near = {
        (one, other): round(float(np.linalg.norm(seen[one] - seen[other])), 1)
        for one in seen
        for other in seen
        if one < other and np.linalg.norm(seen[one] - seen[other]) < LEAST_DISTANCE
    }
    assert near == {}


def test_streamlit_is_configured_with_the_same_colours():
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    names = {
        "backgroundColor": "page",
        "secondaryBackgroundColor": "sunken",
        "textColor": "ink",
        "primaryColor": "accent",
        "borderColor": "rule",
    }
    for mode in MODES:
        assert {key: theme[mode][key] for key in names} == {key: of(name, mode) for key, name in names.items()}
        assert tuple(theme[mode]["chartCategoricalColors"]) == palette.SERIES[mode]


def test_a_chart_for_paper_has_no_colour_of_the_dark_mode_left():
    pairs = [*palette.TOKENS.values(), *zip(*palette.SERIES.values(), strict=True)]
    dark = " ".join(pair[1] for pair in pairs)
    assert palette.in_light(dark) == " ".join(pair[0] for pair in pairs)
    assert palette.in_light(palette.in_light(dark)) == palette.in_light(dark)


def test_every_variable_that_a_style_sheet_uses_is_in_the_palette():
    known = set(re.findall(r"(--gr-[a-z0-9-]+):", palette.variables()))
    sheets = [*ROOT.glob("apps/streamlit/**/*.css"), *ROOT.glob("apps/streamlit/app_pages/*.py")]
    used = {name for sheet in sheets for name in re.findall(r"var\((--gr-[a-z0-9-]+)\)", sheet.read_text())}
    assert len(used) > 15
    assert used <= known
