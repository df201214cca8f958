"""The table of docs/benchmarks.md, made from the results files.

What belongs here: turning `bench/results/*.json` into Markdown and putting it into the page. What does not: measuring.
Run as `python -m bench.table`; every benchmark does so when it writes its results.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS, PAGE = ROOT / "bench" / "results", ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- results: written by bench/table.py -->", "<!-- end of results -->"
HEAD = ("benchmark", "run", "wall s", "CPU s", "peak MB", "times as fast (wall)", "times as fast (CPU)", "share of memory", "load")


def render() -> str:
    """The table of all results; a line per run, the peer's without ratios."""
    lines = [HEAD, ("---", "---", *("---:",) * (len(HEAD) - 2))]
    for path in sorted(RESULTS.glob("*.json")):
        lines += _lines(json.loads(path.read_text(encoding="utf-8")))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _lines(result: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    load = result["machine"]["load_before"][0]
    for name, run in {**result["ours"], **result.get("peer", {})}.items():
        ratio = result.get("ratio", {}).get(name, {})
        figures = (
            _shown(run.get("wall_seconds", run.get("painted")), 1),
            _shown(run.get("cpu_seconds"), 1),
            _shown(run.get("peak_mb"), 0),
            _shown(ratio.get("wall"), 1),
            _shown(ratio.get("cpu"), 1),
            _shown(ratio.get("memory_share"), 2),
        )
        yield result["benchmark"].replace("_", " "), name, *figures, _shown(load, 1)


def _shown(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def in_page() -> str:
    """The table that stands in the page."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].strip()


def refresh() -> None:
    """Puts the table as it is now into the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{render()}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    refresh()
