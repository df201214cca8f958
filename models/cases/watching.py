"""When to train again: prefixes that look different from those learnt from, errors that grow, or a week gone by.

What belongs here: the test. What does not: training.

Features are compared by the population stability index over ten bins of the training part: below 0.1 nothing moved, above 0.25 much
has (Siddiqi 2006, "Credit Risk Scorecards"). The error is compared on cases that ended since the training.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from models.cases.samples import Encoding

BINS = 10
STABILITY = 0.25
ERROR_GROWTH = 1.25  # times the error measured at the training
LEAST_PREFIXES = 200  # fewer tell nothing of drift
WEEK = timedelta(days=7)
_CALENDAR = {"month", "weekday", "second_of_day"}  # of a few weeks they differ from a year's without any drift


@dataclass(frozen=True)
class Histogram:
    """Shares of a feature's values: below and between `edges`, then of those that are missing."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Drift:
    """How far one feature has moved."""

    feature: str
    stability_index: float

    @property
    def is_drift(self) -> bool:
        """Whether it is far enough to train again."""
        return self.stability_index > STABILITY


def histograms(features: "np.ndarray", encoding: "Encoding") -> dict[str, Histogram]:
    """The histograms of a sample's features, in bins of about equally many values; categories have bins of their own."""
    import numpy as np

    found = {}
    for n, name in enumerate(encoding.features):
        values = features[:, n]
        present = values[~np.isnan(values)]
        if name in _CALENDAR or not len(present):
            continue
        inner = np.arange(BINS) + 0.5 if name in encoding.categories else np.unique(np.quantile(present, np.arange(1, BINS) / BINS))
        edges = tuple(float(edge) for edge in inner)
        found[name] = Histogram(edges, _shares(values, edges))
    return found


def drift(features: "np.ndarray", encoding: "Encoding", known: dict[str, Histogram]) -> list[Drift]:
    """How far features have moved from their histograms, the farthest first; nothing for fewer than 200 prefixes."""
    import numpy as np

    if len(features) < LEAST_PREFIXES:
        return []
    least = 1e-4
    moved = []
    for n, name in enumerate(encoding.features):
        if name in known:
            before = np.maximum(known[name].shares, least)
            now = np.maximum(_shares(features[:, n], known[name].edges), least)
            moved.append(Drift(name, float(np.sum((now - before) * np.log(now / before)))))
    return sorted(moved, key=lambda one: -one.stability_index)


def _shares(values: "np.ndarray", edges: tuple[float, ...]) -> tuple[float, ...]:
    import numpy as np

    missing = np.isnan(values)
    counts = np.bincount(np.searchsorted(edges, values[~missing]), minlength=len(edges) + 1)
    return tuple(float(count) / len(values) for count in (*counts, missing.sum()))


def reason_to_train(
    *,
    trained_until: datetime,
    now: datetime,
    drifts: Iterable[Drift],
    error: float | None = None,
    expected_error: float | None = None,
) -> str | None:
    """Why a predictor should be trained again, in words; None if it should not.

    Args:
        trained_until: The last event of the log it was trained on.
        now: The last event of the log as it is.
        drifts: How far its features have moved since.
        error: Its mean absolute error on cases that ended since, in days; None: too few.
        expected_error: The error measured at its training.
    """
    if now - trained_until >= WEEK:
        return f"trained {(now - trained_until).days} days of the log ago"
    if moved := [one for one in drifts if one.is_drift]:
        return f"{moved[0].feature} has moved (stability index {moved[0].stability_index:.2f})"
    if error is not None and expected_error is not None and error > ERROR_GROWTH * expected_error:
        return f"the error has grown from {expected_error:.2f} to {error:.2f} days"
    return None
