"""What earlier runs left of a process: whether its predictions would come out the same now, and when it was trained last.

What belongs here: reading that from schema `predictions`. What does not: writing it (`models.cases.tables`) and predicting
(`models.cases.running`).
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lake.connection import quote
from lake.versions import unchanged_between
from mining.sql_text import literal
from models.evidence import code_version

if TYPE_CHECKING:
    import duckdb


def origin(definition: Mapping[str, Any], model_version: str | None) -> dict[str, str | None]:
    """What predictions are made from beside the log: the definition, as a word for it, the champion's version and the code's."""
    words = json.dumps(definition, sort_keys=True, default=str)
    digest = hashlib.sha256(words.encode()).hexdigest()[:16]
    return {"definition": digest, "model_version": model_version, "code_version": code_version()}


def is_current(connection: "duckdb.DuckDBPyConnection", process: str, *, snapshot_id: int, made_from: Mapping[str, Any]) -> bool:
    """Whether the predictions that are there were made from this definition, champion and code, and from the log as it is.

    Args:
        connection: A connection of the lake that reads that snapshot.
        process: Name of the process.
        snapshot_id: Id of the lake's newest snapshot.
        made_from: As `origin` gives it.
    """
    names = ", ".join(made_from)
    rows = _ask(connection, f"select {names}, snapshot_id from predictions.scored where process = {literal(process)}")
    if len(rows) != 1 or rows[0][:-1] != tuple(made_from.values()):
        return False
    return unchanged_between(connection, f"event_logs.{quote(process)}", rows[0][-1], snapshot_id)


def last_training(connection: "duckdb.DuckDBPyConnection", process: str) -> datetime | None:
    """The last event of the log that a training has seen, whether or not what it made took the title; None if none is known."""
    rows = _ask(connection, f"select max(trained_until) from predictions.trainings where process = {literal(process)}")
    return rows[0][0] if rows else None


def known_measures(connection: "duckdb.DuckDBPyConnection", process: str) -> dict[str, Any]:
    """What a report says of the predictions that are there: open cases, errors, coverage, targets the floor serves, why skipped."""
    whose = f"where process = {literal(process)}"
    (open_cases,) = _ask(connection, f"select count(*) from predictions.scores {whose}")[0]
    rows = _ask(connection, f"select target, measure, value, floor, is_served from predictions.measures {whose}")
    found = {(target, measure): (value, floor) for target, measure, value, floor, _ in rows}
    skipped = _ask(connection, f"select reason from predictions.skipped {whose}")
    if skipped:
        return {"skipped": skipped[0][0]}
    mae, floor_mae = found.get(("remaining_time", "mae_days"), (None, None))
    return {
        "open_cases": open_cases,
        "mae_days": mae,
        "floor_mae_days": floor_mae,
        "coverage_80": found.get(("remaining_time", "coverage_80"), (None, None))[0],
        "floors": tuple(dict.fromkeys(target for target, *_, is_served in rows if not is_served)),
    }


def _ask(connection: "duckdb.DuckDBPyConnection", sql: str) -> list[Any]:
    """Rows, or none where nothing was ever predicted."""
    import duckdb

    try:
        return connection.execute(sql).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):  # no table yet, or one of before a column was added
        return []
