"""Predictions for running cases: who is at risk and why, how good the model is beside its floor.

What belongs here: reading queries over schema `predictions` and the words for its targets and measures. What does not: charts and
layout (page Predictions), and predicting (`models.cases`).
"""

from collections.abc import Sequence
from typing import Any

from apps.streamlit.asking import ask
from apps.streamlit.reading import Rows, has_tables, rows
from apps.streamlit.wording import duration, number, share
from mining.filters import Filter

LISTED = 500
SCORES = "predictions.scores"
Filters = Sequence[Filter]
OUTCOMES = {"late": "Late", "cancelled": "Cancelled", "reworked": "Reworked"}
TARGETS = {"remaining_time": "Remaining time", **OUTCOMES, "next_activity": "Next activity"}
DAY = 86_400.0


def skipped(process: str, *, as_of: int | None = None) -> str | None:
    """Why nothing is predicted of the process; None where something is, or where nobody has tried."""
    found = _of("skipped", process, "select reason from predictions.skipped where process = ?", as_of=as_of)
    return found[0]["reason"] if found else None


def size(process: str, stack: Filters = (), *, as_of: int | None = None) -> dict[str, Any] | None:
    """Number of open cases, how many are more likely than not to end badly, and when and with which model they were scored."""
    found = _scored(
        process,
        stack,
        """select count(*) as cases, count(*) filter (risk >= 0.5) as at_risk, median(remaining_days) as remaining_days,
                  max(computed_at) as computed_at, max(snapshot_id) as snapshot_id, any_value(model_version) as model_version,
                  any_value(mlflow_run_id) as mlflow_run_id, count(late_risk) > 0 as late,
                  count(cancelled_risk) > 0 as cancelled, count(reworked_risk) > 0 as reworked from scored""",
        as_of=as_of,
    )
    return found[0] if found and found[0]["cases"] else None


def listed(process: str, stack: Filters = (), *, by: str = "risk", activity: str | None = None, as_of: int | None = None) -> Rows:
    """Open cases, the riskiest first by any outcome or by one; of one activity or all; at most 500.

    Args:
        process: The process.
        stack: Filters; only cases they keep.
        by: `risk`, `late`, `cancelled`, `reworked` or `remaining`, the longest first.
        activity: Only those whose last event was this one.
        as_of: Snapshot to read the lake as of; None: the newest.
    """
    order = {"risk": "rank", "remaining": "remaining_days desc nulls last, rank"}
    if by not in order and by not in OUTCOMES:
        raise ValueError(by)
    ordered = order.get(by, f"{by}_risk desc nulls last, rank")
    question = f"select * from scored where $2 is null or activity = $2 order by {ordered} limit {LISTED}"
    return _scored(process, stack, question, activity, as_of=as_of)


def activities(process: str, stack: Filters = (), *, as_of: int | None = None) -> Rows:
    """Where the open cases stand: activity, cases, mean risk and median remaining days, the most at risk first."""
    return _scored(
        process,
        stack,
        """select activity, count(*) as cases, avg(risk) as risk, median(remaining_days) as remaining_days
           from scored group by activity order by sum(risk) desc nulls last, activity""",
        as_of=as_of,
    )


def _scored(process: str, stack: Filters, question: str, *params: Any, as_of: int | None) -> Rows:
    """Rows of a question over `scored`, the open cases; under filters only those they keep."""
    if not has_tables(SCORES, as_of=as_of):
        return []
    every = f"with scored as (select * from {SCORES} where process = $1) {question}"
    if not stack:
        return rows(every, process, *params, needs=(SCORES,), as_of=as_of)
    some = f", scored as (select * from {SCORES} where process = $1 and case_id in (select case_id from kept)) {question}"
    return ask(process, tuple(stack), some, process, *params, as_of=as_of)


def reasons(process: str, case_id: str, *, as_of: int | None = None) -> Rows:
    """Why a case is scored as it is: target, feature, value, contribution, text."""
    return _of(
        "reasons",
        process,
        """select target, rank, text, feature, value, contribution from predictions.reasons where process = ? and case_id = ?
           order by target, rank""",
        case_id,
        as_of=as_of,
    )


