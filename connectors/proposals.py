"""From a look into a system to a connection file a person reviews: resources, keys, cursors, staging mappings, an event log.

What belongs here: the proposal, how it differs from the present file, and writing it. What does not: what samples tell
(`connectors.relations`) and looking into a system (`connectors.manage.inspect`).

What the file says already stays as it is, comments included; a proposal only adds what is missing. Foreign keys that the system
declares become `references`, which the gate enforces; concluded ones stand in a comment, for a wrong one would hold rows back.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from io import StringIO
from math import log10
from pathlib import Path
from typing import Any

from connectors.connection import Connection, connection_of
from connectors.connector import Shape
from connectors.dbt_files import check_declarations
from connectors.mapping import identifier
from connectors.relations import TIME_WORDS, Table, noun, snake, tables_of, words
from lake.errors import ConnectionFileError

OWN_TABLES = ("sqlite_", "pg_", "spt_", "mysql")  # a database keeps these for itself
CASE_WORDS = frozenset({"order", "sale", "purchase", "opportunity", "lead", "ticket", "incident", "case", "claim", "request"})
CASE_WORDS |= {"requisition", "application", "issue", "contract", "project", "job", "loan", "permit", "complaint"}
PART_WORDS = frozenset({"line", "item", "detail", "history", "log", "queue", "tax"})  # rows of something else
MOST_OBJECTS = 6  # types of object besides the case that an event log is proposed with


@dataclass(frozen=True)
class Found:
    """What was concluded of one table."""

    resource: str
    table: Table
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Proposal:
    """A connection file as it is and as it might be."""

    connection: str
    before: str
    after: str
    found: tuple[Found, ...]
    cases: tuple[str, ...]  # resources whose rows look like cases, the likeliest first; the event log is that of the first
    notes: tuple[str, ...]
    path: Path | None = None

    @property
    def diff(self) -> str:
        """The difference, as `diff -u` shows it; empty if there is nothing to propose."""
        name = f"{self.connection}.yaml"
        lines = unified_diff(self.before.splitlines(True), self.after.splitlines(True), name, f"{name} (proposed)")
        return "".join(lines)

    def write(self) -> Path:
        """Puts the proposed file in its place, whole; returns its path.

        Raises:
            ConnectionFileError: The file has changed since the proposal was made, or there is none.
        """
        if self.path is None or not self.path.exists() or self.path.read_text(encoding="utf-8") != self.before:
            raise ConnectionFileError(
                f"{self.connection}.yaml has changed since the proposal was made.", remedy="Inspect again.", path=str(self.path)
            )
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        fresh.touch(mode=self.path.stat().st_mode & 0o777)
        fresh.write_text(self.after, encoding="utf-8")
        fresh.replace(self.path)
        return self.path


def propose(
    connection: Connection,
    shapes: Iterable[Shape],
    *,
    before: str = "",
    path: Path | None = None,
    only: Sequence[str] = (),
    case: str = "",
) -> Proposal:
    """Proposes what a connection file may say.

    Args:
        connection: The connection as it is.
        shapes: What its system showed.
        before: The text of its present file.
        path: The file; None: the proposal cannot be written.
        only: Tables to propose; default: those with rows, without views where other tables declare keys.
        case: The table whose rows are the cases of the event log; default: the likeliest.

    Raises:
        ConnectionFileError: The present file cannot be added to.
    """
    tables = tables_of(shapes)
    wanted = [table for table in tables if _is_wanted(table, tables, only)]
    names = _names(connection, wanted)
    found = tuple(Found(names[table.name], table, tuple(_notes(table, names))) for table in wanted)
    likely = sorted(((score, one) for one in found if (score := _case_score(one, found))), key=lambda pair: -pair[0])
    cases = [one for _, one in sorted(likely, key=lambda pair: pair[1].table.name != case)]
    log = _event_log(cases[0], found) if cases and not connection.event_logs else None
    after = _text(connection, before, found, log)
    left_out = sorted({table.name for table in tables} - {table.name for table in wanted})
    notes = [f"left out, without rows or key: {', '.join(left_out)}"] if left_out else []
    if log and len(cases) > 1:
        others = ", ".join(one.table.name for one in cases[1:6])
        notes.append(f"the event log takes a row of {cases[0].table.name} for a case; others might be: {others}")
    if log is None and not connection.event_logs:
        notes.append("no table has times that events could be made of")
    _check(connection, after, found)
    return Proposal(connection.name, before, after, found, tuple(one.resource for one in cases), tuple(notes), path)


def proposal_for(name: str, *, only: Sequence[str] = (), case: str = "") -> Proposal:
    """Looks into a connection's system and proposes what its file may say; see `propose` for the options.

    Raises:
        UnknownConnectionError: There is no such connection.
        SourceUnavailableError: Its system could not be looked into.
        ConnectionFileError: It has no file, being the demo company's, or one that cannot be added to.
    """
    from connectors.connections import get_connection
    from connectors.manage import inspect
    from connectors.standing import file_of

    connection, path = get_connection(name), file_of(name)
    if not path.exists():
        raise ConnectionFileError(
            f"{connection.label} is part of Grimoire and has no file.", remedy="Add a connection of your own."
        )
    before = path.read_text(encoding="utf-8")
    return propose(connection, inspect(name), before=before, path=path, only=only, case=case)


def _is_wanted(table: Table, tables: Sequence[Table], only: Sequence[str]) -> bool:
    if only:
        return table.name in only
    is_view = not table.is_key_declared and any(one.is_key_declared for one in tables)
    return bool(table.shape.sample) and not is_view and not table.name.startswith(OWN_TABLES)


def _names(connection: Connection, tables: Sequence[Table]) -> dict[str, str]:
    """The resource of each table: the one there is, or a new name."""
    there = {str(resource.options.get("table", resource.name)): resource.name for resource in connection.resources}
    names: dict[str, str] = {}
    for table in tables:
        name = there.get(table.name, snake(table.name))
        while name in names.values():
            name = f"{name[:46]}_2"
        names[table.name] = name
    return names


def _notes(table: Table, names: dict[str, str]) -> Iterable[str]:
    if table.key and not table.is_key_declared:
        yield f"key {', '.join(table.key)}: by uniqueness in {len(table.shape.sample)} rows"
    for one in table.references:
        if not one.is_declared and one.table in names:
            yield f"{one.column} -> {names[one.table]} ({one.cardinality}, by name and values)"
    if table.changed and not table.is_whole:
        yield f"cursor {table.changed}: filled in all of {len(table.shape.sample)} rows looked at; a row without it would be missed"
    if table.changed is None and {"write", "updated", "modified"} & {
        word for column in table.shape.columns for word in words(column)
    }:
        yield "no cursor: the time of the last change is empty in some rows"


# The staging mapping


def _staged(table: Table) -> dict[str, str]:
    """What staging calls each column: as this house writes names."""
    names: dict[str, str] = {}
    for column in table.shape.columns:
        name = snake(column)
        is_fine = column.lower() == name or column.startswith("_")  # the lake's own begin so
        names[column] = column if name in names.values() or is_fine else name
    return names


def _mapping(table: Table) -> dict[str, Any]:
    staged = _staged(table)
    texts = {one: "date" if table.has_days_only(one) else "timestamptz" for one in table.shape.columns if table.is_text_time(one)}
    ways = {one: table.time_format(one) for one in texts}
    rename = {column: name for column, name in staged.items() if column != name and not ways.get(column)}
    cast = {staged[one]: kind for one, kind in texts.items()}
    expression = {staged[one]: f"strptime({_sql(one)}, '{way}')" for one, way in ways.items() if way}
    parts = {"rename": rename, "expression": expression, "cast": cast}
    return {part: words for part, words in parts.items() if words}


def _resource(connection: Connection, one: Found, found: Sequence[Found]) -> dict[str, Any]:
    table = one.table
    names = {other.table.name: other.resource for other in found}
    before = [other.resource for other in found[: found.index(one)]]
    declared = {
        each.column: names[each.table]
        for each in table.references
        if each.is_declared and (names.get(each.table) in before or each.table == table.name)
    }
    words: dict[str, Any] = {"name": one.resource}
    if connection.type == "sql" and table.name != one.resource:
        words["table"] = table.name
    if table.key:
        words["key"] = table.key[0] if len(table.key) == 1 else list(table.key)
    if table.changed and not table.is_text_time(table.changed):
        words["cursor"] = table.changed
    if declared:
        words["references"] = declared
    mapping = _mapping(table)
    return {**words, "mapping": mapping} if mapping else words


# The event log


def _case_score(one: Found, found: Sequence[Found]) -> int:
    """How much a table's rows look like cases: they have times, a state, and other tables with times speak of them."""
    table, is_log = one.table, bool(_log_case(one.table))
    is_part = bool({*table.noun} & PART_WORDS)
    if not table.times or not (is_log or (not is_part and (_own_times(table) or table.state))):
        return 0
    pointing = [
        other.table for other in found if other is not one and any(each.table == table.name for each in other.table.references)
    ]
    with_times = sum(bool(_own_times(other)) for other in pointing)
    score = 2 * min(len(table.times), 5) + 5 * bool(table.state) + min(len(pointing), 3) + 2 * min(with_times, 3) + 8 * is_log
    score += 6 * bool({*table.noun} & CASE_WORDS)
    rows = table.shape.rows or len(table.shape.sample)
    return int(score * min(log10(rows + 1), 2.5)) if len(table.times) + with_times > 1 or is_log else 0


