"""Training the predictions of a process: remaining time, outcomes and next activity, measured on later cases.

What belongs here: the order of steps from a log to a predictor, and judging it. What does not: the steps, and keeping the predictor
(`models.cases.registry`).

Cases are split by their start: the first 64 % to learn from, 16 % to choose on, 20 % to measure on; every case of a part
starts later than all before it. Learnt is from prefixes of 1 to n-1 events, measured on those of 2 to n-1, n being the events of
the case.

The intervals that serve are calibrated on the test part once it has been measured on: its cases are the latest there are, and no
model was fitted on them. How well such intervals cover is measured within that part, the older half calibrating the younger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from lake.errors import DataError
from mining.sql_text import literal
from models.cases import evaluation
from models.cases.case_settings import case_settings
from models.cases.conformal import Conformal, calibrate
from models.cases.evaluation import Evaluation, Measure
from models.cases.fitting import Fitted, fit
from models.cases.floors import Floor, median_floor, most_frequent_floor
from models.cases.predictor import CasePredictor
from models.cases.prefixes import Prefixes, drop, prefixes_of
from models.cases.samples import KEYS, Sample, learn_encoding, read_sample, split_sql
from models.cases.targets import OUTCOMES, labelled_sql
from models.cases.watching import LEAST_PREFIXES, histograms

if TYPE_CHECKING:
    import numpy as np

    from mining.event_log import EventLog

MOST_PREFIXES = 20_000  # of whole cases: what some CPU-seconds can learn from, and hardly worse than all
LEAST_CASES = 30  # fewer give no split worth measuring on
_RIPE = 0.95  # of the cases that ended took no longer than what a case must be old to be learnt from
Cases = Literal["ended", "all"]


@dataclass(frozen=True)
class Samples:
    """The three parts of a log's prefixes."""

    training: Sample
    validation: Sample
    latest: Sample

    @property
    def test(self) -> Sample:
        """The latest cases without prefixes of one event: what is measured on."""
        return self.latest.where(self.latest.known["position"] >= 2)


def train(
    log: "EventLog",
    *,
    definition: Mapping[str, Any] | None = None,
    attributes: Sequence[str] | None = None,
    cases: Cases = "ended",
    known_labels: bool = False,
    most_prefixes: int = MOST_PREFIXES,
) -> CasePredictor:
    """Learns to predict the running cases of a log.

    Args:
        log: The event log.
        definition: The process definition: end activities, agreements, calendar, `predictions`. Default: all is derived.
        attributes: Case attributes that are known from the start; see `case_settings`.
        cases: Learn from and measure on cases that have ended and started long enough ago for nearly all like them to have ended,
            or on `all`, taken to have ended with their last event, as benchmarks on finished logs do.
        known_labels: Learn only from cases that had ended before the first case of the test part started, as one would have had to
            then. Benchmarks usually do not, and young processes leave little to learn from.
        most_prefixes: Of a log with more events, a share of the cases is drawn that has about so many; in it, all is learnt and
            measured. What is known of the cases around rests on all.

    Returns:
        The predictor with its evaluation.

    Raises:
        DataError: The log has too few cases that have ended, or none with two events.
    """
    settings = case_settings(log, definition, attributes=attributes)
    share = min(1.0, most_prefixes / max(log.summary()["events"], 1))
    prefixes = prefixes_of(log, settings, of=f"hash(case_no) % 10000 < {literal(10_000 * share)}")
    rows = f"{prefixes.table}_rows"
    try:
        labelled = f"({labelled_sql(log, prefixes, settings)}) as rows_of_cases"
        chosen = labelled if cases == "all" else f"({_ended(labelled, prefixes)}) as ended_cases"
        log.connection.execute(f"create or replace temp table {rows} as {split_sql(chosen)}")
        _require_cases(log, rows)
        tested_from = _tested_from(log, rows)
        learnt = f"(select * from {rows} where position < events{' and (part = 2 or ended_at < test_at)' if known_labels else ''})"
        encoding = learn_encoding(log, prefixes, f"(select * from {learnt} as l where part = 0) as r")
        sample = read_sample(log, f"{learnt} as r", encoding, keys=(*KEYS, "part"))
    finally:
        log.connection.execute(f"drop table if exists {rows}")
        drop(log, prefixes)
    samples = _parts(sample)
    return _trained(samples, encoding=encoding, settings=settings, until=prefixes.now, share=share, tested_from=tested_from)


