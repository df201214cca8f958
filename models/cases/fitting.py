"""Gradient boosting on samples of prefixes: choosing size, features and number of trees on later cases, then fitting once more.

What belongs here: fitting one model. What does not: which targets there are and how good it is (`models.cases.training`).

Each model is fitted on the training part and watched on the validation part. Where a task names several sizes of its trees, each is
tried: how much a tree may tell apart before it learns by heart depends on how many cases there are and how regular they are, and
that differs from log to log. The two best predict together, which is steadier than either alone. They are tried without the
attributes, too, for those of many values can cost more than they tell. What errs least is fitted once more on both parts with the
number of trees that was best, so that it has seen the latest cases. The test part is not looked at.
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
    "remaining": {"loss": "absolute_error", "learning_rate": 0.1, "max_iter": 600, "min_samples_leaf": 50},
    "scale": {"loss": "absolute_error", "learning_rate": 0.1, "max_iter": 60, "min_samples_leaf": 50},
    "outcome": {"learning_rate": 0.08, "max_iter": 200, "min_samples_leaf": 50, "l2_regularization": 1.0},
    "activity": {"learning_rate": 0.2, "max_iter": 40, "min_samples_leaf": 20, "max_leaf_nodes": 15},
}
_LEAVES: dict[Task, tuple[int, ...]] = {"remaining": (5, 8, 15, 31)}  # of a tree, to choose among; the others have one size
_MEMBERS = 2  # of the sizes, the best ones, predict together
_PATIENCE: dict[Task, int] = {"remaining": 20, "scale": 5, "outcome": 15, "activity": 5}
_CLASSES = ("outcome", "activity")
ATTRIBUTE = "attribute "


@dataclass(frozen=True)
class Mean:
    """Models of different sizes that predict together: the mean of what each says."""

    members: tuple[Any, ...]

    def predict(self, features: "np.ndarray") -> "np.ndarray":
        """The mean of the members' predictions."""
        import numpy as np

        return np.asarray(np.mean([one.predict(features) for one in self.members], axis=0))


@dataclass(frozen=True)
class Fitted:
    """A fitted model and the columns of the sample it reads.

    Attributes:
        model: A gradient-boosting model of scikit-learn, or the mean of several.
        columns: Positions of its features in a sample's matrix.
        later_loss: Loss of the model fitted on the training part alone on the validation part: days, or log-loss. Of several
            models the mean of theirs.
        held_out: What the model fitted on the training part alone said of the validation part, for calibration.
    """

    model: Any
    columns: tuple[int, ...]
    later_loss: float
    held_out: "np.ndarray"

    @property
    def members(self) -> tuple[Any, ...]:
        """The models of scikit-learn whose mean it is; one alone is its own."""
        return self.model.members if isinstance(self.model, Mean) else (self.model,)

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
        best = _best(task, encoding, training, label, watched)
        if not best:
            return None
        columns, both = best[0].columns, joined(training, watched)
        models = [_grow(task, encoding, columns, both, label, leaves=one.leaves, trees=one.trees) for one in best]
        held_out = _predict(_together([one.model for one in best]), validation.features[:, columns])
        return Fitted(_together(models), tuple(columns), _loss(best), held_out)


def _together(models: list[Any]) -> Any:
    return models[0] if len(models) == 1 else Mean(tuple(models))


@dataclass(frozen=True)
class _Tried:
    """A model fitted on the training part alone, and its loss on the validation part."""

    model: Any
    columns: list[int]
    leaves: int | None

    @property
    def loss(self) -> float:
        return -float(max(self.model.validation_score_))

    @property
    def trees(self) -> int:
        return max(int(self.model.validation_score_.argmax()), 1)


def _loss(together: "list[_Tried]") -> float:
    return sum(one.loss for one in together) / len(together)


def _best(task: Task, encoding: "Encoding", training: "Sample", label: str, watched: "Sample") -> list[_Tried]:
    """What errs least on later cases: the best sizes with all columns, or the same with fewer; none where there are no columns."""
    offered = _choices(encoding, training.features)
    if not offered:
        return []

    def tried(columns: list[int], leaves: int | None) -> _Tried:
        return _Tried(_grow(task, encoding, columns, training, label, watched, leaves=leaves), columns, leaves)

    whole, *fewer = offered
    sizes = sorted((tried(whole, leaves) for leaves in _LEAVES.get(task, (None,))), key=lambda one: one.loss)[:_MEMBERS]
    return min([sizes, *([tried(columns, one.leaves) for one in sizes] for columns in fewer)], key=_loss)


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
    watched: "Sample | None" = None,
    *,
    leaves: int | None = None,
    trees: int | None = None,
) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if task in _CLASSES else HistGradientBoostingRegressor
    chosen = {"max_leaf_nodes": leaves, "max_iter": trees}
    settings = _TREES[task] | {name: value for name, value in chosen.items() if value is not None}
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
