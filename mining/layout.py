"""The mining layout: an event log in integers, sorted by case, with one row per case and one per variant.

What belongs here: the four tables, building them (kept in the lake or for one connection) and whether the kept ones are
current. What does not: the questions asked of them (`mining.kernels`).

The tables, all ids from 1:
    activities(activity_id integer, activity text): alphabetical, so the ids of a log never depend on its order.
    events(case_no integer, activity_id integer, occurred_at timestamptz, source_row bigint, next_activity integer null,
        seconds_to_next double null): in the order (case, time, source row), cases in the order of their first event.
    cases(case_no integer, case_id text, variant_id integer, started_at timestamptz, ended_at timestamptz, events integer).
    variants(variant_id integer, activity_ids integer[], cases bigint): the most frequent first, ties by activity.
In the lake they are `layouts.<process>__activities` and so on; `layouts.built` says from which version of the log.

Formulations (measured on 10 million events): the next event comes from a window without partition over a table already
sorted, which DuckDB streams; a trace is a sorted list of integers that hold position and activity in one. Both are several
times cheaper than a partitioned window and an ordered list of texts. Statements hold literals and no bound values: to convert
the first bound value of a process, DuckDB imports pandas, which costs more than the layout of half a million events.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from lake.connection import quote
from lake.errors import DataError, UnknownProcessError
from lake.registry import processes
from lake.snapshots import current_snapshot
from lake.transactions import in_transaction
from lake.versions import relation_version
from mining.sql_text import literal, literals

if TYPE_CHECKING:
    import duckdb

SCHEMA = "layouts"
CASES_AT_ONCE = 2_000_000  # traces of so many cases are gathered in one statement; more would not fit in memory
_ACTIVITY_BITS = 20  # a log may have a million activities and 8 * 10^12 events
_numbers = count(1)


@dataclass(frozen=True)
class Layout:
    """The names of the four tables of one log, as SQL."""

    activities: str
    events: str
    cases: str
    variants: str

    @classmethod
    def in_lake(cls, process: str) -> "Layout":
        """Where the lake keeps a process's layout."""
        return cls(*(f"lake.{SCHEMA}.{quote(f'{process}__{part}')}" for part in ("activities", "events", "cases", "variants")))

    @classmethod
    def temporary(cls) -> "Layout":
        """Names nobody else uses, in the connection's own temporary schema."""
        number = next(_numbers)
        return cls(*(f"temp.main.layout_{number}_{part}" for part in ("activities", "events", "cases", "variants")))


@dataclass(frozen=True)
class LayoutReport:
    """What was built: how many rows each table has, and from which snapshot of the lake."""

    process: str
    cases: int
    events: int
    activities: int
    variants: int
    snapshot_id: int
    rebuilt: bool = True  # False: the layout was current already


def case_view(process: str) -> str:
    """Name of a process's case view, as SQL."""
    return f"lake.event_logs.{quote(process)}"


def build_layout(process: str, *, force: bool = False) -> LayoutReport:
    """Builds the layout of a process in the lake, in one transaction, unless the one there is current.

    Args:
        process: Name of a process with an event log.
        force: Build even if it is current.

    Raises:
        UnknownProcessError: No such event log.
        DataError: The log has no events.
    """
    return in_transaction(lambda connection: _build_in_lake(connection, process, force=force))


def current_layout(connection: "duckdb.DuckDBPyConnection", process: str) -> Layout | None:
    """The layout kept in the lake, if it was built from the rows the log has now."""
    return Layout.in_lake(process) if _built(connection, process) else None


def require_log(connection: "duckdb.DuckDBPyConnection", process: str) -> None:
    """Raises UnknownProcessError, naming the known processes, if the lake holds no event log of that name."""
    if relation_exists(connection, case_view(process)):
        return
    names = ", ".join(known.name for known in processes(connection)) or "none yet"
    raise UnknownProcessError(
        f"There is no event log `{process}` in the lake. Known processes: {names}.",
        remedy="Run `grimoire run` for the demo company's, or `grimoire import FILE` for a log of yours.",
        process=process,
    )


def relation_exists(connection: "duckdb.DuckDBPyConnection", relation: str) -> bool:
    """Whether a table or view is there; binding it costs a tenth of asking the catalog for all its tables."""
    import duckdb

    try:
        connection.sql(f"select 1 from {relation}")
    except duckdb.CatalogException:
        return False
    return True


def fill(connection: "duckdb.DuckDBPyConnection", layout: Layout, source: str, *, temporary: bool = True) -> None:
    """Builds the four tables from a relation with case_id, activity, occurred_at and source_row.

    Raises:
        DataError: The relation has no rows, or one without case, activity or time.
    """
    scratch = f"temp.main.scratch_{next(_numbers)}"
    kind = "create or replace temp table" if temporary else "create or replace table"
    for statement in _statements(layout, source, scratch, kind):
        connection.execute(statement)
    _gather_traces(connection, scratch)
    for statement in _results(layout, scratch, kind):
        connection.execute(statement)
    for part in ("cases", "sorted", "traces"):
        connection.execute(f"drop table {scratch}_{part}")


def _statements(layout: Layout, source: str, scratch: str, kind: str) -> Iterator[str]:
    yield (
        f"{kind} {layout.activities} as select (row_number() over (order by activity))::integer as activity_id, activity "
        f"from (select distinct activity from ({source}) as log) order by activity"
    )
    yield f"""
        create temp table {scratch}_cases as
        select case_id, (row_number() over (order by min(occurred_at), min(source_row), case_id))::integer as case_no
        from ({source}) as log group by case_id"""
    yield f"""
        create temp table {scratch}_sorted as
        select c.case_no, a.activity_id, log.occurred_at, log.source_row
        from ({source}) as log
        join {scratch}_cases as c using (case_id)
        join {layout.activities} as a using (activity)
        order by c.case_no, log.occurred_at, log.source_row"""


