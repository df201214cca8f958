"""The picture of how good the forecasts are.

What belongs here: drawing `bench/results/models.json` into `docs/benchmarks-models.svg`. What does not: measuring.
"""

from typing import Any

from bench.harness import PROJECT_ROOT

TARGET = PROJECT_ROOT / "docs" / "benchmarks-models.svg"
PUBLISHED = {"SCUM (published)": 0.663, "M4 winner (published)": 0.440}
INK, ACCENT, PALE = "#274b6d", "#8c2b22", "#b9b2a3"


def draw(found: dict[str, Any]) -> None:
    """Draws OWA on the 230 series and on hourly ones (all of M4 once measured), and the coverage by grain."""
    if not {"on_sample", "prophet_on_sample"} <= set(found):
        return
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "grimoire", "svg.fonttype": "none", "font.size": 9}):
        from matplotlib.figure import Figure

        figure = Figure(figsize=(10, 3.6), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        sample = {name: row["owa"] for name, row in found["on_sample"]["found"]["groups"]["all"].items()}
        _bars(left, sample | {"prophet": found["prophet_on_sample"]["found"]["owa"]}, "OWA, 230 M4 and M3 series")
        count, rows = _hourly(found)
        hourly = {name: row["owa"] for name, row in rows.items()}
        _bars(middle, hourly | PUBLISHED, f"OWA, M4 hourly, {count} series")
        _coverage(right, found["on_sample"]["found"]["coverage"])
        figure.savefig(TARGET, format="svg", metadata={"Date": None})


def _hourly(found: dict[str, Any]) -> tuple[int, dict[str, dict[str, float]]]:
    """How many hourly series were measured, and their rows: the most that were."""
    for part, count in (("on_hourly", 414), ("on_a_quarter_of_hourly", 104)):
        if part in found:
            return count, found[part]["found"]
    return 10, found["on_sample"]["found"]["groups"]["M4-Hourly"]


def _bars(axes: Any, values: dict[str, float], title: str) -> None:
    rows = sorted(values.items(), key=lambda row: -row[1])
    colours = [ACCENT if name == "median_ensemble" else PALE if "published" in name else INK for name, _ in rows]
    axes.barh([name.replace("_", " ") for name, _ in rows], [value for _, value in rows], color=colours, height=0.65)
    for place, (_, value) in enumerate(rows):
        axes.text(value, place, f" {value:.3f}", va="center", fontsize=8)
    axes.set_xlim(0, 1.2 * max(value for _, value in rows))
    axes.set_title(title, fontsize=9, loc="left")
    axes.spines[["top", "right"]].set_visible(False)


def _coverage(axes: Any, coverage: dict[str, dict[str, float]]) -> None:
    rows = sorted(coverage.items(), key=lambda row: row[0] == "all")
    for level, colour in (("80", INK), ("95", ACCENT)):
        axes.axvline(100 * int(level) / 100, color=colour, lw=0.8, ls=":")
        axes.plot([100 * row[level] for _, row in rows], range(len(rows)), "o", color=colour, ms=5, label=f"{level} % interval")
    axes.set_yticks(range(len(rows)), [f"{grain} ({row['series']})" for grain, row in rows])
    axes.set_xlim(60, 101)
    axes.set_title("share of test values inside, %", fontsize=9, loc="left")
    axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
