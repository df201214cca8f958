"""How often intervals hold what comes, for totals and their parts, before and after forecasts were made to add up.

What belongs here: coverage over rolling origins of families of series: the traffic fines by vehicle and by article, public, and
those of the lake that `GRIMOIRE_HOME` names. What does not: series by themselves (`bench.models`). Needs ../shared/data. Run as
`python -m bench.reconciled_intervals [fines] [lake]`; both by default, the lake where the road has run.

At each origin everything is done as `grimoire forecast` does it with what is known by then: back-test, titles, calibration,
forecast, reconciliation; then the periods after it are looked at. Rivals are the default and the floor.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from bench.harness import RESULTS, SHARED_DATA, measure, versions, write_results
from models.backtest import backtest, least_points
from models.champion_table import Entry
from models.crew import Crew, crew
from models.forecasters import BASELINE, DEFAULT
from models.intervals import LEAST_POOLED
from models.reconciliation import families
from models.scoring import Scored, score
from models.series import GRAINS, HORIZON, Grain, Series, reason_to_skip, series_key
from models.titles import award, tables
from models.training import Trained

FINES = SHARED_DATA / "event_logs" / "Road_Traffic_Fine_Management_Process.parquet"
FIRST_DAY, LAST_DAY = date(2004, 1, 5), date(2011, 12, 25)  # Monday to Sunday; later fines are not all in the log
MOST_ARTICLES = 5  # the others are one member
MOST_ORIGINS: dict[Grain, int] = {"daily": 3, "weekly": 6, "monthly": 6}
LOWEST_80, HIGHEST_80 = 0.75, 0.87


def fines() -> list[Series]:
    """Fines per week and month: in all, by vehicle and by article."""
    import duckdb

    found: list[Series] = []
    grains: dict[Grain, str] = {"weekly": "week", "monthly": "month"}
    for grain, unit in grains.items():
        for dimension, member in (
            (None, "null"),
            ("vehicle", "coalesce(vehicleclass, '?')"),
            ("article", "case when article in (select article from often) then article::varchar else 'other' end"),
        ):
            rows = duckdb.execute(
                f"""with fine as (
                        select * from read_parquet($file) where activity = 'Create Fine' and timestamp between $first and $last
                    ),
                    often as (select article from fine group by all order by count(*) desc, article limit {MOST_ARTICLES})
                select {member} as member, date_trunc('{unit}', timestamp)::date as period, count(*)
                from fine group by all order by all""",
                {"file": str(FINES), "first": FIRST_DAY, "last": LAST_DAY + timedelta(days=1)},
            ).fetchall()
            for name in sorted({row[0] for row in rows}, key=str):
                counts = {period: count for other, period, count in rows if other == name}
                found.append(_counts(grain, counts, dimension=dimension, member=name))
    return found


def _counts(grain: Grain, counts: dict[date, int], *, dimension: str | None, member: str | None) -> Series:
    """A period without a fine has none."""
    start = FIRST_DAY.replace(day=1) if grain == "monthly" else FIRST_DAY
    empty = Series("fines", "Fines", "fines", grain, start, np.empty(0), dimension=dimension, member=member)
    periods = []
    while (day := empty.date_of(len(periods))) <= (LAST_DAY if grain != "monthly" else date(2011, 11, 30)):
        periods.append(float(counts.get(day, 0)))
    return replace(empty, values=np.array(periods), parent=series_key("fines", grain) if dimension else None)


def of_lake() -> list[Series]:
    """The series of the lake."""
    from lake import connect
    from models.series_reading import read_series

    with connect(read_only=True) as connection:
        return read_series(connection)


def on_fines() -> dict[str, Any]:
    """Coverage on the fines."""
    return coverage(fines())


def on_lake() -> dict[str, Any]:
    """Coverage on the lake's series."""
    return coverage(of_lake())


