"""The plot of the mining benchmark that docs/benchmarks.md shows.

What belongs here: drawing `bench/results/mining_x10.json` into `docs/benchmarks-mining.svg`. What does not: measuring.
`python -m bench.mining_sides.plot` draws it again; the benchmark does so when it is asked at that size.
"""

import json
from pathlib import Path
from typing import Any

from bench.harness import PROJECT_ROOT, RESULTS
from bench.mining_sides.log import QUESTIONS

TARGET = PROJECT_ROOT / "docs" / "benchmarks-mining.svg"
SIDES = {"ours": "#1b7f79", "polars": "#e09f3e", "pandas": "#9e2a2b", "r4pm": "#6c757d"}
NAMES = {
    "dfg": "directly-follows\ngraph",
    "variants": "variants",
    "durations": "case\ndurations",
    "endpoints": "first and last\nactivities",
    "dfg_times": "graph with mean\nand median times",
    "follows_within": "«follows within two\ndays», then graph",
}
LABELS = {"ours": "Grimoire, layout in the lake", "polars": "pm4py on polars", "pandas": "pm4py on pandas", "r4pm": "r4pm"}


def draw(results: Path = RESULTS / "mining_x10.json", target: Path = TARGET) -> None:
    """Bars of CPU seconds and peak memory per question and side, on logarithmic scales."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    document = json.loads(results.read_text(encoding="utf-8"))
    runs = {**document["ours"], **document["peer"]}
    with mpl.rc_context({"svg.hashsalt": "grimoire", "svg.fonttype": "none", "font.size": 9}):
        figure, (above, below) = pyplot.subplots(2, 1, figsize=(9, 6.5), sharex=True, layout="constrained")
        _bars(above, runs, "cpu_seconds", "CPU seconds")
        _bars(below, runs, "peak_mb", "peak memory, MB")
        above.legend(ncols=len(SIDES), loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
        figure.suptitle(f"{document['rows']:,} events (the traffic-fines log replicated 10 times), reading included")
        below.set_xticks(range(len(QUESTIONS)), [NAMES[question] for question in QUESTIONS])
        figure.savefig(target, metadata={"Date": None})
        pyplot.close(figure)


def _bars(axes: Any, runs: dict[str, dict[str, float]], figure: str, label: str) -> None:
    width = 0.8 / len(SIDES)
    for number, (side, colour) in enumerate(SIDES.items()):
        places = [place for place, question in enumerate(QUESTIONS) if f"{question}, {side}" in runs]
        heights = [runs[f"{QUESTIONS[place]}, {side}"][figure] for place in places]
        bars = axes.bar([place + (number - 1.5) * width for place in places], heights, width, color=colour, label=LABELS[side])
        axes.bar_label(bars, [f"{height:.2g}" if height < 10 else f"{height:,.0f}" for height in heights], fontsize=7)
    axes.set_yscale("log")
    axes.set_ylabel(label)
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    draw()
