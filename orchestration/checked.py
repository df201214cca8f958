"""What the check steps do, wherever it is done: an event log's expectations, and the classification of columns, told and recorded.

What belongs here: those functions, free of Dagster. What does not: the expectations (`connectors.quality`, `connectors.log_checks`)
and what makes a column personal (`connectors.classification`).
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from lake.journal import CheckResult
from lake.settings import get_settings

if TYPE_CHECKING:
    from lake.catalog import Check, Table
    from orchestration.ahead import Tell


def check_and_record(process: str, *, progress: "Tell") -> list[CheckResult]:
    """The results of a process's expectations, which are in platform.check_results too, with its score and what offends them."""
    from connectors.log_quality import inspect_log, record_verdict
    from lake import connect, current_snapshot, in_transaction

    progress(f"Checking {process}", 0.0)
    with connect(read_only=True) as connection:
        connection.begin()  # the results and the snapshot they name belong together
        snapshot, verdict = current_snapshot(connection), inspect_log(process, connection=connection)
    in_transaction(lambda connection: record_verdict(connection, verdict, snapshot_id=snapshot))
    return verdict.results


def check_classes(tables: list[str], *, progress: "Tell") -> list[CheckResult]:
    """Whether the personal columns of these tables are classified; results that say something new are in platform.check_results.

    The scan reads samples only, and none where neither a table nor a classification has changed since the last one. A result like
    the last one is not recorded again: most runs change no column's nature.
    """
    from connectors.classification import check_classification
    from lake import connect, current_snapshot, in_transaction
    from lake.catalog import catalog
    from lake.journal import record_checks

    progress("Looking for personal columns", 0.0)
    with connect(read_only=True) as connection:
        connection.begin()
        snapshot, whole = current_snapshot(connection), catalog(connection)
        there = [whole.tables[key] for key in tables if key in whole.tables]
        seen = _remembered(there)
        if seen is not None:
            return seen
        results = check_classification(there, connection=connection)
    known = {(table.key, check.name): check for table in there for check in table.checks}
    fresh = [one for one in results if _is_news(one, known.get((f"{one.layer}.{one.subject}", one.check_name)))]
    if fresh:
        in_transaction(lambda connection: record_checks(connection, fresh, snapshot_id=snapshot))
    _remember(there, results)
    return results


def _is_news(result: CheckResult, last: "Check | None") -> bool:
    return last is None or (last.passed, last.rows_failed, last.detail) != (result.passed, result.rows_failed, result.detail)


def _remembered(tables: "Sequence[Table]") -> list[CheckResult] | None:
    """What the last scan of these tables found, if they are as they were then."""
    path = _memory(tables)
    try:
        words = json.loads(path.read_text(encoding="utf-8"))
        return [CheckResult(**one) for one in words["results"]] if words["state"] == _state(tables) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(tables: "Sequence[Table]", results: Sequence[CheckResult]) -> None:
    words = {"state": _state(tables), "results": [asdict(one) for one in results]}
    _memory(tables).write_text(json.dumps(words), encoding="utf-8")


def _memory(tables: "Sequence[Table]") -> Path:
    names = hashlib.sha256(repr([table.key for table in tables]).encode()).hexdigest()[:16]
    return get_settings().folder("dbt", "classified") / f"{names}.json"


def _state(tables: "Sequence[Table]") -> str:
    """Changes with rows, columns and classifications."""
    words = [(table.key, str(table.built_at), [(one.name, one.classification) for one in table.columns]) for table in tables]
    return hashlib.sha256(repr(words).encode()).hexdigest()
