"""Bringing a kept mining layout up to date: only cases with new, changed or deleted events are laid out again.

What belongs here: finding those cases and replacing their part of the tables. What does not: a layout from nothing
(`mining.layout_build`) and whether one is needed (`mining.layout`).

A case has changed if the digest of its events is another than the layout's, or it has come or gone. Where the lake can tell the
rows that changed, only their cases are looked at. Elsewhere digests are taken from the whole log: that works for a view over any
tables and for a table that was made anew, and costs a fraction of sorting it.
Ids of cases, variants and activities that stay are kept; new ones get the next ids. Variants are therefore no longer in the
order of their frequency, which no question relies on.
"""

from typing import TYPE_CHECKING

from mining import kernels
from mining.layout_build import (
    DIGEST,
    cases_rows,
    edge_times_rows,
    events_rows,
    gather_traces,
    named,
    names_row,
    scratch,
    sort_events,
)

if TYPE_CHECKING:
    import duckdb

    from mining.layout import Layout

MOST = 0.3  # share of cases beyond which building at once costs less


def follow(connection: "duckdb.DuckDBPyConnection", layout: "Layout", source: str, *, changes: str | None = None) -> int | None:
    """Brings a layout up to date with its log.

    Args:
        connection: A connection of the lake, in a transaction.
        layout: Names of the layout's tables, which hold digests and times.
        source: The `select` of case_id, activity, occurred_at and source_row.
        changes: A `select` of the rows that came, went or changed, with their case_id; None where that is not known.

    Returns:
        The number of cases laid out again or taken out; None, with nothing written, where the layout has to be built at once:
        too much has changed, an activity has gone, or the log is not fit for a layout.
    """
    with scratch(connection) as place:
        cases = layout.cases
        if changes is not None:
            connection.execute(f"create temp table {place}_touched as select distinct case_id from ({changes}) as changes")
            source = f"select * from ({source}) as log where case_id in (select case_id from {place}_touched) or case_id is null"
            cases = f"(from {cases} semi join {place}_touched using (case_id))"
        if (changed := _find_changes(connection, layout, source, place, cases=cases)) is None:
            return None
        added = _new_activities(connection, layout, source, place)
        sort_events(connection, _with_new_activities(layout, place), source, place)
        gather_traces(connection, place)
        _count_variants(connection, layout, place)
        if not _is_whole(connection, layout, place):
            return None
        _write(connection, layout, place, has_new_activities=bool(added))
        return changed


def _find_changes(connection: "duckdb.DuckDBPyConnection", layout: "Layout", source: str, place: str, *, cases: str) -> int | None:
    """Compares the log with the layout's `cases` that may have changed; returns how many have.

    Makes `<place>_cases`, those to lay out (with a number and digest), and `<place>_gone`, the numbers to take out first.
    """
    connection.execute(f"""
        create temp table {place}_now as
        select case_id, {DIGEST} as digest, min(occurred_at) as first_at, min(source_row) as first_row,
            count(*) filter (case_id is null or activity is null or occurred_at is null or source_row is null) as holes
        from ({source}) as log group by case_id""")
    connection.execute(f"""
        create temp table {place}_changed as
        select n.case_id, n.digest, n.first_at, n.first_row, k.case_no
        from {place}_now as n full join {cases} as k on k.case_id = n.case_id
        where n.digest is distinct from k.digest or n.case_id is null or k.case_id is null""")
    holes, changed, kept = connection.execute(
        f"select (select sum(holes) from {place}_now), (select count(*) from {place}_changed), "
        f"(select count(*) from {layout.cases})"
    ).fetchone() or (0, 0, 0)
    if holes or changed > MOST * kept:
        return None
    connection.execute(f"""
        create temp table {place}_cases as
        select case_id, digest, coalesce(case_no, (select max(case_no) from {layout.cases})
            + (row_number() over (partition by case_no is null order by first_at, first_row, case_id)))::integer as case_no
        from {place}_changed where case_id is not null""")
    connection.execute(f"create temp table {place}_gone as select case_no from {place}_changed where case_no is not null")
    return int(changed)


def _new_activities(connection: "duckdb.DuckDBPyConnection", layout: "Layout", source: str, place: str) -> int:
    """Makes `<place>_activities`, those the layout does not know, with the next ids."""
    connection.execute(f"""
        create temp table {place}_activities as
        select ((select coalesce(max(activity_id), 0) from {layout.activities}) + row_number() over (order by activity))::integer
            as activity_id, activity
        from (select distinct activity from ({source}) as log) as used
        where activity not in (select activity from {layout.activities})""")
    return next(iter(connection.execute(f"select count(*) from {place}_activities").fetchone() or (0,)))


def _with_new_activities(layout: "Layout", place: str) -> "Layout":
    from dataclasses import replace

    both = f"(select * from {layout.activities} union all select * from {place}_activities)"
    return replace(layout, activities=both)


def _count_variants(connection: "duckdb.DuckDBPyConnection", layout: "Layout", place: str) -> None:
    """Makes `<place>_variants`: cases per variant as they are to be, ids kept where the variant was there before."""
    connection.execute(f"""
        create temp table {place}_variants as
        with taken as (
            select variant_id, count(*) as cases from {layout.cases} semi join {place}_gone using (case_no) group by variant_id
        ), given as (
            select activity_ids, count(*) as cases from {place}_traces group by activity_ids
        ), counted as (
            select v.variant_id, coalesce(v.activity_ids, g.activity_ids) as activity_ids, v.activities,
                coalesce(v.cases, 0) - coalesce(t.cases, 0) + coalesce(g.cases, 0) as cases
            from {layout.variants} as v
            left join taken as t using (variant_id)
            full join given as g on g.activity_ids = v.activity_ids
        ), numbered as (
            select * exclude (variant_id), coalesce(variant_id, (select max(variant_id) from {layout.variants})
                + row_number() over (partition by variant_id is null order by cases desc, activity_ids))::integer as variant_id
            from counted where cases > 0
        )
        select variant_id, activity_ids, cases, coalesce(activities, {named("activity_ids")}) as activities
        from numbered cross join {names_row(_with_new_activities(layout, place))} order by variant_id""")


def _is_whole(connection: "duckdb.DuckDBPyConnection", layout: "Layout", place: str) -> bool:
    """Whether every activity of the dictionary still occurs."""
    known, used = connection.execute(
        f"select (select count(*) from {_with_new_activities(layout, place).activities} as known), "
        f"(select count(distinct id) from (select unnest(activity_ids) as id from {place}_variants))"
    ).fetchone() or (0, -1)
    return bool(known == used)


def _write(connection: "duckdb.DuckDBPyConnection", layout: "Layout", place: str, *, has_new_activities: bool) -> None:
    if has_new_activities:
        connection.execute(f"insert into {layout.activities} from {place}_activities")
    for table in (layout.events, layout.cases):
        connection.execute(f"delete from {table} where case_no in (select case_no from {place}_gone)")
    connection.execute(f"insert into {layout.events} {events_rows(place)}")
    connection.execute(f"insert into {layout.cases} {cases_rows(place, f'{place}_variants')}")
    connection.execute(
        f"create or replace table {layout.variants} as with kept as (from {layout.cases}), times as ({kernels.variant_times()}) "
        f"select v.*, mean_seconds, median_seconds from {place}_variants as v join times using (variant_id) order by variant_id"
    )
    connection.execute(f"create or replace table {layout.edge_times} as {edge_times_rows(layout)}")
