"""The whole way of the running cases: train what needs it, score all that are open, write the tables.

What belongs here: the order of steps, and which predictor holds the title. What does not: the steps.

The predictor that is newly trained takes the title unless the one that holds it errs less on the same later cases. A log that
cannot be learnt from, because too few of its cases have ended, is skipped and says why.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lake.connection import connect
from lake.errors import DataError, ModelError
from lake.registry import definition_of, processes
from lake.snapshots import current_snapshot
from lake.transactions import in_transaction
from mining.event_log import EventLog
from models.cases.case_settings import case_settings
from models.cases.earlier import is_current, known_measures, last_training, origin
from models.cases.evaluation import absolute_error
from models.cases.predictor import CasePredictor
from models.cases.reasons import EXPLAINED, Importance, Reason, explain, importance
from models.cases.registry import Alias, CaseRegistry, Kept
from models.cases.tables import write_rows
from models.cases.training import train
from models.cases.watching import LEAST_PREFIXES, Drift, drift, reason_to_train

if TYPE_CHECKING:
    import duckdb

    from models.cases.predictor import CaseScore
    from models.cases.samples import Sample

Progress = Callable[[str, float], None]
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class PredictionReport:
    """What became of one process. A skipped one says why; errors are those measured at the champion's training."""

    process: str
    open_cases: int = 0
    model_version: str | None = None
    trained: str | None = None  # why, if it was trained now
    mae_days: float | None = None
    floor_mae_days: float | None = None
    coverage_80: float | None = None
    floors: tuple[str, ...] = ()  # targets whose model does not beat the floor
    skipped: str | None = None


@dataclass(frozen=True)
class _Outcome:
    """What is written of a process."""

    process: str
    snapshot_id: int
    champion: Kept
    predictor: CasePredictor
    scores: "Sequence[CaseScore]"
    reasons: Sequence[Reason]
    importances: Sequence[Importance]
    drifts: Sequence[Drift]
    trained: str | None
    made_from: Mapping[str, str | None]
    trainings: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


def predict_all(
    names: Sequence[str] | None = None, *, retrain: bool = False, progress: Progress | None = None
) -> list[PredictionReport]:
    """Scores the open cases of every process with an event log, and trains where there is no champion or it has aged.

    Args:
        names: Processes; default: all.
        retrain: Train all of them anew.
        progress: Told what is being done and the share done, 0 to 1.

    Returns:
        One report per process, the skipped ones included.

    Raises:
        UnknownProcessError: One of the names is no process with an event log.
        ModelError: The registry is away, or a champion cannot be loaded.
    """
    tell = progress or (lambda _description, _done: None)
    with connect(read_only=True) as connection:
        wanted = [one.name for one in processes(connection)] if names is None else list(names)
    if not wanted:
        return []
    tell("opening the model registry", 0.0)
    registry = CaseRegistry()
    reports = {} if retrain else _standing(registry, wanted)
    for process in (name for name in wanted if name not in reports):
        tell(f"predicting {process}", len(reports) / len(wanted))
        reports[process] = _predict(registry, process, retrain=retrain)
    tell("predictions written", 1.0)
    return [reports[process] for process in wanted]


def _standing(registry: CaseRegistry, wanted: Sequence[str]) -> dict[str, PredictionReport]:
    """Reports of the processes whose predictions would come out as they are."""
    found = {}
    with connect(read_only=True) as connection:
        snapshot_id = current_snapshot(connection)
        known = {one.name for one in processes(connection)}
        for process in (name for name in wanted if name in known):
            holder = registry.holder(process)
            version = holder.version if holder else None
            made_from = origin(definition_of(connection, process), version)
            if is_current(connection, process, snapshot_id=snapshot_id, made_from=made_from):
                found[process] = PredictionReport(process, model_version=version, **known_measures(connection, process))
    return found


def _predict(registry: CaseRegistry, process: str, *, retrain: bool) -> PredictionReport:
    with EventLog.from_lake(process) as log:
        snapshot_id = log.snapshot_id or 0
        try:
            outcome = _outcome(registry, log, process, snapshot_id, retrain=retrain)
        except DataError as error:
            holder = registry.holder(process)
            made_from = origin(definition_of(log.connection, process), holder.version if holder else None)
            return _skip(process, snapshot_id, str(error), made_from)
    return in_transaction(lambda connection: _write(connection, outcome))


