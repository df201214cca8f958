"""What a training shows of itself: the table of back-tests, the model card, the plot of errors.

What belongs here: files for people, kept with the run. What does not: keeping them (`models.registry`).
"""

import csv
import math
import re
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from lake.settings import PROJECT_ROOT
from models.series import HORIZON

MOST_BARS = 40  # series in the plot; the worst ones
_LETTER, _PLOT_WIDTH, _TOP, _ROW, _TICKS = 6.2, 480, 32, 18, 6  # pixels, but for the ticks: how many beside zero
_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BAR, _DOT = "#274b6d", "#8c2b22"


@cache
def code_version() -> str:
    """The commit the code is of, with a mark if it has been changed since; the package's version outside a repository."""
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],  # noqa: S607 — whichever git there is
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
        return said.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return version("grimoire")


def write_evidence(
    folder: Path, backtests: Sequence[Mapping[str, Any]], champions: Sequence[Mapping[str, Any]], *, facts: Mapping[str, Any]
) -> None:
    """Writes `backtests.csv`, `champions.csv`, `model_card.md` and `errors.svg`.

    Args:
        folder: Where to.
        backtests, champions: Rows of the tables of the same names.
        facts: What the card says of data and code: snapshot_id, code_version, country, budget_seconds, seconds.
    """
    for name, rows in (("backtests", backtests), ("champions", champions)):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [])
            writer.writeheader()
            writer.writerows(rows)
    (folder / "model_card.md").write_text(model_card(champions, facts=facts), encoding="utf-8")
    (folder / "errors.svg").write_text(_plot(champions), encoding="utf-8")


def model_card(champions: Sequence[Mapping[str, Any]], *, facts: Mapping[str, Any]) -> str:
    """What the models are, of which data, how far off, how wide, and what they cannot do; Markdown."""
    lines = [
        "# Forecasts of KPI series",
        "",
        "**What.** For each series the rival that forecasts it, found by a rolling-origin back-test, and its intervals' widths.",
        f"**Data.** Lake snapshot {facts['snapshot_id']}; {len(champions)} series. Public holidays of {facts['country']}.",
        f"**Code.** {facts['code_version']}. Trained in {facts['seconds']:.0f} s of a budget of {facts['budget_seconds']:.0f} s.",
        "",
        "| grain | series | periods ahead | champions | mean MASE | floor's | 80 % interval held | 95 % interval held |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for grain in sorted({row["grain"] for row in champions}):
        rows = [row for row in champions if row["grain"] == grain]
        names = [row["champion"] for row in rows]
        titles = ", ".join(f"{name} {names.count(name)}" for name in sorted(set(names)))
        errors = " | ".join(_mean(rows, name) for name in ("champion_mase", "floor_mase", "coverage_80", "coverage_95"))
        lines.append(f"| {grain} | {len(rows)} | {HORIZON[grain]} | {titles} | {errors} |")
    return "\n".join(
        [
            *lines,
            "",
            "MASE: error in units of the usual change from one season to the next. Coverage: share of the back-test's values "
            "inside intervals made without them.",
            "",
            "**Limits.** A forecast carries the past on and knows nothing of decisions nobody has taken yet. Intervals hold while "
            "errors stay what they were in the back-test; with few windows their measured coverage is rough. Where forecasts are "
            "made to add up, intervals keep the width calibrated before.",
            "",
        ]
    )


def _mean(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    known = [row[name] for row in rows if row[name] is not None and np.isfinite(row[name])]
    return f"{np.mean(known):.3f}" if known else "not measured"


def _plot(champions: Sequence[Mapping[str, Any]]) -> str:
    """Each series' champion as a bar, the floor as a dot on it; the worst `MOST_BARS`. An SVG of its own, worst series first.

    It is written by hand, for a plotting library takes longer to import than all else here takes together.
    """
    finite = [row for row in champions if np.isfinite(row["champion_mase"]) and np.isfinite(row["floor_mase"] or 0.0)]
    rows = sorted(finite, key=lambda row: -row["champion_mase"])[:MOST_BARS]
    labels = [_NOT_IN_XML.sub("", f"{row['series']} ({row['grain']}): {row['champion']}") for row in rows]
    left = 20 + _LETTER * max(map(len, labels), default=0)
    step = _step(max([row["champion_mase"] for row in rows] + [row["floor_mase"] or 0.0 for row in rows], default=0.0))
    ticks = [step * tick for tick in range(_TICKS + 1)]
    unit, bottom = _PLOT_WIDTH / ticks[-1], _TOP + _ROW * len(rows)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + _PLOT_WIDTH + 40:.0f}" height="{bottom + 45}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="11" fill="#1f2937">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<rect x="{left:.0f}" y="12" width="12" height="9" fill="{_BAR}"/><text x="{left + 18:.0f}" y="21">champion</text>',
        f'<circle cx="{left + 95:.0f}" cy="17" r="4" fill="{_DOT}"/>'
        f'<text x="{left + 105:.0f}" y="21">repeating the last season</text>',
    ]
    for tick in ticks:
        lines += [
            f'<line x1="{left + unit * tick:.1f}" x2="{left + unit * tick:.1f}" y1="{_TOP}" y2="{bottom}" stroke="#e5e7eb"/>',
            f'<text x="{left + unit * tick:.1f}" y="{bottom + 16}" text-anchor="middle">{tick:.4g}</text>',
        ]
    for top, label, row in zip(range(_TOP, bottom, _ROW), labels, rows, strict=True):
        lines += [
            f'<text x="{left - 8:.0f}" y="{top + 13}" text-anchor="end">{escape(label)}</text>',
            f'<rect x="{left:.0f}" y="{top + 4}" width="{unit * row["champion_mase"]:.1f}" height="10" fill="{_BAR}"/>',
        ]
        if row["floor_mase"] is not None:
            lines.append(f'<circle cx="{left + unit * row["floor_mase"]:.1f}" cy="{top + 9}" r="4" fill="{_DOT}"/>')
    title = f'<text x="{left:.0f}" y="{bottom + 36}">MASE, mean of the back-test\'s windows</text>'
    return "\n".join([*lines, title, "</svg>\n"])


def _step(largest: float) -> float:
    """How far the axis' ticks lie apart for the largest value to lie on it: 1, 2 or 5 times a power of ten."""
    least = largest / _TICKS or 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= least * (1 - 1e-9))
