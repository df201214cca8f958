"""What a training shows of itself: the table of back-tests, the model card, the plot of errors.

What belongs here: files for people, kept with the run. What does not: keeping them (`models.registry`).
"""

import csv
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lake.settings import PROJECT_ROOT
from models.series import HORIZON

MOST_BARS = 40  # series in the plot; the worst ones


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
    _plot(folder / "errors.svg", champions)


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


def _plot(path: Path, champions: Sequence[Mapping[str, Any]]) -> None:
    """Each series' champion beside the floor; the worst `MOST_BARS`."""
    from matplotlib.figure import Figure

    rows = sorted(champions, key=lambda row: row["champion_mase"])[-MOST_BARS:]
    figure = Figure(figsize=(8, 1 + 0.22 * max(len(rows), 4)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(rows))
    axes.barh(places, [row["champion_mase"] for row in rows], color="#274b6d", height=0.6, label="champion")
    axes.plot([row["floor_mase"] or np.nan for row in rows], places, "o", color="#8c2b22", ms=4, label="repeating the last season")
    axes.set_yticks(places, [f"{row['series']} ({row['grain']}): {row['champion']}" for row in rows], fontsize=7)
    axes.set_xlabel("MASE, mean of the back-test's windows")
    axes.legend(loc="lower right", frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, format="svg")
