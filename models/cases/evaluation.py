"""How good predictions are on cases that started later than all that was learnt from, beside the plain floors.

What belongs here: measures, error by prefix length (earliness) and reliability, as rows of tables. What does not: predicting.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

BINS = 10


@dataclass(frozen=True)
class Measure:
    """One figure of a target: the model's and its floor's (None: a floor has none)."""

    target: str
    measure: str
    value: float | None
    floor: float | None


@dataclass(frozen=True)
class Evaluation:
    """What a training found on the test part.

    Attributes:
        measures: Errors, accuracies, areas, coverage.
        earliness: Rows of target, prefix_length, prefixes, error, floor_error; the error is the mean absolute error in days,
        the Brier
            score, or the share of wrong next activities.
        calibration: Rows of target, bin, prefixes, predicted, observed: the mean probability told and the share that came true;
            of the remaining time, the level of the interval and its coverage.
        serves: Per target, whether the model beats its floor and so serves.
    """

    measures: tuple[Measure, ...]
    earliness: tuple[dict[str, Any], ...]
    calibration: tuple[dict[str, Any], ...]
    serves: dict[str, bool]

    def value(self, target: str, measure: str) -> float | None:
        """One figure of the model; None where it could not be measured."""
        return next((one.value for one in self.measures if (one.target, one.measure) == (target, measure)), None)

    def floor(self, target: str, measure: str) -> float | None:
        """The floor's figure."""
        return next((one.floor for one in self.measures if (one.target, one.measure) == (target, measure)), None)


def absolute_error(actual: "np.ndarray", predicted: "np.ndarray") -> float | None:
    """Mean absolute error; None without rows."""
    import numpy as np

    return float(np.mean(np.abs(actual - predicted))) if len(actual) else None


def brier(actual: "np.ndarray", probability: "np.ndarray") -> float | None:
    """Mean squared difference of probability and what came (Brier 1950); None without rows."""
    import numpy as np

    return float(np.mean((probability - actual) ** 2)) if len(actual) else None


def area_under_curve(actual: "np.ndarray", probability: "np.ndarray") -> float | None:
    """Area under the ROC curve; None where all rows came out the same."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(actual, probability)) if 0 < actual.sum() < len(actual) else None


def by_length(target: str, position: "np.ndarray", error: "np.ndarray", floor: "np.ndarray") -> Iterator[dict[str, Any]]:
    """Mean errors per prefix length, in its order."""
    import numpy as np

    for length in np.unique(position):
        rows = position == length
        yield {
            "target": target,
            "prefix_length": int(length),
            "prefixes": int(rows.sum()),
            "error": float(error[rows].mean()),
            "floor_error": float(floor[rows].mean()),
        }


def reliability(target: str, actual: "np.ndarray", probability: "np.ndarray") -> Iterator[dict[str, Any]]:
    """The rows of a reliability curve, in ten bins of equal width; empty bins are left out."""
    import numpy as np

    bins = np.minimum((probability * BINS).astype(int), BINS - 1)
    for number in np.unique(bins):
        rows = bins == number
        yield {
            "target": target,
            "bin": int(number),
            "prefixes": int(rows.sum()),
            "predicted": float(probability[rows].mean()),
            "observed": float(actual[rows].mean()),
        }