def _ended(labelled: str, prefixes: Prefixes) -> str:
    """The prefixes of cases that have ended; none of those so young that cases which take longer could not have ended yet."""
    return f"""with told as (select * from {labelled}), usual as (
    select quantile_cont(epoch_us(ended_at) - epoch_us(started_at), {_RIPE}) filter (has_ended and position = 1) as duration_us,
        epoch_us({literal(prefixes.now)}::timestamptz) as now_us from told
), ended as (
    select told.*, epoch_us(started_at) + duration_us <= now_us as is_ripe from told, usual where has_ended
)
select * exclude (is_ripe) from ended
where is_ripe or (select 2 * count(*) filter (is_ripe and position = 1) < count(*) filter (position = 1) from ended)"""


def _require_cases(log: "EventLog", rows: str) -> None:
    cases, learnable = log.connection.execute(
        f"select count(distinct case_no), count(distinct case_no) filter (events > 1) from {rows}"
    ).fetchone() or (0, 0)
    if learnable < LEAST_CASES:
        raise DataError(
            f"{learnable:,} of the {cases:,} ended cases of `{log.events.name}` have two events or more; "
            f"predictions are learnt from at least {LEAST_CASES}.",
            remedy="Wait for more cases, or say in the process definition which activities end a case (`end_activities`).",
            cases=cases,
        )


def _tested_from(log: "EventLog", rows: str) -> datetime | None:
    found = log.connection.execute(f"select any_value(test_at) from {rows}").fetchone()
    return found[0] if found else None


def _parts(sample: Sample) -> Samples:
    part = sample.known["part"]
    return Samples(*(sample.where(part == number) for number in range(3)))


def _trained(
    samples: Samples, *, encoding: Any, settings: Any, until: Any, share: float, tested_from: datetime | None
) -> CasePredictor:
    remaining, conformal, scale = _remaining(samples, encoding)
    outcomes = {one: _outcome(one, samples, encoding) for one in OUTCOMES}
    following = fit("activity", encoding, _coded(samples.training), _coded(samples.validation), "next_code")
    earlier = _earlier(samples)
    floors = {
        "remaining_time": median_floor(*_places(earlier), earlier.known["remaining_days"]),
        "next_activity": _next_floor(_coded(earlier)),
    }
    shares = {one: _share(earlier, one) for one in OUTCOMES}
    predictor = CasePredictor(
        settings=settings,
        encoding=encoding,
        remaining=remaining,
        conformal=conformal,
        scale=scale,
        outcomes=outcomes,
        following=following,
        floors=floors,
        shares=shares,
        histograms=histograms(earlier.features, encoding),
        trained_until=until,
        cases=len({*earlier.known["case_no"].tolist()}),
        prefixes=len(earlier),
        share=share,
        tested_from=tested_from,
    )
    test, latest = samples.test, samples.latest
    found = judge(predictor, test)
    if remaining is not None and _can_calibrate(test):
        days = latest.known["remaining_days"]
        conformal = calibrate(days, remaining.predict(latest.features), predictor.scale_of(latest.features))
        predictor = replace(predictor, conformal=conformal)
    return predictor.judged(found)


def _earlier(samples: Samples) -> Sample:
    """Training and validation together: what floors are made of."""
    from models.cases.fitting import joined

    return joined(samples.training, samples.validation)


def _coded(sample: Sample) -> Sample:
    return sample.where(sample.known["next_code"] >= 0)


