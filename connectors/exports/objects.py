"""An object-centric log as its writers need it: attributes with their OCEL types, and rows with what they relate to, as SQL.

What belongs here: what the three layouts of OCEL 2.0 have in common. What does not: any one layout.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.exports.log_tables import HISTORY, LogTables
from lake import quote
from lake.sql_text import as_text

if TYPE_CHECKING:
    import duckdb

START = "1970-01-01T00:00:00Z"  # OCEL's word for: from the beginning
EVENT, OBJECT = ("event_id", "activity", "occurred_at", "source_row"), ("object_id", "object_type")
OCEL_TYPES = {
    "BOOLEAN": "boolean",
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"), "integer"),
    **dict.fromkeys(("DOUBLE", "FLOAT", "DECIMAL"), "float"),
    **dict.fromkeys(("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "time"),
}
CASTS = {"boolean": "boolean", "integer": "bigint", "float": "double"}  # that history's texts are read with
Render = Callable[[str, str], str]  # an SQL value and its OCEL type -> SQL of what stands in the file, null where nothing does


def text_of(value: str, kind: str) -> str:
    """A value as text; times in UTC as ISO 8601 writes them."""
    return moment(value) if kind == "time" else f"cast({value} as varchar)"


def moment(value: str) -> str:
    """A time in UTC as ISO 8601 writes it; a fraction of a second only where there is one."""
    fraction = f"microsecond({value}) % 1000000"
    plain = f"cast({value} as timestamptz)"
    return (
        f"strftime({plain}, '%Y-%m-%dT%H:%M:%S')"
        f" || case when {fraction.replace(value, plain)} = 0 then '' else strftime({plain}, '.%f') end || 'Z'"
    )


@dataclass(frozen=True)
class ObjectLog:
    """The tables of one process's object-centric log.

    Attributes:
        events: Attribute of events to its OCEL type.
        objects: Attribute of objects to its OCEL type.
        has_history: Whether it is known how the objects' attributes changed.
    """

    connection: "duckdb.DuckDBPyConnection"
    tables: LogTables
    events: Mapping[str, str]
    objects: Mapping[str, str]
    has_history: bool

    def part(self, name: str) -> str:
        """Quoted name of one of its tables."""
        return self.tables.part(name)

    def types(self, what: str) -> dict[str, dict[str, str]]:
        """Per type of event or object (`events`, `objects`) the attributes it has anywhere, with their OCEL types."""
        if what == "objects" and self.has_history:
            return self._types_of_history()
        kind, known = ("activity", self.events) if what == "events" else ("object_type", self.objects)
        counts = "".join(f", count({quote(name)})" for name in known)
        rows = self.connection.execute(f"select {kind}{counts} from {self.part(what)} group by 1 order by 1").fetchall()
        return {name: {one: known[one] for one, n in zip(known, found, strict=True) if n} for name, *found in rows}

    def _types_of_history(self) -> dict[str, dict[str, str]]:
        kinds = self.connection.execute(f"select distinct object_type from {self.part('objects')} order by 1").fetchall()
        found: dict[str, dict[str, str]] = {kind: {} for (kind,) in kinds}
        rows = self.connection.execute(
            f"select distinct object_type, attribute from {self.part('object_values')}"
            f" join {self.part('objects')} using (object_id) where value is not null order by all"
        ).fetchall()
        for kind, attribute in rows:
            found[kind][attribute] = self.history_type(attribute)
        return found

    def history_type(self, attribute: str) -> str:
        """The OCEL type of an attribute by the name the file gave it; the lake may call its column otherwise."""
        from connectors.event_log_columns import attribute_names

        return self.objects.get(attribute_names([attribute], taken=OBJECT)[attribute], "string")

    def event_rows(self, render: Render) -> str:
        """SQL of the events in their order: id, type, time, attributes (name, value) and relations (id, qualifier)."""
        return (
            f"with related as ({self._relations('event_objects', 'event_id', 'object_id')})"
            f" select event_id as id, activity as type, {moment('occurred_at')} as time,"
            f" {self._listed(self.events, render)} as attributes, coalesce(relations, []) as relations"
            f" from {self.part('events')} left join related using (event_id) order by source_row, event_id"
        )

    def object_rows(self, render: Render) -> str:
        """SQL of the objects by type and id: id, type, attributes (name, value, time) and relations (id, qualifier)."""
        values = "coalesce(history, [])" if self.has_history else self._listed(self.objects, render, time=True)
        history = f", changes as ({self._history(render)})" if self.has_history else ""
        join = " left join changes using (object_id)" if self.has_history else ""
        return (
            f"with related as ({self._relations('object_objects', 'source_id', 'target_id')}){history}"
            f" select object_id as id, object_type as type, {values} as attributes, coalesce(relations, []) as relations"
            f" from {self.part('objects')} left join related on related.source_id = object_id{join} order by type, id"
        )

    def _relations(self, part: str, source: str, target: str) -> str:
        pair = f"{{'id': {target}, 'qualifier': coalesce(qualifier, '')}}"
        return f"select {source}, list({pair} order by {target}, qualifier) as relations from {self.part(part)} group by {source}"

    def _listed(self, attributes: Mapping[str, str], render: Render, *, time: bool = False) -> str:
        since = f", 'time': '{START}'" if time else ""
        pairs = [f"{{'name': {as_text(name)}, 'value': {render(quote(name), kind)}{since}}}" for name, kind in attributes.items()]
        none = f"cast([] as struct(name varchar, value varchar{', time varchar' if time else ''})[])"
        return f"list_filter([{', '.join(pairs)}], lambda one: one.value is not null)" if pairs else none

    def _history(self, render: Render) -> str:
        value = self.history_value(render)
        pair = f"{{'name': attribute, 'value': {value}, 'time': coalesce({moment('valid_from')}, '{START}')}}"
        return (
            f"select object_id, list({pair} order by valid_from nulls first) as history"
            f" from {self.part('object_values')} where value is not null group by object_id"
        )

    def history_value(self, render: Render) -> str:
        """SQL of a historical value, which is kept as text, as its attribute's type has it."""
        names = {name: self.history_type(name) for kinds in self.types("objects").values() for name in kinds}
        cases = [
            f"when {as_text(name)} then {render(f'try_cast(value as {CASTS[kind]})', kind)}"
            for name, kind in names.items()
            if kind in CASTS
        ]
        plain = render("value", "string")
        return f"coalesce(case attribute {' '.join(cases)} end, {plain})" if cases else plain


def object_log(connection: "duckdb.DuckDBPyConnection", tables: LogTables) -> ObjectLog:
    """The object-centric log in these tables."""
    described = {part: _described(connection, tables.part(part)) for part in ("events", "objects")}
    events = {name: kind for name, kind in described["events"].items() if name not in EVENT}
    objects = {name: kind for name, kind in described["objects"].items() if name not in OBJECT}
    return ObjectLog(connection, tables, events, objects, tables.has(connection, HISTORY))


def _described(connection: "duckdb.DuckDBPyConnection", relation: str) -> dict[str, str]:
    rows = connection.execute(f"describe {relation}").fetchall()
    return {name: OCEL_TYPES.get(str(kind).partition("(")[0], "string") for name, kind, *_ in rows}