def _outcome(registry: CaseRegistry, log: EventLog, process: str, snapshot_id: int, *, retrain: bool) -> _Outcome:
    definition = definition_of(log.connection, process)
    champion, predictor = registry.holder(process), None
    if champion is not None:
        with contextlib.suppress(
            *((ModelError,) if retrain else ())
        ):  # one that cannot be loaded is replaced when that is asked for
            predictor = _usable(registry, log, process, definition)
    reason, sample, drifts = "asked for" if retrain else "no champion fits this log", None, list[Drift]()
    if predictor is not None:
        sample = predictor.open_cases(log)
        drifts, why = _watched(
            predictor, log, since=max(last_training(log.connection, process) or _LONG_AGO, predictor.trained_until)
        )
        reason = reason if retrain else (why or "")
    trainings: list[dict[str, Any]] = []
    if reason:
        champion, predictor, trained = _train(registry, log, process, definition, predictor, snapshot_id)
        trainings.append(trained | {"reason": reason})
        sample, drifts = predictor.open_cases(log), []
    assert champion is not None and predictor is not None and sample is not None  # noqa: S101 — trained, if there was none
    scores, reasons = _scored(predictor, sample)
    return _Outcome(
        process,
        snapshot_id,
        champion,
        predictor,
        scores,
        reasons,
        importance(predictor, sample.features),
        drifts,
        reason or None,
        origin(definition, champion.version),
        trainings,
    )


def _usable(registry: CaseRegistry, log: EventLog, process: str, definition: Mapping[str, Any]) -> CasePredictor | None:
    """The champion, unless it was made for another definition or other columns; then a new one is trained."""
    predictor = registry.load(process)
    said = case_settings(log, definition)
    names = (*predictor.settings.texts, *predictor.settings.numbers)
    is_same = {*said.texts, *said.numbers} >= {*names} and all(
        getattr(said, part) == getattr(predictor.settings, part) for part in ("slas", "calendar", "reworked")
    )
    declared = definition.get("end_activities")
    return predictor if is_same and (not declared or tuple(declared) == predictor.settings.end_activities) else None


def _watched(predictor: CasePredictor, log: EventLog, *, since: datetime) -> tuple[list[Drift], str | None]:
    """How far features have moved among the cases that ended since the last training, and why to train again.

    A training whose predictor did not take the title counts, too: what it has seen is no reason to try once more.
    """
    ended = predictor.ended_cases(log, since=since)
    drifts = drift(ended.features, predictor.encoding, predictor.histograms)
    error = None
    if len(ended) >= LEAST_PREFIXES:
        error = _error(predictor, ended)
    expected = predictor.evaluation.value("remaining_time", "mae_days") if predictor.evaluation else None
    now = _last_event(log)
    return drifts, reason_to_train(trained_until=since, now=now, drifts=drifts, error=error, expected_error=expected)


def _last_event(log: EventLog) -> datetime:
    moment: datetime = log.summary()["last_event"]
    return moment


def _train(
    registry: CaseRegistry,
    log: EventLog,
    process: str,
    definition: Mapping[str, Any],
    holder: CasePredictor | None,
    snapshot_id: int,
) -> tuple[Kept, CasePredictor, dict[str, Any]]:
    """Trains a predictor and lets it challenge the one that holds the title; gives the champion and the training's row."""
    made = train(log, definition=definition)
    alias: Alias = "champion" if holder is None or _is_better(made, holder, log) else "challenger"
    kept = registry.keep(process, made, alias=alias, snapshot_id=snapshot_id)
    row = {
        "model_version": kept.version,
        "mlflow_run_id": kept.run_id,
        "alias": alias,
        "trained_until": made.trained_until,
        "cases": made.cases,
        "prefixes": made.prefixes,
        "share": made.share,
    }
    if alias == "challenger" and holder is not None:
        champion = registry.holder(process)
        if champion is None:
            raise ModelError(f"{process} has no champion.", remedy=f"Run `grimoire predict {process} --retrain`.", process=process)
        return champion, holder, row
    return kept, made, row