def _places(sample: Sample) -> "tuple[np.ndarray, np.ndarray]":
    return sample.known["activity_code"], sample.known["position"]


def _next_floor(sample: Sample) -> Floor:
    return most_frequent_floor(*_places(sample), sample.known["next_code"])


def _remaining(samples: Samples, encoding: Any) -> "tuple[Fitted | None, Conformal | None, Fitted | None]":
    """The model, the quantiles of its normalised errors, and the model of their scale.

    The scale is learnt from the errors in every other case of the validation part, the quantiles come from the rest.
    """
    import numpy as np

    from models.cases.predictor import scale_of

    later = samples.validation
    model = fit("remaining", encoding, samples.training, later, "remaining_days")
    if model is None:
        return None, None, None
    error = np.abs(later.known["remaining_days"] - model.held_out)
    scored = Sample(later.features, {**later.known, "error": error})
    odd = np.unique(later.known["case_no"], return_inverse=True)[1] % 2 == 1
    quarter = odd & (np.arange(len(odd)) % 4 == 0)
    scale = fit("scale", encoding, scored.where(odd & ~quarter), scored.where(quarter), "error")
    rest = scored.where(~odd)
    return model, calibrate(rest.known["remaining_days"], model.held_out[~odd], scale_of(scale, rest.features)), scale


def _undecided(sample: Sample, outcome: str) -> Sample:
    """The prefixes at which an outcome is still open, with `happens`: whether it comes to that."""
    import numpy as np

    decided = sample.known[f"{outcome}_at"]
    happens = ~np.isnan(decided)
    rows = Sample(sample.features, {**sample.known, "happens": happens.astype(int)})
    return rows.where(~happens | (sample.known["position"] < np.nan_to_num(decided, nan=np.inf)))


def _outcome(outcome: str, samples: Samples, encoding: Any) -> Fitted | None:
    return fit("outcome", encoding, _undecided(samples.training, outcome), _undecided(samples.validation, outcome), "happens")


def _share(sample: Sample, outcome: str) -> float:
    rows = _undecided(sample, outcome).known["happens"]
    return float(rows.mean()) if len(rows) else 0.0


def judge(predictor: CasePredictor, test: Sample) -> Evaluation:
    """Holds a predictor against prefixes of cases it has not seen.

    Args:
        predictor: The predictor.
        test: Prefixes of two events or more whose cases have ended, encoded as the predictor wants them.
    """
    measures: list[Measure] = []
    earliness: list[dict[str, Any]] = []
    calibration: list[dict[str, Any]] = []
    serves: dict[str, bool] = {}
    for target, found in (
        ("remaining_time", _judge_remaining(predictor, test)),
        *((outcome, _judge_outcome(predictor, test, outcome)) for outcome in OUTCOMES),
        ("next_activity", _judge_next(predictor, test)),
    ):
        measures += found.measures
        earliness += found.earliness
        calibration += found.calibration
        serves[target] = found.serves
    return Evaluation(tuple(measures), tuple(earliness), tuple(calibration), serves)


@dataclass(frozen=True)
class _Judged:
    measures: Sequence[Measure]
    earliness: Sequence[dict[str, Any]] = ()
    calibration: Sequence[dict[str, Any]] = ()
    serves: bool = False


