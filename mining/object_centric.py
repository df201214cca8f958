"""The object-centric event log: events that concern objects of several types, and the questions asked of them, without a case.

What belongs here: where such a log comes from, and its questions as SQL. What does not: object-centric nets
(`mining.object_centric_net`), what it costs to make cases of it (`mining.flattening`), reading files (`connectors.ocel`).

An object's events, in the order of time and of the record, are its lifecycle: what directly follows what, how long after, which
variants there are, is told per type of object. An event that concerns three items stands in the lifecycles of three items: tables
therefore count `events` (each once), `objects` (each once) and `occurrences` (events of objects).
W. van der Aalst, A. Berti, «Discovering Object-centric Petri Nets», 2020; OCEL 2.0: A. Berti and others, 2023.
"""

from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lake.connection import connect, quote
from lake.errors import ColumnMissingError, DataError
from mining.event_log import EventLog, close_at_exit, own_connection
from mining.flattening import has_objects
from mining.layout import require_log
from mining.sql_text import literal

if TYPE_CHECKING:
    import duckdb

    from mining.object_centric_net import ObjectCentricNet

VARIABLE_BELOW = 0.8  # share of an activity's events with exactly one object of a type, below which it takes several (pm4py's)
_PARTS = {
    "events": ("event_id", "activity", "occurred_at"),
    "objects": ("object_id", "object_type"),
    "event_objects": ("event_id", "object_id"),
}
_numbers = count(1)


