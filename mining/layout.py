"""The mining layout: an event log in integers, sorted by case, with one row per case, per variant and per edge.

What belongs here: the tables, keeping them in the lake and whether the kept ones are current. What does not: computing them
(`mining.layout_build`, `mining.layout_change`) and the questions asked of them (`mining.kernels`).

The tables, all ids from 1:
    activities(activity_id integer, activity text): without gaps; alphabetical in a layout built at once.
    events(case_no integer, activity_id integer, occurred_at timestamptz, source_row bigint, next_activity integer null,
        seconds_to_next double null): the events of a case together, in the order (time, source row).
    cases(case_no integer, case_id text, variant_id integer, started_at timestamptz, ended_at timestamptz, events integer,
        seconds double, digest ubigint null): in a layout built at once in the order of their first event. The digest is that of
        the case's events as they came; a layout for one connection has none.
    variants(variant_id integer, activity_ids integer[], cases bigint, activities text[]): in a layout built at once the most
        frequent first, ties by activity. In the lake also mean_seconds double, median_seconds double: of its cases.
    edge_times(source_id integer, target_id integer, mean_seconds double, median_seconds double, p90_seconds double): of the steps
        from one event to the next, in the lake only. A question about all cases reads these instead of the events.
In the lake they are `layouts.<process>__activities` and so on; `layouts.built` says from which version of the log. Where a layout
follows a log's changes, what stays keeps its ids and what is new gets the next ones. The tables are the lake's, so that a log read
as of an earlier snapshot finds the layout it had then.
"""

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from lake.connection import quote
from lake.errors import DataError, UnknownProcessError
from lake.registry import processes
from lake.snapshots import current_snapshot
from lake.transactions import in_transaction
from lake.versions import changes_of, relation_version, unchanged_between
from mining.layout_build import fill
from mining.layout_change import follow
from mining.sql_text import literal, literals

if TYPE_CHECKING:
    import duckdb

SCHEMA = "layouts"
_PREFIX = "3:"  # of the version: the form of the tables; a layout of another form is not current
_numbers = count(1)


@dataclass(frozen=True)
class Layout:
    """The names of the tables of one log, as SQL; without a name for `edge_times`, times are not kept."""

    activities: str
    events: str
    cases: str
    variants: str
    edge_times: str = ""

    @classmethod
    def in_lake(cls, process: str) -> "Layout":
        """Where the lake keeps a process's layout."""
        parts = ("activities", "events", "cases", "variants", "edge_times")
        return cls(*(f"lake.{SCHEMA}.{quote(f'{process}__{part}')}" for part in parts))

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
    cases_changed: int | None = None  # cases laid out anew where the layout followed the log's changes; None: all of them


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
    return Layout.in_lake(process) if current_entry(connection, process) else None


@dataclass(frozen=True)
class Entry:
    """What `layouts.built` says of a process; `state` is another whenever the log or its layout is."""

    state: str
    version: str
    cases: int
    events: int
    activities: int
    variants: int
    snapshot_id: int


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


def _build_in_lake(connection: "duckdb.DuckDBPyConnection", process: str, *, force: bool) -> LayoutReport:
    require_log(connection, process)
    if not force and (kept := current_entry(connection, process)):
        sizes = (kept.cases, kept.events, kept.activities, kept.variants)
        return LayoutReport(process, *sizes, kept.snapshot_id, rebuilt=False)
    snapshot_id, version = current_snapshot(connection), _version(connection, process)
    connection.execute(f"create schema if not exists {SCHEMA}")
    connection.execute(_BUILT_TABLE)
    layout, changed = Layout.in_lake(process), None
    if not force and _can_follow(connection, process):
        changed = follow(connection, layout, events_of(process), changes=_changes(connection, process, snapshot_id))
    if changed is None:
        lay_out(connection, layout, events_of(process), name=process, temporary=False)
    sizes = _sizes(connection, layout)
    connection.execute(f"delete from lake.{SCHEMA}.built where process = {literal(process)}")
    row = f"{literals([process, version, snapshot_id])}, now(), {literals(sizes)}"
    connection.execute(f"insert into lake.{SCHEMA}.built values ({row})")
    return LayoutReport(process, *sizes, snapshot_id, cases_changed=changed)


def lay_out(
    connection: "duckdb.DuckDBPyConnection",
    layout: Layout,
    source: str,
    *,
    name: str,
    temporary: bool = True,
    may_be_empty: bool = False,
) -> None:
    """Builds the tables from a relation with case_id, activity, occurred_at and source_row.

    Raises:
        DataError: The relation has no rows (unless it may be empty), or one without case, activity, time or source row.
    """
    laid_out = fill(connection, layout, source, temporary=temporary)
    holes = f"(select count(*) from {layout.events} where occurred_at is null or source_row is null)"
    rows, bad = connection.execute(f"select (select count(*) from ({source}) as log), {holes}").fetchone() or (0, 0)
    if bad or rows != laid_out or not (rows or may_be_empty):
        refuse_bad_rows(connection, f"({source})", name=name)


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


def current_entry(connection: "duckdb.DuckDBPyConnection", process: str) -> Entry | None:
    """What the lake says of the layout it keeps, or None if there is none or the log has changed since."""
    entry = _entry(connection, process)
    if entry is None or not entry.version.startswith(_PREFIX):
        return None
    is_current = entry.version == _version(connection, process) or unchanged_between(
        connection, case_view(process), entry.snapshot_id, current_snapshot(connection)
    )
    return entry if is_current else None


def _entry(connection: "duckdb.DuckDBPyConnection", process: str) -> Entry | None:
    if not relation_exists(connection, f"lake.{SCHEMA}.built"):
        return None
    columns = "concat_ws(' ', log_version, built_at), log_version, cases, events, activities, variants, snapshot_id"
    row = connection.execute(
        f"select {columns} from lake.{SCHEMA}.built where process = {literal(process)} and log_version is not null"
    ).fetchone()
    return Entry(*row) if row else None


def _changes(connection: "duckdb.DuckDBPyConnection", process: str, snapshot_id: int) -> str | None:
    """The log's rows that changed since its layout was built, where the lake can tell."""
    entry = _entry(connection, process)
    return changes_of(connection, case_view(process), entry.snapshot_id, snapshot_id) if entry else None


def _version(connection: "duckdb.DuckDBPyConnection", process: str) -> str | None:
    version = relation_version(connection, case_view(process))
    return version and _PREFIX + version


def _can_follow(connection: "duckdb.DuckDBPyConnection", process: str) -> bool:
    """Whether there is a layout of this format whose tables are all there."""
    entry = _entry(connection, process)
    return bool(entry and entry.version.startswith(_PREFIX)) and all(
        relation_exists(connection, table) for table in vars(Layout.in_lake(process)).values()
    )


def _sizes(connection: "duckdb.DuckDBPyConnection", layout: Layout) -> tuple[int, int, int, int]:
    tables = (layout.cases, layout.events, layout.activities, layout.variants)
    row = connection.execute("select " + ", ".join(f"(select count(*) from {table})" for table in tables)).fetchone()
    return row or (0, 0, 0, 0)


_BUILT_TABLE = f"""create table if not exists lake.{SCHEMA}.built (process varchar, log_version varchar, snapshot_id bigint,
    built_at timestamptz, cases bigint, events bigint, activities bigint, variants bigint)"""
