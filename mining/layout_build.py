"""Building a mining layout from an event log at once.

What belongs here: the statements that make the tables of `mining.layout` out of a relation. What does not: bringing a layout
up to date (`mining.layout_change`, which takes its steps from here) and keeping it (`mining.layout`).

Formulations (measured on 10 million events): the next event comes from a window without partition over a table already
sorted, which DuckDB streams; a trace is a sorted list of integers that hold position and activity in one. Both are several
times cheaper than a partitioned window and an ordered list of texts. Statements hold literals and no bound values: to convert
the first bound value of a process, DuckDB imports pandas, which costs more than the layout of half a million events.

Memory is that of DuckDB's limit: sorting and grouping spill, and traces are gathered for some cases at a time.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

from mining import kernels
from mining.sql_text import literals

if TYPE_CHECKING:
    import duckdb

    from mining.layout import Layout

Counted = list[tuple[int, tuple[str, ...], int]]  # variants: number, activities, cases
CASES_AT_ONCE = 2_000_000  # traces of so many cases are gathered in one statement; more would not fit in memory
DIGEST = "hash(sum(hash(activity, occurred_at, source_row)))"
_SECONDS = "(epoch_us(t.ended_at) - epoch_us(t.started_at)) / 1e6"
VARIANTS_AT_ONCE = 500
_ACTIVITY_BITS = 20  # a log may have a million activities and 8 * 10^12 events
_numbers = count(1)


def fill(connection: "duckdb.DuckDBPyConnection", layout: "Layout", source: str, *, temporary: bool = True) -> int:
    """Builds the tables from a relation with case_id, activity, occurred_at and source_row.

    Args:
        connection: Where the relation is and the tables go.
        layout: Names of the tables; tables of these names are replaced.
        source: The `select` of the relation.
        temporary: For this connection only: temporary tables, and no digests.

    Returns:
        The number of events laid out; it is less than the relation's rows where case or activity is null.
    """
    kind = "create or replace temp table" if temporary else "create or replace table"
    with scratch(connection) as place:
        connection.execute(
            f"{kind} {layout.activities} as select (row_number() over (order by activity))::integer as activity_id, activity "
            f"from (select distinct activity from ({source}) as log where activity is not null) order by activity"
        )
        connection.execute(f"""
            create temp table {place}_cases as
            select case_id, {"null::ubigint" if temporary else DIGEST} as digest,
                (row_number() over (order by min(occurred_at), min(source_row), case_id))::integer as case_no
            from ({source}) as log where case_id is not null group by case_id""")
        laid_out = sort_events(connection, layout, source, place)
        gather_traces(connection, place)
        for statement in _results(layout, place, kind):
            connection.execute(statement)
    if layout.edge_times:  # by now the scratch tables are gone, and their memory with them
        connection.execute(f"{kind} {layout.edge_times} as {edge_times_rows(layout)}")
    return laid_out


@contextmanager
def scratch(connection: "duckdb.DuckDBPyConnection") -> Iterator[str]:
    """A prefix for temporary tables, which are dropped in the end."""
    place = f"temp.main.scratch_{next(_numbers)}"
    try:
        yield place
    finally:
        name = place.rpartition(".")[2]
        left = connection.execute(f"select table_name from duckdb_tables() where temporary and starts_with(table_name, '{name}_')")
        for (table,) in left.fetchall():
            connection.execute(f"drop table temp.main.{table}")


def sort_events(connection: "duckdb.DuckDBPyConnection", layout: "Layout", source: str, place: str) -> int:
    """Makes `<place>_sorted`, the events in integers, of the cases numbered in `<place>_cases`; returns how many there are."""
    connection.execute(f"""
        create temp table {place}_sorted as
        select c.case_no, a.activity_id, log.occurred_at, log.source_row
        from ({source}) as log
        join {place}_cases as c using (case_id)
        join {layout.activities} as a using (activity)
        order by c.case_no, log.occurred_at, log.source_row""")
    return next(iter(connection.execute(f"select count(*) from {place}_sorted").fetchone() or (0,)))


def gather_traces(connection: "duckdb.DuckDBPyConnection", place: str) -> None:
    """Makes `<place>_traces`: one row per case with its activities in order, gathered for some cases at a time."""
    mask = (1 << _ACTIVITY_BITS) - 1
    select = f"""
        select case_no, min(occurred_at) as started_at, max(occurred_at) as ended_at, count(*)::integer as events,
            list_transform(list_sort(list((position << {_ACTIVITY_BITS}) | activity_id)),
                lambda coded: (coded & {mask})::integer) as activity_ids
        from (select *, row_number() over () as position from {place}_sorted where case_no between {{first}} and {{last}}) as part
        group by case_no"""
    first, last = connection.execute(f"select min(case_no), max(case_no) from {place}_cases").fetchone() or (None, None)
    first, last = first or 1, last or 1
    connection.execute(f"create temp table {place}_traces as {select.format(first=first, last=first + CASES_AT_ONCE - 1)}")
    for start in range(first + CASES_AT_ONCE, last + 1, CASES_AT_ONCE):
        connection.execute(f"insert into {place}_traces {select.format(first=start, last=start + CASES_AT_ONCE - 1)}")


def count_variants(connection: "duckdb.DuckDBPyConnection", source: str) -> Counted | None:
    """The variants without a layout: what `_results` makes of the same rows, at a fifth of its cost where nothing else is asked.

    Args:
        connection: Where the relation is.
        source: The `select` of the relation; its source rows are the numbers of its rows.

    Returns:
        (variant_id, activities, cases), the most frequent first, ties by activity; None where the layout has to be asked: for a
        relation without events or with events that lack case, activity, time or source row, which it refuses with the reason,
        and for names that no literal holds.
    """
    found = connection.execute(f"""
        select activity, count(*) filter (case_id is null or occurred_at is null or source_row is null)
        from ({source}) as log group by activity order by activity""").fetchall()
    if not found or any(name is None or "\0" in name or bad for name, bad in found):
        return None
    names = [name for name, _ in found]
    events = f"""
        select case_id, enum_code(activity::enum({literals(names)}))::integer + 1 as activity_id, occurred_at, source_row
        from ({source}) as log"""
    traces = _traces_in_order(events) if _is_in_order(connection, source) else _traces_sorted(events)
    rows = connection.execute(f"""
        select (row_number() over (order by count(*) desc, activity_ids))::integer, activity_ids, count(*)
        from ({traces}) as traces group by activity_ids order by all""")
    return decoded(rows, names)


def _is_in_order(connection: "duckdb.DuckDBPyConnection", source: str) -> bool:
    """Whether the events of each case stand together, in the order of time and source row, as in most files of event logs."""
    alone = connection.execute("select current_setting('threads') = 1").fetchone()  # else rows may come in another order
    if not (alone and alone[0]):
        return False
    found = connection.execute(f"""
        with followed as (
            select case_id, occurred_at, source_row, lag(case_id) over () as last_case, lag(occurred_at) over () as last_at,
                lag(source_row) over () as last_row
            from ({source}) as log
        )
        select count(*) filter (last_case is distinct from case_id) = count(distinct case_id)
            and not bool_or(last_case = case_id and (last_at, last_row) > (occurred_at, source_row))
        from followed""").fetchone()
    return bool(found and found[0])


def _traces_in_order(events: str) -> str:
    return f"select list(activity_id) as activity_ids from ({events}) as events group by case_id"


def _traces_sorted(events: str) -> str:
    return f"""
        select list_transform(list_sort(list({{'at': occurred_at, 'coded': (source_row << {_ACTIVITY_BITS}) | activity_id}})),
            lambda event: (event.coded & {(1 << _ACTIVITY_BITS) - 1})::integer) as activity_ids
        from ({events}) as events group by case_id"""


def decoded(rows: "duckdb.DuckDBPyConnection | duckdb.DuckDBPyRelation", names: Sequence[str]) -> Counted:
    """Rows of (variant_id, activity_ids, cases) with the activities' names, of which each is one object however often it occurs.

    Integers are a sixth of what the texts would take on their way out of DuckDB.
    """
    found: Counted = []
    while part := rows.fetchmany(VARIANTS_AT_ONCE):
        found += [(number, tuple(names[one - 1] for one in ids), cases) for number, ids, cases in part]
    return found


def events_rows(place: str) -> str:
    """The rows of a layout's events, from `<place>_sorted`."""
    return f"""
        with followed as (
            select *, lead(case_no) over () = case_no as has_next, lead(activity_id) over () as following,
                lead(occurred_at) over () as followed_at
            from {place}_sorted
        )
        select case_no, activity_id, occurred_at, source_row,
            case when has_next then following end as next_activity,
            case when has_next then (epoch_us(followed_at) - epoch_us(occurred_at)) / 1e6 end as seconds_to_next
        from followed"""


