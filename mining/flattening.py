"""What it costs to make cases of an object-centric log: events that are told several times, not at all, or beside their like.

What belongs here: the count, per process and type of object that could be a case. What does not: the case view (dbt, imports).

*Convergence*: an event that concerns several cases stands in each, and a count over the case view counts it that often.
*Divergence*: an activity happens several times in a case because it happens to several objects of another type, so that one of them
seems to follow the other. It is told from repetition proper: some object is concerned by some of those events and not by all.
"""

from typing import TYPE_CHECKING

from lake.connection import quote
from lake.registry import case_type, definition_of
from mining.sql_text import literal, no_rows

if TYPE_CHECKING:
    import duckdb
    import pyarrow

COLUMNS = (
    "case_notion varchar, is_case_notion boolean, cases bigint, events bigint, events_in_no_case bigint, case_events bigint, "
    "duplicated_events bigint, extra_copies bigint, diverging_activities bigint, diverging_cases bigint"
)
PARTS = ("events", "objects", "event_objects")
_COUNTS = """
    with numbered as materialized (
        select event_id, activity, row_number() over () as event from {events}
    ),
    links as materialized (
        select distinct event, object_id, object_type
        from {event_objects} join numbered using (event_id) join {objects} using (object_id)
    ),
    pairs as materialized (
        select {own} as case_notion, case_id, event from ({view}) join numbered using (event_id)
        union all
        select object_type, object_id, event from links where object_type <> {own}
    ),
    copies as (select case_notion, event, count(*) as copies from pairs group by all),
    copied as (
        select
            case_notion,
            count(*) as events,
            sum(copies)::bigint as case_events,
            count(*) filter (where copies > 1) as duplicated_events,
            sum(copies - 1)::bigint as extra_copies
        from copies
        group by case_notion
    ),
    sized as (select case_notion, count(distinct case_id) as cases from pairs group by case_notion),
    repeated as materialized (
        select * from (
            select *, count(*) over (partition by case_notion, case_id, activity) as times
            from pairs join (select event, activity from numbered) using (event)
        ) where times > 1
    ),
    concerned as (
        select case_notion, case_id, activity, object_id, any_value(times) as times, count(*) as of_them
        from repeated join (select event, object_id from links) using (event)
        group by all
    ),
    diverging as (
        select case_notion, count(distinct activity) as activities, count(distinct case_id) as cases
        from concerned where of_them < times group by case_notion
    )
    select
        case_notion,
        case_notion = {own} as is_case_notion,
        coalesce(sized.cases, 0) as cases,
        (select count(*) from numbered) as events,
        (select count(*) from numbered) - coalesce(copied.events, 0) as events_in_no_case,
        coalesce(copied.case_events, 0) as case_events,
        coalesce(copied.duplicated_events, 0) as duplicated_events,
        coalesce(copied.extra_copies, 0) as extra_copies,
        coalesce(diverging.activities, 0) as diverging_activities,
        coalesce(diverging.cases, 0) as diverging_cases
    from (select {own} as case_notion union select case_notion from pairs)
    left join sized using (case_notion)
    left join copied using (case_notion)
    left join diverging using (case_notion)
    order by is_case_notion desc, case_notion"""


def flattening(connection: "duckdb.DuckDBPyConnection", process: str) -> "pyarrow.Table":
    """A row per type of object that events concern, the process's own case notion first; none for a log that has cases only.

    The own notion is counted over the case view, which may know more than one type of case; the others over the objects.

    Args:
        connection: A connection of the lake.
        process: Name of the process.
    """
    if not has_objects(connection, process):
        return connection.sql(no_rows(COLUMNS)).to_arrow_table()
    events, objects, event_objects = (object_table(process, part) for part in PARTS)
    own, view = literal(_case_notion(connection, process)), pairs_of_view(connection, process)
    counts = _COUNTS.format(own=own, view=view, events=events, objects=objects, event_objects=event_objects)
    return connection.sql(counts).to_arrow_table()


def pairs_of_view(connection: "duckdb.DuckDBPyConnection", process: str) -> str:
    """SQL of which event stands in which case of the case view; an import's knows its events by their place only."""
    view = f"event_logs.{quote(process)}"
    if "event_id" in connection.sql(f"select * from {view}").columns:
        return f"select distinct case_id, event_id from {view}"
    return f"select distinct case_id, event_id from {view} join {object_table(process, 'events')} using (source_row)"


def _case_notion(connection: "duckdb.DuckDBPyConnection", process: str) -> str:
    """The type of object that is a case, as the definition says it; `case` where it says none."""
    return case_type(definition_of(connection, process)) or "case"


def has_objects(connection: "duckdb.DuckDBPyConnection", process: str) -> bool:
    """Whether the lake holds the log's events, objects and which concern which."""
    names = ", ".join(literal(f"{process}__{part}") for part in PARTS)
    found = connection.sql(
        "select count(distinct table_name) from duckdb_columns() where database_name = 'lake' and schema_name = 'event_logs'"
        f" and table_name in ({names})"
    ).fetchone()
    return found is not None and found[0] == len(PARTS)


def object_table(process: str, part: str) -> str:
    """Name of one of the tables of an object-centric log, as SQL."""
    return f"event_logs.{quote(f'{process}__{part}')}"
