"""Cases one by one: finding them, and everything the lake knows of one: events, objects, alignment, deviations, source rows.

What belongs here: reading queries. What does not: layout (`app_pages/cases`) and drawing (`case_timeline`).

A list is sorted and cut to a page in SQL; attributes are read for the cases of that page only. An attribute of a case is its first
known value. Whatever the filters are, one case is shown with all its events.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from apps.streamlit import catalogue
from apps.streamlit.asking import ask
from apps.streamlit.mined import Filters
from apps.streamlit.reading import Rows, has_tables, rows
from lake import quote
from lake.catalog import Table

SORTS = {
    "Longest first": ("seconds", "desc"),
    "Shortest first": ("seconds", "asc"),
    "Latest start first": ("started_at", "desc"),
    "Earliest start first": ("started_at", "asc"),
    "Most events first": ("events", "desc"),
    "Fewest events first": ("events", "asc"),
    "By case id": ("case_id", "asc"),
}
UP, DOWN = "ascending", "descending"
MOST_EVENTS = 2000
_OWN = ("case_id", "activity", "occurred_at", "source_row")
_OPTIONAL = ("resource", "started_at")  # of the contract: importers give every log these columns
_FIRST = "struct_pack(t := occurred_at, r := source_row)"


@dataclass(frozen=True)
class Search:
    """Which cases to list.

    Attributes:
        words: What the case id or the attribute holds, in any case; empty for all.
        column: The attribute to look in; None: the case id.
        sort: One of `SORTS`, or an attribute with `UP` or `DOWN` behind a space.
    """

    words: str = ""
    column: str | None = None
    sort: str = "Longest first"


def attributes(process: str, *, as_of: int | None = None) -> list[str]:
    """Names of the attributes of the event log, in their order; without those of the contract that it has no value of."""
    found = rows(
        """select column_name from information_schema.columns where table_catalog = 'lake'
           and table_schema = 'event_logs' and table_name = ? order by ordinal_position""",
        process,
        as_of=as_of,
    )
    names = [row["column_name"] for row in found if row["column_name"] not in _OWN]
    return [name for name in names if name not in _OPTIONAL or _is_filled(process, name, as_of)]


def _is_filled(process: str, column: str, as_of: int | None) -> bool:
    log = f"event_logs.{quote(process)}"
    found = rows(f"select exists(select 1 from {log} where {quote(column)} is not null) as is_filled", as_of=as_of)
    return bool(found[0]["is_filled"])


def found(process: str, stack: Filters, search: Search, *, as_of: int | None = None) -> int:
    """How many cases there are to list."""
    question = f"select count(*) as cases from kept {_where(process, search)}"
    answer = ask(process, stack, question, *_words(search), as_of=as_of)
    return int(answer[0]["cases"]) if answer else 0


def page(
    process: str,
    stack: Filters,
    search: Search,
    columns: Sequence[str] = (),
    *,
    limit: int,
    offset: int = 0,
    as_of: int | None = None,
) -> Rows:
    """One page of the list: case_id, started_at, ended_at, seconds, events and the attributes asked for."""
    column, way = SORTS.get(search.sort) or ("sorted_by", "desc" if search.sort.endswith(f" {DOWN}") else "asc")
    listed = "select case_id, started_at, ended_at, epoch(ended_at - started_at) as seconds, events from kept"
    if search.sort not in SORTS:
        by = quote(search.sort.rpartition(" ")[0])
        values = f"select case_id, arg_min({by}, {_FIRST}) as sorted_by from event_logs.{quote(process)} group by case_id"
        listed = f"{listed} join ({values}) using (case_id)"
    question = f"{listed} {_where(process, search)} order by {column} {way} nulls last, case_id limit {limit:d} offset {offset:d}"
    listed_cases = ask(process, stack, question, *_words(search), as_of=as_of)
    known = _attributes_of(process, [row["case_id"] for row in listed_cases], columns, as_of=as_of)
    return [{**row, **known.get(row["case_id"], {})} for row in listed_cases]


def _where(process: str, search: Search) -> str:
    if not search.words:
        return ""
    if search.column is None:
        return "where contains(lower(case_id), lower($1))"
    holds = f"contains(lower(cast({quote(search.column)} as varchar)), lower($1))"
    return f"where case_id in (select case_id from event_logs.{quote(process)} where {holds})"


def _words(search: Search) -> tuple[str, ...]:
    return (search.words,) if search.words else ()


def _attributes_of(process: str, cases: list[str], columns: Sequence[str], *, as_of: int | None) -> dict[str, dict[str, Any]]:
    if not cases or not columns:
        return {}
    firsts = ", ".join(f"arg_min({quote(name)}, {_FIRST}) as {quote(name)}" for name in columns)
    places = ", ".join("?" * len(cases))
    sql = f"select case_id, {firsts} from event_logs.{quote(process)} where case_id in ({places}) group by case_id"
    answer = rows(sql, *cases, needs=(f"event_logs.{process}",), as_of=as_of)
    return {row.pop("case_id"): row for row in map(dict, answer)}


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes:
        case_id: Its id.
        events: Its events in their order with every column of the log but the case id, at most 2,000.
        number_of_events: How many it has.
        objects: Their part in its events: event_id, object_id, object_type, qualifier; empty for a log without objects.
        rank: Its variant's, from 1; None where it is not known.
        variant_cases: Cases of that variant.
        alignment: cost, fitness, status, move_kinds and move_activities; None where there is none.
        deviations: kind, activity, after_activity, cases, share, is_accepted of those it has.
        is_kept: Whether the filters keep it.
    """

    case_id: str
    events: Rows
    number_of_events: int
    objects: Rows
    rank: int | None
    variant_cases: int | None
    alignment: dict[str, Any] | None
    deviations: Rows
    is_kept: bool

    @property
    def path(self) -> list[str]:
        """Its activities in their order."""
        return [event["activity"] for event in self.events]

    @property
    def seconds(self) -> float:
        """From its first event to its last."""
        return float((self.events[-1]["occurred_at"] - self.events[0]["occurred_at"]).total_seconds())

    @property
    def gaps(self) -> list[float | None]:
        """Seconds from the event before; None for the first."""
        times = [event["occurred_at"] for event in self.events]
        return [None, *((later - earlier).total_seconds() for earlier, later in pairwise(times))]

    @property
    def constant(self) -> dict[str, Any]:
        """Attributes that have one value at all its events."""
        names = [name for name in self.events[0] if name not in {*_OWN, "event_id", "started_at", "resource"}]
        return {
            name: self.events[0][name]
            for name in names
            if self.events[0][name] is not None and all(event[name] == self.events[0][name] for event in self.events)
        }