def _judge_remaining(predictor: CasePredictor, test: Sample) -> _Judged:
    import numpy as np

    actual, floor = test.known["remaining_days"], predictor.floors["remaining_time"].predict(*_places(test))
    plain = evaluation.absolute_error(actual, floor)
    if predictor.remaining is None or predictor.conformal is None or plain is None:
        return _Judged([Measure("remaining_time", "mae_days", None, plain)])
    predicted = predictor.remaining.predict(test.features)
    error = evaluation.absolute_error(actual, predicted) or 0.0
    scale = predictor.scale_of(test.features)
    intervals, counted = predictor.conformal, np.ones(len(test), dtype=bool)
    if _can_calibrate(test):  # the older half of the cases calibrates, as all will for later ones, and the younger is looked at
        older = _older_half(test)
        intervals, counted = calibrate(actual[older], predicted[older], scale[older]), ~older
    bounds = intervals.bounds(predicted[counted], scale[counted])
    covered = {level: float(np.mean((low <= actual[counted]) & (actual[counted] <= high))) for level, (low, high) in bounds.items()}
    return _Judged(
        [
            Measure("remaining_time", "mae_days", error, plain),
            *(Measure("remaining_time", f"coverage_{level}", share, None) for level, share in covered.items()),
            Measure("remaining_time", "cases", float(len(np.unique(test.known["case_no"]))), None),
            Measure("remaining_time", "prefixes", float(len(test)), None),
        ],
        list(evaluation.by_length("remaining_time", test.known["position"], np.abs(actual - predicted), np.abs(actual - floor))),
        [
            {"target": "remaining_time", "bin": level, "prefixes": int(counted.sum()), "predicted": level / 100, "observed": share}
            for level, share in covered.items()
        ],
        error < plain,
    )


def _can_calibrate(test: Sample) -> bool:
    """Whether the older half of the cases has enough prefixes to calibrate on, and the younger any to measure."""
    older = _older_half(test)
    return bool(older.sum() >= LEAST_PREFIXES and not older.all())


def _older_half(rows: Sample) -> "np.ndarray":
    """Which rows belong to the half of the cases that began first; rows stand in the order of their cases' beginnings."""
    import numpy as np

    _, first = np.unique(rows.known["case_no"], return_index=True)
    middle = np.sort(first)[(len(first) + 1) // 2 :]
    return np.arange(len(rows)) < (middle[0] if len(middle) else len(rows))


def _judge_outcome(predictor: CasePredictor, test: Sample, outcome: str) -> _Judged:
    import numpy as np

    rows, model = _undecided(test, outcome), predictor.outcomes[outcome]
    actual = rows.known["happens"]
    floor = np.full(len(rows), predictor.shares[outcome])
    plain = evaluation.brier(actual, floor)
    majority = _accuracy(actual, floor >= 0.5)
    if model is None or plain is None:
        return _Judged([Measure(outcome, "brier", None, plain), Measure(outcome, "accuracy", None, majority)])
    probability = model.predict(rows.features)[:, 1]
    found = evaluation.brier(actual, probability) or 0.0
    return _Judged(
        [
            Measure(outcome, "brier", found, plain),
            Measure(outcome, "auc", evaluation.area_under_curve(actual, probability), 0.5),
            Measure(outcome, "accuracy", _accuracy(actual, probability >= 0.5), majority),
            Measure(outcome, "share", float(actual.mean()), predictor.shares[outcome]),
            Measure(outcome, "prefixes", float(len(rows)), None),
        ],
        list(evaluation.by_length(outcome, rows.known["position"], (probability - actual) ** 2, (floor - actual) ** 2)),
        list(evaluation.reliability(outcome, actual, probability)),
        found < plain,
    )


def _judge_next(predictor: CasePredictor, test: Sample) -> _Judged:
    actual, floor = test.known["next_code"], predictor.floors["next_activity"].predict(*_places(test))
    plain = _accuracy(actual, floor)
    if predictor.following is None or plain is None:
        return _Judged([Measure("next_activity", "accuracy", None, plain)])
    predicted = predictor.following.model.classes_[predictor.following.predict(test.features).argmax(axis=1)]
    found = _accuracy(actual, predicted) or 0.0
    return _Judged(
        [Measure("next_activity", "accuracy", found, plain), Measure("next_activity", "prefixes", float(len(test)), None)],
        list(evaluation.by_length("next_activity", test.known["position"], predicted != actual, floor != actual)),
        [],
        found > plain,
    )


def _accuracy(actual: "np.ndarray", predicted: "np.ndarray") -> float | None:
    return float((actual == predicted).mean()) if len(actual) else None