def cases_rows(place: str, variants: str) -> str:
    """The rows of a layout's cases, from `<place>_traces`, `<place>_cases` and a table of variants."""
    return f"""
        select t.case_no, c.case_id, v.variant_id, t.started_at, t.ended_at, t.events,
            {_SECONDS} as seconds, c.digest
        from {place}_traces as t
        join {place}_cases as c using (case_no)
        join {variants} as v using (activity_ids)
        order by t.case_no"""


def edge_times_rows(layout: "Layout") -> str:
    """The rows of a layout's edge times, from its events."""
    return f"with events as (from {layout.events}) from ({kernels.edge_times()}) order by source_id, target_id"


def named(ids: str) -> str:
    """The activities of a list of ids, over `names` (`names_row`)."""
    return f"list_transform({ids}, lambda id: names.name[id])"


def names_row(layout: "Layout") -> str:
    """One row with the activities in the order of their ids, which have no gaps."""
    return f"(select list(activity order by activity_id) as name from {layout.activities}) as names"


def _results(layout: "Layout", place: str, kind: str) -> Iterator[str]:
    yield f"{kind} {layout.events} as {events_rows(place)}"
    kept = ", mean_seconds, median_seconds" if layout.edge_times else ""
    times = f", avg({_SECONDS}) as mean_seconds, median({_SECONDS}) as median_seconds" if layout.edge_times else ""
    yield f"""
        {kind} {layout.variants} as
        select (row_number() over (order by cases desc, activity_ids))::integer as variant_id, activity_ids, cases,
            {named("activity_ids")} as activities{kept}
        from (select activity_ids, count(*) as cases{times} from {place}_traces as t group by activity_ids) as counted
        cross join {names_row(layout)}
        order by variant_id"""
    yield f"{kind} {layout.cases} as {cases_rows(place, layout.variants)}"