def _own_times(table: Table) -> list[str]:
    """Times beyond that of a row's creation."""
    return [column for column in table.times if not {*words(column)} & {"create", "created", "entry"}]


def _log_case(table: Table) -> str | None:
    """The column whose values come again row after row where a table is itself a log: each row an action upon a case."""
    if not table.action or not table.times:
        return None
    ids = [column for column in table.shape.columns if {*words(column)} & {"id", "no", "number", "case", "key", "code", "ticket"}]
    own = [column for column in ids if table.kind(column) in ("text", "number") and column not in table.key]
    repeated = [column for column in own if 1 < len(table.different(column)) < len(table.filled(column)) == len(table.shape.sample)]
    many = [column for column in repeated if len(table.different(column)) > len(table.different(table.action)) / 2]
    return many[0] if many and not table.is_key_declared else None


def _event_log(case: Found, found: Sequence[Found]) -> dict[str, Any]:
    kind = _object_type(case)
    log_case = _log_case(case.table)
    case_id = _staged(case.table)[log_case] if log_case else _identity(case)
    others = [] if log_case else _neighbours(case, found)
    described: dict[str, Any] = {"from": case.resource, "id": case_id}
    attributes = {} if log_case else _attributes(case)
    objects = {kind: {**described, **({"attributes": attributes} if attributes else {})}}
    objects |= {_object_type(one): {"from": one.resource, "id": _identity(one)} for one, _ in others}
    events = [_logged(case, kind, case_id)] if log_case else _dated(case, {kind: case_id})
    for one, column in others:
        to_case = _staged(one.table)[column]
        both = {kind: _sql(to_case), _object_type(one): _identity(one)}
        events += [_changed(one, kind, to_case)] if one.table.action and not one.table.state else _dated(one, both)
    links = [
        {
            "from": one.resource,
            "source": {_object_type(one): _identity(one)},
            "target": {kind: _sql(_staged(one.table)[column])},
            "qualifier": "belongs to",
        }
        for one, column in others
    ]
    title = f"{' '.join(noun(case.table.name)).capitalize()}"
    log = {"name": kind, "title": title, "case": kind, "objects": objects, "events": events}
    return {**log, "links": links} if links else log


