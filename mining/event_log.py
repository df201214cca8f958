"""The event log: lazy, immutable, and the door to every question of process mining.

What belongs here: where events come from, filters in their order, and handing questions to SQL. What does not: the questions'
SQL (`mining.kernels`), what filters mean (`mining.filters`) and models (`mining.discovery`, `mining.conformance`).

Nothing is read before the first question. A log over the lake uses the mining layout kept there when it is current; any other
log gets a layout of its own in the connection's temporary schema, once, at its first question that is about more than its variants,
which models and conformance are made of. Every question returns a DuckDB
relation (`.df()`, `.pl()`, `.fetchall()`, `.arrow()`), small beside the log. One log belongs to one thread.
"""

import atexit
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self
from weakref import WeakSet

from connectors.exports.event_log import export_cases, export_kept, format_of
from lake.connection import connect, quote
from lake.errors import ColumnMissingError, FileFormatError
from lake.snapshots import current_snapshot
from mining import kernels, relations
from mining.answers import Answers
from mining.filter_base import Filter, Stage
from mining.layout import Layout, case_view, current_entry, lay_out, require_log
from mining.layout_build import Counted, count_variants, decoded
from mining.sql_text import literal

if TYPE_CHECKING:
    import duckdb

    from lake.process_rules import Rule
    from mining.comparison import Comparison
    from mining.conformance import Conformance
    from mining.declare import DeclareModel
    from mining.discovery import Model
    from mining.drift import Change
    from mining.evaluation import ModelComparison
    from mining.log_skeleton import LogSkeleton
    from mining.petri_net import PetriNet
    from mining.rules import RuleResult

_numbers = count(1)
_open_connections: "WeakSet[duckdb.DuckDBPyConnection]" = WeakSet()
LARGE = 10_000_000  # events; below, an answer costs less than importing Parquet's reader to keep it, or than threads that wait
SMALL = 1_000_000  # events; below, a layout for one connection is made with one thread
_CONTRACT = ("case_id", "activity", "occurred_at", "source_row")


@dataclass(frozen=True)
class Events:
    """Where a log's events come from: a relation to the contract's columns, and its layout once somebody asks."""

    connection: "duckdb.DuckDBPyConnection" = field(repr=False)
    sql: str
    name: str
    kept_layout: Layout | None = None
    answers: Answers | None = None  # where those to small questions are kept
    is_cut: bool = False  # a filter has taken events away, so that none may be left
    is_countable: bool = False  # without a layout: fewer than `SMALL` events, whose source rows are the numbers of their rows

    @cached_property
    def layout(self) -> Layout:
        """The layout kept in the lake, or one built for this connection now."""
        if self.kept_layout:
            return self.kept_layout
        layout = Layout.temporary()
        lay_out(self.connection, layout, self._contract, name=self.name, may_be_empty=self.is_cut)
        return layout

    @cached_property
    def counted_variants(self) -> Counted | None:
        """The variants of a small log that has no layout yet, without making one; None where the layout is to answer."""
        if not self.is_countable or "layout" in self.__dict__:
            return None
        return count_variants(self.connection, self._contract)

    @property
    def _contract(self) -> str:
        return f"select {', '.join(_CONTRACT)} from ({self.sql}) as e"

    @cached_property
    def timeline(self) -> str:
        """The table of the events with start, resource and predecessor, made for this connection now; see `mining.timeline`."""
        from mining import timeline

        return timeline.build(self)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, attributes included."""
        return tuple(self._relation.columns)

    @cached_property
    def types(self) -> tuple[str, ...]:
        """DuckDB's types of the columns."""
        return tuple(map(str, self._relation.types))

    @cached_property
    def _relation(self) -> "duckdb.DuckDBPyRelation":
        return self.connection.sql(self.sql)


