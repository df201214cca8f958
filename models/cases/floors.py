"""The plain floors every prediction is printed beside: what one would say without a model.

What belongs here: median remaining time per activity and prefix length, the share of an outcome, the most frequent next activity.
What does not: models. A model that does not beat its floor does not serve.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Floor:
    """A value per activity and prefix length; where that was not seen one per activity, and where not that either one for all.

    Attributes:
        exact: By (activity's number, prefix length).
        by_activity: By activity's number.
        overall: For what was never seen.
    """

    exact: Mapping[tuple[int, int], float]
    by_activity: Mapping[int, float]
    overall: float

    def predict(self, activity: "np.ndarray", position: "np.ndarray") -> "np.ndarray":
        """The values of prefixes, one each."""
        import numpy as np

        return np.array(
            [
                self.exact.get((int(a), int(p)), self.by_activity.get(int(a), self.overall))
                for a, p in zip(activity, position, strict=True)
            ],
            dtype=float,
        )


def median_floor(activity: "np.ndarray", position: "np.ndarray", values: "np.ndarray") -> Floor:
    """The medians of a training sample: of the remaining time, in days."""
    import numpy as np

    return _floor(activity, position, values, lambda part: float(np.median(part)))


def most_frequent_floor(activity: "np.ndarray", position: "np.ndarray", codes: "np.ndarray") -> Floor:
    """The most frequent next activity after each activity and prefix length; ties to the one more frequent in all."""
    import numpy as np

    return _floor(activity, position, codes, lambda part: float(np.argmax(np.bincount(part.astype(int)))))


def _floor(activity: "np.ndarray", position: "np.ndarray", values: "np.ndarray", of: "Callable[[np.ndarray], float]") -> Floor:
    import numpy as np

    pairs = np.column_stack([activity, position]).astype(int)
    exact = {(int(a), int(p)): of(part) for (a, p), part in _groups(pairs, values)}
    by_activity = {int(a): of(part) for (a,), part in _groups(pairs[:, :1], values)}
    return Floor(exact, by_activity, of(values) if len(values) else 0.0)


def _groups(keys: "np.ndarray", values: "np.ndarray") -> "Iterator[tuple[np.ndarray, np.ndarray]]":
    """The values of every distinct row of keys."""
    import numpy as np

    if not len(values):
        return
    found, inverse = np.unique(keys, axis=0, return_inverse=True)
    order = np.argsort(inverse.ravel(), kind="stable")
    borders = np.cumsum(np.bincount(inverse.ravel()))[:-1]
    yield from zip(found, np.split(values[order], borders), strict=True)