def measures(process: str, *, as_of: int | None = None) -> Rows:
    """Every measure of every target, with the floor's: target, measure, value, floor, is_served."""
    return _of(
        "measures",
        process,
        "select target, measure, value, floor, is_served, model_version, computed_at from predictions.measures where process = ?",
        as_of=as_of,
    )


def earliness(process: str, target: str, *, as_of: int | None = None) -> Rows:
    """Error by the number of events known: prefix_length, prefixes, who ('model' or 'floor'), error."""
    found = _of(
        "earliness",
        process,
        """select prefix_length, prefixes, error, floor_error from predictions.earliness where process = ? and target = ?
           and prefixes >= 10 order by prefix_length limit 100""",
        target,
        as_of=as_of,
    )
    named = (("Model", "error"), ("Floor", "floor_error"))
    return [
        {"events": row["prefix_length"], "prefixes": row["prefixes"], "who": who, "error": row[column]}
        for row in found
        for who, column in named
        if row[column] is not None
    ]


def calibration(process: str, target: str, *, as_of: int | None = None) -> Rows:
    """Predicted against observed shares: bin, prefixes, predicted, observed."""
    return _of(
        "calibration",
        process,
        """select bin, prefixes, predicted, observed from predictions.calibration where process = ? and target = ?
           and prefixes > 0 order by bin""",
        target,
        as_of=as_of,
    )


def importance(process: str, target: str, *, as_of: int | None = None) -> Rows:
    """What the model looks at most: feature, share."""
    return _of(
        "importance",
        process,
        "select feature, share from predictions.importance where process = ? and target = ? order by share desc limit 12",
        target,
        as_of=as_of,
    )


def drifted(process: str, *, as_of: int | None = None) -> Rows:
    """The features that have moved far since the training, the farthest first."""
    return _of(
        "drift",
        process,
        """select feature, stability_index from predictions.drift where process = ? and is_drift
           order by stability_index desc limit 20""",
        as_of=as_of,
    )


def trainings(process: str, *, as_of: int | None = None) -> Rows:
    """Every training, the newest first."""
    return _of(
        "trainings",
        process,
        """select computed_at, model_version, alias, reason, cases, prefixes, trained_until, mlflow_run_id
           from predictions.trainings where process = ? order by computed_at desc limit 50""",
        as_of=as_of,
    )


def _of(table: str, process: str, sql: str, *params: Any, as_of: int | None) -> Rows:
    return rows(sql, process, *params, needs=(f"predictions.{table}",), as_of=as_of)


SMALLER_IS_BETTER = {"mae_days": True, "brier": True, "auc": False, "accuracy": False}
MEASURES = {"mae_days": "Mean absolute error", "brier": "Brier score", "accuracy": "Right", "auc": "Area under the curve"}


def measured(value: float | None, measure: str) -> str:
    """A measure's value in its unit."""
    if measure == "mae_days":
        return duration(value * DAY) if value is not None else "–"
    return share(value) if measure in {"accuracy", "share", "coverage_80", "coverage_95"} else number(value)


def verdict(found: Rows, target: str) -> str:
    """What the measures say of a target, in words: whether the model serves, and how far it is above the floor."""
    of_target = {row["measure"]: row for row in found if row["target"] == target}
    main = next((of_target[name] for name in MEASURES if name in of_target), None)
    if main is None:
        return "Not measured: too few cases of the test part tell."
    if not main["is_served"] or main["value"] is None:
        return "The model does not beat the floor here, so the floor serves."
    if main["floor"] in (None, 0):
        return "The model serves."
    if SMALLER_IS_BETTER[main["measure"]]:
        return f"The model's error is {share(1 - main['value'] / main['floor'], digits=0)} below the floor's."
    return f"The model is right {100 * (main['value'] - main['floor']):.0f} percentage points more often than the floor."