def case(process: str, case_id: str, stack: Filters = (), *, as_of: int | None = None) -> Case | None:
    """Everything the lake knows of a case; None where the log has no such case."""
    log = f"event_logs.{quote(process)}"
    sql = f"select * exclude (case_id) from {log} where case_id = ? order by occurred_at, source_row limit {MOST_EVENTS}"
    events = rows(sql, case_id, needs=(f"event_logs.{process}",), as_of=as_of)
    if not events:
        return None
    question = "select variant_id, events from kept where case_id = $1"
    known = (ask(process, (), question, case_id, as_of=as_of) or [{"variant_id": None, "events": len(events)}])[0]
    path = [event["activity"] for event in events]
    variant = _variant(process, path, as_of=as_of)
    return Case(
        case_id,
        events,
        known["events"],
        _objects(process, case_id, events, as_of=as_of),
        variant.get("rank"),
        variant.get("cases"),
        _alignment(process, path, as_of=as_of),
        _deviations(process, known["variant_id"], as_of=as_of),
        not stack or bool(ask(process, stack, question, case_id, as_of=as_of)),
    )


def _variant(process: str, path: list[str], *, as_of: int | None) -> dict[str, Any]:
    sql = "select rank, cases from mining.variants where process = ? and activities = ?::varchar[] limit 1"
    answer = rows(sql, process, path, needs=("mining.variants",), as_of=as_of)
    return answer[0] if answer else {}


def _objects(process: str, case_id: str, events: Rows, *, as_of: int | None) -> Rows:
    links, objects = f"event_logs.{process}__event_objects", f"event_logs.{process}__objects"
    if "event_id" not in events[0] or not has_tables(links, objects, as_of=as_of):
        return []
    prefix = f"event_logs.{quote(process)}"
    sql = f"""select l.event_id, l.object_id, o.object_type, l.qualifier
              from event_logs.{quote(process + "__event_objects")} as l join event_logs.{quote(process + "__objects")} as o
              using (object_id) where l.event_id in (select event_id from {prefix} where case_id = ?)
              order by o.object_type, l.object_id"""
    return rows(sql, case_id, needs=(links, objects), as_of=as_of)


def _alignment(process: str, path: list[str], *, as_of: int | None) -> dict[str, Any] | None:
    sql = """select cost, fitness, status, move_kinds, move_activities from mining.alignments
             where process = ? and is_of_process and activities = ?::varchar[] order by computed_at desc limit 1"""
    answer = rows(sql, process, path, needs=("mining.alignments",), as_of=as_of)
    return answer[0] if answer else None


def _deviations(process: str, variant_id: int | None, *, as_of: int | None) -> Rows:
    sql = """select kind, activity, after_activity, cases, share, is_accepted from mining.deviations
             where process = ? and list_contains(variant_ids, ?) order by cases desc, kind, activity"""
    return rows(sql, process, variant_id, needs=("mining.deviations",), as_of=as_of) if variant_id is not None else []


def source_rows(process: str, events: Rows, *, as_of: int | None = None) -> list[tuple[Table, Rows, list[str]]]:
    """The landed rows that events were made of, by table, sensitive columns masked, with those columns' names.

    An imported log's events know the row. Else an event's id is `<source>:<key>`, and the lineage of the log's `event_id` says
    which columns of `raw_<source>` it may be the key of. Where these are several, a row counts only if it holds the event's time.
    """
    known = catalogue.whole().tables
    landed = known.get(f"raw_files.{process}")
    if landed is not None:
        numbers = [str(event["source_row"]) for event in events]
        return [part for part in [(landed, *catalogue.rows_by(landed, "source_row", numbers, as_of=as_of))] if part[1]]
    if "event_id" not in events[0] or f"event_logs.{process}" not in known:
        return []
    keys = _keys(process, known)
    parts = []
    for table, column in keys:
        source = table.schema.removeprefix("raw_")
        wanted = {
            event["event_id"].rpartition(":")[2]: event["occurred_at"]
            for event in events
            if str(event["event_id"] or "").startswith(f"{source}:")
        }
        rivals = sum(1 for other, _ in keys if other.schema == table.schema)
        times = list(wanted.values()) if rivals > 1 else None
        answer, hidden = catalogue.rows_by(table, column, list(wanted), as_of=as_of, holding=times)
        parts += [(table, answer, hidden)] if answer else []
    return parts


def _keys(process: str, known: Mapping[str, Table]) -> list[tuple[Table, str]]:
    """The columns of landed tables that an event's id may be made of."""
    way = catalogue.follow(f"event_logs.{process}", "event_id")
    ends = {name for name, _ in way.upstream if name[0].startswith("raw_") and (name[1] == "id" or name[1].endswith("_id"))}
    return [(known[key], column) for key, column in sorted(ends) if key in known]
