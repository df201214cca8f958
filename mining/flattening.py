"""What it costs to make cases of an object-centric log: events that are told several times, not at all, or beside their like.

What belongs here: the count, per process and type of object that could be a case. What does not: the case view (dbt, imports).

*Convergence*: an event that concerns several cases stands in each, and a count over the case view counts it that often.
*Divergence*: an activity happens several times in a case because it happens to several objects of another type, so that one of them
seems to follow the other. It is told from repetition proper: some object is concerned by some of those events and not by all.
"""

from typing import TYPE_CHECKING

from lake.connection import quote
from lake.registry import processes
from mining.sql_text import literal

if TYPE_CHECKING:
    import duckdb
    import pyarrow

COLUMNS = (
    "case_notion varchar, is_case_notion boolean, cases bigint, events bigint, events_in_no_case bigint, case_events bigint, "
    "duplicated_events bigint, extra_copies bigint, diverging_activities bigint, diverging_cases bigint"
)
PARTS = ("events", "objects", "event_objects")
_COUNTS = """
    select {notion} as case_notion, {is_notion} as is_case_notion, *
    from (
        with pairs as ({pairs}),
        copies as (select event_id, count(*) as copies from pairs group by event_id),
        repeated as (
            select case_id, activity, count(*) as times
            from pairs join {events} using (event_id)
            group by all having count(*) > 1
        ),
        concerned as (
            select case_id, activity, object_id, times, count(distinct event_id) as of_them
            from repeated join {events} using (activity) join pairs using (case_id, event_id) join {event_objects} using (event_id)
            group by all
        ),
        diverging as (select distinct case_id, activity from concerned where of_them < times)
        select
            (select count(distinct case_id) from pairs) as cases,
            (select count(*) from {events}) as events,
            (select count(*) from {events}) - count(*) as events_in_no_case,
            coalesce(sum(copies), 0)::bigint as case_events,
            count(*) filter (where copies > 1) as duplicated_events,
            coalesce(sum(copies - 1), 0)::bigint as extra_copies,
            (select count(distinct activity) from diverging) as diverging_activities,
            (select count(distinct case_id) from diverging) as diverging_cases
        from copies
    )"""


def flattening(connection: "duckdb.DuckDBPyConnection", process: str) -> "pyarrow.Table":
    """A row per type of object that events concern, the process's own case notion first; none for a log that has cases only.

    The own notion is counted over the case view, which may know more than one type of case; the others over the objects.

    Args:
        connection: A connection of the lake.
        process: Name of the process.
    """
    if not _has_objects(connection, process):
        return connection.sql(f"select {_empty()} where false").to_arrow_table()
    own = _case_notion(connection, process)
    types = connection.execute(
        f"select distinct object_type from {_table(process, 'objects')} join {_table(process, 'event_objects')} using (object_id)"
        f" where object_type <> {literal(own)} order by 1"
    ).fetchall()
    parts = [_counts(process, own, _pairs_of_view(connection, process), is_notion=True)]
    parts += [_counts(process, kind, _pairs_of(process, kind), is_notion=False) for (kind,) in types]
    return connection.sql("\nunion all\n".join(parts)).to_arrow_table()


def _counts(process: str, notion: str, pairs: str, *, is_notion: bool) -> str:
    events, event_objects = _table(process, "events"), _table(process, "event_objects")
    own = "true" if is_notion else "false"
    return _COUNTS.format(notion=literal(notion), is_notion=own, pairs=pairs, events=events, event_objects=event_objects)


def _pairs_of(process: str, kind: str) -> str:
    """SQL of which event stands in the case of which object of a type."""
    return (
        f"select distinct object_id as case_id, event_id from {_table(process, 'event_objects')}"
        f" join {_table(process, 'objects')} using (object_id) where object_type = {literal(kind)}"
    )


def _pairs_of_view(connection: "duckdb.DuckDBPyConnection", process: str) -> str:
    """SQL of which event stands in which case of the case view; an import's knows its events by their place only."""
    view = f"event_logs.{quote(process)}"
    if "event_id" in connection.sql(f"select * from {view}").columns:
        return f"select distinct case_id, event_id from {view}"
    return f"select distinct case_id, event_id from {view} join {_table(process, 'events')} using (source_row)"


def _case_notion(connection: "duckdb.DuckDBPyConnection", process: str) -> str:
    """The type of object that is a case, as the definition says it; `case` where it says none."""
    definitions = {known.name: known.definition for known in processes(connection)}
    said = definitions.get(process, {}).get("case_notion") or "case"
    return str(said.get("object_type", "case")) if isinstance(said, dict) else str(said)


def _has_objects(connection: "duckdb.DuckDBPyConnection", process: str) -> bool:
    names = ", ".join(literal(f"{process}__{part}") for part in PARTS)
    found = connection.sql(
        "select count(distinct table_name) from duckdb_columns() where database_name = 'lake' and schema_name = 'event_logs'"
        f" and table_name in ({names})"
    ).fetchone()
    return found is not None and found[0] == len(PARTS)


def _table(process: str, part: str) -> str:
    return f"event_logs.{quote(f'{process}__{part}')}"


def _empty() -> str:
    return ", ".join("cast(null as {1}) as {0}".format(*column.split()) for column in COLUMNS.split(", "))
