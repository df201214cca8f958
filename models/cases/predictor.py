"""What a training yields and scoring uses: models, intervals and floors of one process, and the scores of cases.

What belongs here: predicting. What does not: fitting (`models.cases.training`), explaining (`models.cases.reasons`) and keeping
(`models.cases.registry`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from mining.sql_text import literal
from models.cases.prefixes import drop, prefixes_of
from models.cases.samples import KEYS, Sample, read_sample
from models.cases.targets import OUTCOMES, labelled_sql

if TYPE_CHECKING:
    import numpy as np

    from mining.event_log import EventLog
    from models.cases.case_settings import CaseSettings
    from models.cases.conformal import Conformal
    from models.cases.evaluation import Evaluation
    from models.cases.fitting import Fitted
    from models.cases.floors import Floor
    from models.cases.samples import Encoding
    from models.cases.watching import Histogram

DAY = 86_400.0
_LEAST_SCALE = 0.01  # days: no prefix is so sure that its interval may vanish


@dataclass(frozen=True)
class CaseScore:
    """What is predicted of one running case; times count from the log's last event, which is taken as now.

    A risk is the probability that it comes to that; 1 where it already has. `risk` is the largest of them and orders the list.
    """

    case_id: str
    activity: str
    last_event_at: datetime
    events: int
    remaining_days: float
    remaining_days_lower_80: float | None
    remaining_days_upper_80: float | None
    remaining_days_lower_95: float | None
    remaining_days_upper_95: float | None
    expected_end_at: datetime
    late_risk: float
    cancelled_risk: float
    reworked_risk: float
    risk: float
    next_activity: str | None
    next_probability: float | None


@dataclass(frozen=True)
class CasePredictor:
    """The predictions of one process.

    Attributes:
        settings: What they rest on.
        encoding: The columns and how they become numbers.
        remaining: The model of the remaining days.
        conformal: The quantiles of its intervals.
        scale: The model of how far it usually errs.
        outcomes: A model per outcome; None: it never or always happens, or is not known.
        following: The model of the next activity.
        floors: Of the remaining time and of the next activity.
        shares: Of the outcomes' cases: their floors.
        histograms: What its features looked like.
        trained_until: Time of the last event of the log it was trained on.
        cases: How many cases it was trained and chosen on.
        prefixes: The same of prefixes.
        share: Of the log's cases, how many were drawn to learn from and measure on.
        evaluation: How good it is; None until it is judged.
        tested_from: When the first case began that no model was fitted on; None in what was kept before that was noted.
    """

    settings: "CaseSettings"
    encoding: "Encoding"
    remaining: "Fitted | None"
    conformal: "Conformal | None"
    scale: "Fitted | None"
    outcomes: "Mapping[str, Fitted | None]"
    following: "Fitted | None"
    floors: "Mapping[str, Floor]"
    shares: Mapping[str, float]
    histograms: "dict[str, Histogram]" = field(repr=False)
    trained_until: datetime
    cases: int
    prefixes: int
    share: float
    evaluation: "Evaluation | None" = None
    tested_from: datetime | None = None

    def judged(self, evaluation: "Evaluation") -> "CasePredictor":
        """Itself with its evaluation."""
        return replace(self, evaluation=evaluation)

    def serves(self, target: str) -> bool:
        """Whether a target's model is used: it beat the floor on later cases. Else the floor is."""
        return bool(self.evaluation and self.evaluation.serves.get(target))

    def scale_of(self, features: "np.ndarray") -> "np.ndarray":
        """How many days the remaining time of such prefixes is usually off."""
        return scale_of(self.scale, features)

    def open_cases(self, log: "EventLog") -> Sample:
        """The last prefix of every running case, encoded; see `score` for which they are.

        Raises:
            ModelError: The predictor was trained on columns the log has not.
        """
        running = f"last_event_at + {literal(self.settings.silent_seconds)} * interval 1 second >= now"
        return self._read(log, "next_activity is null and not has_ended", of=running)

    def ended_cases(self, log: "EventLog", *, since: datetime, begun: datetime | None = None) -> Sample:
        """The prefixes, of two events or more, of the cases that have ended after a moment and not begun before another."""
        later = literal(since)
        young = "" if begun is None else f" and started_at >= {literal(begun)}"
        return self._read(
            log, f"has_ended and position between 2 and events - 1 and ended_at > {later}{young}", of=f"last_event_at > {later}"
        )

    def _read(self, log: "EventLog", condition: str, *, of: str) -> Sample:
        """The prefixes that meet a condition, among those of the cases that meet another."""
        prefixes = prefixes_of(log, self.settings, of=of)
        try:
            self.encoding.require(prefixes)
            relation = f"""(select *, epoch_us({literal(prefixes.now)}::timestamptz) as now_us, epoch_us(occurred_at) as at_us
from ({labelled_sql(log, prefixes, self.settings)}) as labelled where {condition}) as r"""
            return read_sample(log, relation, self.encoding, keys=(*KEYS, "case_id", "activity", "now_us", "at_us"))
        finally:
            drop(log, prefixes)

    def score(self, log: "EventLog") -> list[CaseScore]:
        """The running cases of a log, by risk, the greatest first.

        A case runs unless its last event is an end activity or it has been silent for longer than `settings.silent_seconds`,
        as seen from the log's last event.

        Args:
            log: A log with the columns the predictor was trained on.

        Raises:
            ModelError: It has not got them.
        """
        return self.scores_of(self.open_cases(log))

    def scores_of(self, sample: Sample) -> list[CaseScore]:
        """The scores of running cases; see `open_cases`."""
        if not len(sample):
            return []
        since = (sample.known["now_us"] - sample.known["at_us"]) / 1e6 / DAY
        days, bounds = self.remaining_days(sample)
        risks = {outcome: self.risk(sample, outcome) for outcome in OUTCOMES}
        following = self.next_activities(sample)
        scores = [
            _score(sample.known, n, since=float(since[n]), days=days, bounds=bounds, risks=risks, following=following[n])
            for n in range(len(sample))
        ]
        return sorted(scores, key=lambda one: (-one.risk, -one.remaining_days, one.case_id))

    def remaining_days(self, sample: Sample) -> "tuple[np.ndarray, dict[int, tuple[np.ndarray, np.ndarray]]]":
        """Days from the prefixes' last events to the ends of their cases, and intervals by level; those of a floor are none."""
        if self.remaining is None or self.conformal is None or not self.serves("remaining_time"):
            return self.floors["remaining_time"].predict(sample.known["activity_code"], sample.known["position"]), {}
        predicted = self.remaining.predict(sample.features)
        return predicted, self.conformal.bounds(predicted, self.scale_of(sample.features))

    def risk(self, sample: Sample, outcome: str) -> "np.ndarray":
        """The probability of an outcome; 1 where it is decided."""
        import numpy as np

        model = self.outcomes[outcome]
        told = (
            model.predict(sample.features)[:, 1]
            if model is not None and self.serves(outcome)
            else np.full(len(sample), self.shares[outcome])
        )
        return np.where(np.isnan(sample.known[f"{outcome}_at"]), told, 1.0)

    def next_activities(self, sample: Sample) -> list[tuple[str | None, float | None]]:
        """The most probable next activity, if there is one, with its probability; a floor gives none."""
        names = self.encoding.activities
        if self.following is None or not self.serves("next_activity"):
            codes = self.floors["next_activity"].predict(sample.known["activity_code"], sample.known["position"])
            return [(names[int(code)] if names else None, None) for code in codes]
        probabilities = self.following.predict(sample.features)
        best = probabilities.argmax(axis=1)
        return [(names[int(self.following.model.classes_[code])], float(probabilities[n, code])) for n, code in enumerate(best)]


