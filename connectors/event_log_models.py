"""The SQL of a declared event log: one pass over each rule's rows, and the tables of the event-log contract made from it.

What belongs here: turning a checked declaration into dbt models. What does not: its check (`connectors.event_log_declarations`)
and writing files (`connectors.dbt_files`).

`int_<domain>__<log>__event_rows` holds a row per event and, where an event concerns several objects of one type, one more for
each further object: the lists of all types run side by side, so that a rule's rows are read once. `is_event` marks the first row.
The five tables are selections from it.
"""

import hashlib
from dataclasses import replace

from connectors.dbt_models import (
    SOURCE_ROW,
    Column,
    Model,
    compound_key,
    cte,
    in_words,
    listed,
    with_ctes,
)
from connectors.event_log_declarations import EventLogDeclaration, EventRule, ObjectRows, attribute_type, common_type
from connectors.event_log_sources import Readable
from connectors.mapping import identifier, text
from lake.catalog_tables import CLASSES, highest


class LogModels:
    """The models of one declared event log.

    Args:
        log: The declaration; it has been checked.
        readable: What it reads.
        name: Name of the process and of its case view.
        domain: Folder of its intermediate model: the connection, or `event_logs`.
        group: The dbt group that answers for it; empty: none.
    """

    def __init__(self, log: EventLogDeclaration, readable: Readable, *, name: str, domain: str, group: str = "") -> None:
        self.log, self.readable = log, readable
        self.name, self.domain, self.group = name, domain, group
        self.title = log.title or log.name.replace("_", " ")
        self.event_rows = f"int_{domain}__{log.name}__event_rows"
        places = [(kind, one.qualifier or kind) for rule in log.events for kind, several in rule.objects.items() for one in several]
        self.places = tuple(dict.fromkeys(places))  # each (type, qualifier) has a column of its own
        self.event_types = self._event_types()
        self.object_types = self._object_types()

    def models(self) -> list[Model]:
        """All of them, in the order of their lineage."""
        made = [
            self._event_rows(),
            self._events(),
            self._event_objects(),
            self._object_objects(),
            self._objects(),
            self._case_view(),
        ]
        return [replace(model, columns=tuple(map(self._classified, model.columns))) for model in made]

    def _classified(self, column: Column) -> Column:
        """The column with its class, if the declaration classifies: an id has that of its type, or the highest of all types."""
        said = self.log.classification
        places = {self._place(place): said.get(place[0]) for place in self.places}
        ids = highest(said.get(kind) for kind in self.log.objects)
        by_name = {**said, **places, "case_id": said.get(self.log.case), "object_id": ids, "source_id": ids, "target_id": ids}
        return replace(column, classification=by_name.get(column.name) or CLASSES[0]) if said else column

    def definition(self) -> dict[str, object]:
        """The process definition."""
        activities = [rule.activity.name for rule in self.log.events if rule.activity.name]
        title = self.title[:1].upper() + self.title[1:]
        return {
            "name": self.name,
            "title": title,
            "event_log": f"event_logs.{self.name}",
            "case_notion": {"object_type": self.log.case, "text": self.log.text or f"A {self.log.case.replace('_', ' ')}"},
            "object_types": list(self.log.objects),
            "case_attributes": list(self.log.object_attributes(self.log.case)),
            "event_attributes": list(self.log.event_attributes()),
            "happy_path": list(dict.fromkeys(activities)),
            **self.log.process,
        }

    def _event_types(self) -> dict[str, str]:
        kinds: dict[str, set[str]] = {name: set() for name in self.log.event_attributes()}
        for rule in self.log.events:
            for name, one in rule.attributes.items():
                kinds[name].add(attribute_type(one, self.readable.types(rule.source)))
        return {name: common_type(found) for name, found in kinds.items()}

    def _object_types(self) -> dict[str, str]:
        kinds: dict[str, set[str]] = {name: set() for name in self.log.object_attributes()}
        for rows in (rows for several in self.log.objects.values() for rows in several):
            for name, one in rows.attributes.items():
                kinds[name].add(attribute_type(one, self.readable.types(rows.source)))
        return {name: common_type(found) for name, found in kinds.items()}

    # The one pass over the rules' rows

    def _event_rows(self) -> Model:
        sources = dict.fromkeys(rule.source for rule in self.log.events)
        ctes = [cte(f"from_{name}", f"select * from {self.readable.reference(name)}") for name in sources]
        ctes += [cte(f"rule_{at}", self._rule(at, rule)) for at, rule in enumerate(self.log.events, start=1)]
        every = "\nunion all\n".join(f"select * from rule_{at}" for at in range(1, len(self.log.events) + 1))
        ctes += [cte("rules", every), cte("final", self._ordered())]
        return Model(
            self.event_rows,
            f"intermediate/{self.domain}",
            with_ctes(ctes),
            f"The events of {self.title} with their objects: a row per event, and one more for each further object of a type.",
            self._row_columns(),
            config={"materialized": "table", **self._of_group()},
        )

    def _row_columns(self) -> tuple[Column, ...]:
        said = {
            "event_id": "Identity of the event.",
            "activity": "What happened.",
            "occurred_at": "When it happened.",
            "started_at": "When the activity began; null: the source notes only the end.",
            "resource": "Who did it; null: the source does not say.",
            **{name: f"{in_words(name)} of the event." for name in self.event_types},
            "is_event": "Whether this is the event's first row.",
            **{self._place((kind, as_what)): f"Id of a {kind} it concerns, as {as_what}." for kind, as_what in self.places},
            "source_row": SOURCE_ROW,
        }
        return tuple(Column(name, words) for name, words in said.items())

    def _rule(self, at: int, rule: EventRule) -> str:
        attributes = {
            name: self._cast(rule.attributes[name].expression if name in rule.attributes else None, kind)
            for name, kind in self.event_types.items()
        }
        scalars = {
            "event_id": self._event_id(rule),
            "activity": text(rule.activity.name) if rule.activity.name else self._cast(rule.activity.expression, "text"),
            "occurred_at": self._cast(rule.at, "timestamptz"),
            "started_at": self._cast(rule.started_at, "timestamptz"),
            "resource": self._cast(rule.resource, "text"),
            **attributes,
            "_position": str(self._position(at, rule)),
            "_order": self._cast(rule.order, "bigint"),
            "_identity": self._cast(self._identity_order(rule), "text"),
            "_rule": str(at),
            "is_event": "unnest([true])",
            **{self._place(place): self._object(rule, place) for place in self.places},
        }
        lines = ",\n    ".join(f"{sql} as {identifier(name)}" for name, sql in scalars.items())
        return f"select\n    {lines}\nfrom {self._rows(rule)}\nwhere {self._condition(rule)}"

    def _cast(self, sql: str | None, kind: str) -> str:
        return f"cast(({sql}) as {kind})" if sql is not None else f"cast(null as {kind})"

    def _condition(self, rule: EventRule) -> str:
        parts = [f"({rule.at}) is not null"]
        parts += [f"({rule.activity.expression}) is not null"] if rule.activity.expression else []
        parts += [f"({rule.where})"] if rule.where else []
        return "\n    and ".join(parts)

    def _position(self, at: int, rule: EventRule) -> int:
        """Where the rule stands among events of one moment: as declared; rules ordered by one resource's numbers stand together."""
        if rule.order is None:
            return at
        together = (n for n, one in enumerate(self.log.events, start=1) if one.order is not None and one.source == rule.source)
        return next(together)

    def _key(self, rule: EventRule) -> tuple[str, ...]:
        if rule.id is not None:
            return (f"({rule.id})",)
        return tuple(identifier(name) for name in self.readable.key(rule.source))

    def _identity_order(self, rule: EventRule) -> str | None:
        key = self._key(rule)
        return key[0] if len(key) == 1 else f"concat_ws(' ', {', '.join(key)})" if key else None

    def _event_id(self, rule: EventRule) -> str:
        """A digest that stays the same from run to run: of the log, the rule, the row's identity and the time."""
        words = "|".join([self.name, rule.source, rule.activity.name or rule.activity.expression or "", rule.at])
        literal = text(hashlib.sha256(words.encode()).hexdigest()[:16])
        happened = [f"({rule.activity.expression})"] if rule.activity.expression else []
        parts = [*(self._key(rule) or self._traits(rule)), *happened, f"epoch_us(cast(({rule.at}) as timestamptz))"]
        number = [] if self._key(rule) else ["_occurrence"]
        texts = [f"coalesce(cast({part} as text), chr(30))" for part in (*parts, *number)]
        return f"md5(concat_ws(chr(31), {literal}, {', '.join(texts)}))"

    def _traits(self, rule: EventRule) -> tuple[str, ...]:
        """What tells rows without a key apart."""
        return tuple(f"({one.id})" for several in rule.objects.values() for one in several)

    def _rows(self, rule: EventRule) -> str:
        source = identifier(f"from_{rule.source}")
        if self._key(rule):
            return source
        happened = [f"({rule.activity.expression})"] if rule.activity.expression else []
        traits = ", ".join([*self._traits(rule), *happened, f"({rule.at})"])
        where = f" where {self._condition(rule)}"
        return f"(select *, row_number() over (partition by {traits}) as _occurrence from {source}{where})"

    def _place(self, place: tuple[str, str]) -> str:
        return f"object_{self.places.index(place) + 1}"

    def _object(self, rule: EventRule, place: tuple[str, str]) -> str:
        kind, qualifier = place
        found = [one.id for one in rule.objects.get(kind, ()) if (one.qualifier or kind) == qualifier]
        if not found:
            return "cast(null as text)"
        return f"nullif(cast(unnest([({found[0]})], recursive := true) as text), '')"

    def _ordered(self) -> str:
        order = "occurred_at, _position, _order, try_cast(_identity as bigint), _identity, _rule, event_id"
        columns = [*EVENT_FIELDS, *self.event_types, "is_event", *(self._place(place) for place in self.places)]
        listed = ",\n    ".join(map(identifier, columns))
        return f"select\n    {listed},\n    dense_rank() over (order by {order}) as source_row\nfrom rules"

    # The tables of the contract

    def _events(self) -> Model:
        columns = (
            Column("event_id", "Identity of the event: a digest of the rule, the row and the time.", "text", True, ("is_key",)),
            Column("activity", "What happened.", "text", True),
            Column("occurred_at", "When it happened.", "timestamptz", True),
            Column("source_row", SOURCE_ROW, "bigint", True, ("is_key",)),
            Column("started_at", "When the activity began; null: the source notes only the end.", "timestamptz"),
            Column("resource", "Who did it; null: the source does not say.", "text"),
            *(Column(name, f"{in_words(name)} of the event.", kind) for name, kind in self.event_types.items()),
        )
        sql = self._from_rows(f"select\n    {listed(columns)}\nfrom event_rows\nwhere is_event")
        return self._published("__events", sql, f"The events of {self.title}, each once (OCEL 2.0).", columns)

    def _event_objects(self) -> Model:
        parts = [
            f"select event_id, {text(kind + ':')} || {self._place((kind, qualifier))} as object_id,"
            f" {text(qualifier)} as qualifier\nfrom event_rows\nwhere {self._place((kind, qualifier))} is not null"
            for kind, qualifier in self.places
        ]
        sql = self._from_rows("select distinct event_id, object_id, qualifier\nfrom (\n" + "\nunion all\n".join(parts) + "\n)")
        columns = (
            Column("event_id", "The event.", "text", True, (self._refers("__events", "event_id"),)),
            Column("object_id", "The object.", "text", True, (self._refers("__objects", "object_id"),)),
            Column("qualifier", "What the object is to the event.", "text", True),
        )
        description = f"Which event of {self.title} concerns which object, and how (OCEL 2.0)."
        return self._published("__event_objects", sql, description, columns, (compound_key(columns),))

    def _object_objects(self) -> Model:
        ctes = [
            cte(f"from_{name}", f"select * from {self.readable.reference(name)}")
            for name in dict.fromkeys(link.source_rows for link in self.log.links)
        ]
        parts = []
        for link in self.log.links:
            (source_type, source), (target_type, target) = next(iter(link.source.items())), next(iter(link.target.items()))
            rows = f"{identifier(f'from_{link.source_rows}')}{f' where {link.where}' if link.where else ''}"
            one = f"select unnest([({source})], recursive := true) as _source, ({target}) as _target from {rows}"
            both = f"select _source, unnest([_target], recursive := true) as _target from ({one})"
            parts.append(
                f"select {text(source_type + ':')} || nullif(cast(_source as text), '') as source_id,\n"
                f"    {text(target_type + ':')} || nullif(cast(_target as text), '') as target_id,\n"
                f"    {text(link.qualifier)} as qualifier\nfrom ({both})"
            )
        empty = "cast(null as text) as source_id, cast(null as text) as target_id, cast(null as text) as qualifier"
        none = (
            f"select {empty} from {{{{ ref('{self.event_rows}') }}}} where false"  # so that it is made with the connection's rows
        )
        ctes.append(cte("links", "\nunion all\n".join(parts) or none))
        ctes.append(
            cte(
                "final",
                "select distinct * from links\nwhere source_id is not null and target_id is not null",
            )
        )
        refers = (self._refers("__objects", "object_id"),)
        columns = (
            Column("source_id", "The object that refers to the other.", "text", True, refers),
            Column("target_id", "The object referred to.", "text", True, refers),
            Column("qualifier", "What the source object is to the target object.", "text", True),
        )
        description = f"Which object of {self.title} refers to which other, and how (OCEL 2.0)."
        return self._published("__object_objects", with_ctes(ctes), description, columns, (compound_key(columns),))

    def _objects(self) -> Model:
        every = [(kind, rows) for kind, several in self.log.objects.items() for rows in several]
        ctes = [
            cte(f"from_{name}", f"select * from {self.readable.reference(name)}")
            for name in dict.fromkeys(rows.source for _, rows in every)
        ]
        ctes.append(cte("event_objects", f"select * from {{{{ ref('{self.name}__event_objects') }}}}"))
        ctes.append(cte("object_objects", f"select * from {{{{ ref('{self.name}__object_objects') }}}}"))
        columns = ["object_id", "object_type", *self.object_types]
        empty = ", ".join(f"cast(null as {kind}) as {identifier(name)}" for name, kind in self.object_types.items())
        nothing = (
            f"select cast(null as text) as object_id, cast(null as text) as object_type{', ' + empty if empty else ''} where false"
        )
        ctes.append(cte("described", "\nunion all\n".join(self._described(kind, rows) for kind, rows in every) or nothing))
        order = ", ".join(map(identifier, columns))
        ctes.append(
            cte("first_of_each", f"select distinct on (object_id) *\nfrom described\nwhere object_id is not null\norder by {order}")
        )
        ctes.append(
            cte(
                "mentioned",
                "select object_id from event_objects\nunion\nselect source_id from object_objects\nunion\n"
                "select target_id from object_objects",
            )
        )
        ctes.append(
            cte(
                "final",
                "select * from first_of_each\nunion all by name\n"
                "select object_id, string_split(object_id, ':')[1] as object_type\nfrom mentioned\n"
                "anti join first_of_each using (object_id)",
            )
        )
        described = (
            Column("object_id", "Identity of the object: its type, a colon and its id.", "text", True, ("is_key",)),
            Column("object_type", "Type of the object.", "text", True),
            *(Column(name, f"{in_words(name)} of the object.", kind) for name, kind in self.object_types.items()),
        )
        return self._published("__objects", with_ctes(ctes), f"The objects of {self.title} (OCEL 2.0).", described)

    def _described(self, kind: str, rows: ObjectRows) -> str:
        said = {name: one.expression for name, one in rows.attributes.items()}
        columns = {
            "object_id": f"{text(kind + ':')} || nullif(cast(unnest([({rows.id})], recursive := true) as text), '')",
            "object_type": text(kind),
            **{name: self._cast(said.get(name), type_) for name, type_ in self.object_types.items()},
        }
        listed = ",\n    ".join(f"{sql} as {identifier(name)}" for name, sql in columns.items())
        where = f"\nwhere {rows.where}" if rows.where else ""
        return f"select\n    {listed}\nfrom {identifier(f'from_{rows.source}')}{where}"

    def _case_view(self) -> Model:
        cases = [self._place(place) for place in self.places if place[0] == self.log.case]
        fields = ["activity", "occurred_at", "started_at", "resource", "source_row", "event_id", *self.event_types]
        listed = ", ".join(map(identifier, fields))
        parts = [f"select {place} as case_id, {listed}\nfrom event_rows\nwhere {place} is not null" for place in cases]
        every = "\nunion all\n".join(parts)
        own = {name: self.object_types[name] for name in self.log.object_attributes(self.log.case)}
        known = {*fields, *own}
        columns = tuple(
            column
            for column in (
                Column("case_id", f"The {self.log.case.replace('_', ' ')}; text, `NA` is an id like any other.", "text", True),
                Column("activity", "What happened.", "text", True),
                Column("occurred_at", "When it happened.", "timestamptz", True),
                Column("started_at", "When the activity began; null: the source notes only the end.", "timestamptz"),
                Column("resource", "Who did it; null: the source does not say.", "text"),
                Column("source_row", SOURCE_ROW, "bigint", True),
                Column("event_id", "Identity of the event.", "text", True, (self._refers("__events", "event_id"),)),
                *(Column(name, f"{in_words(name)} of the event.", kind) for name, kind in self.event_types.items()),
                *(Column(name, f"{in_words(name)} of the case.", kind) for name, kind in own.items()),
            )
            if column.name in {"case_id", *known}
        )
        ctes = [
            cte("event_rows", f"select * from {{{{ ref('{self.event_rows}') }}}}"),
            cte("cases", f"select * from {{{{ ref('{self.name}__objects') }}}}\nwhere object_type = {text(self.log.case)}"),
            cte("events_of_cases", f"select distinct on (case_id, event_id) *\nfrom (\n{every}\n)"),
        ]
        attributes = "".join(f",\n    cases.{identifier(name)}" for name in own)
        join = f"\ninner join cases on cases.object_id = {text(self.log.case + ':')} || events_of_cases.case_id" if own else ""
        ctes.append(cte("final", f"select\n    events_of_cases.*{attributes}\nfrom events_of_cases{join}"))
        sql = with_ctes(ctes).rstrip() + "\norder by case_id, occurred_at, source_row\n"
        case = self.log.text or f"a {self.log.case.replace('_', ' ')}"
        description = (
            f"The case view of {self.title}: a case is {case[:1].lower() + case[1:]}. An event of several cases stands in each."
        )
        test = {"is_compound_key": {"arguments": {"columns": ["case_id", "event_id"]}}}
        return self._published("", sql, description, columns, (test,))

    def _from_rows(self, final: str) -> str:
        return with_ctes([cte("event_rows", f"select * from {{{{ ref('{self.event_rows}') }}}}"), cte("final", final)])

    def _of_group(self) -> dict[str, object]:
        return {"group": self.group} if self.group else {}

    def _refers(self, suffix: str, column: str) -> object:
        return {"relationships": {"arguments": {"to": f"ref('{self.name}{suffix}')", "field": column}}}

    def _published(
        self, suffix: str, sql: str, description: str, columns: tuple[Column, ...], tests: tuple[object, ...] = ()
    ) -> Model:
        return Model(self.name + suffix, "event_logs", sql, description, columns, tests, {"access": "public", **self._of_group()})


EVENT_FIELDS = ("event_id", "activity", "occurred_at", "started_at", "resource")