def _results(layout: Layout, scratch: str, kind: str) -> Iterator[str]:
    yield f"""
        {kind} {layout.events} as
        with followed as (
            select *, lead(case_no) over () = case_no as has_next, lead(activity_id) over () as following,
                lead(occurred_at) over () as followed_at
            from {scratch}_sorted
        )
        select case_no, activity_id, occurred_at, source_row,
            case when has_next then following end as next_activity,
            case when has_next then (epoch_us(followed_at) - epoch_us(occurred_at)) / 1e6 end as seconds_to_next
        from followed"""
    yield f"""
        {kind} {layout.variants} as
        select (row_number() over (order by cases desc, activity_ids))::integer as variant_id, activity_ids, cases
        from (select activity_ids, count(*) as cases from {scratch}_traces group by activity_ids)
        order by variant_id"""
    yield f"""
        {kind} {layout.cases} as
        select t.case_no, c.case_id, v.variant_id, t.started_at, t.ended_at, t.events
        from {scratch}_traces as t
        join {scratch}_cases as c using (case_no)
        join {layout.variants} as v using (activity_ids)
        order by t.case_no"""


def _gather_traces(connection: "duckdb.DuckDBPyConnection", scratch: str) -> None:
    """One row per case with its activities in order, gathered for some cases at a time."""
    mask = (1 << _ACTIVITY_BITS) - 1
    select = f"""
        select case_no, min(occurred_at) as started_at, max(occurred_at) as ended_at, count(*)::integer as events,
            list_transform(list_sort(list((position << {_ACTIVITY_BITS}) | activity_id)),
                lambda coded: (coded & {mask})::integer) as activity_ids
        from (select *, row_number() over () as position from {scratch}_sorted where case_no between {{first}} and {{last}}) as part
        group by case_no"""
    (cases,) = connection.execute(f"select count(*) from {scratch}_cases").fetchone() or (0,)
    connection.execute(f"create temp table {scratch}_traces as {select.format(first=1, last=CASES_AT_ONCE)}")
    for first in range(CASES_AT_ONCE + 1, cases + 1, CASES_AT_ONCE):
        connection.execute(f"insert into {scratch}_traces {select.format(first=first, last=first + CASES_AT_ONCE - 1)}")


def _build_in_lake(connection: "duckdb.DuckDBPyConnection", process: str, *, force: bool) -> LayoutReport:
    require_log(connection, process)
    if not force and (kept := _built(connection, process)):
        return LayoutReport(process, *kept, rebuilt=False)
    snapshot_id, version = current_snapshot(connection), relation_version(connection, case_view(process))
    refuse_bad_rows(connection, case_view(process), name=process)
    connection.execute(f"create schema if not exists {SCHEMA}")
    connection.execute(_BUILT_TABLE)
    layout = Layout.in_lake(process)
    fill(connection, layout, events_of(process), temporary=False)
    sizes = _sizes(connection, layout)
    connection.execute(f"delete from lake.{SCHEMA}.built where process = {literal(process)}")
    row = f"{literals([process, version, snapshot_id])}, now(), {literals(sizes)}"
    connection.execute(f"insert into lake.{SCHEMA}.built values ({row})")
    return LayoutReport(process, *sizes, snapshot_id)


def events_of(process: str) -> str:
    """The four columns of the case view that the layout is made of."""
    return f"select case_id, activity, occurred_at, source_row from {case_view(process)}"


def refuse_bad_rows(connection: "duckdb.DuckDBPyConnection", source: str, *, name: str) -> None:
    """Raises DataError for a log without events or with events that lack case, activity or time.

    Importers quarantine such rows; a log that has them came another way, and leaving them out would falsify every figure.
    """
    rows, bad = connection.execute(
        "select count(*), count(*) filter (case_id is null or activity is null or occurred_at is null or source_row is null) "
        f"from {source} as log"
    ).fetchone() or (0, 0)
    if rows == 0:
        raise DataError(f"The event log `{name}` has no events.", remedy="Import or transform its events first.", process=name)
    if bad:
        raise DataError(
            f"{bad:,} of the {rows:,} events of `{name}` have no case, activity, time or source row.",
            remedy="Quarantine or mend those rows before mining; `grimoire sql` shows them.",
            process=name,
        )


def _built(connection: "duckdb.DuckDBPyConnection", process: str) -> tuple[int, int, int, int, int] | None:
    """Sizes and snapshot of the layout in the lake, or None if there is none or the log has changed since."""
    if not relation_exists(connection, f"lake.{SCHEMA}.built"):
        return None
    columns = "log_version, cases, events, activities, variants, snapshot_id"
    row = connection.execute(f"select {columns} from lake.{SCHEMA}.built where process = {literal(process)}").fetchone()
    return row[1:] if row and row[0] is not None and row[0] == relation_version(connection, case_view(process)) else None


def _sizes(connection: "duckdb.DuckDBPyConnection", layout: Layout) -> tuple[int, int, int, int]:
    tables = (layout.cases, layout.events, layout.activities, layout.variants)
    row = connection.execute("select " + ", ".join(f"(select count(*) from {table})" for table in tables)).fetchone()
    return row or (0, 0, 0, 0)


_BUILT_TABLE = f"""create table if not exists lake.{SCHEMA}.built (process varchar, log_version varchar, snapshot_id bigint,
    built_at timestamptz, cases bigint, events bigint, activities bigint, variants bigint)"""