def scale_of(model: "Fitted | None", features: "np.ndarray") -> "np.ndarray":
    """How many days a prediction is usually off: 1 without a model, which makes the intervals equally wide."""
    import numpy as np

    return np.ones(len(features)) if model is None else np.maximum(model.predict(features), _LEAST_SCALE)


def _score(
    known: "Mapping[str, np.ndarray]",
    n: int,
    *,
    since: float,
    days: "np.ndarray",
    bounds: "dict[int, tuple[np.ndarray, np.ndarray]]",
    risks: "Mapping[str, np.ndarray]",
    following: tuple[str | None, float | None],
) -> CaseScore:
    from datetime import UTC

    def left(value: Any) -> float:
        return max(0.0, float(value) - since)

    last = datetime.fromtimestamp(float(known["at_us"][n]) / 1e6, UTC)
    now = last + timedelta(days=since)
    edges: dict[str, Any] = {
        f"remaining_days_{side}_{level}": left(bounds[level][at][n]) if level in bounds else None
        for level in (80, 95)
        for at, side in enumerate(("lower", "upper"))
    }
    return CaseScore(
        case_id=str(known["case_id"][n]),
        activity=str(known["activity"][n]),
        last_event_at=last,
        events=int(known["events"][n]),
        remaining_days=left(days[n]),
        expected_end_at=now + timedelta(days=left(days[n])),
        **edges,
        **{f"{outcome}_risk": float(values[n]) for outcome, values in risks.items()},
        risk=max(float(values[n]) for values in risks.values()),
        next_activity=following[0],
        next_probability=following[1],
    )
