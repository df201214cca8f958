"""Dead letters: rows and records that could not land, listed, counted, and played again once what was wrong has been mended.

What belongs here: reading quarantine.rows and bringing what is in it back on the way. What does not: deciding what may land
(`connectors.landing_gate`) and what a raw record's rows are (each kind's `revived`).

Two sorts: rows that the gate held back, which wait in full beside the staged packages and are judged again; and records that never
became rows, of which the raw text is kept. Either may be replaced by what a person has made of it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from connectors.connection import Connection, Resource
from connectors.connections import get_connection
from connectors.connector import connector_of
from connectors.landing_gate import letter_key
from connectors.load import LoadReport, land_pending, only_one
from connectors.packages import pending, replace_held, stage
from connectors.staged import Progress, no_progress
from lake import connect, get_settings, in_transaction
from lake.errors import DataError
from lake.journal import ensure_platform_tables

if TYPE_CHECKING:
    import pyarrow as pa

LETTER_ID = "left(md5(concat_ws(chr(31), source, table_name, rule, coalesce(row_key, ''), row_json)), 12)"
_COLUMNS = (
    "source, table_name, row_key, rule, reason, row_json, quarantined_at, load_id, resolved_at, kind, resolution, resolved_by, note"
)
Kind = Literal["held", "flagged"]  # held back by a gate; or in an event log all the same, and doubtful
CORRECTED = "corrected"


@dataclass(frozen=True)
class DeadLetter:
    """One row or record that could not land, and the rule that it broke."""

    id: str
    connection: str
    resource: str
    row_key: str | None
    rule: str
    reason: str
    payload: str  # the row as JSON, or the raw record as text
    quarantined_at: datetime
    load_id: str
    resolved_at: datetime | None
    kind: Kind = "held"
    resolution: str | None = None  # corrected, accepted or dropped by a person; None: not yet, or it landed by itself
    resolved_by: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class LetterCount:
    """How many dead letters of one rule there are."""

    connection: str
    resource: str
    rule: str
    open: int
    resolved: int
    oldest_open: datetime | None


@dataclass(frozen=True)
class Replayed:
    """What came of playing dead letters again."""

    connection: str
    asked: int  # letters that were open and chosen
    resolved: int  # of them
    still_open: int
    rows_landed: int  # all that landed with it, rows of other letters included
    problems: Mapping[str, str] = field(default_factory=dict)  # letter to why it still cannot become a row


def dead_letters(
    connection: str | None = None,
    *,
    resource: str | None = None,
    rule: str | None = None,
    is_open: bool | None = True,
    ids: Iterable[str] = (),
    limit: int | None = 100,
    kind: Kind | None = "held",
) -> list[DeadLetter]:
    """The dead letters that fit, newest first.

    Args:
        connection: Of this connection only.
        resource: Of this resource only.
        rule: That broke this rule only.
        is_open: Open ones, or resolved ones; None: both.
        ids: Only these.
        limit: At most so many; None: all.
        kind: Rows held back by a gate, or rows flagged in event logs; None: both.
    """
    where, values = _condition(connection, resource, rule, is_open, list(ids), kind)
    cut = f" limit {int(limit)}" if limit is not None else ""
    found = _rows(f"select {LETTER_ID}, {_COLUMNS} from quarantine.rows where {where} order by quarantined_at desc, 1{cut}", values)
    return [_letter(*row) for row in found]


def count_letters(
    connection: str | None = None, *, resource: str | None = None, rule: str | None = None, kind: Kind | None = "held"
) -> list[LetterCount]:
    """How many dead letters there are by connection, resource and rule, the rule with most open ones first."""
    where, values = _condition(connection, resource, rule, None, [], kind)
    found = _rows(
        "select source, table_name, rule, count(*) filter (resolved_at is null), count(resolved_at),"
        " min(quarantined_at) filter (resolved_at is null) from quarantine.rows"
        f" where {where} group by all order by 4 desc, 1, 2, 3",
        values,
    )
    return [LetterCount(*row) for row in found]


def replay(
    connection: str,
    *,
    resource: str | None = None,
    rule: str | None = None,
    ids: Iterable[str] = (),
    corrected: Mapping[str, Any] | None = None,
    progress: Progress = no_progress,
    by: str | None = None,
    note: str | None = None,
) -> Replayed:
    """Judges rows held back again, and makes rows of records that were none; without a choice, of all open letters.

    Rows that the gate holds back wait together: whatever is chosen, all of them are judged again, for one may wait for another.

    Args:
        connection: A connection's name.
        resource: Letters of this resource only.
        rule: Letters that broke this rule only.
        ids: These letters only.
        corrected: Letter to the record, or records, that are to land instead.
        progress: Called with a description and the share done.
        by: Who corrected them.
        note: Why.

    Raises:
        UnknownConnectionError: There is no such connection.
        DataError: A letter is unknown, or resolved already.
        QualityGateError: The gate closed; nothing landed, nothing was lost, and what was corrected waits.
        AlreadyRunningError: Another process loads this connection.
    """
    source, corrected = get_connection(connection), dict(corrected or {})
    with only_one(source):
        chosen = dead_letters(source.name, resource=resource, rule=rule, ids=[*ids, *corrected], limit=None)
        _refuse_unknown({*ids, *corrected}, chosen, source)
        if pending(source).load_ids:  # what was read before lands first: replayed rows are to be the newer ones
            land_pending(source, progress=progress)
        staged, problems = _stage(source, chosen, corrected)
        report = land_pending(source, progress=progress, again=True)
        connector_of(source).landed()
        _resolve(source, staged)
        _note_corrected(source, [letter for letter in staged if letter.id in corrected], by=by, note=note)
    return _replayed(source, chosen, report, problems)


def read_corrections(path: Path) -> dict[str, Any]:
    """Corrected records from a JSON file: an object of letter to record, or a list of objects with `id` and `payload`.

    Raises:
        DataError: The file is neither.
    """
    try:
        words = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}.", remedy="Write an object of letter id to corrected record.") from None
    if isinstance(words, list) and all(isinstance(each, dict) and {"id", "payload"} <= set(each) for each in words):
        words = {str(each["id"]): each["payload"] for each in words}
    if not isinstance(words, dict):
        raise DataError(f"{path} holds no corrections.", remedy='Write {"<letter id>": {"<column>": "<value>"}}.')
    return {name: json.loads(value) if isinstance(value, str) else value for name, value in words.items()}


def _refuse_unknown(ids: set[str], chosen: Sequence[DeadLetter], source: Connection) -> None:
    unknown = sorted(ids - {letter.id for letter in chosen})
    if unknown:
        raise DataError(
            f"{source.label} has no open dead letter {', '.join(unknown[:5])}.",
            remedy=f"`grimoire connect letters {source.name}` lists them.",
        )


def _stage(
    source: Connection, chosen: Sequence[DeadLetter], corrected: Mapping[str, Any]
) -> tuple[list[DeadLetter], dict[str, str]]:
    """Stages what raw and corrected letters hold; those whose rows wait as they are need none of it.

    A corrected row leaves the rows held back, so that only what the person made of it is judged.
    """
    connector, names = connector_of(source), {resource.name for resource in source.resources}
    staged: list[DeadLetter] = []
    problems: dict[str, str] = {}
    rows: dict[str, list[dict[str, Any]]] = {}
    waiting = _held_keys(source)
    for letter in chosen:
        is_held = letter.row_key in waiting.get(letter.resource, set())
        if letter.resource not in names or (is_held and letter.id not in corrected):
            continue
        text = json.dumps(corrected[letter.id]) if letter.id in corrected else letter.payload
        try:
            revived = connector.revived(source.resource(letter.resource), letter.row_key or "", text)
            json.dumps(
                revived, default=str, ensure_ascii=False
            ).encode()  # halves of characters, which JSON may escape, are no text
            rows.setdefault(letter.resource, []).extend(revived)
            staged.append(letter)
        except (ValueError, LookupError, TypeError) as error:
            problems[letter.id] = str(error)
    for name, revived in rows.items():
        stage(source, name, _table(source, source.resource(name), revived))
    for name in names:
        gone = [letter.row_key for letter in staged if letter.resource == name and letter.row_key in waiting.get(name, set())]
        replace_held(source, name, key=letter_key(source.resource(name)), without=[key for key in gone if key is not None])
    return staged, problems


def _held_keys(source: Connection) -> dict[str, set[str | None]]:
    """Per resource the keys of the rows that the gate holds back."""
    import duckdb

    found: dict[str, set[str | None]] = {}
    for name, paths in pending(source).held.items():
        if paths:
            files = [str(path) for path in paths]
            key = letter_key(source.resource(name))
            sql = f"select distinct nullif({key}, '') from read_parquet($files, union_by_name = true)"
            found[name] = {row[0] for row in duckdb.execute(sql, {"files": files}).fetchall()}
    return found


def _table(source: Connection, resource: Resource, rows: list[dict[str, Any]]) -> "pa.Table":
    """Rows as text, as every reading of JSON stages them; the gate casts them."""
    from connectors.kinds.rest_options import EndpointOptions
    from connectors.kinds.rest_records import Records

    table = Records(source, resource, EndpointOptions(), lambda raw: (raw,), None, {})(rows)
    if table is None:
        raise DataError(f"{resource.name}: the corrected records hold text that is none.", remedy="Correct them again.")
    return table


def _resolve(source: Connection, letters: Sequence[DeadLetter]) -> None:
    """Notes that letters have become rows: landed, or held back under a letter of their own."""
    if letters:
        ids = [letter.id for letter in letters]
        in_transaction(
            lambda lake: lake.execute(
                f"update quarantine.rows set resolved_at = now() where resolved_at is null and source = $source"
                f" and quarantined_at <= $until and {LETTER_ID} in (select unnest($ids::varchar[]))",
                {"source": source.name, "ids": ids, "until": max(letter.quarantined_at for letter in letters)},
            )
        )


def _note_corrected(source: Connection, letters: Sequence[DeadLetter], *, by: str | None, note: str | None) -> None:
    """Keeps that a person has put another record in their place, who, and why."""
    if letters:
        known = {"how": CORRECTED, "by": by, "note": note, "source": source.name, "ids": [letter.id for letter in letters]}
        in_transaction(
            lambda lake: lake.execute(
                "update quarantine.rows set resolution = $how, resolved_by = $by, note = $note where source = $source"
                f" and resolution is null and {LETTER_ID} in (select unnest($ids::varchar[]))",
                known,
            )
        )


def _replayed(source: Connection, chosen: Sequence[DeadLetter], report: LoadReport, problems: dict[str, str]) -> Replayed:
    still = (
        {letter.id for letter in dead_letters(source.name, ids=[letter.id for letter in chosen], limit=None)} if chosen else set()
    )
    asked = {letter.id for letter in chosen}
    landed = sum(table.rows_landed for table in report.tables)
    return Replayed(source.name, len(asked), len(asked - still), len(asked & still), landed, problems)


def _condition(
    connection: str | None, resource: str | None, rule: str | None, is_open: bool | None, ids: list[str], kind: Kind | None
) -> tuple[str, dict[str, Any]]:
    given = {"source": connection, "table_name": resource, "rule": rule, "kind": kind}
    parts = [f"{column} = ${column}" for column, value in given.items() if value is not None]
    values: dict[str, Any] = {column: value for column, value in given.items() if value is not None}
    if is_open is not None:
        parts.append(f"resolved_at is {'' if is_open else 'not '}null")
    if ids:
        parts.append(f"{LETTER_ID} in (select unnest($ids::varchar[]))")
        values["ids"] = ids
    return " and ".join(parts) or "true", values


def _letter(identity: str, *row: Any) -> DeadLetter:
    source, table, key, rule, reason, payload, quarantined_at, load_id, resolved_at, *decided = row
    moment = quarantined_at.astimezone(UTC)
    return DeadLetter(identity, source, table, key, rule, reason, payload, moment, load_id, resolved_at, *decided)


def _rows(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Rows of quarantine; none where nothing has been loaded yet."""
    import duckdb

    from lake.connection import lake_exists

    if not lake_exists(get_settings()):
        return []
    with connect(read_only=True) as lake:
        try:
            return lake.execute(sql, values).fetchall()
        except duckdb.CatalogException:
            return []
        except duckdb.BinderException:  # a lake of an earlier version, whose quarantine knows no decisions yet
            in_transaction(ensure_platform_tables)
    with connect(read_only=True) as lake:
        return lake.execute(sql, values).fetchall()