def coverage(series: Sequence[Series]) -> dict[str, Any]:
    """By grain, total or part, and before or after: the share of values inside, and the mean width in units of the spread."""
    inside: dict[tuple[str, str, str], list[tuple[bool, bool]]] = defaultdict(list)
    widths: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    origins: dict[str, int] = defaultdict(int)
    with crew(len(series)) as work:
        for grain in reversed(GRAINS):
            own = [one for one in series if one.grain == grain]
            for back in range(1, MOST_ORIGINS[grain] + 1):
                known = {one.key: one.head(len(one) - back * HORIZON[grain]) for one in own if len(one) > back * HORIZON[grain]}
                found = forecast(list(known.values()), work)
                origins[grain] += bool(found)
                for key, (before, after) in found.items():
                    whole = next(one for one in own if one.key == key)
                    actual = whole.values[len(known[key]) :][: HORIZON[grain]]
                    for when, scored in (("before", before), ("after", after)):
                        place = (grain, "parts" if whole.dimension else "totals", when)
                        inside[place] += held(scored, actual)
                        widths[place].append(float(np.mean(scored.half_widths[80]) / max(np.abs(actual).mean(), 1e-9)))
    return {
        "origins": dict(origins),
        **{
            " ".join(place): {
                "values": len(found),
                "80": round(float(np.mean([one[0] for one in found])), 3),
                "95": round(float(np.mean([one[1] for one in found])), 3),
                "half_width_80": round(float(np.median(widths[place])), 3),
            }
            for place, found in inside.items()
        },
    }


def forecast(known: Sequence[Series], work: Crew) -> dict[str, tuple[Scored, Scored]]:
    """Forecasts of the series that are made to add up, by key, each before and after; only those whose errors are measured."""
    known_by_key = {one.key: one for one in known}
    usable = [one for one in known if not reason_to_skip(one, least=least_points(one.grain))]
    wanted = {one.key for family in families(usable) for one in family}
    if len(usable) < LEAST_POOLED:  # the others would not be heard
        usable = [one for one in usable if one.key in wanted]
    if not wanted:
        return {}
    entries, alone = before(usable, [one for one in known if one.parent is not None and len(one)], work)
    ready = {key: one.values for key, one in alone.items() if key in entries}
    together = score(
        [replace(one.series, parent=known_by_key[key].parent) for key, one in alone.items()], entries, made=ready, work=work
    )
    return {key: (alone[key], together[key]) for key in wanted if together[key].is_reconciled and together[key].half_widths}


def before(usable: Sequence[Series], members: Sequence[Series], work: Crew) -> tuple[dict[str, Entry], dict[str, Scored]]:
    """The titles of the usable series, and forecasts of these and of the other members, none of which is made to add up."""
    trained = {one.series.key: one for one in work(_trained, ((one,) for one in usable))}
    made = tables(award(trained, {}), {}, role="champion", country=None, snapshot_id=0)
    entries = {key: entry for table in made.values() for key, entry in table.entries.items()}
    stand_ins = [one for one in members if one.key not in entries]
    return entries, score([replace(one, parent=None) for one in [*usable, *stand_ins]], entries, work=work)


def _trained(series: Series) -> Trained:
    forms: dict[str, str] = {}
    return Trained(series, backtest([DEFAULT, BASELINE], series), forms)


def held(scored: Scored, actual: np.ndarray) -> list[tuple[bool, bool]]:
    """Per period whether the value lies in the 80 % and in the 95 % interval."""
    return [
        (point.lower_80 <= value <= point.upper_80, point.lower_95 <= value <= point.upper_95)
        for point, value in zip(scored.points, actual, strict=True)
    ]


PARTS: dict[str, Callable[[], Any]] = {"fines": on_fines, "lake": on_lake}


def main(wanted: list[str]) -> None:
    """Runs the parts, keeps each in the results beside those not run now, and fails where a bound is broken."""
    path = RESULTS / "reconciled_intervals.json"
    ours = json.loads(path.read_text())["ours"] if path.exists() else {}
    for part in wanted or PARTS:
        run = measure(f"bench.reconciled_intervals:{PARTS[part].__name__}", environment={"OMP_NUM_THREADS": "1"})
        ours[part] = {**run.figures(), **run.value}
        print(part, json.dumps(ours[part], indent=1))
    write_results(
        "reconciled_intervals",
        versions=versions("statsforecast", "hierarchicalforecast", "numpy"),
        ours=ours,
        bounds={"80": [LOWEST_80, HIGHEST_80]},
        note="Shares of the values of all origins' horizons that lie inside. half_width_80: median over the forecasts, in units of "
        "the values' mean. There is no peer.",
    )
    for part, found in ours.items():
        check(part, found)


def check(part: str, found: dict[str, Any]) -> None:
    """The bound: 80 % intervals hold what they promise, by data and over grains, for totals and for parts, after reconciliation."""
    for kind in ("totals", "parts"):
        rows = [row for place, row in found.items() if place.endswith(f"{kind} after")]
        share = sum(row["80"] * row["values"] for row in rows) / sum(row["values"] for row in rows)
        assert LOWEST_80 <= share <= HIGHEST_80, f"{part}: 80 % intervals of {kind} hold {share:.1%}"


if __name__ == "__main__":
    main(sys.argv[1:])
