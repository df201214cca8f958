"""Intervals of the remaining time: split-conformal, normalised by how much such prefixes usually deviate.

What belongs here: calibrating and applying them. What does not: the point prediction (`models.cases.training`).

Errors of cases held out from fitting are divided by a scale, which a small model predicts from the same features; the quantiles of
these scores, times a prefix's scale, are its interval (Lei et al. 2018, "Distribution-Free Predictive Inference for Regression",
section 5.2). Half of the scale is the usual one of all prefixes: where the small model expects next to no error, a single large one
would otherwise count thousands of scales, and make every interval wide. Lower and upper bound have a quantile each, for remaining
times are skewed. The guarantee holds for exchangeable rows; prefixes of a case are not independent and processes change, so the
coverage on later cases is measured and told.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

LEVELS = (80, 95)


@dataclass(frozen=True)
class Conformal:
    """Quantiles of normalised errors, by level in percent: (lower, upper).

    Attributes:
        quantiles: In units of the scale.
        usual_scale: The mean scale of the rows they come from; None in what was kept before it counted.
    """

    quantiles: dict[int, tuple[float, float]]
    usual_scale: float | None = None

    def bounds(self, predicted: "np.ndarray", scale: "np.ndarray") -> "dict[int, tuple[np.ndarray, np.ndarray]]":
        """Lower and upper bound per level, in the unit of the prediction; never below 0, never without the prediction."""
        import numpy as np

        unit = _steadied(scale, self.usual_scale)
        return {
            level: (
                np.maximum(0.0, predicted + np.minimum(low, 0.0) * unit),
                np.maximum(0.0, predicted + np.maximum(high, 0.0) * unit),
            )
            for level, (low, high) in self.quantiles.items()
        }


def calibrate(actual: "np.ndarray", predicted: "np.ndarray", scale: "np.ndarray") -> Conformal:
    """The quantiles of (actual - predicted) / steadied scale, each a rank higher than the sample's own, for a further value.

    With too few rows for a level the most extreme error is taken: the interval is then narrower than its level says.
    """
    import numpy as np

    usual = float(np.mean(scale)) if len(scale) else None
    scores = np.sort((actual - predicted) / _steadied(scale, usual))
    n = len(scores)
    return Conformal(
        {
            level: (
                float(scores[max(int(np.floor((n + 1) * (1 - level / 100) / 2)) - 1, 0)]) if n else 0.0,
                float(scores[min(int(np.ceil((n + 1) * (1 + level / 100) / 2)) - 1, n - 1)]) if n else 0.0,
            )
            for level in LEVELS
        },
        usual,
    )


def _steadied(scale: "np.ndarray", usual: float | None) -> "np.ndarray":
    """A scale half of which is the usual one."""
    return scale if usual is None else (scale + usual) / 2
