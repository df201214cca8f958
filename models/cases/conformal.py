"""Intervals of the remaining time: split-conformal, normalised by how much such prefixes usually deviate.

What belongs here: calibrating and applying them. What does not: the point prediction (`models.cases.training`).

Errors of cases held out from fitting are divided by a scale, which a small model predicts from the same features; the quantiles of
these scores, times a prefix's scale, are its interval (Lei et al. 2018, "Distribution-Free Predictive Inference for Regression",
section 5.2). Lower and upper bound have a quantile each, for remaining times are skewed. The guarantee holds for exchangeable rows;
prefixes of a case are not independent and processes change, so the coverage on later cases is measured and told.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LEVELS = (80, 95)


@dataclass(frozen=True)
class Conformal:
    """Quantiles of normalised errors, by level in percent: (lower, upper)."""

    quantiles: dict[int, tuple[float, float]]

    def bounds(self, predicted: "np.ndarray", scale: "np.ndarray") -> "dict[int, tuple[np.ndarray, np.ndarray]]":
        """Lower and upper bound per level, in the unit of the prediction; never below 0, never without the prediction."""
        import numpy as np

        return {
            level: (
                np.maximum(0.0, predicted + np.minimum(low, 0.0) * scale),
                np.maximum(0.0, predicted + np.maximum(high, 0.0) * scale),
            )
            for level, (low, high) in self.quantiles.items()
        }


def calibrate(actual: "np.ndarray", predicted: "np.ndarray", scale: "np.ndarray") -> Conformal:
    """The quantiles of (actual - predicted) / scale, each a rank higher than the sample's own, for a further value.

    With too few rows for a level the most extreme error is taken: the interval is then narrower than its level says.
    """
    import numpy as np

    scores = np.sort((actual - predicted) / scale)
    n = len(scores)
    return Conformal(
        {
            level: (
                float(scores[max(int(np.floor((n + 1) * (1 - level / 100) / 2)) - 1, 0)]) if n else 0.0,
                float(scores[min(int(np.ceil((n + 1) * (1 + level / 100) / 2)) - 1, n - 1)]) if n else 0.0,
            )
            for level in LEVELS
        }
    )