def _neighbours(case: Found, found: Sequence[Found]) -> list[tuple[Found, str]]:
    """The tables with times that refer to the case, and by which column."""
    near = [
        (one, each.column)
        for one in found
        for each in one.table.references
        if one is not case and each.table == case.table.name and _own_times(one.table) and one.table.key
    ]
    return near[:MOST_OBJECTS]


def _dated(one: Found, objects: dict[str, str]) -> list[dict[str, Any]]:
    """An event for each time a row has."""
    staged = _staged(one.table)
    return [
        {
            "activity": _activity(one, column),
            "from": one.resource,
            "at": _sql(staged[column]),
            **_who(one, column),
            "objects": dict(objects),
        }
        for column in one.table.times
    ]


def _who(one: Found, time: str) -> dict[str, str]:
    person = one.table.person(time)
    return {"resource": _sql(_staged(one.table)[person])} if person else {}


def _logged(one: Found, kind: str, case_id: str) -> dict[str, Any]:
    """The event that each row of a log is."""
    return {**_happened(one), "objects": {kind: case_id}}


def _changed(one: Found, kind: str, to_case: str) -> dict[str, Any]:
    return {**_happened(one), "objects": {kind: _sql(to_case), _object_type(one): _identity(one)}}


def _happened(one: Found) -> dict[str, Any]:
    table, staged = one.table, _staged(one.table)
    action, at = table.action or "", (table.changed if _log_case(table) and table.changed else table.times[0])
    said: dict[str, Any] = {"activity": {"expression": _sql(staged[action])}, "from": one.resource, "at": _sql(staged[at])}
    is_numbered = len(table.key) == 1 and table.kind(table.key[0]) == "number"
    said |= {"order": _sql(staged[table.key[0]])} if is_numbered else {}
    return {**said, **_who(one, at)}


