"""How good a table or an event log is, as one figure from 0 to 100 that can be followed over time.

What belongs here: the formula, and which results count. What does not: checking, and showing the figure.

A check that passes is worth 1. One that fails is worth half the share of its rows that are right, and 0 where it looked at no rows.
Errors weigh three times as much as warnings. The score is the weighted mean of the latest results, times 100.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lake.journal import CheckResult

if TYPE_CHECKING:
    import duckdb

WEIGHTS = {"error": 3.0, "warning": 1.0}
FAILED = 0.5  # the most a failed check is worth
MODEL_LAYERS = ("staging", "intermediate", "products")  # which only the tests of models write to


def score(results: Iterable[CheckResult]) -> float:
    """The score of what these checks are about; 100 where nothing was asked."""
    weighed = [(WEIGHTS[one.severity], _worth(one)) for one in results]
    total = sum(weight for weight, _ in weighed)
    return round(100 * sum(weight * worth for weight, worth in weighed) / total, 1) if total else 100.0


def score_of(layer: str, subject: str, results: Iterable[CheckResult]) -> tuple[str, str, float, int, int]:
    """A row for `record_scores`."""
    results = list(results)
    return layer, subject, score(results), len(results), sum(not one.passed for one in results)


def scores_of(results: Iterable[CheckResult]) -> list[tuple[str, str, float, int, int]]:
    """A row for each layer and subject among the results."""
    subjects: dict[tuple[str, str], list[CheckResult]] = {}
    for one in results:
        subjects.setdefault((one.layer, one.subject), []).append(one)
    return [score_of(layer, subject, found) for (layer, subject), found in subjects.items()]


def newest_of_models(connection: "duckdb.DuckDBPyConnection", process: str) -> list[CheckResult]:
    """What the tests of the last build said of an event log's own tables."""
    own = [process, *(f"{process}__{part}" for part in ("events", "objects", "event_objects", "object_objects"))]
    rows = connection.execute(
        "select layer, subject, check_name, passed, severity, blocking, rows_checked, rows_failed, detail"
        " from platform.check_results where layer = 'event_logs' and subject in (select unnest($own::varchar[]))"
        " and checked_at = (select max(checked_at) from platform.check_results"
        " where layer in (select unnest($layers::varchar[])))",
        {"own": own, "layers": list(MODEL_LAYERS)},
    ).fetchall()
    return [CheckResult(*row) for row in rows]


def _worth(result: CheckResult) -> float:
    if result.passed:
        return 1.0
    if not result.rows_checked:
        return 0.0
    return FAILED * max(0.0, 1 - result.rows_failed / result.rows_checked)
