"""Gradient boosting on samples of prefixes: choosing the features and the number of trees on later cases, then fitting once more.

What belongs here: fitting one model. What does not: which targets there are and how good it is (`models.cases.training`).

Each model is fitted on the training part and watched on the validation part, once with the attributes and once without, for
attributes of many values can cost more than they tell. The better of the two is fitted once more on both parts with the number of
trees that was best, so that it has seen the latest cases, too. The test part is not looked at.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np

    from models.cases.samples import Encoding, Sample

Task = Literal["remaining", "scale", "outcome", "activity"]
ROWS: dict[Task, int] = {
    "remaining": 50_000,
    "scale": 20_000,
    "outcome": 30_000,
    "activity": 15_000,
}  # the latest; one tree per class costs more
_TREES: dict[Task, dict[str, Any]] = {
    "remaining": {
        "loss": "absolute_error",
        "learning_rate": 0.05,
        "max_iter": 600,
        "min_samples_leaf": 50,
        "max_leaf_nodes": 15,
    },
    "scale": {"loss": "absolute_error", "learning_rate": 0.1, "max_iter": 60, "min_samples_leaf": 50},
    "outcome": {"learning_rate": 0.08, "max_iter": 200, "min_samples_leaf": 50, "l2_regularization": 1.0},
    "activity": {"learning_rate": 0.2, "max_iter": 40, "min_samples_leaf": 20, "max_leaf_nodes": 15},
}
_PATIENCE: dict[Task, int] = {"remaining": 20, "scale": 5, "outcome": 15, "activity": 5}
_CLASSES = ("outcome", "activity")
ATTRIBUTE = "attribute "


@dataclass(frozen=True)
class Fitted:
    """A fitted model and the columns of the sample it reads.

    Attributes:
        model: A gradient-boosting model of scikit-learn.
        columns: Positions of its features in a sample's matrix.
        later_loss: Loss of the model fitted on the training part alone on the validation part: days, or log-loss.
        held_out: What the model fitted on the training part alone said of the validation part, for calibration.
    """

    model: Any
    columns: tuple[int, ...]
    later_loss: float
    held_out: "np.ndarray"

    def predict(self, features: "np.ndarray") -> "np.ndarray":
        """Remaining days, or the probability per class: rows by classes."""
        return _predict(self.model, features[:, list(self.columns)])


def fit(task: Task, encoding: "Encoding", training: "Sample", validation: "Sample", label: str) -> Fitted | None:
    """Fits a model; None where there is nothing to learn: too few rows, or one and the same label.

    Args:
        task: Which kind of model.
        encoding: What the columns are.
        training: Rows of the training part.
        validation: Rows of the validation part.
        label: Name of the label among what is known of the rows.
    """
    import numpy as np

    training = training.where(slice(-ROWS[task], None))  # type: ignore[arg-type]
    y, y_later = training.known[label], validation.known[label]
    if len(training) < 2 or not len(validation) or len(np.unique(y)) < 2:
        return None
    known = np.isin(y_later, np.unique(y)) if task in _CLASSES else np.ones(len(y_later), dtype=bool)
    if not known.any():
        return None
    watched = validation.where(known)
    with _one_thread():
        tried = [
            (columns, _grow(task, encoding, columns, training, label, watched)) for columns in _choices(encoding, training.features)
        ]
        if not tried:
            return None
        columns, first = max(tried, key=lambda one: max(one[1].validation_score_))
        trees = max(int(np.argmax(first.validation_score_)), 1)
        both = joined(training, watched)
        model = _grow(task, encoding, columns, both, label, None, trees=trees)
        return Fitted(model, tuple(columns), -float(max(first.validation_score_)), _predict(first, validation.features[:, columns]))


def _choices(encoding: "Encoding", features: "np.ndarray") -> list[list[int]]:
    """The columns with and without attributes; those that hold one value or none here are left out of both."""
    import numpy as np

    varied = [n for n in range(features.shape[1]) if len(np.unique(features[:, n][~np.isnan(features[:, n])])) > 1]
    plain = [n for n in varied if not encoding.features[n].startswith(ATTRIBUTE)]
    return [one for one in ([varied] if len(plain) == len(varied) else [varied, plain]) if one]


def _grow(
    task: Task,
    encoding: "Encoding",
    columns: list[int],
    sample: "Sample",
    label: str,
    watched: "Sample | None",
    *,
    trees: int | None = None,
) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if task in _CLASSES else HistGradientBoostingRegressor
    settings = _TREES[task] | ({} if trees is None else {"max_iter": trees})
    model = kind(
        categorical_features=[encoding.is_category[n] for n in columns],
        early_stopping=watched is not None,
        n_iter_no_change=_PATIENCE[task],
        random_state=0,
        **settings,
    )
    later = {} if watched is None else {"X_val": watched.features[:, columns], "y_val": watched.known[label]}
    return model.fit(sample.features[:, columns], sample.known[label], **later)


def _predict(model: Any, features: "np.ndarray") -> "np.ndarray":
    import numpy as np

    with _one_thread():
        if hasattr(model, "predict_proba"):
            return np.asarray(model.predict_proba(features))
        return np.maximum(0.0, np.asarray(model.predict(features)))


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """One thread for scikit-learn: several wait for each other and, on a busy machine, take ten times as long."""
    import sklearn.ensemble  # noqa: F401 — only libraries that are loaded already can be limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


def joined(one: "Sample", other: "Sample") -> "Sample":
    """The rows of two samples, one after the other."""
    import numpy as np

    from models.cases.samples import Sample

    known = {name: np.concatenate([values, other.known[name]]) for name, values in one.known.items()}
    return Sample(np.concatenate([one.features, other.features]), known)
