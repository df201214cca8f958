"""The questions asked of a mining layout, as Ibis expressions that any back end can run which holds the layout's tables.

What belongs here: one function per question over `Tables`, and writing their SQL for DuckDB to `mining/kernels_duckdb.sql`.
What does not: that SQL's use (`mining.kernels`, which needs no Ibis at run time) and filters (`mining.filters`).

Counting questions are answered from variants and their weights, never from events; only times look at events.
`python -m mining.ibis_kernels` writes the SQL anew after a change here; the same text comes out on every machine.

On another back end than DuckDB: connect, name its layout tables, ask.

    backend = ibis.polars.connect()
    tables = Tables.of_layout(backend, multi_quantile=False)
    backend.to_pyarrow(QUESTIONS["dfg"](tables))

What a back end lacks decides what it answers. Polars (Ibis 12) cannot answer `variants` and `throughput_*`, for want of window
functions and ranges of dates, and gives `quantile` one value at a time; all else is tested there. Ibis 12 has no slices of arrays
for SQLite and DataFusion, which the directly-follows graph needs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mining.kernels import FILE

if TYPE_CHECKING:
    from ibis.expr import types as ir

SCHEMAS: dict[str, dict[str, str]] = {
    "activities": {"activity_id": "int32", "activity": "string"},
    "events": {
        "case_no": "int32",
        "activity_id": "int32",
        "occurred_at": "timestamp('UTC')",
        "source_row": "int64",
        "next_activity": "int32",
        "seconds_to_next": "float64",
    },
    "kept": {
        "case_no": "int32",
        "case_id": "string",
        "variant_id": "int32",
        "started_at": "timestamp('UTC')",
        "ended_at": "timestamp('UTC')",
        "events": "int32",
        "seconds": "float64",
    },
    "weights": {"variant_id": "int32", "cases": "int64"},
    "variants": {"variant_id": "int32", "activity_ids": "array<int32>", "cases": "int64", "activities": "array<string>"},
    "edge_times": {
        "source_id": "int32",
        "target_id": "int32",
        "mean_seconds": "float64",
        "median_seconds": "float64",
        "p90_seconds": "float64",
    },
    "variant_times": {"variant_id": "int32", "mean_seconds": "float64", "median_seconds": "float64"},
}


@dataclass(frozen=True)
class Tables:
    """What a question looks at, as Ibis tables; columns as in `SCHEMAS`.

    Attributes:
        events: The events of the kept cases.
        kept: The cases the filters keep.
        weights: Kept cases per variant.
        variants: The variants.
        activities: The activity dictionary.
        edge_times: Times between the events of the kept cases per edge; None: they are computed from the events.
        variant_times: Durations of the kept cases per variant; None: they are computed from the cases.
        multi_quantile: Whether the back end computes several quantiles of a column at once.
    """

    events: "ir.Table"
    kept: "ir.Table"
    weights: "ir.Table"
    variants: "ir.Table"
    activities: "ir.Table"
    edge_times: "ir.Table | None" = None
    variant_times: "ir.Table | None" = None
    multi_quantile: bool = True

    @classmethod
    def unbound(cls) -> "Tables":
        """Tables by name only, for compiling."""
        import ibis

        return cls(**{name: ibis.table(schema, name=name) for name, schema in SCHEMAS.items()})

    @classmethod
    def of_layout(cls, backend: Any, *, prefix: str = "", multi_quantile: bool = True) -> "Tables":
        """The whole log of a layout that a back end holds as `<prefix>activities`, `events`, `cases` and `variants`."""
        variants = backend.table(f"{prefix}variants")
        return cls(
            events=backend.table(f"{prefix}events"),
            kept=backend.table(f"{prefix}cases"),
            weights=variants.select("variant_id", "cases"),
            variants=variants,
            activities=backend.table(f"{prefix}activities"),
            multi_quantile=multi_quantile,
        )


def summary(tables: Tables) -> "ir.Table":
    """See `mining.kernels.summary`."""
    kept, paths = tables.kept, _paths(tables)
    lengths = kept.aggregate(
        cases=kept.count(),
        events=_whole(kept.events.sum().coalesce(0)),
        first_event=kept.started_at.min(),
        last_event=kept.ended_at.max(),
        mean_case_seconds=kept.seconds.mean(),
        **_quantiles(tables, kept.seconds, median_case_seconds=0.5, p90_case_seconds=0.9),
    )
    steps = paths.select(activity_id=paths.activity_ids.unnest())
    used = steps.aggregate(activities=steps.activity_id.nunique())
    variants = tables.weights.aggregate(variants=tables.weights.count())
    edges = _edges(tables)
    row = lengths.cross_join(used).cross_join(variants).cross_join(edges.aggregate(dfg_edges=edges.count()))
    return row.select(
        *("cases", "events", "activities", "variants", "dfg_edges", "first_event", "last_event", "mean_case_seconds"),
        **_taken(tables, row, "median_case_seconds", "p90_case_seconds"),
    )


def dfg_counts(tables: Tables) -> "ir.Table":
    """See `mining.kernels.dfg`, without times."""
    return _ordered_edges(_named_edges(tables))


def dfg(tables: Tables) -> "ir.Table":
    """See `mining.kernels.dfg`, with times."""
    times = edge_times(tables) if tables.edge_times is None else tables.edge_times
    timed = _named_edges(tables).join(times, ["source_id", "target_id"])
    return _ordered_edges(timed, "mean_seconds", "median_seconds", "p90_seconds")


def edge_times(tables: Tables) -> "ir.Table":
    """See `mining.kernels.edge_times`."""
    events = tables.events.filter(tables.events.next_activity.notnull())
    seconds = events.group_by(source_id="activity_id", target_id="next_activity").aggregate(
        mean_seconds=events.seconds_to_next.mean(),
        **_quantiles(tables, events.seconds_to_next, median_seconds=0.5, p90_seconds=0.9),
    )
    return seconds.select("source_id", "target_id", "mean_seconds", **_taken(tables, seconds, "median_seconds", "p90_seconds"))


def variant_times(tables: Tables) -> "ir.Table":
    """See `mining.kernels.variant_times`."""
    kept = tables.kept
    return kept.group_by("variant_id").aggregate(mean_seconds=kept.seconds.mean(), median_seconds=kept.seconds.median())


def variants(tables: Tables) -> "ir.Table":
    """See `mining.kernels.variants`."""
    import ibis

    times = variant_times(tables) if tables.variant_times is None else tables.variant_times
    weights = tables.weights
    most_first = ibis.window(order_by=[weights.cases.desc(), weights.variant_id])
    ranked = weights.select(
        "variant_id",
        "cases",
        rank=ibis.row_number().over(most_first) + 1,
        share=weights.cases / weights.cases.sum().over(ibis.window()),
        cumulative_share=weights.cases.sum().over(ibis.cumulative_window(order_by=[weights.cases.desc(), weights.variant_id]))
        / weights.cases.sum().over(ibis.window()),
    )
    joined = ranked.join(tables.variants.drop("cases"), "variant_id").join(times, "variant_id")
    return joined.select(
        *("variant_id", "rank", "activities"),
        length=joined.activity_ids.length(),
        **{name: joined[name] for name in ("cases", "share", "cumulative_share", "mean_seconds", "median_seconds")},
    ).order_by("rank")


def activities(tables: Tables) -> "ir.Table":
    """See `mining.kernels.activities`."""
    import ibis

    paths = _paths(tables)
    placed = paths.select(
        "variant_id",
        "cases",
        first=paths.activity_ids[0],
        last=paths.activity_ids[-1],
        activity_id=paths.activity_ids.unnest(),
    )
    per_variant = placed.group_by("variant_id", "activity_id").aggregate(
        cases=placed.cases.max(),
        times=placed.count(),
        starts=(placed.first == placed.activity_id).cast("int64").max(),
        ends=(placed.last == placed.activity_id).cast("int64").max(),
    )
    totals = per_variant.group_by("activity_id").aggregate(
        events=_whole((per_variant.cases * per_variant.times).sum()),
        cases=_whole(per_variant.cases.sum()),
        starts=_whole((per_variant.cases * per_variant.starts).sum()),
        ends=_whole((per_variant.cases * per_variant.ends).sum()),
    )
    named = totals.join(tables.activities, "activity_id")
    return named.select("activity", "events", "cases", "starts", "ends").order_by(ibis.desc("events"), "activity")


def start(tables: Tables) -> "ir.Table":
    """See `mining.kernels.endpoints`."""
    return _endpoints(tables, 0)


def end(tables: Tables) -> "ir.Table":
    """See `mining.kernels.endpoints`."""
    return _endpoints(tables, -1)


def case_durations(tables: Tables) -> "ir.Table":
    """See `mining.kernels.case_durations`."""
    ordered = tables.kept.order_by("case_no")
    return ordered.select("case_id", "variant_id", "started_at", "ended_at", "seconds", "events")


def throughput_day(tables: Tables) -> "ir.Table":
    """See `mining.kernels.throughput`."""
    return _throughput(tables, "day")


def throughput_week(tables: Tables) -> "ir.Table":
    """See `mining.kernels.throughput`."""
    return _throughput(tables, "week")


def throughput_month(tables: Tables) -> "ir.Table":
    """See `mining.kernels.throughput`."""
    return _throughput(tables, "month")


def variant_multiset(tables: Tables) -> "ir.Table":
    """See `mining.kernels.variant_multiset`."""
    import ibis

    joined = tables.weights.join(tables.variants.drop("cases"), "variant_id")
    return joined.select("variant_id", "activity_ids", "cases").order_by(ibis.desc("cases"), "variant_id")


QUESTIONS: dict[str, "Callable[[Tables], ir.Table]"] = {
    question.__name__: question
    for question in (
        *(summary, dfg, dfg_counts, variants, activities, start, end, case_durations),
        *(throughput_day, throughput_week, throughput_month, variant_multiset, edge_times, variant_times),
    )
}


def duckdb_sql(question: str) -> str:
    """The SQL of a question for DuckDB, over the names of `SCHEMAS`."""
    import ibis

    return str(ibis.to_sql(QUESTIONS[question](Tables.unbound()), dialect="duckdb"))


def file_text() -> str:
    """The file that holds the SQL of every question."""
    head = "-- The questions of mining/ibis_kernels.py for DuckDB, written by `python -m mining.ibis_kernels`; change them there.\n"
    return head + "".join(f"\n-- question: {name}\n{duckdb_sql(name)}\n" for name in QUESTIONS)


def _paths(tables: Tables) -> "ir.Table":
    """The kept variants with their activities: variant_id, cases, activity_ids."""
    return tables.weights.join(tables.variants.select("variant_id", "activity_ids"), "variant_id")


def _edges(tables: Tables) -> "ir.Table":
    """How often each activity directly follows another: source_id, target_id, frequency, cases."""
    paths = _paths(tables)
    pairs = paths.select(
        "variant_id", "cases", source_id=paths.activity_ids[:-1].unnest(), target_id=paths.activity_ids[1:].unnest()
    )
    per_variant = pairs.group_by("variant_id", "source_id", "target_id").aggregate(cases=pairs.cases.max(), times=pairs.count())
    return per_variant.group_by("source_id", "target_id").aggregate(
        frequency=_whole((per_variant.cases * per_variant.times).sum()), cases=_whole(per_variant.cases.sum())
    )


def _named_edges(tables: Tables) -> "ir.Table":
    edges = _edges(tables)
    sources = tables.activities.select(source_id="activity_id", source="activity")
    targets = tables.activities.select(target_id="activity_id", target="activity")
    return edges.join(sources, "source_id").join(targets, "target_id")


def _ordered_edges(edges: "ir.Table", *names: str, **values: "ir.Value") -> "ir.Table":
    import ibis

    chosen = edges.select("source", "target", "frequency", "cases", *names, **values)
    return chosen.order_by(ibis.desc("frequency"), "source", "target")


def _endpoints(tables: Tables, position: int) -> "ir.Table":
    import ibis

    paths = _paths(tables)
    placed = paths.select("cases", activity_id=paths.activity_ids[position])
    totals = placed.group_by("activity_id").aggregate(cases=_whole(placed.cases.sum()))
    named = totals.join(tables.activities, "activity_id")
    return named.select("activity", "cases").order_by(ibis.desc("cases"), "activity")


def _throughput(tables: Tables, grain: str) -> "ir.Table":
    import ibis

    kept, unit = tables.kept, {"day": "D", "week": "W", "month": "M"}[grain]
    cases = kept.select(started=kept.started_at.truncate(unit).date(), completed=kept.ended_at.truncate(unit).date())
    bounds = cases.aggregate(first=cases.started.min(), last=cases.completed.max())
    first, last = bounds.first, bounds.last
    steps = {
        "day": last.delta(first, unit="day"),
        "week": last.delta(first, unit="day") // 7,
        "month": (last.year() - first.year()).cast("int64") * 12 + last.month() - first.month(),
    }[grain]
    numbered = bounds.select("first", number=ibis.range(0, steps.cast("int64") + 1).unnest())
    periods = numbered.select(period=(numbered.first.cast("timestamp") + numbered.number.as_interval(unit)).date())
    starts = cases.group_by(period="started").aggregate(started=cases.count())
    ends = cases.group_by(period="completed").aggregate(completed=cases.count())
    joined = periods.left_join(starts, "period").drop("period_right").left_join(ends, "period")
    counted = joined.select("period", started=joined.started.coalesce(0), completed=joined.completed.coalesce(0))
    change = counted.started - counted.completed
    running = _whole(change.sum().over(ibis.cumulative_window(order_by=counted.period)))
    return counted.mutate(open_cases=running).order_by("period")


def _whole(total: "ir.Value") -> "ir.Value":
    """A sum of integers as int64: Ibis calls it that already, and leaves the cast out that DuckDB's hugeint needs."""
    return total.cast("decimal(38, 0)").cast("int64")


def _quantiles(tables: Tables, values: "ir.Value", **shares: float) -> dict[str, "ir.Value"]:
    """Quantiles by name; all in one array column where the back end can, which sorts the values once."""
    if tables.multi_quantile:
        return {"quantiles": values.quantile(list(shares.values()))}
    return {name: values.quantile(share) for name, share in shares.items()}


def _taken(tables: Tables, row: "ir.Table", *names: str) -> dict[str, "ir.Value"]:
    """The columns of `_quantiles` by name."""
    return {name: row.quantiles[number] if tables.multi_quantile else row[name] for number, name in enumerate(names)}


if __name__ == "__main__":
    FILE.write_text(file_text(), encoding="utf-8")