def _activity(one: Found, column: str) -> str:
    thing = " ".join(noun(one.table.name))
    said = [word for word in words(column) if word not in TIME_WORDS]
    rest = [word for word in said if word not in noun(one.table.name)] or (["entered"] if said else ["dated"])
    done = {"create": "created", "order": "ordered", "ship": "shipped", "close": "closed", "engage": "engaged", "open": "opened"}
    return f"{thing} {' '.join(done.get(word, word) for word in rest)}".capitalize()


def _attributes(one: Found) -> dict[str, str]:
    staged, state = _staged(one.table), one.table.state
    return {staged[state]: _sql(staged[state])} if state and staged[state] not in ("resource", "activity") else {}


def _object_type(one: Found) -> str:
    return "_".join(noun(one.table.name))[:40] or one.resource


def _identity(one: Found) -> str:
    staged = [_sql(_staged(one.table)[column]) for column in one.table.key]
    return staged[0] if len(staged) == 1 else f"concat_ws('/', {', '.join(staged)})" if staged else "_row_key"


def _sql(column: str) -> str:
    """A column as SQL names it; quoted where it could be read as something else."""
    from connectors.expressions import FaultyText, plain_column

    try:
        return column if plain_column(column) == column else identifier(column)
    except FaultyText:
        return identifier(column)


# The file


def _text(connection: Connection, before: str, found: Sequence[Found], log: dict[str, Any] | None) -> str:
    """The present text with what is missing, in its own style."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.error import YAMLError

    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 1000
    indented = any(line.startswith(("  - ", "    - ")) for line in before.splitlines())
    yaml.indent(mapping=2, sequence=4 if indented else 2, offset=2 if indented else 0)
    try:
        words = yaml.load(before) if before.strip() else CommentedMap(type=connection.type)
    except YAMLError as error:
        raise ConnectionFileError(f"{connection.name}.yaml is no YAML: {error}", remedy="Mend the file.") from None
    is_of_system = bool(connection.system) and "resources" not in words  # all of the system's, which knows them better
    if not is_of_system:
        _add_resources(connection, words, found, CommentedSeq)
    if log is not None:
        words["event_logs"] = _styled([log])
    out = StringIO()
    yaml.dump(words, out)
    same = before.rstrip("\n") == out.getvalue().rstrip("\n")
    return before if same else out.getvalue()


def _add_resources(connection: Connection, words: Any, found: Sequence[Found], sequence: type) -> None:
    """Adds the resources that are missing, and to those there are what they do not say."""
    listed = words.get("resources")
    if listed is None:
        listed = words["resources"] = sequence()
    there = {each.get("name") if isinstance(each, dict) else each: each for each in listed}
    for one in found:
        offered = _resource(connection, one, found)
        if one.resource not in there:
            listed.append(_styled(offered))
            _comment(listed, len(listed) - 1, one.notes)
        elif isinstance(there[one.resource], dict) and not connection.system:
            _complete(there[one.resource], offered)


def _complete(said: Any, offered: dict[str, Any]) -> None:
    missing = [field for field in ("key", "cursor", "mapping") if field in offered and field not in said]
    for field in missing:
        said[field] = _styled(offered[field])


def _comment(listed: Any, at: int, notes: Sequence[str]) -> None:
    if notes and at:
        listed.yaml_set_comment_before_after_key(at, before="\n".join(notes))
    elif notes:
        listed[at].yaml_set_start_comment("\n".join(notes))


def _styled(value: Any, depth: int = 0) -> Any:
    """As ruamel writes it: small mappings and lists on one line."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    if isinstance(value, dict):
        mapped = CommentedMap({key: _styled(one, depth + 1) for key, one in value.items()})
        if depth > 1 and len(repr(value)) < 100 and all(not isinstance(one, list) for one in value.values()):
            mapped.fa.set_flow_style()
        return mapped
    if isinstance(value, list):
        listed = CommentedSeq(_styled(one, depth + 1) for one in value)
        if all(isinstance(one, str) for one in value):
            listed.fa.set_flow_style()
        return listed
    return value


def _check(connection: Connection, text: str, found: Sequence[Found]) -> None:
    """A proposal must be usable as it stands."""
    import yaml

    words = yaml.safe_load(text)
    proposed = connection_of({**words, "name": connection.name}, origin=f"{connection.name}.yaml (proposed)")
    known = {one.resource: one.table.shape.columns for one in found}
    check_declarations(proposed, {name: columns for name, columns in known.items() if name in {r.name for r in proposed.resources}})