@dataclass(frozen=True)
class ObjectCentricLog:
    """An object-centric event log; make one with `from_lake`, `from_file` or `from_frames`. One log belongs to one thread.

    Attributes:
        connection: The DuckDB connection questions run on.
        name: What the log is called in messages.
        events: SQL of event_id, activity, occurred_at, source_row.
        objects: SQL of object_id, object_type.
        event_objects: SQL of event_id, object_id.
    """

    connection: "duckdb.DuckDBPyConnection" = field(repr=False)
    name: str
    events: str = field(repr=False)
    objects: str = field(repr=False)
    event_objects: str = field(repr=False)
    owns_connection: bool = field(default=False, repr=False)

    @classmethod
    def from_lake(cls, process: str, *, connection: "duckdb.DuckDBPyConnection | None" = None, as_of: int | None = None) -> Self:
        """The log of a process, from its OCEL tables.

        Args:
            process: Name of the process.
            connection: A connection of the lake; default: a read-only one of the log's own, at one snapshot until it is closed.
            as_of: Snapshot to read the lake as of; only without a connection.

        Raises:
            UnknownProcessError: No such event log.
            DataError: The process knows cases only.
        """
        own = connection is None
        connection = connection or connect(read_only=True, as_of=as_of)
        try:
            if own:
                close_at_exit(connection)
                connection.begin()
            require_log(connection, process)
            if not has_objects(connection, process):
                raise DataError(
                    f"`{process}` knows cases only and no objects.",
                    remedy="Ask an `EventLog` of it; object-centric questions need a log imported as OCEL.",
                    process=process,
                )
        except BaseException:
            if own:
                connection.close()
            raise
        events, objects, event_objects = (f"select * from event_logs.{quote(f'{process}__{part}')}" for part in _PARTS)
        return cls(connection, process, events, objects, event_objects, owns_connection=own)

    @classmethod
    def from_file(cls, path: str | Path, *, time_zone: str = "UTC") -> Self:
        """The log in an OCEL 1.0 or 2.0 file: JSON, XML or SQLite.

        Args:
            path: The file.
            time_zone: The zone of times that state none.

        Raises:
            FileFormatError: No OCEL file, or a damaged one.
            DataError: Some events have no id, activity or readable time, or share an id, or concern objects that are not there.
        """
        from connectors.event_log_landing import FileOptions
        from connectors.ocel import read_ocel
        from connectors.ocel_landing import EVENT_IS_BROKEN, stage_ocel

        path = Path(path)
        file = read_ocel(path)
        connection = own_connection()
        stage_ocel(connection, file, FileOptions(time_zone=time_zone))
        broken, astray = connection.execute(
            f"select (select count(*) from (from ocel_events qualify {EVENT_IS_BROKEN})), (select count(*) from ocel_event_objects "
            "where event_id not in (select event_id from ocel_events where event_id is not null) "
            "or object_id not in (select object_id from ocel_objects))"
        ).fetchone() or (0, 0)
        if broken or astray:
            connection.close()
            raise DataError(
                f"{broken:,} events of {path.name} have no id, activity or readable time, or the id of another; {astray:,} "
                "relations lead to an event or object that is not there.",
                remedy=f"Run `grimoire import {path.name}`, which sets them aside with the reason, and read the process.",
                file=path.name,
            )
        return cls(
            connection,
            path.name,
            "select event_id, activity, occurred_at, source_row from ocel_events",
            "select object_id, object_type from ocel_objects",
            "select event_id, object_id from ocel_event_objects",
            owns_connection=True,
        )

    @classmethod
    def from_frames(cls, events: Any, objects: Any, event_objects: Any) -> Self:
        """The log in three pandas, polars or Arrow tables; the order of the events' rows decides between events at one time.

        Args:
            events: event_id, activity, occurred_at.
            objects: object_id, object_type.
            event_objects: event_id, object_id.

        Raises:
            ColumnMissingError: A column is not there.
        """
        connection, number = own_connection(), next(_numbers)
        sql = []
        for (part, wanted), frame in zip(_PARTS.items(), (events, objects, event_objects), strict=True):
            name = f"{part}_{number}"
            connection.register(name, frame)
            there = connection.sql(f"select * from {name}").columns
            if missing := [column for column in wanted if column not in there]:
                connection.close()
                raise ColumnMissingError(
                    f"The table of {part} has no column `{missing[0]}`.",
                    remedy=f"Give {', '.join(wanted)}.",
                    column=missing[0],
                    columns=there,
                )
            chosen = ", ".join(
                f"{column}::{'timestamptz' if column == 'occurred_at' else 'varchar'} as {column}" for column in wanted
            )
            row = ", row_number() over () as source_row" if part == "events" else ""
            sql.append(f"select {chosen}{row} from {name}")
        return cls(connection, "frames", sql[0], sql[1], sql[2], owns_connection=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection if the log opened it; event logs flattened from this one end with it."""
        if self.owns_connection:
            self.connection.close()

    def ask(self, question: str) -> "duckdb.DuckDBPyRelation":
        """Runs a question over `happened` (events), `things` (objects) and `steps` (events of objects, with what comes next)."""
        happened, things, steps = self._layout
        names = f"happened as (from {happened}), things as (from {things}), steps as (from {steps})"
        if question.lower().startswith("with "):
            return self.connection.sql(f"with {names}, {question[5:]}")
        return self.connection.sql(f"with {names} {question}")

    @cached_property
    def _layout(self) -> tuple[str, str, str]:
        """Three temporary tables, made at the first question: events and objects by number, and the steps of the objects."""
        base = f"temp.main.objects_{next(_numbers)}"
        happened, things, steps = f"{base}_happened", f"{base}_things", f"{base}_steps"
        self.connection.execute(f"""create temp table {happened} as
            select (row_number() over (order by occurred_at, source_row, event_id))::integer as event_no, event_id, activity,
                occurred_at
            from ({self.events})""")
        self.connection.execute(f"""create temp table {things} as
            select (row_number() over (order by object_type, object_id))::integer as object_no, object_type, object_id
            from ({self.objects})""")
        self.connection.execute(f"""create temp table {steps} as
            with links as (
                select distinct object_no, event_no
                from ({self.event_objects}) join {happened} using (event_id) join {things} using (object_id)
            )
            select object_no, t.object_type, event_no, h.activity, h.occurred_at,
                lag(event_no) over own is null as is_start, lag(h.occurred_at) over own as since,
                lead(event_no) over own as next_event, lead(h.activity) over own as next_activity,
                (epoch_us(lead(h.occurred_at) over own) - epoch_us(h.occurred_at)) / 1e6 as seconds_to_next
            from links join {happened} as h using (event_no) join {things} as t using (object_no)
            window own as (partition by object_no order by event_no)""")
        return happened, things, steps

    @cached_property
    def object_types(self) -> tuple[str, ...]:
        """The types of its objects that have events, in the order of the alphabet."""
        return tuple(name for (name,) in self.ask("select distinct object_type from steps order by 1").fetchall())

    def summary(self) -> dict[str, Any]:
        """The log in figures: events, activities, objects, object_types, occurrences, first_event, last_event."""
        relation = self.ask(
            "select (select count(*) from happened) as events, (select count(distinct activity) from happened) as activities, "
            "(select count(*) from things) as objects, (select count(distinct object_type) from things) as object_types, "
            "(select count(*) from steps) as occurrences, (select min(occurred_at) from happened) as first_event, "
            "(select max(occurred_at) from happened) as last_event"
        )
        return dict(zip(relation.columns, relation.fetchone() or (), strict=True))

    def dfg(self) -> "duckdb.DuckDBPyRelation":
        """The object-centric directly-follows graph (OC-DFG), a row per type of object and edge, the most frequent first.

        Columns: object_type, source, target, events (pairs of events), objects, occurrences, mean_seconds, median_seconds (over the
        occurrences).
        """
        return self.ask(
            "select object_type, activity as source, next_activity as target, "
            "count(distinct (event_no::bigint << 32) | next_event) as events, "  # in one number: a pair costs far more to compare
            "count(distinct object_no) as objects, count(*) as occurrences, avg(seconds_to_next) as mean_seconds, "
            "median(seconds_to_next) as median_seconds from steps where next_event is not null "
            "group by all order by object_type, occurrences desc, source, target"
        )

    def activities(self) -> "duckdb.DuckDBPyRelation":
        """A row per type of object and activity that concerns it.

        Columns: object_type, activity, events, objects, occurrences, starts and ends (objects whose lifecycle starts or ends with
        it), single_events (events with exactly one object of the type), least, mean and most objects_per_event (of the events that
        have some), is_variable (it takes several: fewer than 80 % of all its events have exactly one).
        """
        return self.ask(f"""with sizes as (
                select object_type, activity, event_no, count(*) as objects from steps group by all
            ), per_event as (
                select object_type, activity, count(*) as events, count(*) filter (where objects = 1) as single_events,
                    min(objects) as least, avg(objects) as mean, max(objects) as most
                from sizes group by all
            ), all_events as (
                select activity, count(*) as total from happened group by all
            ), per_step as (
                select object_type, activity, count(distinct object_no) as objects, count(*) as occurrences,
                    count(*) filter (where is_start) as starts, count(*) filter (where next_event is null) as ends
                from steps group by all
            )
            select object_type, activity, e.events, s.objects, s.occurrences, s.starts, s.ends, e.single_events,
                e.least as least_objects_per_event, e.mean as mean_objects_per_event, e.most as most_objects_per_event,
                e.single_events / total < {VARIABLE_BELOW} as is_variable
            from per_event as e join per_step as s using (object_type, activity) join all_events using (activity)
            order by object_type, occurrences desc, activity""")

    def variants(self, object_type: str) -> "duckdb.DuckDBPyRelation":
        """The ways objects of a type run, the most frequent first: rank, activities text[], length, objects, share.

        Raises:
            DataError: No object of that type has an event.
        """
        return self.ask(f"""with lifecycles as (
                select list(activity order by event_no) as activities from steps
                where object_type = {literal(self._known(object_type))} group by object_no
            ), counted as (
                select activities, count(*) as objects from lifecycles group by activities
            )
            select row_number() over (order by objects desc, activities) as rank, activities, len(activities) as length, objects,
                objects / sum(objects) over () as share
            from counted order by rank""")

    def variant_multiset(self, object_type: str) -> dict[tuple[str, ...], int]:
        """What discovery works on: the number of objects of a type by their activities in order."""
        return dict(self._variant_multisets[self._known(object_type)])

    @cached_property
    def _variant_multisets(self) -> dict[str, dict[tuple[str, ...], int]]:
        """The variants of all types of objects, in one pass over the steps; the most frequent first."""
        found = self.ask("""with lifecycles as (
                select object_type, list(activity order by event_no) as activities from steps group by object_type, object_no
            )
            select object_type, activities, count(*) as objects from lifecycles
            group by all order by object_type, objects desc, activities""").fetchall()
        multisets: dict[str, dict[tuple[str, ...], int]] = {kind: {} for kind in self.object_types}
        for kind, names, objects in found:
            multisets[kind][tuple(names)] = objects
        return multisets

    def lifecycles(self) -> "duckdb.DuckDBPyRelation":
        """How long objects live, from their first event to their last, per type.

        Columns: object_type, objects, without_events, mean_events, mean_seconds, median_seconds, p90_seconds; the means are of the
        objects that have events, null where none has.
        """
        return self.ask("""with lives as (
                select object_no, count(*) as events, (epoch_us(max(occurred_at)) - epoch_us(min(occurred_at))) / 1e6 as seconds
                from steps group by object_no
            )
            select object_type, count(*) as objects, count(*) - count(events) as without_events, avg(events) as mean_events,
                avg(seconds) as mean_seconds, median(seconds) as median_seconds, quantile_cont(seconds, 0.9) as p90_seconds
            from things left join lives using (object_no) group by object_type order by object_type""")

    def interactions(self) -> "duckdb.DuckDBPyRelation":
        """Which types of objects meet in events: source_type, target_type, events, object_pairs; each pair of types once.

        `object_pairs` are the edges of the object interaction graph: two objects are joined if some event concerns both.
        """
        return self.ask("""with meetings as (
                select s.object_type as source_type, t.object_type as target_type, s.event_no, s.object_no as one,
                    t.object_no as other
                from steps as s join steps as t on t.event_no = s.event_no and s.object_no < t.object_no
            )
            select source_type, target_type, count(distinct event_no) as events, count(distinct (one, other)) as object_pairs
            from meetings group by all order by object_pairs desc, source_type, target_type""")

    def flatten(self, object_type: str) -> EventLog:
        """The event log whose cases are the objects of a type; an event that concerns several stands in each.

        Raises:
            DataError: No object of that type has an event.
        """
        kind, (happened, things, steps) = literal(self._known(object_type)), self._layout
        relation = self.connection.sql(
            f"select object_id as case_id, activity, occurred_at, event_no::bigint as source_row, h.event_id from {steps} "
            f"join {things} using (object_no) join (select event_no, event_id from {happened}) as h using (event_no) "
            f"where {steps}.object_type = {kind}"
        )
        return EventLog.from_relation(relation, connection=self.connection)

    def discover(self, **settings: Any) -> "ObjectCentricNet":
        """The object-centric Petri net; settings as for `mining.object_centric_net.discover_net`."""
        from mining.object_centric_net import discover_net

        return discover_net(self, **settings)

    def _known(self, object_type: str) -> str:
        if object_type not in self.object_types:
            raise DataError(
                f"No object of type `{object_type}` has an event in `{self.name}`.",
                remedy=f"Use one of: {', '.join(self.object_types) or 'none'}.",
                object_type=object_type,
            )
        return object_type