@dataclass(frozen=True)
class EventLog:
    """An event log; make one with `from_lake`, `from_parquet`, `from_frame` or `from_relation`.

    Attributes:
        events: Where the events come from.
        filters: Every filter applied so far, in order, as given to `filter`.
        snapshot_id: The lake's snapshot the log is read at; None outside the lake.
    """

    events: Events
    filters: tuple[Filter, ...] = ()
    snapshot_id: int | None = None
    stages: tuple[Filter, ...] = field(default=(), repr=False)  # the filters of cases since the events were last cut
    owns_connection: bool = field(default=False, repr=False)

    @classmethod
    def from_lake(
        cls,
        process: str,
        *,
        connection: "duckdb.DuckDBPyConnection | None" = None,
        as_of: int | None = None,
        layout: bool = True,
        threads: int | None = None,
    ) -> Self:
        """The event log of a process.

        Args:
            process: Name of the process; its case view is `event_logs.<process>`.
            connection: A connection of the lake; default: a read-only one of the log's own, which stays at one snapshot of the
                lake until the log is closed (use the log as a context manager).
            as_of: Snapshot to read the lake as of; only without a connection.
            layout: Use the layout in the lake if it is current; False builds one from the case view.
            threads: Threads of the log's own connection. Default: one where a current layout answers for fewer than ten million
                events, because a second thread then waits longer than it works; else those of the settings.

        Raises:
            UnknownProcessError: No such event log.
        """
        if own := connection is None:
            connection = _reader(as_of, threads=threads or 1)
        try:
            snapshot_id = as_of if as_of is not None else current_snapshot(connection)
            require_log(connection, process)
            kept = current_entry(connection, process) if layout else None
            if own and threads is None and (kept is None or kept.events >= LARGE):
                connection = _with_all_threads(connection, snapshot_id)
        except BaseException:
            if own:
                connection.close()
            raise
        answers = Answers(process, kept.state) if kept and kept.events >= LARGE else None
        kept_layout = Layout.in_lake(process) if kept else None
        events = Events(connection, f"select * from {case_view(process)}", process, kept_layout, answers=answers)
        return cls(events, snapshot_id=snapshot_id, owns_connection=own)

    @classmethod
    def from_parquet(
        cls, path: str | Path, *, case_id: str = "case_id", activity: str = "activity", timestamp: str = "occurred_at"
    ) -> Self:
        """The event log in a Parquet file (or in several, by a glob), in the order of its rows.

        Args:
            path: The file.
            case_id: Column with the case.
            activity: Column with the activity.
            timestamp: Column with the time; times without a zone are taken as UTC, finer ones than microseconds are cut.

        Raises:
            FileFormatError: No such file, or not Parquet.
            ColumnMissingError: A column is not there; the message lists those that are.
        """
        import duckdb

        connection = own_connection()
        relation = f"read_parquet({literal(str(path))})"
        try:
            columns = connection.sql(f"select * from {relation}").columns
            sizes = connection.sql(f"select sum(num_rows) < {SMALL} from parquet_file_metadata({literal(str(path))})").fetchone()
            if is_small := bool(sizes and sizes[0]):
                connection.execute("set threads = 1")
        except duckdb.Error as error:
            connection.close()
            raise FileFormatError(f"{path} cannot be read as Parquet: {error}", remedy="Give a Parquet file's path.") from error
        sql = contract_sql(relation, columns, case_id=case_id, activity=activity, timestamp=timestamp)
        return cls(
            Events(connection, sql, Path(path).name, is_countable=is_small and "source_row" not in columns), owns_connection=True
        )

    @classmethod
    def from_frame(
        cls, frame: Any, *, case_id: str = "case_id", activity: str = "activity", timestamp: str = "occurred_at"
    ) -> Self:
        """The event log in a pandas, polars or Arrow table, in the order of its rows; columns as for `from_parquet`."""
        frame = frame.read_all() if hasattr(frame, "read_all") else frame  # Arrow's reader gives its rows only once
        connection, name = own_connection(), f"frame_{next(_numbers)}"
        if is_small := hasattr(frame, "__len__") and len(frame) < SMALL:
            connection.execute("set threads = 1")
        connection.register(name, frame)
        columns = connection.sql(f"select * from {name}").columns
        sql = contract_sql(name, columns, case_id=case_id, activity=activity, timestamp=timestamp)
        return cls(Events(connection, sql, "frame", is_countable=is_small and "source_row" not in columns), owns_connection=True)

    @classmethod
    def from_relation(
        cls,
        relation: Any,
        *,
        connection: "duckdb.DuckDBPyConnection | None" = None,
        case_id: str = "case_id",
        activity: str = "activity",
        timestamp: str = "occurred_at",
    ) -> Self:
        """The event log in a DuckDB relation or an Ibis table.

        Args:
            relation: The relation or table; its row order decides between events of a case at the same time, unless it has a
                column `source_row`.
            connection: The DuckDB connection a DuckDB relation belongs to. Without, its rows are copied.
            case_id: Column with the case.
            activity: Column with the activity.
            timestamp: Column with the time.
        """
        if hasattr(relation, "get_backend"):  # an Ibis table
            backend = relation.get_backend()
            if backend.name != "duckdb":
                return cls.from_frame(relation.to_pyarrow(), case_id=case_id, activity=activity, timestamp=timestamp)
            connection, text = backend.con, str(relation.compile())
        elif connection is None:
            table = relation.to_arrow_table()
            return cls.from_frame(table, case_id=case_id, activity=activity, timestamp=timestamp)
        else:
            text = relation.sql_query()
        sql = contract_sql(f"({text})", list(relation.columns), case_id=case_id, activity=activity, timestamp=timestamp)
        return cls(Events(connection, sql, "relation"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection if the log opened it; logs filtered from this one end with it."""
        if self.owns_connection:
            _open_connections.discard(self.connection)
            self.connection.close()

    @property
    def connection(self) -> "duckdb.DuckDBPyConnection":
        """The DuckDB connection questions run on."""
        return self.events.connection

    @property
    def uses_kept_layout(self) -> bool:
        """Whether questions are answered from the layout kept in the lake."""
        return self.events.kept_layout is not None

    def filter(self, *filters: Filter) -> "EventLog":
        """A log with these filters applied after those it already has; this one stays as it is."""
        log: EventLog = self
        for part in filters:
            log = log._cut(part) if part.is_of_events else replace(log, stages=(*log.stages, part))
            log = replace(log, filters=(*log.filters, part))
        return log

    def sql(self, question: str) -> str:
        """The SQL of a question, runnable on `connection`: names in front of a kernel's `select`."""
        names = ",\n".join(self._names())
        if question.lower().startswith("with "):
            return f"with {names},\n{question[5:]}"
        return f"with {names}\n{question}"

    def cases_sql(self) -> str:
        """The SQL that selects the ids of the cases the filters keep."""
        return self.sql("select case_id from kept")

    def rows_sql(self) -> str:
        """The SQL of the events the filters keep, with the contract's columns and all attributes, in no order."""
        kept = f" where e.case_id in ({self.cases_sql()})" if self.stages else ""
        return f"select e.* from ({self.events.sql}) as e{kept}"

    def to_xes(self, path: str | Path) -> int:
        """Writes the events the filters keep as XES and returns how many; see `connectors.exports.event_log.export_cases`."""
        return export_cases(self.connection, f"({self.rows_sql()})", path, format="xes")

    def to_csv(self, path: str | Path) -> int:
        """The same as CSV, in the order of time."""
        return export_cases(self.connection, f"({self.rows_sql()})", path, format="csv")

    def to_parquet(self, path: str | Path) -> int:
        """The same as Parquet, in the order of time."""
        return export_cases(self.connection, f"({self.rows_sql()})", path, format="parquet")

    def to_ocel(self, path: str | Path, *, format: str | None = None) -> int:
        """Writes the events the filters keep, with the objects they concern, as OCEL 2.0 and returns how many events.

        Args:
            path: The file.
            format: `ocel-json`, `ocel-xml` or `ocel-sqlite`; default: by the file's ending.

        Raises:
            FileFormatError: No such format, or the log has cases only, because its process or itself is not object-centric.
            StorageError: The file cannot be written.
        """
        kind = format or format_of(Path(path))
        if self.snapshot_id is None or not kind.startswith("ocel"):
            raise FileFormatError(
                f"A log of cases cannot be written as {kind} here.",
                remedy="Take an object-centric process with `EventLog.from_lake`, and ocel-json, ocel-xml or ocel-sqlite.",
            )
        return export_kept(self.connection, self.events.name, self.rows_sql(), path, format=kind)

    def ask(self, question: str, *, keep: bool | None = None) -> "duckdb.DuckDBPyRelation":
        """Runs a question, the text of a kernel or one of your own over `events`, `kept`, `weights`, `variants`, `activities`.

        Args:
            question: The text.
            keep: Keep the answer, and give a kept one, as long as the log stays as it is: for logs of the lake whose layout is
                current and which have ten million events or more, without effect for others. Default: for the kernels that look
                at cases or events, but for `case_durations`, whose answer is as large as the log.
        """
        answers, keep = self.events.answers, question in kernels.worth_keeping() if keep is None else keep
        return answers.ask(self.connection, self.sql(question)) if answers and keep else self.connection.sql(self.sql(question))

    def summary(self) -> dict[str, Any]:
        """The log in figures: the columns of `kernels.summary` by name."""
        relation = self.ask(kernels.summary())
        return dict(zip(relation.columns, relation.fetchone() or (), strict=True))

    def dfg(self, *, times: bool = True) -> "duckdb.DuckDBPyRelation":
        """The directly-follows graph; see `kernels.dfg`."""
        return self.ask(kernels.dfg(times=times))

    def eventually_follows(self) -> "duckdb.DuckDBPyRelation":
        """The eventually-follows graph; see `relations.eventually_follows`."""
        return self.ask(relations.eventually_follows())

    def temporal_profile(self) -> "duckdb.DuckDBPyRelation":
        """Mean and deviation of the times between activities that follow each other; see `mining.temporal_profile`."""
        from mining.temporal_profile import temporal_profile

        return self.ask(temporal_profile())

    def declare(self, **settings: Any) -> "DeclareModel":
        """The DECLARE constraints the log keeps; settings as for `discover_declare`."""
        from mining.declare import discover_declare

        return discover_declare(self, **settings)

    def log_skeleton(self, *, noise: float = 0.0) -> "LogSkeleton":
        """The log skeleton; see `discover_log_skeleton`."""
        from mining.log_skeleton import discover_log_skeleton

        return discover_log_skeleton(self, noise=noise)

    def variants(self) -> "duckdb.DuckDBPyRelation":
        """The variants, the most frequent first; see `kernels.variants`."""
        return self.ask(kernels.variants())

    def activities(self) -> "duckdb.DuckDBPyRelation":
        """The activities, the most frequent first; see `kernels.activities`."""
        return self.ask(kernels.activities())

    def start_activities(self) -> "duckdb.DuckDBPyRelation":
        """The activities cases start with: activity, cases."""
        return self.ask(kernels.endpoints("start"))

    def end_activities(self) -> "duckdb.DuckDBPyRelation":
        """The activities cases end with: activity, cases."""
        return self.ask(kernels.endpoints("end"))

    def case_durations(self) -> "duckdb.DuckDBPyRelation":
        """One row per case; see `kernels.case_durations`."""
        return self.ask(kernels.case_durations())

    def throughput(self, *, grain: Literal["day", "week", "month"] = "week") -> "duckdb.DuckDBPyRelation":
        """Cases started, completed and open per period; see `kernels.throughput`."""
        return self.ask(kernels.throughput(grain=grain))

    def kpi(
        self, expression: str, *, by: str | None = None, definition: Mapping[str, Any] | None = None
    ) -> "duckdb.DuckDBPyRelation":
        """A KPI of the log, in groups or as one value; see `mining.kpis.kpi`."""
        from mining.kpis import kpi

        return kpi(self, expression, by=by, definition=definition)

    def conformance(self, model: "Model | PetriNet") -> "Conformance":
        """The log held against a model; see `mining.conformance.align`."""
        from mining.conformance import align

        return align(self, model)

    def check_rules(self, rules: "Sequence[Rule | str | Mapping[str, Any]]") -> "list[RuleResult]":
        """The log judged by rules, such as "Goods receipt precedes payment"; see `mining.rules.check_rules`."""
        from mining.rules import check_rules

        return check_rules(self, rules)

    def bottlenecks(self, **settings: Any) -> "duckdb.DuckDBPyRelation":
        """The edges by the time that is lost on them; see `mining.performance.bottlenecks`."""
        from mining.performance import bottlenecks

        return bottlenecks(self, **settings)

    def compare(self, other: "EventLog", **settings: Any) -> "Comparison":
        """This log beside another in every measure; see `mining.comparison.compare`."""
        from mining.comparison import compare

        return compare(self, other, **settings)

    def changes(self, **settings: Any) -> "list[Change]":
        """When the process changed, and what changed; see `mining.drift.changes`."""
        from mining.drift import changes

        return changes(self, **settings)

    def draw(self, path: str | Path) -> Path:
        """Saves the picture of the directly-follows graph as `.svg`, `.png` or `.dot`; see `mining.pictures.save_dfg`."""
        from mining.pictures import save_dfg

        return save_dfg(self, path)

    def variant_multiset(self) -> list[tuple[int, tuple[str, ...], int]]:
        """What discovery and conformance work on: (variant_id, activities, cases), the most frequent first."""
        if not self.stages and (counted := self.events.counted_variants) is not None:
            return list(counted)
        names = self.ask("select activity from activities order by activity_id").fetchall()
        return decoded(self.ask(kernels.variant_multiset()), [name for (name,) in names])

    def discover(self, **how: Any) -> "Model":
        """A model of the log; see `mining.discovery.discover`."""
        from mining.discovery import discover

        return discover(self, **how)

    def compare_models(self, **how: Any) -> "ModelComparison":
        """Models of several miners side by side, the best proposed; see `mining.evaluation.compare_models`."""
        from mining.evaluation import compare_models

        return compare_models(self, **how)

    def _names(self) -> Iterator[str]:
        """The names a kernel uses, as common table expressions over the layout and the filters."""
        layout = self.events.layout
        yield f"activities as (select * from {layout.activities})"
        yield f"variants as (select variant_id, activity_ids, cases, activities from {layout.variants})"
        cases = layout.cases
        for number, part in enumerate(self.stages, start=1):
            predicate = part.case_predicate(self.stage(cases))
            yield f"kept_{number} as (select * from {cases} as c where {predicate})"
            cases = f"kept_{number}"
        yield f"kept as (select * from {cases})"
        if self.stages:
            yield "weights as (select variant_id, count(*) as cases from kept group by variant_id)"
            yield f"events as (select e.* from {layout.events} as e semi join kept on kept.case_no = e.case_no)"
        else:
            yield "weights as (select variant_id, cases from variants)"
            yield f"events as (select * from {layout.events})"
        if layout.edge_times and not self.stages:
            yield f"edge_times as (select * from {layout.edge_times})"
            yield f"variant_times as (select variant_id, mean_seconds, median_seconds from {layout.variants})"
        else:
            yield f"edge_times as ({kernels.edge_times()})"
            yield f"variant_times as ({kernels.variant_times()})"

    def stage(self, cases: str) -> Stage:
        """What a predicate may name, over the cases of a relation with the columns of `kept`."""
        return Stage(self.events.layout, cases, self.events.sql, self.events.columns, self.events.types)

    def _cut(self, part: Filter) -> "EventLog":
        """The log of the events that meet the filter, in the cases kept so far; it gets a layout of its own when asked."""
        stage = Stage(Layout("", "", "", ""), "", self.events.sql, self.events.columns, self.events.types)
        within = f" and e.case_id in ({self.cases_sql()})" if self.stages else ""
        sql = f"select e.* from ({self.events.sql}) as e where {part.event_predicate(stage)}{within}"
        return replace(
            self,
            events=Events(self.connection, sql, self.events.name, is_cut=True, is_countable=self.events.is_countable),
            stages=(),
        )


def contract_sql(relation: str, columns: Sequence[str], *, case_id: str, activity: str, timestamp: str) -> str:
    """A `select` that gives a relation the contract's columns and keeps its other ones as attributes.

    Raises:
        ColumnMissingError: One of the three is not among the columns.
    """
    for wanted in (case_id, activity, timestamp):
        if wanted not in columns:
            raise ColumnMissingError(
                f"There is no column `{wanted}`.",
                remedy=f"Name one of: {', '.join(columns)}.",
                column=wanted,
                columns=list(columns),
            )
    taken = {case_id, activity, timestamp, *_CONTRACT}
    row = "source_row::bigint" if "source_row" in columns else "row_number() over ()"
    attributes = "".join(f", {quote(name)}" for name in columns if name not in taken)
    return (
        f"select {quote(case_id)}::varchar as case_id, {quote(activity)}::varchar as activity, "
        f"{quote(timestamp)}::timestamptz as occurred_at, {row} as source_row{attributes} from {relation}"
    )


def _reader(as_of: int | None, *, threads: int | None) -> "duckdb.DuckDBPyConnection":
    """A read-only connection in a transaction, so that every question sees the same snapshot."""
    connection = connect(read_only=True, as_of=as_of, threads=threads)
    close_at_exit(connection)
    connection.begin()
    return connection


def _with_all_threads(connection: "duckdb.DuckDBPyConnection", snapshot_id: int) -> "duckdb.DuckDBPyConnection":
    """Another reader, of the same snapshot."""
    connection.close()
    return _reader(snapshot_id, threads=None)


def close_at_exit(connection: "duckdb.DuckDBPyConnection") -> None:
    """Ends a log that nobody closed before the embedded PostgreSQL stops: DuckDB aborts the process when it cannot roll back.

    Exit handlers run last in, first out, and the server's was registered when the connection was made.
    """
    if not _open_connections:
        atexit.unregister(_close_all)
        atexit.register(_close_all)
    _open_connections.add(connection)


def _close_all() -> None:
    for connection in list(_open_connections):
        connection.close()


def own_connection() -> "duckdb.DuckDBPyConnection":
    """An in-memory database of a log's own, with the settings of the lake's connections."""
    import duckdb

    from lake.settings import get_settings

    settings = get_settings()
    connection = duckdb.connect(
        config={
            "memory_limit": settings.memory_limit,
            "threads": settings.threads,
            "temp_directory": settings.spill_folder(),
        }
    )
    connection.execute("set timezone = 'UTC'")
    return connection