def _is_better(made: CasePredictor, holder: CasePredictor, log: EventLog) -> bool:
    """Whether a new predictor errs no more than the holder on cases that neither has learnt from.

    These have ended since the holder was trained, and began when the new one's test part did, or later. Where they are too few, the
    new one is taken: it has seen all that the other has, and more.
    """
    import numpy as np

    own, theirs = (one.ended_cases(log, since=holder.trained_until, begun=made.tested_from) for one in (made, holder))
    same = np.intersect1d(own.known["case_id"], theirs.known["case_id"])
    own, theirs = (rows.where(np.isin(rows.known["case_id"], same)) for rows in (own, theirs))
    if min(len(own), len(theirs)) < LEAST_PREFIXES:
        return True
    return _error(made, own) <= _error(holder, theirs)


def _error(predictor: CasePredictor, rows: "Sample") -> float:
    """Mean absolute error of what a predictor serves, in days; 0 without rows."""
    return absolute_error(rows.known["remaining_days"], predictor.remaining_days(rows)[0]) or 0.0


def _scored(predictor: CasePredictor, sample: "Sample") -> "tuple[list[CaseScore], list[Reason]]":
    """The scores by risk, and the reasons of those at the top."""
    import numpy as np

    scores = predictor.scores_of(sample)
    at = {case: n for n, case in enumerate(sample.known["case_id"].tolist())} if len(sample) else {}
    top = np.array([at[score.case_id] for score in scores[:EXPLAINED]], dtype=int)
    return scores, explain(predictor, sample.where(top)) if len(top) else []


def _write(connection: "duckdb.DuckDBPyConnection", outcome: _Outcome) -> PredictionReport:
    """Writes all tables of schema predictions in the caller's transaction, and reports what they say now."""
    version = {"model_version": outcome.champion.version}
    found = outcome.predictor.evaluation
    rows: dict[str, list[dict[str, Any]]] = {
        "scores": _score_rows(outcome),
        "reasons": [asdict(one) | version for one in outcome.reasons],
        "importance": [asdict(one) | version for one in outcome.importances],
        "drift": [asdict(one) | version | {"is_drift": one.is_drift} for one in outcome.drifts],
        "measures": [asdict(one) | version | {"is_served": found.serves[one.target]} for one in found.measures] if found else [],
        "earliness": [{**one, **version} for one in found.earliness] if found else [],
        "calibration": [{**one, **version} for one in found.calibration] if found else [],
        "skipped": [],
        "scored": [dict(outcome.made_from)],
    }
    for table, of_process in rows.items():
        write_rows(connection, table, of_process, process=outcome.process, snapshot_id=outcome.snapshot_id)
    write_rows(connection, "trainings", outcome.trainings, process=outcome.process, snapshot_id=outcome.snapshot_id, keep=True)
    return PredictionReport(
        outcome.process,
        model_version=outcome.champion.version,
        trained=outcome.trained,
        **known_measures(connection, outcome.process),
    )


def _score_rows(outcome: _Outcome) -> list[dict[str, Any]]:
    said: dict[str, list[str]] = {}
    for reason in outcome.reasons:
        if reason.rank == 1:
            said.setdefault(reason.case_id, []).append(reason.text)
    model = {"model_version": outcome.champion.version, "mlflow_run_id": outcome.champion.run_id}
    return [
        asdict(score) | model | {"rank": rank, "reasons": "; ".join(said[score.case_id]) if score.case_id in said else None}
        for rank, score in enumerate(outcome.scores, start=1)
    ]


def _skip(process: str, snapshot_id: int, reason: str, made_from: Mapping[str, str | None]) -> PredictionReport:
    """Says why a process has no predictions, and takes away those of before, for they are of another log."""

    def write(connection: "duckdb.DuckDBPyConnection") -> None:
        write_rows(connection, "skipped", [{"reason": reason}], process=process, snapshot_id=snapshot_id)
        write_rows(connection, "scored", [made_from], process=process, snapshot_id=snapshot_id)
        for table in ("scores", "reasons"):
            write_rows(connection, table, [], process=process, snapshot_id=snapshot_id)

    in_transaction(write)
    return PredictionReport(process, skipped=reason)
